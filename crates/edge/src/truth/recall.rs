//! What the core thread asks the history for: the local day so far, and the chart of 24 hours.
//!
//! Both are asked for once the time is known for which they are wanted, and again when it turns out
//! to be another.

use jiff::{SignedDuration, Timestamp};
use solthrive_domain::{MinuteRow, Stat};

use super::Pipeline;
use crate::http::History;
use crate::live::{DayPoint, Live};

/// Rows of a day: 25 hours, twice each minute.
const MOST_ROWS: usize = 2 * 25 * 60;

/// Fills up the days that have begun; whether any was. One that cannot be read stays as it is.
pub(super) fn today(pipeline: &mut Pipeline, history: &dyn History) -> Recalled {
    let mut recalled = Recalled::Nothing;
    while let Some(day) = pipeline.unseeded_day() {
        match history.minutes(day.start, day.end, MOST_ROWS) {
            Ok(rows) => pipeline.seed_day(day.start, &rows),
            Err(error) => {
                tracing::warn!(%error, from = %day.start, "the day so far cannot be read; it is tried again");
                return Recalled::NotNow;
            }
        }
        recalled = Recalled::Something;
    }
    recalled
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recalled {
    /// There was nothing to ask.
    Nothing,
    /// A day is complete now.
    Something,
    /// The history cannot be read.
    NotNow,
}

/// Draws the 24 hours until `now` anew, from the history and from what is about to be stored.
pub(super) fn chart(live: &Live, history: &dyn History, now: Timestamp, fresh: &[MinuteRow]) {
    let from = now - SignedDuration::from_hours(24);
    let stored = match history.minutes(from, now, 2 * 24 * 60) {
        Ok(rows) => rows,
        Err(error) => {
            tracing::warn!(%error, "the last day cannot be read; its chart starts empty");
            Vec::new()
        }
    };
    let fresh = fresh.iter().filter(|row| (from..now).contains(&row.start));
    let rows = stored.iter().chain(fresh);
    live.seed_day(rows.map(|row| (row.start, day_point(row))));
}

fn day_point(row: &MinuteRow) -> DayPoint {
    let mean = |stat: Option<Stat>| stat.map(|stat| stat.mean);
    DayPoint {
        solar: mean(row.solar),
        home: mean(row.home),
        grid: mean(row.grid),
        battery: mean(row.battery),
    }
}
