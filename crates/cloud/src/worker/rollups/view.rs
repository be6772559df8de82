//! A site's buckets, wherever they are.

use std::ops::Range;

use jiff::civil::Date;
use solthrive_domain::rollup::{Sums, quarters_of_day};
use solthrive_domain::{Bucket, DayRollup, Quarter};

use super::super::site::{Base, Site};
use super::{Frame, Stored};

/// What is stored, under what is in mind.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) site: &'a Site,
    pub(super) stored: &'a Stored,
}

impl<'a> View<'a> {
    /// Not by time.
    pub(super) fn buckets(self, span: Range<Quarter>) -> impl Iterator<Item = &'a Bucket> {
        let Self { site, stored } = self;
        let within = span.clone();
        let stored = stored.bucket_days.iter().flat_map(|day| &day.buckets);
        let stored = stored.filter(move |bucket| {
            within.contains(&bucket.quarter) && !site.is_known(bucket.quarter)
        });
        stored.chain(site.buckets(span))
    }
}

/// A local day. What `base` knows of it need not have been read.
///
/// # Errors
/// When the date lies at the edge of what can be represented.
pub(super) fn day(
    view: View<'_>,
    frame: Frame<'_>,
    base: Option<Base>,
    date: Date,
) -> Result<DayRollup, jiff::Error> {
    let span = quarters_of_day(frame.zone, date)?;
    let base = base.filter(|base| base.date == date);
    let (from, sums) = base.map_or((span.start, Sums::default()), |base| {
        (base.until, base.sums)
    });
    let more: Sums = view.buckets(from..span.end).map(Sums::of).sum();
    DayRollup::of_sums(frame.zone, date, sums.plus(more), frame.now.into())
}
