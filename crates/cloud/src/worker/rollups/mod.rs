//! What became of a site since the last checkpoint: days of buckets, local days, months, today.
//!
//! Pure, in two steps: [`Plan::of`] says what must be read, [`Plan::carry_out`] makes of it and of
//! the [`Site`] what is to be stored. Nothing in mind changes before that took effect.

mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use solthrive_cloud_store::archive::{BucketDay, SiteDay, SiteMonth, SiteState, ToldDay, UtcDay};
use solthrive_domain::rollup::{Rollup, Sums, day_of, quarters_of_day};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{Bucket, DayRollup, MonthRollup, Quarter, SiteId};

use self::view::{View, day};
use super::fleets::Exchange;
use super::places::Places;
use super::site::{Base, Site, buckets_of};

/// What a checkpoint does about a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// UTC days of which a bucket that is over is unsaved.
    bucket_days: BTreeSet<UtcDay>,
    /// Local days to be stored.
    dates: BTreeSet<Date>,
    /// The newest local day, while it is not over.
    today: Option<Date>,
    /// Months to be looked at even if none of their days changes.
    months: BTreeSet<Date>,
    /// What of it has to be read.
    pub(super) reads: Reads,
}

/// What has to be read for a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reads {
    pub(super) bucket_days: BTreeSet<UtcDay>,
    /// By their first days.
    pub(super) months: BTreeSet<Date>,
    /// Local days that are compared with what devices told of them.
    pub(super) compared: BTreeSet<Date>,
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub(super) struct Stored {
    pub(super) bucket_days: Vec<BucketDay>,
    pub(super) days: Vec<SiteDay>,
    pub(super) months: Vec<SiteMonth>,
    pub(super) told: Vec<ToldDay>,
}

/// What is to be stored of a site, and what then is to be forgotten.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) state: SiteState,
    pub(super) bucket_days: Vec<BucketDay>,
    pub(super) days: Vec<SiteDay>,
    pub(super) months: Vec<SiteMonth>,
    pub(super) saved: BTreeSet<Quarter>,
    pub(super) base: Option<Base>,
}

/// Who and when a plan is for.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) site: SiteId,
    pub(super) zone: &'a TimeZone,
    pub(super) places: &'a Places,
    pub(super) now: UnixMillis,
}

impl Plan {
    /// What to do about `site`. Where `save` is false there is too much to do at once: its buckets stay
    /// in its state until the next time.
    pub(super) fn of(site: &Site, frame: Frame<'_>, save: bool) -> Self {
        let Frame { zone, now, .. } = frame;
        let newest = site.open().map(|open| day_of(zone, open));
        let today = newest.filter(|date| !is_over(zone, *date, now));
        let over: Vec<_> = site.unsaved_and_over().filter(|_| save).collect();
        let mut dates: BTreeSet<Date> = over.iter().map(|quarter| day_of(zone, *quarter)).collect();
        dates.extend(&site.due);
        if !over.is_empty() || site.is_new || today.is_none() {
            let is_news = site.is_touched || !over.is_empty();
            dates.extend(newest.filter(|_| is_news));
        }
        let bucket_days: BTreeSet<UtcDay> = over.iter().map(|quarter| quarter.utc_day()).collect();
        let mut plan = Self {
            bucket_days,
            dates,
            today,
            months: site.due_months.clone(),
            reads: Reads::default(),
        };
        plan.reads = plan.reads_of(site, zone);
        plan
    }

    fn reads_of(&self, site: &Site, zone: &TimeZone) -> Reads {
        let mut bucket_days = self.bucket_days.clone();
        for date in self.dates.iter().chain(&self.today) {
            let is_today = self.today == Some(*date);
            let has_base = is_today && site.base.is_some_and(|base| base.date == *date);
            if let Some(span) = quarters_of_day(zone, *date).ok().filter(|_| !has_base) {
                bucket_days.extend(site.missing(&span));
            }
        }
        let months = self.dates.iter().map(|date| date.first_of_month());
        Reads {
            bucket_days,
            months: months.chain(self.months.iter().copied()).collect(),
            compared: BTreeSet::new(),
        }
    }

