//! Instants to the millisecond, as telemetry is keyed and sorted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A number of milliseconds is no instant that a calendar knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} ms since 1970 lies outside the years 0 to 9999")]
pub struct NoSuchInstant(pub i64);

/// Milliseconds since 1970 in UTC, always within the years 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct UnixMillis(i64);

impl UnixMillis {
    /// 0000-01-01T00:00:00Z.
    const FIRST: i64 = -62_167_219_200_000;
    /// 9999-12-30T00:00:00Z: the last instant a calendar knows is hours later.
    const LAST: i64 = 253_402_128_000_000;

    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The number of milliseconds.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// So many milliseconds later, or the last instant there is.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self::clamped(self.0.saturating_add(ms))
    }

    /// The nearest instant there is.
    #[must_use]
    pub(crate) const fn clamped(ms: i64) -> Self {
        if ms < Self::FIRST {
            Self(Self::FIRST)
        } else if ms > Self::LAST {
            Self(Self::LAST)
        } else {
            Self(ms)
        }
    }
}

impl TryFrom<i64> for UnixMillis {
    type Error = NoSuchInstant;
    fn try_from(ms: i64) -> Result<Self, NoSuchInstant> {
        let instant = Self::clamped(ms);
        if instant.0 == ms {
            Ok(instant)
        } else {
            Err(NoSuchInstant(ms))
        }
    }
}

impl From<UnixMillis> for i64 {
    fn from(at: UnixMillis) -> Self {
        at.0
    }
}

/// The millisecond that the instant lies in.
impl TryFrom<Timestamp> for UnixMillis {
    type Error = NoSuchInstant;
    fn try_from(at: Timestamp) -> Result<Self, NoSuchInstant> {
        let ms = at.as_nanosecond().div_euclid(1_000_000);
        Self::try_from(i64::try_from(ms).unwrap_or(i64::MAX))
    }
}

impl From<UnixMillis> for Timestamp {
    fn from(at: UnixMillis) -> Self {
        Self::from_millisecond(at.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_instant_are_timestamps_too() {
        for (ms, text) in [
            (UnixMillis::FIRST, "0000-01-01T00:00:00Z"),
            (UnixMillis::LAST, "9999-12-30T00:00:00Z"),
        ] {
            assert_eq!(
                Timestamp::from(UnixMillis::try_from(ms).unwrap()).to_string(),
                text
            );
            assert!(UnixMillis::try_from(ms + ms.signum()).is_err());
        }
    }

    #[test]
    fn the_part_below_a_millisecond_is_dropped_before_1970_too() {
        let at: Timestamp = "1969-12-31T23:59:59.9999Z".parse().unwrap();
        assert_eq!(UnixMillis::try_from(at).unwrap().get(), -1);
    }
}
