//! Splitting over quarters so that nothing is lost: every part is the difference of two values of
//! one running amount, rounded once.

use super::{QUARTER_MS, Quarter};
use crate::telemetry::UnixMillis;

/// µWh in a mW·ms, inverted.
const MW_MS_PER_UWH: i128 = 3600;
/// The same for twice an area.
const TWICE_PER_UWH: i64 = 7200;

/// A stretch of time in ms, `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Span {
    pub(super) const fn len(self) -> i64 {
        self.to - self.from
    }

    /// Its parts in the stretches of `step` ms that begin at multiples of it, each with its stretch's begin.
    pub(super) fn pieces(self, step: i64) -> impl Iterator<Item = (i64, Self)> {
        let mut next = Some(self.from);
        std::iter::from_fn(move || {
            let from = next?;
            let begin = from.div_euclid(step) * step;
            let to = self.to.min(begin + step);
            next = (to < self.to).then_some(to);
            Some((begin, Self { from, to }))
        })
    }

    /// Each quarter it touches, with the part that lies in it. A span without length touches one.
    pub(super) fn quarters(self) -> impl Iterator<Item = (Quarter, Self)> {
        let pieces = self.pieces(QUARTER_MS);
        pieces.map(|(begin, part)| (Quarter::of(UnixMillis::clamped(begin)), part))
    }

    /// An amount that flowed evenly, split over the quarters it flowed in. The parts of an amount
    /// that is not negative are not negative either, and add up to it.
    pub(super) fn split(self, amount: i64, mut each: impl FnMut(Quarter, i64)) {
        let mut before = 0;
        for (quarter, part) in self.quarters() {
            let until = if part.to == self.to {
                amount
            } else {
                let share = i128::from(amount) * i128::from(part.to - self.from);
                whole(share.div_euclid(i128::from(self.len())))
            };
            each(quarter, until - before);
            before = until;
        }
    }
}

/// A quantity that goes straight from one sample to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ramp {
    pub(super) a: i32,
    pub(super) b: i32,
    /// Length, ms.
    pub(super) len: i64,
}

impl Ramp {
    /// Its value after `t` ms.
    pub(super) fn at(self, t: i64) -> i32 {
        if t == 0 {
            return self.a;
        }
        if t == self.len {
            return self.b;
        }
        let (a, b, len) = (i128::from(self.a), i128::from(self.b), i128::from(self.len));
        let value = nearest(a * len + (b - a) * i128::from(t), len);
        i32::try_from(value).unwrap_or(self.b)
    }

    /// Steps times ms in its first `t` ms.
    pub(super) fn area(self, t: i64) -> i64 {
        if t == self.len {
            return nearest_half((i64::from(self.a) + i64::from(self.b)) * t);
        }
        let (twice, len) = self.twice_area(t);
        whole(nearest(twice, 2 * len))
    }

    /// Energy in its first `t` ms in µWh, of a power in mW.
    pub(super) fn energy(self, t: i64) -> i64 {
        if t == self.len {
            // The same fraction in small numbers.
            let twice = (i64::from(self.a) + i64::from(self.b)) * t;
            return (2 * twice + TWICE_PER_UWH).div_euclid(2 * TWICE_PER_UWH);
        }
        let (twice, len) = self.twice_area(t);
        whole(nearest(twice, 2 * len * MW_MS_PER_UWH))
    }

    /// The same, but only of the time in which the power is positive.
    pub(super) fn positive_energy(self, t: i64) -> i64 {
        let (a, b) = (i128::from(self.a), i128::from(self.b));
        if a <= 0 && b <= 0 {
            return 0;
        }
        if a >= 0 && b >= 0 {
            return self.energy(t);
        }
        let (t, len) = (i128::from(t), i128::from(self.len));
        // The power at `t`, times `len`.
        let here = a * len + (b - a) * t;
        let twice_times_len = if a > 0 {
            // Falls through zero: what was there at first, less what is left above zero.
            let left = here.max(0);
            (a * len * a * len - left * left, (a - b) * len)
        } else {
            let risen = here.max(0);
            (risen * risen, (b - a) * len)
        };
        let (square, divisor) = twice_times_len;
        whole(nearest(square, 2 * divisor * MW_MS_PER_UWH))
    }

    /// The same ramp upside down: what is negative becomes positive.
    pub(super) const fn flipped(self) -> Self {
        Self {
            a: self.a.saturating_neg(),
            b: self.b.saturating_neg(),
            len: self.len,
        }
    }

    /// Twice the area of the first `t` ms, as a fraction.
    fn twice_area(self, t: i64) -> (i128, i128) {
        let (a, b) = (i128::from(self.a), i128::from(self.b));
        let (t, len) = (i128::from(t), i128::from(self.len));
        (2 * a * t * len + (b - a) * t * t, len)
    }
}

/// The nearest whole number, halves upwards.
fn nearest(value: i128, divisor: i128) -> i128 {
    (2 * value + divisor).div_euclid(2 * divisor)
}

const fn nearest_half(twice: i64) -> i64 {
    (twice + 1) >> 1
}

/// Amounts of a home's samples fit; anything else stays at the edge.
fn whole(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_are_not_negative_and_add_up(from in -4_000_000i64..4_000_000, len in 0i64..10_000_000, amount in 0i64..1 << 60) {
            let (mut sum, mut quarters) = (0, Vec::new());
            Span { from, to: from + len }.split(amount, |quarter, part| {
                assert!(part >= 0);
                sum += part;
                quarters.push(quarter);
            });
            prop_assert_eq!(sum, amount);
            prop_assert!(quarters.windows(2).all(|pair| pair[0].next() == pair[1]));
        }

        #[test]
        fn both_directions_make_up_the_whole(a in -200_000_000i32..200_000_000, b in -200_000_000i32..200_000_000, len in 1i64..2_700_000, at in 0.0f64..=1.0) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a test's fraction of a span")]
            let t = (len as f64 * at) as i64;
            let ramp = Ramp { a, b, len };
            let net = ramp.positive_energy(t) - ramp.flipped().positive_energy(t);
            prop_assert!((net - ramp.energy(t)).abs() <= 1);
            prop_assert!(ramp.positive_energy(t) <= ramp.positive_energy(len));
        }

        #[test]
        fn the_whole_of_a_ramp_is_the_same_by_either_way(a in any::<i32>(), b in any::<i32>(), len in 1i64..2_700_000) {
            let ramp = Ramp { a, b, len };
            let (twice, by) = ramp.twice_area(len);
            prop_assert_eq!(i128::from(ramp.area(len)), nearest(twice, 2 * by));
            prop_assert_eq!(i128::from(ramp.energy(len)), nearest(twice, 2 * by * MW_MS_PER_UWH));
        }
    }

    #[test]
    fn a_kilowatt_for_an_hour_is_a_kilowatt_hour() {
        let ramp = Ramp {
            a: 1_000_000,
            b: 1_000_000,
            len: 3_600_000,
        };
        assert_eq!(ramp.energy(3_600_000), 1_000_000_000);
        assert_eq!(ramp.positive_energy(1_800_000), 500_000_000);
        assert_eq!(ramp.flipped().positive_energy(3_600_000), 0);
    }
}
