//! From samples in time order to buckets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::counted::{Break, Counted, Motion};
use super::home::{follows_from_totals, sign};
use super::pair::Pair;
use super::slices::Ramp;
use super::{Bucket, Quarter, RollupRules};
use crate::ledger::Line;
use crate::telemetry::{MicroWattHours, Sample, UnixMillis};

/// The lines that a sample may have a total of.
pub(super) const LINES: [Line; 5] = [
    Line::Solar,
    Line::Import,
    Line::Export,
    Line::BatteryCharge,
    Line::BatteryDischarge,
];

/// Where buckets are kept. What the fold adds to a bucket does not depend on what is in it.
pub trait BucketSink {
    /// The bucket of this quarter; an empty one where there was none.
    fn bucket(&mut self, at: Quarter) -> &mut Bucket;
}

/// Buckets by their quarter.
pub type Buckets = BTreeMap<Quarter, Bucket>;

impl BucketSink for Buckets {
    fn bucket(&mut self, at: Quarter) -> &mut Bucket {
        self.entry(at).or_insert_with(|| Bucket::empty(at))
    }
}

/// One bucket, for what is known to lie in its quarter.
struct Only<'a>(&'a mut Bucket);

impl BucketSink for Only<'_> {
    fn bucket(&mut self, at: Quarter) -> &mut Bucket {
        debug_assert_eq!(at, self.0.quarter, "the fold reaches no farther back");
        self.0
    }
}

/// A sample is not newer than the one before. It is late: see [`super::Rebuild`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sample at {} ms does not come after the one at {} ms", .ts.get(), .last.get())]
pub struct NotNewer {
    /// Of the sample.
    pub ts: UnixMillis,
    /// Of the newest sample before it.
    pub last: UnixMillis,
}

/// The totals that a sample broke, in the order of solar, import, export, charge, discharge.
pub type Breaks = [Option<Break>; 5];

/// Makes the buckets of one site. Small enough to be stored with the site, to go on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    rules: RollupRules,
    last: Option<Sample>,
    lines: [Option<Counted>; 5],
    /// How the last pair's home was told.
    home_is_counted: Option<bool>,
}

impl Fold {
    /// Before the first sample.
    #[must_use]
    pub const fn new(rules: RollupRules) -> Self {
        Self {
            rules,
            last: None,
            lines: [None; 5],
            home_is_counted: None,
        }
    }

    /// The rules it goes by.
    #[must_use]
    pub const fn rules(&self) -> &RollupRules {
        &self.rules
    }

    /// The newest sample.
    #[must_use]
    pub const fn last(&self) -> Option<&Sample> {
        self.last.as_ref()
    }

    /// Takes the next sample and adds what it tells to the buckets it tells something about.
    ///
    /// # Errors
    /// [`NotNewer`] when it is not later than the last one; nothing has changed then.
    pub fn push(
        &mut self,
        sample: &Sample,
        sink: &mut impl BucketSink,
    ) -> Result<Breaks, NotNewer> {
        let last = self.last;
        if let Some(last) = last.filter(|last| sample.ts <= last.ts) {
            let (ts, last) = (sample.ts, last.ts);
            return Err(NotNewer { ts, last });
        }
        let quarter = Quarter::of(sample.ts);
        let bucket = sink.bucket(quarter);
        bucket.see(sample);
        let reach = self.reach();
        self.last = Some(*sample);
        let Some(last) = last else {
            LINES
                .into_iter()
                .for_each(|line| self.follow(line, sample, true));
            return Ok(Breaks::default());
        };
        let pair = Pair::new(&self.rules, &last, sample);
        if reach.map(Quarter::of) == Some(quarter) {
            // Nearly always: everything goes into the bucket at hand.
            return Ok(self.tell(&pair, &mut Only(bucket)));
        }
        Ok(self.tell(&pair, sink))
    }

    /// No later sample changes a bucket before this instant's; `None` before the first sample.
    #[must_use]
    pub fn reach(&self) -> Option<UnixMillis> {
        let lines = self.lines.iter().flatten().map(Counted::reach);
        let last = self.last?.ts.get();
        Some(UnixMillis::clamped(lines.fold(last, i64::min)))
    }

