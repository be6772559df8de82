//! Units in whole steps: thousandths, and millionths of a watt-hour.
//!
//! The steps are those of the appliance's own history and finer than any meter's.

use serde::{Deserialize, Serialize};

use crate::units::{Amps, Hertz, PowerFactor, Volts, WattHours, Watts};

/// A quantity does not fit into its integer: far outside what a home can have.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} {1} is more than can be kept")]
pub struct TooLarge(f64, &'static str);

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident($int:ty) of $unit:ident / $steps:literal;)*) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name($int);

        impl $name {
            /// Steps in one unit.
            pub const STEPS_PER_UNIT: f64 = $steps;

            /// This many steps.
            #[must_use]
            pub const fn new(steps: $int) -> Self {
                Self(steps)
            }

            /// The number of steps.
            #[must_use]
            pub const fn get(self) -> $int {
                self.0
            }
        }

        /// The nearest step.
        impl TryFrom<$unit> for $name {
            type Error = TooLarge;
            #[expect(clippy::cast_possible_truncation, reason = "compared with the limits just before")]
            fn try_from(value: $unit) -> Result<Self, TooLarge> {
                let steps = (value.get() * $steps).round();
                if steps.abs() < <$int>::MAX as f64 {
                    Ok(Self(steps as $int))
                } else {
                    Err(TooLarge(value.get(), $unit::SYMBOL))
                }
            }
        }

        impl From<$name> for $unit {
            fn from(value: $name) -> Self {
                Self::try_from(value.0 as f64 / $steps).unwrap_or_default()
            }
        }
    )*};
}

fixed! {
    /// Power in mW, up to 2.1 MW.
    MilliWatts(i32) of Watts / 1e3;
    /// Voltage in mV.
    MilliVolts(i32) of Volts / 1e3;
    /// Current in mA.
    MilliAmps(i32) of Amps / 1e3;
    /// Frequency in mHz.
    MilliHertz(i32) of Hertz / 1e3;
    /// Power factor in ten-thousandths.
    PowerFactorSteps(i16) of PowerFactor / 1e4;
    /// Energy in µWh.
    MicroWattHours(i64) of WattHours / 1e6;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn steps_become_a_quantity_and_the_same_steps_again(
            milli in any::<i32>(), micro in -1_000_000_000_000_000i64..1_000_000_000_000_000,
        ) {
            prop_assume!(milli.abs() < i32::MAX);
            prop_assert_eq!(MilliWatts::try_from(Watts::from(MilliWatts::new(milli))).unwrap().get(), milli);
            let energy = MicroWattHours::new(micro);
            prop_assert_eq!(MicroWattHours::try_from(WattHours::from(energy)).unwrap(), energy);
        }
    }

    #[test]
    fn three_megawatts_are_refused_and_not_held_at_the_limit() {
        let power = Watts::try_from(3e6).unwrap();
        assert_eq!(
            MilliWatts::try_from(power).unwrap_err().to_string(),
            "3000000 W is more than can be kept"
        );
    }
}
