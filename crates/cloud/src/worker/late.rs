//! Late samples: reads as many rows as it takes to be certain, and makes buckets of them anew.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{OpenDay, Stored, UtcDay};
use solthrive_cloud_store::chunk::{ChunkError, Codec, Pick};
use solthrive_domain::bucket::{Rebuild, RebuildError, Rows};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{Bucket, DeviceId, Quarter, RollupRules, Sample};

use super::memory::Late;
use crate::rows::{SAMPLE_COLUMNS, samples_of};
use crate::tail::DAY_MS;

/// Measuring that went on without gaps needs so much before the first late sample, in ms.
const USUAL_BACK: i64 = 90 * 60 * 1000;
/// And so much after the last one.
const USUAL_ON: i64 = 30 * 60 * 1000;
/// Looking back farther than this many days, all that there is is read.
const FAR: UtcDay = 1 << 12;
/// No row is older: a calendar's first year.
const FIRST_DAY: UtcDay = -719_528;

/// The UTC days whose rows are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) days: Range<UtcDay>,
    back: UtcDay,
    on: UtcDay,
    /// The day of the newest sample.
    newest: UtcDay,
}

impl Window {
    /// Around late samples, of which there is at least one.
    pub(super) fn around(late: &Late, newest: UnixMillis) -> Option<Self> {
        let (first, last) = (late.samples.first()?.0, late.samples.last()?.0);
        let newest = newest.get().div_euclid(DAY_MS);
        let from = (first.get() - USUAL_BACK).div_euclid(DAY_MS);
        let to = (last.get() + USUAL_ON).div_euclid(DAY_MS);
        Some(Self {
            days: from..to.min(newest).max(last.get().div_euclid(DAY_MS)) + 1,
            back: 1,
            on: 1,
            newest,
        })
    }

    pub(super) const fn is_from_first(&self) -> bool {
        self.days.start <= FIRST_DAY
    }

    pub(super) const fn is_to_last(&self) -> bool {
        self.days.end > self.newest
    }

    /// Reaches farther back; what has to be read for that.
    pub(super) fn earlier(&mut self) -> Range<UtcDay> {
        let end = self.days.start;
        self.days.start = if self.back >= FAR {
            FIRST_DAY.min(end)
        } else {
            end - self.back
        };
        self.back *= 2;
        self.days.start..end
    }

    /// Reaches farther on; what has to be read for that.
    pub(super) fn later(&mut self) -> Range<UtcDay> {
        let start = self.days.end;
        self.days.end = (start + self.on).min(self.newest + 1).max(start);
        self.on *= 2;
        start..self.days.end
    }

    /// Reaches to the newest sample; what has to be read for that.
    pub(super) fn up_to_last(&mut self) -> Range<UtcDay> {
        let start = self.days.end;
        self.days.end = start.max(self.newest + 1);
        start..self.days.end
    }

    /// The span of days in ms.
    pub(super) fn span(days: &Range<UtcDay>) -> Range<i64> {
        days.start.saturating_mul(DAY_MS)..days.end.saturating_mul(DAY_MS)
    }
}

/// What the rows say.
#[derive(Debug)]
pub(super) enum Verdict {
    /// These buckets are to be exchanged.
    Made(Box<Rebuild>),
    /// Rows before the window are needed.
    Earlier,
    /// Rows after the window are needed.
    Later,
    /// All rows up to the newest are needed.
    ToLast,
    /// None of the late samples counts.
    Nothing,
    /// The rows cannot be told apart: a fault of this program.
    Senseless(RebuildError),
}

