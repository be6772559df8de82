//! Numbers at rest: integers in a thousandth (powers, voltages, currents, frequency), a
//! millionth (energies) or a ten-thousandth (power factors) of their unit.
//!
//! Integers make sums exact whatever their order, so a day that grew minute by minute equals the
//! same day rebuilt from its rows, and they take half the space. The steps are finer than any
//! meter's. What does not fit is held at the limit, far outside what a home can have.

/// Steps in one watt, volt, ampere or hertz.
pub(super) const MILLI: f64 = 1e3;
/// Steps in one watt-hour.
pub(super) const MICRO: f64 = 1e6;
/// Steps in a power factor of one.
pub(super) const RATIO: f64 = 1e4;

/// Largest magnitude kept of anything in thousandths: a gigawatt, so that a month's sum fits.
const MOST_MILLI: f64 = 1e12;
/// Largest energy kept: the domain's own limit, 1e12 Wh.
const MOST_MICRO: f64 = 1e18;

/// The nearest step. Not a number becomes `None`: unknown.
#[expect(
    clippy::cast_possible_truncation,
    reason = "clamped to +-1e18 just before"
)]
pub(super) fn steps(value: f64, per_unit: f64) -> Option<i64> {
    let most = if per_unit >= MICRO {
        MOST_MICRO
    } else {
        MOST_MILLI
    };
    (!value.is_nan()).then(|| (value * per_unit).round().clamp(-most, most) as i64)
}

/// Back to the unit.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53 steps: 9 GWh in micro-watt-hours; beyond that an f64 has no finer step either"
)]
pub(super) fn units(steps: i64, per_unit: f64) -> f64 {
    steps as f64 / per_unit
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // A number of this size is itself only known to a few 1e-8.
        #[test]
        fn a_number_comes_back_within_half_a_step(value in -1e8f64..1e8) {
            for per_unit in [MILLI, MICRO, RATIO] {
                let back = units(steps(value, per_unit).unwrap(), per_unit);
                prop_assert!((back - value).abs() <= 0.5 / per_unit + 3e-8, "{value} {back}");
            }
        }

        #[test]
        fn a_number_read_back_is_stored_as_the_same_integer(stored in -1_000_000_000_000i64..1_000_000_000_000) {
            for per_unit in [MILLI, MICRO, RATIO] {
                prop_assert_eq!(steps(units(stored, per_unit), per_unit), Some(stored));
            }
        }
    }

    #[test]
    fn what_cannot_be_is_unknown_or_held_at_the_limit() {
        assert_eq!(steps(f64::NAN, MILLI), None);
        assert_eq!(steps(f64::INFINITY, MILLI), Some(1_000_000_000_000));
        assert_eq!(steps(-1e300, MICRO), Some(-1_000_000_000_000_000_000));
    }
}
