//! A site as the worker has it in mind: its fold, and those of its buckets that may still change.
//!
//! Pure. Buckets that are not in mind are stored, and are brought in by UTC days before they are
//! needed. What differs from what is stored is *unsaved* until a checkpoint took effect.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use solthrive_cloud_store::archive::{BucketDay, SiteState, UtcDay};
use solthrive_domain::bucket::{Appended, Rebuild, Restated, append};
use solthrive_domain::rollup::{DayRollup, Sums};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{Bucket, Buckets, Fold, Quarter, RollupRules, Sample};

/// A site's part of a batch, or of what is stored.
#[derive(Debug, Clone)]
pub(super) struct Site {
    fold: Fold,
    buckets: Buckets,
    /// Every bucket from here on is in mind; `None`: all there are.
    known_from: Option<Quarter>,
    /// Further days of which every bucket is in mind.
    known_days: BTreeSet<UtcDay>,
    unsaved: BTreeSet<Quarter>,
    pub(super) base: Option<Base>,
    /// The state differs from the stored one.
    pub(super) is_touched: bool,
    /// Nothing of it was ever stored.
    pub(super) is_new: bool,
    /// Local days to be looked at again although nothing changed.
    pub(super) due: BTreeSet<Date>,
    /// Months to be looked at again, by their first day.
    pub(super) due_months: BTreeSet<Date>,
    /// When it was needed last.
    pub(super) used_at: UnixMillis,
}

/// The part of a local day that no sample in order changes any more, so that the day need not be
/// read again every few seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) date: Date,
    /// The sums are of the day's quarters before this one.
    pub(super) until: Quarter,
    pub(super) sums: Sums,
}

impl Site {
    pub(super) fn new(now: UnixMillis) -> Self {
        Self::of(
            SiteState::from(Fold::new(RollupRules::default())),
            true,
            now,
        )
    }

    /// As it was stored. Bring in [`Site::needed_at_first`] before it is used.
    pub(super) fn stored(state: SiteState, now: UnixMillis) -> Self {
        Self::of(state, false, now)
    }

    fn of(state: SiteState, is_new: bool, now: UnixMillis) -> Self {
        let unsaved = state.open.iter().map(|bucket| bucket.quarter).collect();
        let buckets: Buckets = state
            .open
            .into_iter()
            .map(|bucket| (bucket.quarter, bucket))
            .collect();
        // The newest bucket is not over, so it is among the unsaved ones.
        let newest = state.fold.last().map(|last| Quarter::of(last.ts));
        Self {
            fold: state.fold,
            buckets,
            known_from: newest,
            known_days: BTreeSet::new(),
            unsaved,
            base: None,
            is_touched: false,
            is_new,
            due: BTreeSet::new(),
            due_months: BTreeSet::new(),
            used_at: now,
        }
    }

    /// The quarters that the next sample may change.
    pub(super) fn needed_at_first(&self) -> Option<Range<Quarter>> {
        Some(self.reach()?..self.known_from?)
    }

    pub(super) const fn fold(&self) -> &Fold {
        &self.fold
    }

    /// The newest quarter with a sample: the one that is not over.
    pub(super) fn open(&self) -> Option<Quarter> {
        self.fold.last().map(|last| Quarter::of(last.ts))
    }

    /// No sample in order changes a quarter before this one.
    pub(super) fn reach(&self) -> Option<Quarter> {
        self.fold.reach().map(Quarter::of)
    }

    pub(super) fn is_known(&self, quarter: Quarter) -> bool {
        self.known_from.is_none_or(|from| quarter >= from)
            || self.unsaved.contains(&quarter)
            || self.known_days.contains(&quarter.utc_day())
    }

    /// The UTC days that must be brought in before every bucket of `quarters` is in mind.
    pub(super) fn missing(&self, quarters: &Range<Quarter>) -> Vec<UtcDay> {
        let Some(from) = self.known_from else {
            return Vec::new();
        };
        let end = quarters.end.min(from);
        if quarters.start >= end {
            return Vec::new();
        }
        let last = (end.index() - 1).div_euclid(Quarter::PER_DAY);
        (quarters.start.utc_day()..=last)
            .filter(|day| !self.known_days.contains(day))
            .collect()
    }

    /// Takes buckets that were made before its first sample, by other rules: they are to be stored with its own.
    pub(super) fn with_past(mut self, past: Buckets) -> Self {
        self.unsaved.extend(past.keys());
        self.buckets.extend(past);
        self
    }