/// Judges the rows of a window, in any order. Pure.
///
/// A late sample can take the place of one that another device measured at the same millisecond and
/// that was counted before. What that did cannot be told from rows, so then everything from there
/// on is made anew.
pub(super) fn judge(
    rules: RollupRules,
    late: &Late,
    window: &Window,
    mut rows: Vec<(Sample, DeviceId)>,
) -> Verdict {
    rows.sort_unstable_by_key(|(sample, device)| (sample.ts, *device));
    let mut times: BTreeSet<UnixMillis> = BTreeSet::new();
    let mut displaced: Option<UnixMillis> = None;
    for same in rows.chunk_by(|(a, _), (b, _)| a.ts == b.ts) {
        let (sample, device) = same[0];
        if late.samples.binary_search(&(sample.ts, device)).is_err() {
            continue;
        }
        times.insert(sample.ts);
        let was_counted =
            |(other, device): &(Sample, DeviceId)| !late.batch.contains(&(other.ts, *device));
        if same[1..].iter().any(was_counted) {
            displaced = displaced.or(Some(sample.ts));
        }
    }
    rows.dedup_by_key(|(sample, _)| sample.ts);
    let samples: Vec<Sample> = rows.into_iter().map(|(sample, _)| sample).collect();
    if times.is_empty() {
        return Verdict::Nothing;
    }
    if let Some(from) = displaced {
        if !window.is_to_last() {
            return Verdict::ToLast;
        }
        times.extend(
            samples
                .iter()
                .map(|sample| sample.ts)
                .filter(|at| *at >= from),
        );
    }
    let rows = Rows {
        samples: &samples,
        from_first: window.is_from_first(),
        to_last: window.is_to_last(),
    };
    match Rebuild::of(rules, rows, &times.into_iter().collect::<Vec<_>>()) {
        Ok(rebuild) => Verdict::Made(Box::new(rebuild)),
        Err(RebuildError::NeedsEarlier) => Verdict::Earlier,
        Err(RebuildError::NeedsLater) => Verdict::Later,
        Err(RebuildError::NothingLate) => Verdict::Nothing,
        Err(why @ RebuildError::Unsorted(_)) => Verdict::Senseless(why),
    }
}

/// How many of the rows that were counted before are there still.
///
/// Chunks expire and are set aside, buckets stay. A bucket made anew of what is left would take away
/// energy that was measured, so one that lacks a row is left as it is.
#[derive(Debug)]
pub(super) struct There {
    days: Range<UtcDay>,
    samples: HashMap<Quarter, u32>,
}

impl There {
    /// Of the rows of a window.
    pub(super) fn of(late: &Late, window: &Window, rows: &[(Sample, DeviceId)]) -> Self {
        let counted = rows
            .iter()
            .map(|(sample, device)| (sample.ts, *device))
            .filter(|row| late.samples.binary_search(row).is_err());
        let times: BTreeSet<UnixMillis> = counted.map(|(at, _)| at).collect();
        let mut samples = HashMap::new();
        for at in times {
            *samples.entry(Quarter::of(at)).or_default() += 1;
        }
        let days = window.days.clone();
        Self { days, samples }
    }

    /// The first of these buckets that was made of more.
    pub(super) fn lacks<'a>(
        &self,
        mut buckets: impl Iterator<Item = &'a Bucket>,
    ) -> Option<Quarter> {
        let there = |quarter| self.samples.get(&quarter).copied().unwrap_or(0);
        let lacks = |bucket: &&Bucket| {
            self.days.contains(&bucket.quarter.utc_day()) && there(bucket.quarter) < bucket.samples
        };
        buckets.find(lacks).map(|bucket| bucket.quarter)
    }
}

/// A chunk that cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) chunk: (OpenDay, i64),
    pub(super) why: ChunkError,
}

