//! From when to when a past reaches, and how finely it is told.

use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use solthrive_domain::telemetry::UnixMillis;

const DAY_S: i64 = 86_400;

/// When a past begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first sample; midnight of UTC.
    pub from: UnixMillis,
    /// From here on row by row; midnight of UTC, so that every sealed day but the last is whole.
    pub rows_from: UnixMillis,
    /// The last row.
    pub to: UnixMillis,
    /// Between two rows.
    pub step: Duration,
}

impl Span {
    /// Between two samples before the rows: what a bucket is long.
    pub const COARSE: Duration = Duration::from_mins(15);

    /// The last `days` before `now`, and rows for the last `raw_days` of them.
    ///
    /// # Errors
    /// When there is nothing to tell, or more than is kept.
    pub fn until(now: Timestamp, days: u32, raw_days: u32, step: Duration) -> Result<Self> {
        ensure!(
            raw_days >= 1,
            "a live fleet goes on from rows: --raw-days is at least 1"
        );
        ensure!(days >= raw_days, "--days is at least --raw-days");
        let seconds = i64::try_from(step.as_secs())?;
        ensure!(
            (1..=300).contains(&seconds) && DAY_S % seconds == 0,
            "--step-s divides a day and is at most 300"
        );
        let end = now.as_second();
        let midnight = |days: u32| -> Result<UnixMillis> {
            let begin = now.checked_sub(SignedDuration::from_hours(i64::from(days) * 24))?;
            let begin = begin.as_second();
            at(begin - begin.rem_euclid(DAY_S))
        };
        Ok(Self {
            from: midnight(days)?,
            rows_from: midnight(raw_days)?,
            to: at(end - end.rem_euclid(seconds))?,
            step,
        })
    }
}

fn at(second: i64) -> Result<UnixMillis> {
    Ok(UnixMillis::try_from(Timestamp::from_second(second)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_past_begins_at_a_midnight_and_ends_at_the_last_whole_step() {
        let now = "2026-11-27T08:31:45Z".parse().unwrap();
        let span = Span::until(now, 365, 30, Duration::from_secs(60)).unwrap();
        let said = [span.from, span.rows_from, span.to].map(|at| Timestamp::from(at).to_string());
        assert_eq!(
            said,
            [
                "2025-11-27T00:00:00Z",
                "2026-10-28T00:00:00Z",
                "2026-11-27T08:31:00Z"
            ]
        );
        for (days, raw_days, step) in [(1, 2, 60), (1, 0, 60), (1, 1, 7), (1, 1, 900)] {
            assert!(Span::until(now, days, raw_days, Duration::from_secs(step)).is_err());
        }
    }
}
