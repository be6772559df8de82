//! The columns that guides look at, in the units they ask for.

use super::Known;
use super::number::MAX_DIGITS;

/// Larger integers are cut to this, so that products stay meaningful.
pub(super) const LIMIT: i64 = 1 << 40;

/// One column's integers, one per row, and the digits of its step.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) digits: u8,
    pub(super) per_row: Vec<i64>,
}

/// The columns that guides may look at.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// ms from the first row.
    pub(super) times: Vec<i64>,
    lanes: Vec<(Known, Lane)>,
}

impl Lanes {
    pub(super) fn new(times: Vec<i64>) -> Self {
        Self {
            times,
            lanes: Vec::new(),
        }
    }

    pub(super) fn has(&self, known: Known) -> bool {
        self.lane(known).is_some()
    }

    pub(super) fn add(&mut self, known: Known, lane: Lane) {
        self.lanes.push((known, lane));
    }

    pub(super) fn lane(&self, known: Known) -> Option<&Lane> {
        self.lanes
            .iter()
            .find(|(other, _)| *other == known)
            .map(|(_, lane)| lane)
    }

    /// A column in units of `10^-digits`.
    pub(super) fn scaled(&self, known: Known, digits: u8) -> Option<Vec<i64>> {
        self.lane(known).map(|lane| lane.scaled(digits))
    }
}

impl Lane {
    fn scaled(&self, digits: u8) -> Vec<i64> {
        let cut = |value: &i64| (*value).clamp(-LIMIT, LIMIT);
        if digits == self.digits {
            self.per_row.iter().map(cut).collect()
        } else if digits > self.digits {
            let factor = power_of_ten(digits - self.digits);
            self.per_row
                .iter()
                .map(|value| cut(value).saturating_mul(factor))
                .collect()
        } else {
            let divisor = power_of_ten(self.digits - digits);
            self.per_row
                .iter()
                .map(|value| cut(value) / divisor)
                .collect()
        }
    }
}

/// 1, 10, 100, ...
pub(super) fn power_of_ten(digits: u8) -> i64 {
    10_i64.pow(digits.min(MAX_DIGITS).into())
}
