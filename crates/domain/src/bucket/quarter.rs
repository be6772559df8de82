//! The quarter-hour grid.

use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::telemetry::UnixMillis;

/// Length of a bucket in ms.
pub(crate) const QUARTER_MS: i64 = 900_000;

/// An instant does not lie on the quarter-hour grid of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no quarter of an hour in UTC")]
pub struct OffTheGrid(pub Timestamp);

/// One quarter of an hour in UTC: its number since 1970, so it cannot lie beside the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Quarter(i64);

impl Quarter {
    /// Quarters in a day of UTC.
    pub const PER_DAY: i64 = 96;

    /// The quarter that this instant lies in.
    #[must_use]
    pub const fn of(at: UnixMillis) -> Self {
        Self(at.get().div_euclid(QUARTER_MS))
    }

    /// The first quarter that does not start before this instant.
    #[must_use]
    pub fn not_before(at: Timestamp) -> Self {
        let whole = at.as_second().div_euclid(QUARTER_MS / 1000);
        let on_grid = at.as_nanosecond().rem_euclid(900_000_000_000) == 0;
        Self(if on_grid { whole } else { whole + 1 })
    }

    /// Quarters since 1970; the seconds since then, divided by 900.
    #[must_use]
    pub const fn index(self) -> i64 {
        self.0
    }

    /// Its first instant.
    #[must_use]
    pub const fn start(self) -> UnixMillis {
        UnixMillis::clamped(self.0 * QUARTER_MS)
    }

    /// The first instant after it.
    #[must_use]
    pub const fn end(self) -> UnixMillis {
        self.next().start()
    }

    /// The quarter after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Days since 1970 of the UTC day it lies in: buckets of one such day are stored together.
    #[must_use]
    pub const fn utc_day(self) -> i64 {
        self.0.div_euclid(Self::PER_DAY)
    }

    /// Its place in that day, 0 to 95.
    #[must_use]
    pub const fn of_day(self) -> i64 {
        self.0.rem_euclid(Self::PER_DAY)
    }

    /// The quarters of a range, in order.
    pub fn each(range: Range<Self>) -> impl Iterator<Item = Self> {
        (range.start.0..range.end.0).map(Self)
    }
}

impl TryFrom<Timestamp> for Quarter {
    type Error = OffTheGrid;
    fn try_from(start: Timestamp) -> Result<Self, OffTheGrid> {
        let quarter = Self::not_before(start);
        if Timestamp::from(quarter.start()) == start {
            Ok(quarter)
        } else {
            Err(OffTheGrid(start))
        }
    }
}

/// A number that no calendar reaches is refused.
impl TryFrom<i64> for Quarter {
    type Error = crate::telemetry::NoSuchInstant;
    fn try_from(index: i64) -> Result<Self, Self::Error> {
        UnixMillis::try_from(index.saturating_mul(QUARTER_MS)).map(Self::of)
    }
}

impl From<Quarter> for i64 {
    fn from(quarter: Quarter) -> Self {
        quarter.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ts(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn only_quarters_of_an_hour_are_quarters() {
        assert_eq!(
            Quarter::try_from(ts("1970-01-01T00:15:00Z"))
                .unwrap()
                .index(),
            1
        );
        for beside in [
            "2026-06-01T10:14:59Z",
            "2026-06-01T10:15:00.000000001Z",
            "1969-12-31T23:44:59.9Z",
        ] {
            assert!(Quarter::try_from(ts(beside)).is_err(), "{beside}");
        }
    }

    #[test]
    fn a_quarter_holds_its_start_and_not_its_end() {
        for start in ["1969-12-31T23:45:00Z", "2026-06-01T10:15:00Z"] {
            let quarter = Quarter::try_from(ts(start)).unwrap();
            assert_eq!(Quarter::of(quarter.start()), quarter);
            assert_eq!(Quarter::of(quarter.end()), quarter.next());
            let last = UnixMillis::try_from(quarter.end().get() - 1).unwrap();
            assert_eq!(Quarter::of(last), quarter);
        }
    }

    #[test]
    fn a_day_of_utc_has_its_96_quarters() {
        let first = Quarter::try_from(ts("2026-06-01T00:00:00Z")).unwrap();
        let last = Quarter::try_from(ts("2026-06-01T23:45:00Z")).unwrap();
        assert_eq!((first.of_day(), last.of_day()), (0, 95));
        assert_eq!(first.utc_day(), last.utc_day());
        assert_eq!(Quarter::each(first..last.next()).count(), 96);
    }
}
