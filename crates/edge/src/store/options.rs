//! What a store is opened with, and what it found.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use solthrive_domain::delivery::Span;
use solthrive_domain::ids::RunId;
use solthrive_domain::ledger::LedgerState;

use super::delivery::Progress;

/// Asks how many bytes are free where a folder lies; `None` when nobody can tell.
pub type FreeSpace = Arc<dyn Fn(&Path) -> Option<u64> + Send + Sync>;

/// What a store is opened with.
#[derive(Clone)]
pub struct Options {
    /// The data folder, created where it is missing.
    pub folder: PathBuf,
    /// Days and months are this zone's.
    pub zone: TimeZone,
    /// This start of the daemon.
    pub run: RunId,
    /// Version of the software.
    pub version: String,
    /// Identity of this start of the machine, where the system has one.
    pub boot: Option<String>,
    /// What the wall clock shows, right or wrong.
    pub now: Timestamp,
    /// Days that minute rows are kept.
    pub minute_days: u32,
    /// Days that everything else is kept.
    pub keep_days: u32,
    /// Free space below which old minutes go, in bytes.
    pub low_space: u64,
    /// The file grows no larger than this, in bytes: old minutes go instead.
    pub max_size: Option<u64>,
    /// The disk.
    pub free_space: FreeSpace,
}

impl Options {
    /// The defaults: minutes for 30 days, everything else for 365, 200 MB in reserve.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, zone: TimeZone, run: RunId, now: Timestamp) -> Self {
        Self {
            folder: folder.into(),
            zone,
            run,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            boot: None,
            now,
            minute_days: 30,
            keep_days: 365,
            low_space: 200 * 1024 * 1024,
            max_size: None,
            free_space: Arc::new(free_space),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Bytes that a service may still write where this folder lies.
fn free_space(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}

/// What was found at the start.
#[derive(Debug, Clone, Default)]
pub struct Opened {
    /// End of the newest stored minute: it cannot be earlier now.
    pub newest: Option<Timestamp>,
    /// The totals, where there are any.
    pub ledger: Option<SavedLedger>,
    /// Starts of the machine that this history has seen, with this one.
    pub boot_count: u64,
    /// Starts of the service since the machine started, with this one.
    pub starts_since_boot: u64,
    /// Whether the start before this one ended properly; `None` for the first.
    pub clean_stop: Option<bool>,
    /// Numbers of the stored samples for the cloud.
    pub samples: Option<Span>,
    /// How much of everything the cloud has.
    pub progress: Progress,
    /// Name of a damaged history that was set aside just now.
    pub set_aside: Option<String>,
}

/// Totals as they were kept.
#[derive(Debug, Clone)]
pub struct SavedLedger {
    /// The totals.
    pub state: LedgerState,
    /// When they were so, where the clock was believed.
    pub at: Option<Timestamp>,
    /// Where they come from.
    pub source: LedgerSource,
}

/// Where totals were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerSource {
    /// In the history: of its newest batch.
    History,
    /// In the copy beside it: up to a quarter of an hour old.
    Copy,
}