    /// Whether it stands where it would if it had seen all samples before its first one too.
    pub(super) fn is_sure(&self) -> bool {
        self.lines.iter().flatten().all(Counted::is_sure)
    }

    /// Whether both do the same with every sample from here on.
    pub(super) fn goes_on_like(&self, other: &Self) -> bool {
        self.last == other.last
            && self.home_is_counted == other.home_is_counted
            && self.lines.iter().zip(&other.lines).all(|pair| match pair {
                (Some(mine), Some(theirs)) => mine.goes_on_like(theirs),
                (mine, theirs) => mine.is_none() && theirs.is_none(),
            })
    }

    /// Adds what happened between two samples.
    fn tell(&mut self, pair: &Pair<'_>, sink: &mut impl BucketSink) -> Breaks {
        pair.measure(sink);
        let mut home_is_counted = follows_from_totals(pair);
        if self.home_is_counted.replace(home_is_counted) != Some(home_is_counted) {
            // A step still to come must not bring what the other way has told already.
            let lines = self.lines.iter_mut().flatten();
            lines.for_each(|line| line.start_at(pair.span.from));
        }
        let motions = LINES.map(|line| self.motion(line, pair));
        let breaks = motions.map(|motion| match motion {
            Some(Motion::Broke(why)) => Some(why),
            _ => None,
        });
        let broken = breaks.iter().flatten().count();
        if broken > 0 {
            home_is_counted = false;
            self.home_is_counted = None;
            let bucket = sink.bucket(Quarter::of(pair.to.ts));
            bucket.breaks += u32::try_from(broken).unwrap_or(0);
        }
        for (line, motion) in LINES.into_iter().zip(motions) {
            match motion {
                Some(motion) => grow(line, motion, home_is_counted, sink),
                None => integrate(
                    pair,
                    pair.flow(line),
                    Ramp::positive_energy,
                    sink,
                    |bucket, energy| {
                        bucket.energy.add_line(line, energy);
                    },
                ),
            }
        }
        if !home_is_counted {
            integrate(pair, pair.home(), Ramp::energy, sink, |bucket, energy| {
                bucket.energy.add_home(energy);
            });
        }
        breaks
    }

    /// What the totals of a line tell; `None` where the pair has not both of them.
    fn motion(&mut self, line: Line, pair: &Pair<'_>) -> Option<Motion> {
        let same = pair.from.ledger == pair.to.ledger;
        let total = pair.to.totals.get(line).filter(|_| same);
        let (Some(total), Some(counted)) = (total, &mut self.lines[line as usize]) else {
            self.follow(line, pair.to, false);
            return None;
        };
        let flow = pair.flow(line);
        Some(counted.step(&self.rules, pair.span, total.get(), flow))
    }

    fn follow(&mut self, line: Line, sample: &Sample, first_ever: bool) {
        let total = sample.totals.get(line).map(MicroWattHours::get);
        self.lines[line as usize] = total.map(|total| Counted::from(sample.ts, total, first_ever));
    }
}

/// Adds what a total grew by, and lets the home grow with it.
fn grow(line: Line, motion: Motion, with_home: bool, sink: &mut impl BucketSink) {
    let Motion::Grew {
        here,
        earlier,
        bridged,
    } = motion
    else {
        return;
    };
    let parts = [(Some(here), bridged), (earlier, true)];
    for (part, bridged) in parts {
        let Some((span, energy)) = part else { continue };
        span.split(energy, |quarter, energy| {
            let bucket = sink.bucket(quarter);
            bucket.energy.add_line(line, energy);
            if with_home {
                bucket.energy.add_home(sign(line) * energy);
            }
            if bridged && line == Line::Import {
                let so_far = bucket.bridged_import.get();
                bucket.bridged_import = MicroWattHours::new(so_far + energy);
            }
        });
    }
}

/// Adds the energy of a power where that is known; else nothing is known.
fn integrate(
    pair: &Pair<'_>,
    flow: Option<Ramp>,
    energy_until: fn(Ramp, i64) -> i64,
    sink: &mut impl BucketSink,
    add: impl Fn(&mut Bucket, i64),
) {
    let Some(flow) = flow else { return };
    let mut before = 0;
    for (quarter, part) in pair.span.quarters() {
        let until = energy_until(flow, part.to - pair.span.from);
        add(sink.bucket(quarter), until - before);
        before = until;
    }
}
