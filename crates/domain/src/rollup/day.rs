//! Days and months, with what they still lack.

use std::ops::Range;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Sums, quarters_of_day, quarters_of_month};
use crate::day::Summary;
use crate::units::Watts;
use crate::{Bucket, Energies, Quarter, Ratios};

/// After this long nobody waits for late data any more.
const FINAL_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What happened in a stretch of whole quarters, as far as is known at some instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollup {
    /// The quarters.
    pub span: Range<Quarter>,
    /// What they amount to.
    pub sums: Sums,
    /// When this was known.
    pub as_of: Timestamp,
    /// It is over, and either all of it was measured or late data is not expected any more. Should
    /// data come even later, it changes all the same, with a new revision.
    pub is_final: bool,
}

/// A local day of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRollup {
    /// The local date.
    pub date: Date,
    /// What happened.
    pub rollup: Rollup,
}

/// A local month of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthRollup {
    /// Its first day.
    pub month: Date,
    /// What happened.
    pub rollup: Rollup,
}

impl Rollup {
    fn new(span: Range<Quarter>, sums: Sums, now: Timestamp) -> Self {
        let mut rollup = Self {
            span,
            sums,
            as_of: now,
            is_final: false,
        };
        let end = rollup.end();
        let is_measured = u128::from(sums.covered_ms) == rollup.length().as_millis();
        rollup.is_final = now >= end && (is_measured || now.duration_since(end) >= FINAL_AFTER);
        rollup
    }

    /// Energies, demand and coverage in units, with the ratios that follow from them.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            energy: Energies::from(&self.sums.energy),
            peak_demand: self.sums.peak_demand.map(Watts::from),
            covered: Duration::from_millis(self.sums.covered_ms),
            elapsed: self.elapsed(),
        }
    }

    /// Measured share of the time that has passed, 0 to 1.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.summary().coverage()
    }

    /// How well solar and home fit together.
    #[must_use]
    pub fn ratios(&self) -> Ratios {
        self.summary().ratios()
    }

    /// How much of it had passed.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        let passed = self.as_of.min(self.end()).duration_since(self.start());
        Duration::try_from(passed).unwrap_or_default()
    }

    /// How long it is as a whole.
    #[must_use]
    pub fn length(&self) -> Duration {
        Duration::try_from(self.end().duration_since(self.start())).unwrap_or_default()
    }

    fn start(&self) -> Timestamp {
        self.span.start.start().into()
    }

    fn end(&self) -> Timestamp {
        self.span.end.start().into()
    }
}

impl DayRollup {
    /// The day from its buckets; those of other days are left out.
    ///
    /// # Errors
    /// When the date lies at the edge of what can be represented.
    pub fn of<'a>(
        zone: &TimeZone,
        date: Date,
        buckets: impl IntoIterator<Item = &'a Bucket>,
        now: Timestamp,
    ) -> Result<Self, jiff::Error> {
        let span = quarters_of_day(zone, date)?;
        let sums = sums_within(&span, buckets);
        let rollup = Rollup::new(span, sums, now);
        Ok(Self { date, rollup })
    }

    /// The same from the sums of all its buckets.
    ///
    /// # Errors
    /// When the date lies at the edge of what can be represented.
    pub fn of_sums(
        zone: &TimeZone,
        date: Date,
        sums: Sums,
        now: Timestamp,
    ) -> Result<Self, jiff::Error> {
        let rollup = Rollup::new(quarters_of_day(zone, date)?, sums, now);
        Ok(Self { date, rollup })
    }
}

impl MonthRollup {
    /// The month that `date` lies in, from its buckets; those of other months are left out.
    ///
    /// # Errors
    /// When the date lies at the edge of what can be represented.
    pub fn of<'a>(
        zone: &TimeZone,
        date: Date,
        buckets: impl IntoIterator<Item = &'a Bucket>,
        now: Timestamp,
    ) -> Result<Self, jiff::Error> {
        let span = quarters_of_month(zone, date)?;
        let sums = sums_within(&span, buckets);
        Ok(Self::new(date, span, sums, now))
    }

    /// The same from its days.
    ///
    /// # Errors
    /// When the date lies at the edge of what can be represented.
    pub fn of_days<'a>(
        zone: &TimeZone,
        date: Date,
        days: impl IntoIterator<Item = &'a DayRollup>,
        now: Timestamp,
    ) -> Result<Self, jiff::Error> {
        let month = date.first_of_month();
        let days = days.into_iter();
        let sums = days
            .filter(|day| day.date.first_of_month() == month)
            .map(|day| day.rollup.sums)
            .sum();
        Ok(Self::new(date, quarters_of_month(zone, date)?, sums, now))
    }

    fn new(date: Date, span: Range<Quarter>, sums: Sums, now: Timestamp) -> Self {
        Self {
            month: date.first_of_month(),
            rollup: Rollup::new(span, sums, now),
        }
    }
}

fn sums_within<'a>(span: &Range<Quarter>, buckets: impl IntoIterator<Item = &'a Bucket>) -> Sums {
    let buckets = buckets.into_iter();
    buckets
        .filter(|bucket| span.contains(&bucket.quarter))
        .map(Sums::of)
        .sum()
}
