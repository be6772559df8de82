//! What late samples change.
//!
//! A late sample changes the time between its neighbours, and sometimes a little around it: which
//! stretch counts as a gap, and where a catch-up goes. So both histories are walked side by side,
//! with the late samples and without, until they go on alike. Only the quarters between are made
//! anew; and only as many rows are needed as it takes to be certain.

use std::ops::Range;

use super::{Bucket, BucketSink, Buckets, Fold, NotNewer, Quarter, RollupRules};
use crate::telemetry::{Sample, UnixMillis};

/// Rows of one site, none missing between the first and the last.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// The rows by time, those that were late among them.
    pub samples: &'a [Sample],
    /// There is no earlier row.
    pub from_first: bool,
    /// There is no later row.
    pub to_last: bool,
}

/// Why the rows do not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// Ask the store for rows before the first one: twice the time, and one row more.
    #[error("earlier rows are needed to be certain")]
    NeedsEarlier,
    /// Ask the store for rows after the last one: twice the time, and one row more.
    #[error("later rows are needed to be certain")]
    NeedsLater,
    /// The rows are not sorted.
    #[error("the rows are not in order: {0}")]
    Unsorted(#[from] NotNewer),
    /// None of the rows is late.
    #[error("none of the late samples is among the rows")]
    NothingLate,
}

/// Buckets made anew, of every quarter that late samples can have changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Rebuild {
    /// Those quarters.
    pub quarters: Range<Quarter>,
    /// The newest quarter that had a sample in it before; later ones are not over yet.
    pub(super) open: Option<Quarter>,
    pub(super) buckets: Buckets,
    /// What to go on from, where the late samples reach the end of what is known.
    pub tail: Option<Fold>,
}

impl Rebuild {
    /// Walks the rows. `late` are the times of the samples that the stored buckets do not know yet.
    ///
    /// Where measuring went on without gaps, an hour and a half of rows before the late ones is enough,
    /// and after them the rest of a quarter.
    ///
    /// # Errors
    /// [`RebuildError::NeedsEarlier`] and [`RebuildError::NeedsLater`] ask for more rows.
    pub fn of(
        rules: RollupRules,
        rows: Rows<'_>,
        late: &[UnixMillis],
    ) -> Result<Self, RebuildError> {
        let mut late = late.to_vec();
        late.sort_unstable();
        let is_late = |sample: &Sample| late.binary_search(&sample.ts).is_ok();
        let first = rows.samples.iter().position(is_late);
        let last = rows.samples.iter().rposition(is_late);
        let (first, last) = first.zip(last).ok_or(RebuildError::NothingLate)?;

        let mut walk = Walk::new(rules);
        for sample in &rows.samples[..first] {
            walk.both(sample)?;
        }
        let start = walk.certain_start(rows.from_first, rows.samples[first].ts)?;
        for sample in &rows.samples[first..=last] {
            walk.new.push(sample, &mut walk.buckets)?;
            if !is_late(sample) {
                walk.old.push(sample, &mut Nowhere::default())?;
            }
        }
        let (end, settled) = walk.meet(&rows, last + 1)?;
        Ok(Self {
            quarters: start..end,
            open: walk.old.last().map(|sample| Quarter::of(sample.ts)),
            tail: (!settled).then_some(walk.new),
            buckets: walk.buckets,
        })
    }

    /// The buckets made anew, by time; a quarter of which nothing is known has none.
    pub fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets
            .range(self.quarters.clone())
            .map(|(_, bucket)| bucket)
    }
}

/// Two histories: one with the late samples and one without.
struct Walk {
    new: Fold,
    old: Fold,
    buckets: Buckets,
    sure_since: Option<UnixMillis>,
}

impl Walk {
    fn new(rules: RollupRules) -> Self {
        Self {
            new: Fold::new(rules),
            old: Fold::new(rules),
            buckets: Buckets::new(),
            sure_since: None,
        }
    }

    /// Takes a row that lies before all late ones.
    fn both(&mut self, sample: &Sample) -> Result<(), NotNewer> {
        self.new.push(sample, &mut self.buckets)?;
        self.old = self.new;
        if self.sure_since.is_none() && self.new.is_sure() {
            self.sure_since = Some(sample.ts);
        }
        Ok(())
    }

    /// The first quarter that may change, if everything in it is known.
    fn certain_start(&self, from_first: bool, late: UnixMillis) -> Result<Quarter, RebuildError> {
        let start = Quarter::of(self.new.reach().unwrap_or(late));
        let certain = self
            .sure_since
            .is_some_and(|since| Quarter::of(since) < start);
        if from_first || certain {
            Ok(start)
        } else {
            Err(RebuildError::NeedsEarlier)
        }
    }

    /// Goes on until both histories are the same again, and the last quarter that differs is whole.
    /// Returns its end, and whether the rows told it; else there is nothing more to know.
    fn meet(&mut self, rows: &Rows<'_>, from: usize) -> Result<(Quarter, bool), RebuildError> {
        let mut met: Option<Quarter> = None;
        for sample in &rows.samples[from..] {
            self.new.push(sample, &mut self.buckets)?;
            self.old.push(sample, &mut Nowhere::default())?;
            if met.is_none() && self.new.goes_on_like(&self.old) {
                met = Some(Quarter::of(sample.ts).next());
            }
            let reach = self.new.reach();
            if let Some(end) = met.filter(|end| reach >= Some(end.start())) {
                return Ok((end, true));
            }
        }
        if !rows.to_last {
            return Err(RebuildError::NeedsLater);
        }
        let newest = self.new.last().map(|sample| Quarter::of(sample.ts).next());
        let end = met.or(newest).ok_or(RebuildError::NothingLate)?;
        Ok((end, met.is_some()))
    }
}

/// Forgets what it is told: of the old history only the course is wanted.
#[derive(Default)]
struct Nowhere(Option<Bucket>);

impl BucketSink for Nowhere {
    fn bucket(&mut self, at: Quarter) -> &mut Bucket {
        self.0.insert(Bucket::empty(at))
    }
}
