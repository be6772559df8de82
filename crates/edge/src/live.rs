//! The hub between the core thread, which knows the home, and everyone who watches it.
//!
//! The core thread publishes from a plain thread; the readers live on the runtime of the HTTP
//! server. Publishing takes one short lock and never waits for a reader; with nobody listening it
//! wakes nobody. A reader always gets the newest: one that is too slow misses frames, finds out by
//! their numbers, and says so to its client.

mod day;
mod events;
mod frame;
mod ring;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use solthrive_domain::clock::restamped;
use solthrive_domain::{Cadence, Flag, HomeModel, Snapshot};
use tokio::sync::watch;

use solthrive_domain::DaySummary;

pub use day::{DayPoint, DaySpan, STEP};
pub use events::{FlagChange, Gap, GapCause};
pub use frame::Frame;
pub use ring::{Sample, current_of};

use day::DayMeans;
use events::{Changes, Gaps};
use ring::Ring;

/// Snapshots of a run in which a listener counts as one that the restart cut off.
const LATECOMERS: u64 = 60;

/// The hub. Shared by reference; see the module.
pub struct Live {
    home: HomeModel,
    state: Mutex<State>,
    /// Counts publications of any kind; holds nothing else, so that `send` copies nothing.
    version: watch::Sender<u64>,
}

struct State {
    frame: Option<Arc<Frame>>,
    cadence: Cadence,
    flags: Arc<[Flag]>,
    flags_version: u64,
    changes: Changes,
    gaps: Gaps,
    /// The gap before this run.
    restart: Option<Gap>,
    ring: Ring,
    day: DayMeans,
}

impl Live {
    /// An empty hub for a home.
    #[must_use]
    pub fn new(home: HomeModel) -> Self {
        let state = State {
            frame: None,
            cadence: Cadence::every(Duration::from_secs(1)),
            flags: Arc::new([]),
            flags_version: 0,
            changes: Changes::default(),
            gaps: Gaps::default(),
            restart: None,
            ring: Ring::new(),
            day: DayMeans::default(),
        };
        Self {
            home,
            state: Mutex::new(state),
            version: watch::Sender::new(0),
        }
    }

    /// The home that the snapshots describe.
    #[must_use]
    pub fn home(&self) -> &HomeModel {
        &self.home
    }

    /// Makes a snapshot, and the local day so far, the newest.
    pub fn publish(&self, snapshot: Arc<Snapshot>, today: Arc<DaySummary>) {
        {
            let mut state = self.lock();
            state.ring.push(&snapshot, &self.home);
            state
                .day
                .push(snapshot.ts, 1, DayPoint::from(&snapshot.flow));
            let number = state.frame.as_ref().map_or(0, |frame| frame.number + 1);
            state.frame = Some(Arc::new(Frame::new(number, snapshot, today)));
        }
        self.announce();
    }

    /// How often a snapshot is to be expected from now on; wakes nobody.
    pub fn expect_every(&self, cadence: Cadence) {
        self.lock().cadence = cadence;
    }

    /// How often a snapshot is to be expected.
    #[must_use]
    pub fn cadence(&self) -> Cadence {
        self.lock().cadence
    }

    /// Replaces the set of flags. The same set again is no news.
    pub fn set_flags(&self, flags: &[Flag], now: Timestamp) {
        {
            let mut state = self.lock();
            if *state.flags == *flags {
                return;
            }
            let before = Arc::clone(&state.flags);
            state.changes.note(&before, flags, now);
            state.flags = flags.into();
            state.flags_version += 1;
        }
        self.announce();
    }

    /// The clock was not believed and jumped: what was stamped by it moves along. A flag whose time
    /// is set right has neither come nor gone.
    pub fn clock_stepped(&self, from: Timestamp, to: Timestamp) {
        {
            let mut state = self.lock();
            let flags = state.flags.iter().map(|flag| Flag {
                since: restamped(flag.since, from, to),
                ..flag.clone()
            });
            state.flags = flags.collect();
            state.flags_version += 1;
            state.changes.clock_stepped(from, to);
        }
        self.announce();
    }

    /// Tells every listener that snapshots are missing between two instants.
    pub fn note_gap(&self, gap: Gap) {
        {
            let mut state = self.lock();
            if gap.cause == GapCause::Restart {
                state.restart = Some(gap);
            }
            state.gaps.push(gap);
        }
        self.announce();
    }

