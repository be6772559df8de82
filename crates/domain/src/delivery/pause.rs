//! When the next call may be made.

use std::time::Duration;

use crate::Mono;

/// The widest first pause; each further one is twice as wide.
const FIRST: Duration = Duration::from_secs(1);
/// Share by which a pause that the cloud asked for is varied, so that a fleet spreads.
const AROUND: f64 = 0.2;

/// A number in `[0, 1)` that nobody can foresee, handed in.
pub type Chance = f64;

/// The pauses of one way to the cloud: full jitter, twice as wide with each failure, and whatever the
/// cloud asks for on top.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pauses {
    longest: Duration,
    failures: u32,
    until: Mono,
}

impl Pauses {
    /// Nothing failed yet. `longest` is how wide pauses grow, which is also what a fleet's reconnect after
    /// an outage spreads over.
    #[must_use]
    pub const fn new(longest: Duration) -> Self {
        Self {
            longest,
            failures: 0,
            until: Mono::ZERO,
        }
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// No call before this.
    #[must_use]
    pub const fn until(&self) -> Mono {
        self.until
    }

    /// A call failed; the cloud may have said how long to wait.
    pub fn failed(&mut self, now: Mono, asked: Option<Duration>, chance: Chance) {
        let widest = FIRST.saturating_mul(2_u32.saturating_pow(self.failures.min(20)));
        self.failures = self.failures.saturating_add(1);
        let pause = match asked {
            Some(asked) => asked.mul_f64(1.0 - AROUND + 2.0 * AROUND * chance),
            None => widest.min(self.longest).mul_f64(chance),
        };
        self.until = now + pause;
    }

    /// A call failed in a way that another one soon will not mend: who calls is not known there.
    pub fn turned_away(&mut self, now: Mono, least: Duration, chance: Chance) {
        self.failures = self.failures.saturating_add(1);
        self.until = now + least.mul_f64(1.0 - AROUND + 2.0 * AROUND * chance);
    }

    /// A call was answered, and the cloud welcomes the next one after this.
    pub fn succeeded(&mut self, now: Mono, welcome: Duration) {
        self.failures = 0;
        self.until = now + welcome;
    }

    /// There is a reason to try at once: somebody registered the device, or the token is another.
    pub const fn forget(&mut self) {
        self.failures = 0;
        self.until = Mono::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_mins(5);

    fn pause(pauses: &mut Pauses, asked: Option<Duration>, chance: Chance) -> Duration {
        let now = Mono::from_origin(Duration::from_hours(1));
        pauses.failed(now, asked, chance);
        pauses.until().since(now)
    }

    #[test]
    fn pauses_widen_to_five_minutes_and_any_length_within_is_as_likely() {
        let mut pauses = Pauses::new(LONGEST);
        let widest: Vec<u64> = (0..11)
            .map(|_| pause(&mut pauses, None, 1.0).as_secs())
            .collect();
        assert_eq!(widest, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(pause(&mut pauses, None, 0.0), Duration::ZERO);
        pauses.succeeded(Mono::ZERO, Duration::ZERO);
        assert_eq!(pause(&mut pauses, None, 1.0).as_secs(), 1);
    }

    #[test]
    fn what_the_cloud_asks_for_is_kept_to_within_a_fifth() {
        let asked = Some(Duration::from_secs(100));
        let mut pauses = Pauses::new(LONGEST);
        assert_eq!(pause(&mut pauses, asked, 0.0).as_secs(), 80);
        assert_eq!(pause(&mut pauses, asked, 1.0).as_secs(), 120);
    }
}
