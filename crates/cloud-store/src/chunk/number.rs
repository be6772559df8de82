//! Numbers as integers at a decimal step, exactly or not at all.
//!
//! Meters report decimals: 1.234 kW is 1234 steps of 0.001. A value is *exact* at a step of `10^-k`
//! when some integer `m` up to [`MAX_MANTISSA`] gives `m as f64 / 10^k` with the very same bits.
//! Both operands of that division are exact in `f64` and IEEE 754 division is correctly rounded, so
//! every machine agrees. `m` is unique: below 2^51 neighbours are more than one rounding apart.

use std::fmt;

/// The finest step is 10^-12.
pub(crate) const MAX_DIGITS: u8 = 12;
/// The largest integer that stands for a value, either sign.
pub(super) const MAX_MANTISSA: i64 = 1 << 51;
const LIMIT: f64 = MAX_MANTISSA as f64;

const POWERS: [f64; MAX_DIGITS as usize + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
];

/// A number that is neither NaN nor infinite.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Finite(f64);

/// The number was NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} is not a finite number")]
pub struct NotFinite(pub f64);

impl Finite {
    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Finite {
    type Error = NotFinite;
    fn try_from(value: f64) -> Result<Self, NotFinite> {
        if value.is_finite() {
            Ok(Self(value))
        } else {
            Err(NotFinite(value))
        }
    }
}

impl From<Finite> for f64 {
    fn from(value: Finite) -> Self {
        value.0
    }
}

/// The content of one cell.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// Of a [`super::Kind::Number`] column.
    Number(Finite),
    /// Of a [`super::Kind::Integer`] column.
    Integer(u64),
}

/// Bit for bit: `0.0` and `-0.0` are two values here.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.0.to_bits() == b.0.to_bits(),
            (Self::Integer(a), Self::Integer(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl From<Finite> for Value {
    fn from(value: Finite) -> Self {
        Self::Number(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(value)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => value.0.fmt(f),
            Self::Integer(value) => value.fmt(f),
        }
    }
}

/// A step of `10^-k`, by its `k` of 0 to [`MAX_DIGITS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Step(u8);

impl Step {
    pub(super) const ONE: Self = Self(0);

    pub(crate) fn new(digits: u8) -> Option<Self> {
        (digits <= MAX_DIGITS).then_some(Self(digits))
    }

    pub(crate) fn digits(self) -> u8 {
        self.0
    }

    /// `10^k`.
    pub(super) fn per_one(self) -> f64 {
        POWERS[usize::from(self.0)]
    }

    /// The value of `mantissa` steps.
    pub(crate) fn value(self, mantissa: i64) -> f64 {
        mantissa as f64 / self.per_one()
    }

    /// How many steps `value` is, to the nearest, if that is within [`MAX_MANTISSA`].
    pub(super) fn nearest(self, value: f64) -> Option<i64> {
        let scaled = value * self.per_one();
        #[expect(clippy::cast_possible_truncation, reason = "checked to be below 2^51")]
        (scaled.abs() < LIMIT).then(|| (scaled + 0.5_f64.copysign(scaled)) as i64)
    }

    /// How many steps `value` is, if it is so exactly.
    pub(crate) fn exact(self, value: f64) -> Option<i64> {
        self.nearest(value)
            .filter(|mantissa| self.value(*mantissa).to_bits() == value.to_bits())
    }

    /// The coarsest step at which `value` is exact.
    pub(crate) fn of(value: f64) -> Option<Self> {
        (0..=MAX_DIGITS)
            .map(Self)
            .find(|step| step.exact(value).is_some())
    }

    /// The coarsest step at which the value of `mantissa` steps is exact.
    pub(super) fn coarsest(self, mut mantissa: i64) -> Self {
        if mantissa == 0 {
            return Self::ONE;
        }
        let mut digits = self.0;
        while digits > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            digits -= 1;
        }
        Self(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_of_meters_are_exact_and_nothing_else_is() {
        let exact = |value| Step::of(value).map(Step::digits);
        assert_eq!(
            [
                exact(0.0),
                exact(240.0),
                exact(-1.234),
                exact(59.98),
                exact(1e-12)
            ],
            [Some(0), Some(0), Some(3), Some(2), Some(12)]
        );
        assert_eq!(
            [
                exact(-0.0),
                exact(0.1 + 0.2),
                exact(1.0 / 3.0),
                exact(5e-324),
                exact(f64::MAX)
            ],
            [None; 5]
        );
    }

    #[test]
    fn each_integer_in_reach_is_its_own_value() {
        for digits in 0..=MAX_DIGITS {
            let step = Step::new(digits).unwrap();
            for mantissa in [1, 7, 10_i64.pow(15), MAX_MANTISSA - 2, MAX_MANTISSA - 1] {
                assert_eq!(
                    step.exact(step.value(mantissa)),
                    Some(mantissa),
                    "10^-{digits}"
                );
            }
        }
    }
}