    /// Brings in what is stored of a day, nothing where nothing is. What is in mind is newer.
    pub(super) fn bring(&mut self, day: UtcDay, stored: &[Bucket]) {
        for bucket in stored {
            if !self.is_known(bucket.quarter) {
                self.buckets.insert(bucket.quarter, *bucket);
            }
        }
        self.known_days.insert(day);
    }

    /// Takes samples in time order; those that are late are left to a [`Rebuild`].
    pub(super) fn append(&mut self, samples: &[Sample]) -> Appended {
        let appended = append(&mut self.fold, &mut self.buckets, samples);
        debug_assert!(
            appended
                .changed
                .iter()
                .all(|quarter| self.is_known(*quarter))
        );
        for quarter in &appended.changed {
            self.touch(*quarter);
        }
        self.is_touched |= appended.late.len() < samples.len();
        appended
    }

    /// Puts buckets that were made anew in place of what they were. All buckets of its quarters are in
    /// mind, which is as far back as any later sample can reach from there.
    pub(super) fn restate(&mut self, rebuild: &Rebuild, zone: &TimeZone) -> Restated {
        let mut restated = rebuild.against(&self.buckets, zone);
        let open = self.open();
        for bucket in &mut restated.buckets {
            // Where a sample took another's place the rebuild does not know which buckets were over.
            let before = self
                .buckets
                .get(&bucket.quarter)
                .map_or(0, |before| before.revision);
            if open.is_some_and(|open| bucket.quarter < open) {
                bucket.revision = bucket.revision.max(before.saturating_add(1));
            }
            self.buckets.insert(bucket.quarter, *bucket);
            self.touch(bucket.quarter);
        }
        self.fold = restated.tail.unwrap_or(self.fold);
        debug_assert!(self.reach().is_none_or(|reach| self.is_known(reach)));
        self.is_touched = true;
        restated
    }

    fn touch(&mut self, quarter: Quarter) {
        self.unsaved.insert(quarter);
        self.base = self.base.filter(|base| quarter >= base.until);
    }

    /// Days begin elsewhere than they did: these are to be made anew.
    pub(super) fn begin_days_anew(&mut self, dates: impl Iterator<Item = Date>) {
        self.due.extend(dates);
        self.base = None;
        self.is_touched = self.fold.last().is_some();
    }

    /// Unsaved quarters that are over, by time.
    pub(super) fn unsaved_and_over(&self) -> impl Iterator<Item = Quarter> {
        let open = self.open();
        let unsaved = self.unsaved.iter().copied();
        unsaved.filter(move |quarter| open.is_some_and(|open| *quarter < open))
    }

    /// The buckets of `span` that are in mind, by time.
    pub(super) fn buckets(&self, span: Range<Quarter>) -> impl Iterator<Item = &Bucket> {
        let is_empty = span.start >= span.end;
        let span = if is_empty {
            span.start..span.start
        } else {
            span
        };
        self.buckets.range(span).map(|(_, bucket)| bucket)
    }

    /// What is to be stored, where the quarters in `saved` are stored with their days.
    pub(super) fn state(&self, saved: &BTreeSet<Quarter>, today: Option<DayRollup>) -> SiteState {
        let open = self.unsaved.difference(saved);
        SiteState {
            fold: self.fold,
            open: open
                .filter_map(|quarter| self.buckets.get(quarter))
                .copied()
                .collect(),
            today,
        }
    }

    /// A checkpoint took effect: `saved` are stored, and what will not change any more leaves the mind.
    pub(super) fn settle(&mut self, saved: &BTreeSet<Quarter>, base: Option<Base>) {
        self.unsaved = self.unsaved.difference(saved).copied().collect();
        self.base = base;
        self.is_touched = false;
        self.is_new = false;
        self.due.clear();
        self.due_months.clear();
        self.known_from = self.reach();
        self.known_days.clear();
        let (from, unsaved) = (self.known_from, &self.unsaved);
        self.buckets.retain(|quarter, _| {
            from.is_none_or(|from| *quarter >= from) || unsaved.contains(quarter)
        });
    }

    /// Whether a checkpoint has to look at it.
    pub(super) fn wants_checkpoint(&self) -> bool {
        self.is_touched
            || !self.due.is_empty()
            || !self.due_months.is_empty()
            || self.unsaved_and_over().next().is_some()
    }
}

/// Stored buckets of a day, which may be nothing.
pub(super) fn buckets_of(stored: &[BucketDay], day: UtcDay) -> &[Bucket] {
    stored
        .iter()
        .find(|stored| stored.day == day)
        .map_or(&[], |stored| &stored.buckets)
}
