//! The local days around now, kept up to date row by row.
//!
//! A clock that jumps goes to another day and may come back, so a few days are kept. What earlier
//! starts of the daemon stored of a day is the history's to tell: a day that has begun waits for
//! [`Today::seed`]. Rows of this run are added as they come and are never taken from there, so
//! that it does not matter which of them are stored already.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use solthrive_domain::day::{self, DaySummary, Summariser};
use solthrive_domain::ids::RunId;
use solthrive_domain::minute::MinuteRow;

/// Yesterday, today, and where a wrong clock was.
const KEPT: usize = 3;

/// Sums of the days used last.
#[derive(Debug)]
pub(super) struct Today {
    zone: TimeZone,
    run: RunId,
    /// The one used last is the last.
    days: Vec<Day>,
}

#[derive(Debug)]
struct Day {
    date: Date,
    sums: Summariser,
    /// This run's rows of earlier parts came before the day was kept here: they are in the history.
    since: u16,
    seeded: bool,
}

impl Today {
    pub(super) fn new(zone: TimeZone, run: RunId) -> Self {
        Self {
            zone,
            run,
            days: Vec::new(),
        }
    }

    /// A minute is complete: it counts for its own day, whichever is today.
    pub(super) fn add(&mut self, row: &MinuteRow) {
        let date = day::local_date(&self.zone, row.start);
        if let Some(day) = self.day(date, row.part) {
            day.since = day.since.min(row.part);
            day.sums.add(row);
        }
    }

    /// The day of `now` up to `now`, with the minute that is not complete yet.
    pub(super) fn summary(&mut self, now: Timestamp, open: Option<&MinuteRow>) -> Arc<DaySummary> {
        let date = day::local_date(&self.zone, now);
        let part = open.map_or(0, |row| row.part);
        let summary = self
            .day(date, part)
            .map(|day| day.sums.summary(now, open))
            .unwrap_or_default();
        Arc::new(DaySummary { date, summary })
    }

    /// A day whose rows of earlier runs are still to be read.
    pub(super) fn unseeded(&self) -> Option<Range<Timestamp>> {
        let day = self.days.iter().rev().find(|day| !day.seeded)?;
        Some(day.sums.span().clone())
    }

    /// What the history has of the day that begins at `start`.
    pub(super) fn seed(&mut self, start: Timestamp, stored: &[MinuteRow]) {
        let day = self
            .days
            .iter_mut()
            .find(|day| day.sums.span().start == start);
        let Some(day) = day.filter(|day| !day.seeded) else {
            return;
        };
        let elsewhere = |row: &&MinuteRow| row.run != self.run || row.part < day.since;
        for row in stored.iter().filter(elsewhere) {
            day.sums.add(row);
        }
        day.seeded = true;
    }

    /// A date without a beginning in its zone has no data either.
    fn day(&mut self, date: Date, part: u16) -> Option<&mut Day> {
        if let Some(index) = self.days.iter().position(|day| day.date == date) {
            self.days[index..].rotate_left(1);
        } else {
            let sums = Summariser::new(day::local_day(&self.zone, date).ok()?);
            if self.days.len() == KEPT {
                self.days.remove(0);
            }
            self.days.push(Day {
                date,
                sums,
                since: part,
                seeded: false,
            });
        }
        self.days.last_mut()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use solthrive_domain::ledger::LedgerStep;
    use solthrive_domain::minute::MinuteAggregator;
    use solthrive_domain::units::WattHours;
    use solthrive_domain::{Energies, Mono, PowerFlow, Quality, Snapshot};
    use uuid::Uuid;

    use super::*;

    const NOON: &str = "2026-06-21T19:00:00Z";

    fn ts(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn run(number: u128) -> RunId {
        RunId::from_uuid(Uuid::from_u128(number))
    }

    fn los_angeles() -> Today {
        Today::new(TimeZone::get("America/Los_Angeles").unwrap(), run(1))
    }

    /// A minute in which the sun brought 10 Wh.
    fn minute(of: RunId, part: u16, start: &str) -> MinuteRow {
        let snapshot = Snapshot {
            seq: 0,
            ts: ts(start),
            at: Mono::ZERO,
            flow: PowerFlow::default(),
            voltages: std::collections::BTreeMap::new(),
            channels: std::collections::BTreeMap::new(),
            frequency: None,
            pf: None,
            totals: Energies::default(),
            quality: Quality::default(),
        };
        let step = LedgerStep {
            increments: Energies {
                solar: Some(WattHours::try_from(10.0).unwrap()),
                ..Energies::default()
            },
            covered: Duration::from_secs(60),
            ..LedgerStep::default()
        };
        let mut minutes = MinuteAggregator::new(of);
        (0..part).for_each(|_| drop(minutes.clock_stepped()));
        minutes.push(&snapshot, &step);
        minutes.finish().unwrap()
    }

    fn solar(today: &mut Today, now: &str) -> Option<f64> {
        today
            .summary(ts(now), None)
            .summary
            .energy
            .solar
            .map(WattHours::get)
    }

    #[test]
    fn a_new_local_day_starts_at_nothing_known() {
        let mut today = los_angeles();
        assert_eq!(
            today
                .summary(ts("2026-06-21T06:59:30Z"), None)
                .date
                .to_string(),
            "2026-06-20"
        );
        let next = today.summary(ts("2026-06-21T07:00:30Z"), None);
        assert_eq!(next.date.to_string(), "2026-06-21");
        assert_eq!(next.summary.energy.solar, None);
    }

    #[test]
    fn a_day_that_is_left_and_entered_again_keeps_what_it_had() {
        let mut today = los_angeles();
        today.add(&minute(run(1), 0, NOON));
        for elsewhere in ["2030-01-01T00:00:00Z", "1999-01-01T00:00:00Z"] {
            assert_eq!(solar(&mut today, elsewhere), None);
            assert_eq!(solar(&mut today, NOON), Some(10.0));
        }
    }

    #[test]
    fn a_row_counts_for_its_own_day_even_before_that_day_is_today() {
        let mut today = los_angeles();
        solar(&mut today, "1970-01-01T00:00:00Z");
        today.add(&minute(run(1), 0, NOON));
        assert_eq!(solar(&mut today, NOON), Some(10.0));
    }

    #[test]
    fn a_day_that_began_takes_the_rows_of_other_runs_once_and_its_own_never() {
        let mut today = los_angeles();
        today.add(&minute(run(1), 1, NOON));
        let day = today.unseeded().unwrap();
        assert_eq!(day.start, ts("2026-06-21T07:00:00Z"));
        let stored = [
            minute(run(7), 0, "2026-06-21T15:00:00Z"),
            minute(run(1), 1, NOON),
        ];
        today.seed(day.start, &stored);
        today.seed(day.start, &stored);
        assert_eq!(today.unseeded(), None);
        assert_eq!(solar(&mut today, NOON), Some(20.0));
    }

    #[test]
    fn a_day_that_was_given_up_and_comes_back_is_read_whole() {
        let mut today = los_angeles();
        let mine = minute(run(1), 0, NOON);
        today.add(&mine);
        for other in ["2026-06-22", "2026-06-23", "2026-06-24"] {
            solar(&mut today, &format!("{other}T19:00:00Z"));
        }
        let back = minute(run(1), 1, "2026-06-21T19:30:00Z");
        today.add(&back);
        let day = today.unseeded().unwrap();
        today.seed(day.start, &[mine, back]);
        assert_eq!(solar(&mut today, NOON), Some(20.0));
    }
}