/// The samples of chunks within `span`, in ms.
///
/// # Errors
/// The first chunk that cannot be read.
pub(super) fn decode(
    chunks: &[Stored],
    span: &Range<i64>,
) -> Result<Vec<(Sample, DeviceId)>, Unreadable> {
    let mut samples = Vec::new();
    let Some(first) = chunks.first() else {
        return Ok(samples);
    };
    let unreadable = |stored: &Stored, why| {
        let Stored {
            device, day, part, ..
        } = *stored;
        let chunk = (OpenDay { device, day }, part);
        Unreadable { chunk, why }
    };
    let mut codec = Codec::new().map_err(|why| unreadable(first, why))?;
    for stored in chunks {
        let table = codec.decode(&stored.bytes, Pick::Only(&SAMPLE_COLUMNS));
        let table = table.map_err(|why| unreadable(stored, why))?;
        let of_device = |sample| (sample, stored.device);
        samples.extend(samples_of(&table, span.clone()).into_iter().map(of_device));
    }
    Ok(samples)
}

/// Whether the store's trouble lies in what is stored, not in the store.
pub(super) const fn is_damage(error: &StoreError) -> bool {
    matches!(error, StoreError::Damaged(_))
}

#[cfg(test)]
mod tests {
    use solthrive_domain::SiteId;
    use uuid::Uuid;

    use super::*;

    fn at(day: UtcDay, hour: i64) -> UnixMillis {
        UnixMillis::try_from(day * DAY_MS + hour * 3_600_000).unwrap()
    }

    fn late(first: UnixMillis, last: UnixMillis) -> Late {
        let device = DeviceId::from_uuid(Uuid::from_u128(1));
        Late {
            site: SiteId::from_uuid(Uuid::from_u128(2)),
            samples: vec![(first, device), (last, device)],
            batch: BTreeSet::new(),
            received_at: last,
        }
    }

    #[test]
    fn a_late_sample_at_noon_is_looked_at_with_its_day() {
        let window = Window::around(&late(at(100, 12), at(100, 13)), at(200, 0)).unwrap();
        assert_eq!(window.days, 100..101);
        let around = Window::around(&late(at(100, 1), at(100, 23)), at(100, 23)).unwrap();
        assert_eq!(around.days, 99..101);
        assert!(around.is_to_last() && !window.is_to_last());
    }

    #[test]
    fn a_window_that_grows_reads_every_day_once_and_comes_to_an_end() {
        let mut window = Window::around(&late(at(100, 12), at(100, 13)), at(200, 0)).unwrap();
        let mut read = vec![window.days.clone()];
        while !window.is_to_last() {
            read.push(window.later());
        }
        assert_eq!(read.len(), 8);
        while !window.is_from_first() {
            read.push(window.earlier());
        }
        assert_eq!(read.len(), 8 + 13);
        read.sort_unstable_by_key(|days| days.start);
        assert!(read.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!(window.days, FIRST_DAY..201);
    }

    #[test]
    fn where_a_sample_takes_anothers_place_everything_after_it_is_made_anew() {
        let (small, large) = [1, 9]
            .map(|id| DeviceId::from_uuid(Uuid::from_u128(id)))
            .into();
        let sample = |hour| {
            let ledger = solthrive_domain::LedgerId::from_uuid(Uuid::nil());
            Sample::empty(at(100, hour), ledger)
        };
        let rows = vec![
            (sample(1), large),
            (sample(2), large),
            (sample(2), small),
            (sample(3), large),
        ];
        let mut late = late(at(100, 2), at(100, 2));
        late.samples = vec![(at(100, 2), small)];
        let mut window = Window::around(&late, at(101, 0)).unwrap();
        let verdict = judge(RollupRules::default(), &late, &window, rows.clone());
        assert!(matches!(verdict, Verdict::ToLast));
        assert_eq!(window.up_to_last(), 101..102);
        // Of the same entry none was counted before.
        late.batch = [(at(100, 2), large)].into();
        let verdict = judge(RollupRules::default(), &late, &window, rows);
        assert!(!matches!(verdict, Verdict::ToLast));
        // The larger one changes nothing.
        late.samples = vec![(at(100, 2), large)];
        let rows = vec![(sample(2), large), (sample(2), small)];
        let verdict = judge(RollupRules::default(), &late, &window, rows);
        assert!(matches!(verdict, Verdict::Nothing));
    }
}
