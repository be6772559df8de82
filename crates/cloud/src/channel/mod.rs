//! The channel to appliances: each holds one WebSocket open, on which commands go down and reports come up.
//!
//! Commands are in the store before anything is sent, so any node may be asked and any node may have the appliance's line.
//! A node hears of what waits with one question a second for all its lines ([`Channels::run`]), keeps that in mind
//! ([`waiting`]), and wakes the lines that it concerns ([`line`]). Whether who asked still may is judged once more when a
//! command is about to be sent ([`judge`]).

mod counts;
mod follow;
mod judge;
mod line;
mod waiting;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use solthrive_cloud_store::people::Commands;
use solthrive_cloud_store::sql::SqlStore;
use solthrive_domain::{DeviceId, SiteId};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::counts::Counts;
use self::judge::Judge;
pub(crate) use self::line::{Line, MESSAGES};
use self::waiting::Waiting;
use crate::clock::Clock;
use crate::devices::Devices;
use crate::metrics::Metrics;

/// For an answer of the store.
const PATIENCE: Duration = Duration::from_secs(5);
/// For lines to say goodbye once the service ends.
const GOODBYE: Duration = Duration::from_secs(5);

/// The lines of this node, and what waits for appliances.
pub struct Channels {
    commands: Arc<dyn Commands>,
    judge: Judge,
    devices: Arc<Devices>,
    clock: Clock,
    counts: Counts,
    waiting: RwLock<Waiting>,
    /// Homes that somebody looks at now.
    watched: RwLock<BTreeSet<SiteId>>,
    lines: Mutex<HashMap<DeviceId, Open>>,
    next: AtomicU64,
    /// Told when a command was asked for on this node.
    asked: Arc<Notify>,
    ending: CancellationToken,
    tasks: TaskTracker,
}

/// What the node knows of a line.
struct Open {
    number: u64,
    site: SiteId,
    wake: Arc<Notify>,
    replaced: CancellationToken,
}

/// A line's place among the others; it is free when this is dropped.
struct Place {
    channels: Arc<Channels>,
    device: DeviceId,
    number: u64,
    /// Something is to be sent.
    wake: Arc<Notify>,
    /// The same appliance has another line.
    replaced: CancellationToken,
}

impl Channels {
    /// Over this store; `asked` is told when a command was asked for on this node, `ending` when the service ends.
    #[must_use]
    pub fn new(
        store: &Arc<SqlStore>,
        devices: Arc<Devices>,
        clock: Clock,
        metrics: &Metrics,
        asked: Arc<Notify>,
        ending: CancellationToken,
    ) -> Self {
        let counts = Counts::default();
        metrics.register(|registry| counts.register(registry));
        Self {
            commands: store.clone(),
            judge: Judge::new(store),
            devices,
            clock,
            counts,
            waiting: RwLock::default(),
            watched: RwLock::default(),
            lines: Mutex::default(),
            next: AtomicU64::new(1),
            asked,
            ending,
            tasks: TaskTracker::new(),
        }
    }

    /// Whether something waits for this appliance, by what this node has heard.
    #[must_use]
    pub fn is_waiting(&self, device: DeviceId) -> bool {
        let waiting = self.waiting.read().unwrap_or_else(PoisonError::into_inner);
        waiting.waits(device, self.clock.now())
    }

    fn has_open(&self, device: DeviceId) -> bool {
        let waiting = self.waiting.read().unwrap_or_else(PoisonError::into_inner);
        waiting.has_open(device)
    }

    fn is_watched(&self, site: SiteId) -> bool {
        let watched = self.watched.read().unwrap_or_else(PoisonError::into_inner);
        watched.contains(&site)
    }

    /// Waits until every line has said goodbye.
    pub async fn end(&self) {
        self.tasks.close();
        let _in_time = tokio::time::timeout(GOODBYE, self.tasks.wait()).await;
    }

    /// Takes a place; a line that the appliance has here already is over.
    fn enter(self: &Arc<Self>, device: DeviceId, site: SiteId) -> Place {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (wake, replaced) = (Arc::new(Notify::new()), CancellationToken::new());
        let open = Open {
            number,
            site,
            wake: Arc::clone(&wake),
            replaced: replaced.clone(),
        };
        let before = self.lines().insert(device, open);
        if let Some(before) = before {
            before.replaced.cancel();
        }
        self.counts.open.inc();
        Place {
            channels: Arc::clone(self),
            device,
            number,
            wake,
            replaced,
        }
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, HashMap<DeviceId, Open>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, devices: impl IntoIterator<Item = DeviceId>) {
        let lines = self.lines();
        for device in devices {
            if let Some(open) = lines.get(&device) {
                open.wake.notify_one();
            }
        }
    }

    fn wake_at(&self, sites: &BTreeSet<SiteId>) {
        let lines = self.lines();
        let there = lines.values().filter(|open| sites.contains(&open.site));
        there.for_each(|open| open.wake.notify_one());
    }
}

impl Place {
    /// The appliance is at this site now.
    fn is_at(&self, site: SiteId) {
        let mut lines = self.channels.lines();
        let mine = lines.get_mut(&self.device);
        if let Some(open) = mine.filter(|open| open.number == self.number) {
            open.site = site;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.channels.lines();
        let is_mine = |open: &Open| open.number == self.number;
        if lines.get(&self.device).is_some_and(is_mine) {
            lines.remove(&self.device);
        }
        drop(lines);
        self.channels.counts.open.dec();
    }
}
