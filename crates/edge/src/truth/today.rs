//! The local day so far, kept up to date sample by sample.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use solthrive_domain::day::{self, DaySummary, Summariser};
use solthrive_domain::minute::MinuteRow;

/// Sums the rows of the current local day.
#[derive(Debug)]
pub(super) struct Today {
    zone: TimeZone,
    date: Date,
    sums: Option<Summariser>,
}

impl Today {
    /// The day of `now`, with the rows of it that are stored already.
    pub(super) fn new(zone: TimeZone, now: Timestamp, stored: &[MinuteRow]) -> Self {
        let mut today = Self {
            date: day::local_date(&zone, now),
            zone,
            sums: None,
        };
        today.begin(today.date);
        for row in stored {
            today.add(row);
        }
        today
    }

    /// A minute is complete. Rows of another day are left to the store.
    pub(super) fn add(&mut self, row: &MinuteRow) {
        if day::local_date(&self.zone, row.start) == self.date
            && let Some(sums) = &mut self.sums
        {
            sums.add(row);
        }
    }

    /// The day of `now` up to `now`, with the minute that is not complete yet.
    pub(super) fn summary(&mut self, now: Timestamp, open: Option<&MinuteRow>) -> Arc<DaySummary> {
        let date = day::local_date(&self.zone, now);
        if date != self.date {
            self.begin(date);
        }
        let summary = self
            .sums
            .as_ref()
            .map(|sums| sums.summary(now, open))
            .unwrap_or_default();
        Arc::new(DaySummary { date, summary })
    }

    fn begin(&mut self, date: Date) {
        self.date = date;
        // A date without a beginning in its zone has no data either.
        self.sums = day::local_day(&self.zone, date).ok().map(Summariser::new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ts(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_new_local_day_starts_at_nothing_known() {
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        let mut today = Today::new(zone, ts("2026-06-21T06:59:00Z"), &[]);
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
}
