//! Units as types, so that watts plus watt-hours does not compile.
//!
//! Each holds a finite `f64` in its SI-like base unit (W, Wh, V, A, Hz, 1). The only way in is
//! `TryFrom<f64>` (or a `const`-checked constructor), which refuses NaN, the infinities and
//! magnitudes that no home can have, so sums of a few of them stay finite too.

use std::ops::{Add, AddAssign, Neg, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The largest magnitude a unit value may have. A number beyond it is a fault, not a measurement.
pub const LIMIT: f64 = 1e12;

/// Why a number is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} is not a finite number within +-1e12")]
pub struct NotAQuantity(pub f64);

macro_rules! units {
    ($($(#[$doc:meta])* $name:ident($symbol:literal);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            #[doc = concat!("Zero ", $symbol, ".")]
            pub const ZERO: Self = Self(0.0);
            #[doc = concat!("The unit's symbol, `", $symbol, "`.")]
            pub const SYMBOL: &'static str = $symbol;

            #[doc = concat!("The value in ", $symbol, ".")]
            #[must_use]
            pub const fn get(self) -> f64 {
                self.0
            }

            /// The magnitude without its sign.
            #[must_use]
            pub const fn abs(self) -> Self {
                Self(self.0.abs())
            }

            /// The larger of two values.
            #[must_use]
            pub const fn max(self, other: Self) -> Self {
                Self(self.0.max(other.0))
            }

            /// The smaller of two values.
            #[must_use]
            pub const fn min(self, other: Self) -> Self {
                Self(self.0.min(other.0))
            }

            /// This value times a plain factor; beyond [`LIMIT`] it stays at the limit.
            #[must_use]
            pub fn scaled(self, factor: f64) -> Self {
                Self::clamped(self.0 * factor)
            }

            /// Sums that leave the range stay at its edge: never an infinity.
            fn clamped(value: f64) -> Self {
                if value.is_nan() { Self(0.0) } else { Self(value.clamp(-LIMIT, LIMIT)) }
            }
        }

        impl TryFrom<f64> for $name {
            type Error = NotAQuantity;
            fn try_from(value: f64) -> Result<Self, NotAQuantity> {
                if value.is_finite() && value.abs() <= LIMIT { Ok(Self(value)) } else { Err(NotAQuantity(value)) }
            }
        }
        impl From<$name> for f64 {
            fn from(value: $name) -> f64 {
                value.0
            }
        }
        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self::clamped(self.0 + other.0)
            }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self::clamped(self.0 - other.0)
            }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }
        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }
        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
                values.fold(Self::ZERO, Add::add)
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)?;
                f.write_str(concat!(" ", $symbol))
            }
        }
    )*};
}

units! {
    /// Instantaneous active power. Positive flows into the home's bus.
    Watts("W");
    /// Energy.
    WattHours("Wh");
    /// Root-mean-square voltage.
    Volts("V");
    /// Root-mean-square current.
    Amps("A");
    /// Mains frequency.
    Hertz("Hz");
    /// Power factor, -1 to 1; the sign follows the active power.
    PowerFactor("");
}

impl Watts {
    /// Energy moved when this power is held for `span`.
    #[must_use]
    pub fn over(self, span: Duration) -> WattHours {
        WattHours::clamped(self.0 * span.as_secs_f64() / 3600.0)
    }

    /// The value in kW, as the JSON fields `*_kw` carry it.
    #[must_use]
    pub fn kw(self) -> f64 {
        self.0 / 1000.0
    }

    /// From a `*_kw` field.
    ///
    /// # Errors
    /// [`NotAQuantity`] when the number is not finite or out of range.
    pub fn from_kw(kw: f64) -> Result<Self, NotAQuantity> {
        Self::try_from(kw * 1000.0)
    }
}

impl WattHours {
    /// The value in kWh, as the JSON fields `*_kwh` carry it.
    #[must_use]
    pub fn kwh(self) -> f64 {
        self.0 / 1000.0
    }

    /// From a `*_kwh` field.
    ///
    /// # Errors
    /// [`NotAQuantity`] when the number is not finite or out of range.
    pub fn from_kwh(kwh: f64) -> Result<Self, NotAQuantity> {
        Self::try_from(kwh * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_finite_never_becomes_a_unit() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e13, -1e13] {
            assert!(Watts::try_from(bad).is_err(), "{bad}");
            assert!(
                serde_json::from_str::<Watts>(&format!("{bad:e}")).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn sums_at_the_edge_stay_finite() {
        let most = Watts::try_from(LIMIT).unwrap();
        assert_eq!((most + most).get(), LIMIT);
        assert_eq!((-most - most).get(), -LIMIT);
    }

    #[test]
    fn a_kilowatt_for_an_hour_is_a_kilowatt_hour() {
        let power = Watts::from_kw(1.0).unwrap();
        assert_eq!(
            power.over(Duration::from_secs(3600)),
            WattHours::from_kwh(1.0).unwrap()
        );
    }
}
