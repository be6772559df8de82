//! What becomes of the log: follows it entry by entry, keeps status, buckets, days, months and fleets
//! up to date, and seals rows into chunks.
//!
//! One worker at a time does this, whoever holds the lease. What it knows is a function of the log:
//! an entry is folded as a whole and in order, everything since the last checkpoint takes effect
//! together or not at all, and a crash is a return to the checkpoint. Decisions are plain functions
//! (`entry`, `site`, `late`, `rollups`, `fleets`); `turn`, `restate`, `checkpoint` and `seal` gather what
//! these need and carry out what they say.

mod checkpoint;
mod entry;
mod erase;
mod events;
mod exposed;
mod finalise;
mod flags;
mod fleets;
pub mod history;
pub mod jobs;
mod late;
mod lease;
mod load;
mod memory;
mod moved;
pub mod places;
mod progress;
mod read;
mod restate;
mod rollups;
mod run;
mod seal;
mod site;
mod status;

mod told;
mod turn;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Archive, Purge};
use solthrive_cloud_store::hot::{BadBlob, HotLog, Seq};
use solthrive_domain::SiteId;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

pub use self::exposed::expose;
use self::finalise::Finaliser;
use self::memory::Memory;
use self::places::{Assignments, Places};
pub use self::progress::{Counts, Progress};
pub use self::turn::Turn;

/// Tells the time.
pub type Now = Arc<dyn Fn() -> UnixMillis + Send + Sync>;

/// When the worker does what, and how much at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Time between two checkpoints: so much has to be done again after a crash.
    pub checkpoint_every: Duration,
    /// Rows after which a checkpoint does not wait any longer.
    pub checkpoint_rows: usize,
    /// Sites whose buckets are stored in one checkpoint; the others keep them in their state meanwhile.
    pub sites_at_once: usize,
    /// Time between two seals.
    pub seal_every: Duration,
    /// Bytes of waiting rows after which a seal does not wait any longer.
    pub seal_bytes: usize,
    /// Bytes of the log that are read at once.
    pub batch_bytes: usize,
    /// Time between two looks at days that are over and not final.
    pub finalise_every: Duration,
    /// Time between two looks at the log when there was nothing new.
    pub poll: Duration,
    /// For how long the right to follow the log is taken.
    pub lease: Duration,
    /// A site of which nothing was heard for so long leaves the memory.
    pub idle: Duration,
    /// Time between two looks for homes that are to be erased.
    pub erase_every: Duration,
    /// So long after it was closed a home's telemetry is deleted: every node has heard of it, and takes in nothing more.
    pub settled: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            checkpoint_every: Duration::from_secs(10),
            checkpoint_rows: 500_000,
            sites_at_once: 4_000,
            seal_every: Duration::from_secs(3600),
            seal_bytes: 64 << 20,
            batch_bytes: 1 << 20,
            finalise_every: Duration::from_secs(900),
            poll: Duration::from_millis(500),
            lease: Duration::from_secs(15),
            idle: Duration::from_secs(3600),
            erase_every: Duration::from_secs(10),
            settled: Duration::from_secs(30),
        }
    }
}

/// Where the worker reads and writes.
#[derive(Clone)]
pub struct Stores {
    /// What it follows.
    pub log: Arc<dyn HotLog>,
    /// What it keeps up to date.
    pub archive: Arc<dyn Archive>,
    /// Who was where.
    pub assignments: Arc<dyn Assignments>,
    /// What is to go.
    pub purge: Arc<dyn Purge>,
}

/// What keeps a turn from its end.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The store's; the same turn may succeed later.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another worker was faster: everything must be read anew.
    #[error("another worker follows the log")]
    Overtaken,
    /// This program is too old for an entry of the log. It waits there.
    #[error("entry {0} of the log waits for a newer program: {1}")]
    Newer(i64, BadBlob),
    /// Work on another thread ended without a result.
    #[error("a task did not end well: {0}")]
    Task(String),
}

/// Follows the log.
pub struct Worker {
    stores: Stores,
    settings: Settings,
    now: Now,
    progress: Arc<Progress>,
    /// Of this process, for leases.
    holder: Uuid,
    places: Places,
    /// Sites whose days begin elsewhere now.
    moved: BTreeSet<SiteId>,
    memory: Option<Memory>,
    finaliser: Finaliser,
    times: Times,
    /// The log forgot entries up to here.
    forgotten: Seq,
    /// It is to forget entries up to here as soon as they are read.
    let_go: Option<Seq>,
}

/// When things were done last; `None`: not since the process started.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    checkpoint: Option<UnixMillis>,
    seal: Option<UnixMillis>,
    finalise: Option<UnixMillis>,
    erase: Option<UnixMillis>,
}

impl Worker {
    /// A worker that has read nothing yet. `holder` is an id that the process made when it started.
    #[must_use]
    pub fn new(stores: Stores, settings: Settings, now: Now, holder: Uuid) -> Self {
        Self {
            stores,
            settings,
            now,
            progress: Arc::new(Progress::default()),
            holder,
            places: Places::default(),
            moved: BTreeSet::new(),
            memory: None,
            finaliser: Finaliser::default(),
            times: Times::default(),
            forgotten: Seq::START,
            let_go: None,
        }
    }

    /// How it fares.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }
}

/// Whether something that is done every so often is to be done now. A clock that was set back makes it
/// due rather than late.
#[must_use]
pub fn is_due(last: Option<UnixMillis>, every: Duration, now: UnixMillis) -> bool {
    last.is_none_or(|last| {
        let passed = u128::try_from(now.get() - last.get());
        passed.is_err() || passed.is_ok_and(|passed| passed >= every.as_millis())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_every_minute_is_due_at_first_after_a_minute_and_when_the_clock_was_set_back() {
        let ms = |at| UnixMillis::try_from(at).unwrap();
        let is_due =
            |last: Option<i64>, now| is_due(last.map(ms), Duration::from_secs(60), ms(now));
        assert!(is_due(None, 0));
        assert!(!is_due(Some(0), 59_999));
        assert!(is_due(Some(0), 60_000));
        assert!(is_due(Some(1), 0));
    }
}