    /// Draws the last 24 hours anew from stored minutes: the start of each and its means.
    pub fn seed_day(&self, points: impl IntoIterator<Item = (Timestamp, DayPoint)>) {
        let mut state = self.lock();
        state.day = DayMeans::default();
        for (at, point) in points {
            state.day.push(at, 60, point);
        }
    }

    /// The newest snapshot; `None` before the first.
    #[must_use]
    pub fn frame(&self) -> Option<Arc<Frame>> {
        self.lock().frame.clone()
    }

    /// Conditions that hold now.
    #[must_use]
    pub fn flags(&self) -> Arc<[Flag]> {
        Arc::clone(&self.lock().flags)
    }

    /// The newest changes of flags, oldest first.
    #[must_use]
    pub fn changes(&self) -> Vec<FlagChange> {
        self.lock().changes.all()
    }

    /// The last 24 hours until the newest snapshot or `now`, whichever is later known.
    #[must_use]
    pub fn day(&self, now: Timestamp) -> DaySpan {
        self.lock().day.span(now)
    }

    /// At most `limit` samples of the last hour in `[from, to)`, in the order of their arrival, and the
    /// number to read on with; `number` is 0 at first.
    #[must_use]
    pub fn samples(
        &self,
        from: Timestamp,
        to: Timestamp,
        number: u64,
        limit: usize,
    ) -> (Vec<Sample>, u64) {
        self.lock().ring.between(from, to, number, limit)
    }

    /// Starts to listen, from now on. Soon after a start of the service the gap before it is news too:
    /// whoever was cut off comes back now.
    #[must_use]
    pub fn listen(&self) -> Listener {
        let wake = self.version.subscribe();
        let state = self.lock();
        Listener {
            wake,
            frame: state
                .frame
                .as_ref()
                .map(|frame| (frame.number, frame.snapshot.ts)),
            flags_version: state.flags_version,
            gaps: state.gaps.next(),
            restart: state.restart.filter(|_| {
                state
                    .frame
                    .as_ref()
                    .is_none_or(|frame| frame.number < LATECOMERS)
            }),
        }
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.version.receiver_count()
    }

    fn announce(&self) {
        self.version
            .send_modify(|version| *version = version.wrapping_add(1));
    }

    /// A reader that panicked left nothing half done: every write is one assignment or a push.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("listeners", &self.listeners())
            .finish_non_exhaustive()
    }
}

/// One listener's place in the stream.
#[derive(Debug)]
pub struct Listener {
    wake: watch::Receiver<u64>,
    frame: Option<(u64, Timestamp)>,
    flags_version: u64,
    gaps: u64,
    restart: Option<Gap>,
}

/// What a listener has not seen yet.
#[derive(Debug, Default)]
pub struct News {
    /// Gaps, oldest first: those of the meters and those of this listener's own slowness.
    pub gaps: Vec<Gap>,
    /// The set of flags, if it changed.
    pub flags: Option<Arc<[Flag]>>,
    /// The newest snapshot, if it is another.
    pub frame: Option<Arc<Frame>>,
}

impl Listener {
    /// Waits until something was published since the last call of [`Listener::news`]; `false` when the hub is gone.
    ///
    /// Dropping the future loses nothing.
    pub async fn changed(&mut self) -> bool {
        self.wake.changed().await.is_ok()
    }

    /// Takes what is new.
    pub fn news(&mut self, live: &Live) -> News {
        self.wake.mark_unchanged();
        let state = live.lock();
        let mut news = News {
            gaps: self.restart.take().into_iter().collect(),
            ..News::default()
        };
        news.gaps.extend(state.gaps.since(self.gaps));
        self.gaps = state.gaps.next();
        if state.flags_version != self.flags_version {
            self.flags_version = state.flags_version;
            news.flags = Some(Arc::clone(&state.flags));
        }
        if let Some(frame) = &state.frame
            && self.frame.is_none_or(|(number, _)| number != frame.number)
        {
            let missed = self.frame.filter(|(number, _)| frame.number - number > 1);
            if let Some((_, from)) = missed {
                news.gaps.push(Gap {
                    from,
                    to: frame.snapshot.ts,
                    cause: GapCause::SlowClient,
                });
            }
            self.frame = Some((frame.number, frame.snapshot.ts));
            news.frame = Some(Arc::clone(frame));
        }
        news
    }
}
