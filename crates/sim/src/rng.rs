//! Chance that repeats: the same seed gives the same home, whatever the speed or the step.
//!
//! [`Rng`] is SplitMix64. [`Noise`] is a function of time and not a sequence, so a value does not
//! depend on how often, or in which order, it was asked for.

/// A sequence of pseudo-random numbers.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The sequence of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence of its own for one purpose: `Rng::of(7, &[day, KETTLE])`.
    #[must_use]
    pub fn of(seed: u64, purpose: &[u64]) -> Self {
        let mut state = seed;
        for part in purpose {
            state = mix(state ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
        Self(state)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Evenly in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        to_unit(self.next_u64())
    }

    /// Evenly between two values.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next_u64() % (n.max(1) as u64)).unwrap_or(0)
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.next_u64().to_le_bytes()[0]
    }
}

/// A smooth random curve over time, the same whenever it is asked.
#[derive(Debug, Clone, Copy)]
pub struct Noise(u64);

impl Noise {
    /// The curve of a seed and a purpose.
    #[must_use]
    pub fn of(seed: u64, purpose: &[u64]) -> Self {
        Self(Rng::of(seed, purpose).next_u64())
    }

    /// Between -1 and 1; a new value about every `period` seconds, smoothly in between.
    #[must_use]
    pub fn at(self, seconds: f64, period: f64) -> f64 {
        let place = seconds / period;
        let left = place.floor();
        let (a, b) = (self.knot(left), self.knot(left + 1.0));
        a + (b - a) * smoothstep(place - left)
    }

    /// Between -1 and 1; a new value each `period` seconds, in steps.
    #[must_use]
    pub fn step(self, seconds: f64, period: f64) -> f64 {
        self.knot((seconds / period).floor())
    }

    fn knot(self, index: f64) -> f64 {
        to_unit(mix(self.0 ^ mix(index.to_bits()))) * 2.0 - 1.0
    }
}

/// 0 to 1 with level ends.
#[must_use]
pub fn smoothstep(x: f64) -> f64 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn to_unit(bits: u64) -> f64 {
    // 53 bits are what an f64 holds exactly.
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again() {
        let draw = |seed| {
            let mut rng = Rng::of(seed, &[3, 4]);
            [rng.next_u64(), rng.next_u64(), rng.next_u64()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let mut rng = Rng::new(5);
        let mean = (0..10_000).map(|_| rng.unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }

    #[test]
    fn noise_has_no_jumps_and_stays_in_its_range() {
        let noise = Noise::of(9, &[1]);
        let mut last = noise.at(0.0, 10.0);
        for step in 1..10_000 {
            let now = noise.at(f64::from(step) * 0.1, 10.0);
            assert!(
                (now - last).abs() < 0.04 && now.abs() <= 1.0,
                "{last} {now}"
            );
            last = now;
        }
    }
}