    /// Local days to be looked at that are over.
    pub(super) fn dates_over<'a>(
        &'a self,
        zone: &'a TimeZone,
        now: UnixMillis,
    ) -> impl Iterator<Item = Date> + 'a {
        let dates = self.dates.iter().copied();
        dates.filter(move |date| is_over(zone, *date, now))
    }

    /// Makes everything that is to be stored, and tells the fleets the difference.
    ///
    /// # Errors
    /// When a date lies at the edge of what can be represented.
    pub(super) fn carry_out(
        &self,
        site: &Site,
        frame: Frame<'_>,
        stored: &Stored,
        exchange: &mut Exchange,
    ) -> Result<Outcome, jiff::Error> {
        let view = View { site, stored };
        let base = self.base(view, frame.zone)?;
        let bucket_days = self.bucket_days(view, frame, exchange);
        let days = self.days(view, frame, base, exchange)?;
        let months = self.months(frame, stored, &days, exchange)?;
        let today = match self.today {
            Some(date) => Some(day(view, frame, base, date)?),
            None => None,
        };
        let saved = site.unsaved_and_over();
        let saved: BTreeSet<_> = saved
            .filter(|quarter| self.bucket_days.contains(&quarter.utc_day()))
            .collect();
        Ok(Outcome {
            state: site.state(&saved, today),
            bucket_days,
            days,
            months,
            saved,
            base,
        })
    }

    /// What of today will not change any more.
    fn base(&self, view: View<'_>, zone: &TimeZone) -> Result<Option<Base>, jiff::Error> {
        let (Some(date), Some(reach)) = (self.today, view.site.reach()) else {
            return Ok(None);
        };
        let span = quarters_of_day(zone, date)?;
        let base = view.site.base.filter(|base| base.date == date);
        let (from, sums) = base.map_or((span.start, Sums::default()), |base| {
            (base.until, base.sums)
        });
        let until = reach.clamp(from, span.end.max(from));
        let more: Sums = view.buckets(from..until).map(Sums::of).sum();
        Ok(Some(Base {
            date,
            until,
            sums: sums.plus(more),
        }))
    }

    fn bucket_days(
        &self,
        view: View<'_>,
        frame: Frame<'_>,
        exchange: &mut Exchange,
    ) -> Vec<BucketDay> {
        let Some(open) = view.site.open() else {
            return Vec::new();
        };
        let mut days = Vec::new();
        for day in &self.bucket_days {
            let before = buckets_of(&view.stored.bucket_days, *day);
            let Ok(start) = Quarter::try_from(day.saturating_mul(Quarter::PER_DAY)) else {
                continue;
            };
            let end = start.index().saturating_add(Quarter::PER_DAY);
            let end = Quarter::try_from(end).map_or(open, |end| end.min(open));
            let mut buckets: Vec<Bucket> = view.buckets(start..end).copied().collect();
            buckets.sort_unstable_by_key(|bucket| bucket.quarter);
            for bucket in &buckets {
                let was = before.iter().find(|was| was.quarter == bucket.quarter);
                let installer = frame
                    .places
                    .installer_at(frame.site, bucket.quarter.start());
                exchange.quarter(installer, was, bucket);
            }
            let (site, day) = (frame.site, *day);
            days.push(BucketDay { site, day, buckets });
        }
        days
    }

    fn days(
        &self,
        view: View<'_>,
        frame: Frame<'_>,
        base: Option<Base>,
        exchange: &mut Exchange,
    ) -> Result<Vec<SiteDay>, jiff::Error> {
        let mut days = Vec::new();
        for date in &self.dates {
            let day = day(view, frame, base, *date)?;
            let end = day.rollup.span.end.start();
            let now = SiteDay {
                site: frame.site,
                installer: frame.places.installer_at(frame.site, end),
                day,
            };
            let before = view
                .stored
                .days
                .iter()
                .find(|before| before.day.date == *date);
            let is_same = before.is_some_and(|before| {
                before.installer == now.installer
                    && says_the_same(&before.day.rollup, &now.day.rollup)
            });
            if !is_same {
                exchange.day(before, &now);
                days.push(now);
            }
        }
        Ok(days)
    }

    fn months(
        &self,
        frame: Frame<'_>,
        stored: &Stored,
        changed: &[SiteDay],
        exchange: &mut Exchange,
    ) -> Result<Vec<SiteMonth>, jiff::Error> {
        let mut all: BTreeMap<Date, &DayRollup> = BTreeMap::new();
        all.extend(stored.days.iter().map(|day| (day.day.date, &day.day)));
        all.extend(changed.iter().map(|day| (day.day.date, &day.day)));
        let of_days = changed.iter().map(|day| day.day.date.first_of_month());
        let wanted: BTreeSet<Date> = of_days.chain(self.months.iter().copied()).collect();
        let mut months = Vec::new();
        for first in wanted {
            let days = all.range(month_of(first)?).map(|(_, day)| *day);
            let month = MonthRollup::of_days(frame.zone, first, days, frame.now.into())?;
            let end = month.rollup.span.end.start().min(frame.now);
            let now = SiteMonth {
                site: frame.site,
                installer: frame.places.installer_at(frame.site, end),
                month,
            };
            let before = stored
                .months
                .iter()
                .find(|before| before.month.month == first);
            let is_same = before.is_some_and(|before| {
                before.installer == now.installer
                    && says_the_same(&before.month.rollup, &now.month.rollup)
            });
            if !is_same {
                exchange.month(before, &now);
                months.push(now);
            }
        }
        Ok(months)
    }
}

/// The time at which it was known apart, as long as no more of it had passed.
fn says_the_same(before: &Rollup, now: &Rollup) -> bool {
    before.sums == now.sums
        && before.is_final == now.is_final
        && before.span == now.span
        && before.elapsed() == now.elapsed()
}

pub(super) fn is_over(zone: &TimeZone, date: Date, now: UnixMillis) -> bool {
    quarters_of_day(zone, date)
        .is_ok_and(|span| Timestamp::from(now) >= Timestamp::from(span.end.start()))
}

/// The dates of the month that begins on this day.
///
/// # Errors
/// At the edge of what can be represented.
pub(super) fn month_of(first: Date) -> Result<Range<Date>, jiff::Error> {
    Ok(first..first.checked_add(1.month())?)
}
