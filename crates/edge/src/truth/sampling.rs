//! Which snapshots the cloud is told: one each interval, on the wall clock's grid.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use solthrive_domain::telemetry::{ChannelSample, UnixMillis};
use solthrive_domain::{HomeModel, LedgerId, Mono, Sample, Snapshot};

/// Samples that wait until the time is known: a day, one a minute.
const MOST_HELD: usize = 24 * 60;
/// Between two samples whose time is not known.
const HELD_EVERY: Duration = Duration::from_mins(1);
/// While somebody watches, every snapshot is told.
const WATCHED_EVERY: Duration = Duration::from_secs(1);

/// How often the cloud is told, set by whoever talks to it.
#[derive(Debug)]
pub struct Rate {
    every_ms: AtomicU64,
    /// Somebody watches until then, in ms of the process's clock.
    watched_until_ms: AtomicU64,
}

impl Rate {
    /// One sample each so often.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        Self {
            every_ms: AtomicU64::new(millis(interval)),
            watched_until_ms: AtomicU64::new(0),
        }
    }

    /// One sample each so often from now on.
    pub fn set(&self, interval: Duration) {
        self.every_ms.store(millis(interval), Ordering::Relaxed);
    }

    /// Somebody watches until then: each snapshot counts.
    pub fn watched_until(&self, until: Mono) {
        self.watched_until_ms
            .store(millis(until.since_origin()), Ordering::Relaxed);
    }

    /// Whether somebody watches.
    #[must_use]
    pub fn is_watched(&self, now: Mono) -> bool {
        millis(now.since_origin()) < self.watched_until_ms.load(Ordering::Relaxed)
    }

    fn at(&self, now: Mono) -> Duration {
        if self.is_watched(now) {
            return WATCHED_EVERY;
        }
        Duration::from_millis(self.every_ms.load(Ordering::Relaxed).max(1))
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A snapshot as the cloud is told it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Told {
    /// The home.
    pub sample: Sample,
    /// Parts of it that are in no sum.
    pub channels: Vec<ChannelSample>,
}

impl Told {
    fn moved(mut self, error: SignedDuration) -> Self {
        let ms = i64::try_from(error.as_millis()).unwrap_or(0);
        self.sample.ts =
            UnixMillis::try_from(self.sample.ts.get().saturating_add(ms)).unwrap_or(self.sample.ts);
        self
    }
}

/// Picks snapshots, and keeps them until their time is known.
#[derive(Debug, Default)]
pub(super) struct Sampling {
    rate: Option<std::sync::Arc<Rate>>,
    /// The interval and its number that the newest sample lies in.
    newest: Option<(Duration, i64)>,
    held: VecDeque<Told>,
    lost: u64,
}

impl Sampling {
    /// `None`: there is no cloud to tell.
    pub(super) fn new(rate: Option<std::sync::Arc<Rate>>) -> Self {
        Self {
            rate,
            ..Self::default()
        }
    }

    /// The sample of a snapshot, where one is due and its time is believed.
    pub(super) fn take(
        &mut self,
        snapshot: &Snapshot,
        home: &HomeModel,
        ledger: LedgerId,
        believed: bool,
    ) -> Option<Told> {
        let rate = self.rate.as_ref()?;
        let every = match believed {
            true => rate.at(snapshot.at),
            false => rate.at(snapshot.at).max(HELD_EVERY),
        };
        let slot = snapshot
            .ts
            .as_millisecond()
            .div_euclid(i64::try_from(every.as_millis()).ok()?);
        if self.newest == Some((every, slot)) {
            return None;
        }
        self.newest = Some((every, slot));
        let told = Told {
            sample: Sample::of(snapshot, home, ledger)?,
            channels: ChannelSample::all(snapshot, home),
        };
        if believed {
            return Some(told);
        }
        if self.held.len() == MOST_HELD {
            self.held.pop_front();
            self.lost += 1;
        }
        self.held.push_back(told);
        None
    }

    /// The clock was not believed and jumped: what was stamped with it moves along.
    pub(super) fn clock_stepped(&mut self, from: Timestamp, to: Timestamp) {
        let error = to.duration_since(from);
        self.held = self.held.drain(..).map(|told| told.moved(error)).collect();
    }

    /// The clock is believed: everything that waited.
    pub(super) fn release(&mut self) -> Vec<Told> {
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            tracing::warn!(lost, "the oldest samples could not wait for their time");
        }
        self.held.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use solthrive_domain::home::Service;
    use solthrive_domain::{Energies, MeterId, PowerFlow, Quality};
    use uuid::Uuid;

    use super::*;

    fn snapshot(ms: i64) -> Snapshot {
        Snapshot {
            seq: 0,
            ts: Timestamp::from_millisecond(ms).unwrap(),
            at: Mono::from_origin(Duration::from_millis(ms.unsigned_abs())),
            flow: PowerFlow::default(),
            voltages: std::collections::BTreeMap::default(),
            channels: std::collections::BTreeMap::default(),
            frequency: None,
            pf: None,
            totals: Energies::default(),
            quality: Quality::default(),
        }
    }

    fn home() -> HomeModel {
        HomeModel {
            service: Service::SplitPhase,
            channels: Vec::new(),
            reference_meter: MeterId::new("main".to_owned()),
            solar_nameplate: None,
        }
    }

    fn taken(sampling: &mut Sampling, seconds: std::ops::Range<i64>, believed: bool) -> Vec<i64> {
        let ledger = LedgerId::from_uuid(Uuid::nil());
        seconds
            .filter_map(|second| {
                // Polls are a little off the second.
                let told =
                    sampling.take(&snapshot(second * 1000 + 310), &home(), ledger, believed)?;
                Some(told.sample.ts.get())
            })
            .collect()
    }

    #[test]
    fn one_snapshot_each_interval_and_every_one_while_somebody_watches() {
        let rate = Arc::new(Rate::every(Duration::from_secs(15)));
        let mut sampling = Sampling::new(Some(Arc::clone(&rate)));
        assert_eq!(
            taken(&mut sampling, 0..46, true),
            [310, 15_310, 30_310, 45_310]
        );
        rate.watched_until(Mono::from_origin(Duration::from_secs(49)));
        assert_eq!(
            taken(&mut sampling, 46..52, true),
            [46_310, 47_310, 48_310, 49_310]
        );
        assert_eq!(taken(&mut sampling, 52..62, true), [60_310]);
    }

    #[test]
    fn without_a_cloud_nothing_is_taken() {
        assert!(taken(&mut Sampling::new(None), 0..100, true).is_empty());
    }

    #[test]
    fn what_was_taken_before_the_time_was_known_gets_its_time_and_is_bounded() {
        let mut sampling = Sampling::new(Some(Arc::new(Rate::every(Duration::from_secs(15)))));
        assert!(taken(&mut sampling, 0..180, false).is_empty());
        sampling.clock_stepped(
            Timestamp::UNIX_EPOCH,
            Timestamp::from_second(1_000_000).unwrap(),
        );
        let times: Vec<i64> = sampling
            .release()
            .iter()
            .map(|told| told.sample.ts.get())
            .collect();
        assert_eq!(times, [1_000_000_310, 1_000_060_310, 1_000_120_310]);
        let day = i64::try_from(MOST_HELD).unwrap() * 60;
        taken(&mut sampling, 1000..1000 + day + 3600, false);
        assert_eq!(sampling.release().len(), MOST_HELD);
    }
}
