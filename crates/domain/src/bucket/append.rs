//! Buckets that grow as samples come in.

use std::collections::BTreeSet;

use super::{Break, Bucket, BucketSink, Buckets, Fold, Quarter};
use crate::ledger::Line;
use crate::telemetry::{Sample, UnixMillis};

/// What a batch of samples did to the buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    /// Buckets that are not what they were: to be stored.
    pub changed: BTreeSet<Quarter>,
    /// Those of them that were over, and have a new revision.
    pub restated: BTreeSet<Quarter>,
    /// Totals that stopped making sense: when, which and how.
    pub breaks: Vec<(UnixMillis, Line, Break)>,
    /// Samples that are not newer than the newest one: work for a [`super::Rebuild`].
    pub late: Vec<Sample>,
}

/// Takes samples of one site, in time order but for those that are late.
///
/// Batches may be cut anywhere: two halves do what the whole does, revisions included, since a
/// revision belongs to the sample that changed a bucket which was over.
pub fn append(fold: &mut Fold, buckets: &mut Buckets, samples: &[Sample]) -> Appended {
    let mut appended = Appended::default();
    let mut watch = Watch {
        buckets,
        open: None,
        recent: None,
        changed: &mut appended.changed,
        before: Vec::new(),
    };
    for sample in samples {
        watch.open = fold.last().map(|last| Quarter::of(last.ts));
        let Ok(breaks) = fold.push(sample, &mut watch) else {
            appended.late.push(*sample);
            continue;
        };
        for (line, why) in super::fold::LINES.into_iter().zip(breaks) {
            appended
                .breaks
                .extend(why.map(|why| (sample.ts, line, why)));
        }
        watch.revise(&mut appended.restated);
    }
    appended
}

/// Notes which buckets are touched, and what those said that were over.
struct Watch<'a> {
    buckets: &'a mut Buckets,
    /// The quarter of the newest sample: the one that is not over.
    open: Option<Quarter>,
    recent: Option<Quarter>,
    changed: &'a mut BTreeSet<Quarter>,
    before: Vec<Bucket>,
}

impl Watch<'_> {
    fn revise(&mut self, restated: &mut BTreeSet<Quarter>) {
        for before in self.before.drain(..) {
            let Some(bucket) = self.buckets.get_mut(&before.quarter) else {
                continue;
            };
            if !bucket.says_the_same(&before) {
                bucket.revision = before.revision.saturating_add(1);
                restated.insert(before.quarter);
            }
        }
    }
}

impl BucketSink for Watch<'_> {
    fn bucket(&mut self, at: Quarter) -> &mut Bucket {
        if self.recent != Some(at) {
            self.recent = Some(at);
            self.changed.insert(at);
        }
        if self.open.is_some_and(|open| at < open)
            && !self.before.iter().any(|before| before.quarter == at)
        {
            self.before.extend(self.buckets.get(&at).copied());
        }
        self.buckets.bucket(at)
    }
}
