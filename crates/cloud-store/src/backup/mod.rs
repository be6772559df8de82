//! What backups are made from: everything as it was at one moment, while the service goes on.
//!
//! How a backup looks, where it goes and how it comes back is the program's business.

mod embedded;
mod integrity;
mod postgres;

use crate::archive::Cursors;
use crate::hot::Seq;

pub use self::embedded::{Copied, Snapshot};
pub use self::integrity::problems;
pub use self::postgres::{Exported, Target};

/// How much a snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// How far into the log its followers are.
    pub cursors: Cursors,
    /// The log has let go of everything up to here.
    pub forgotten: Seq,
    /// The log's last entry.
    pub newest: Seq,
    /// Orgs.
    pub orgs: u64,
    /// Sites.
    pub sites: u64,
    /// Devices.
    pub devices: u64,
    /// Sealed chunks.
    pub chunks: u64,
    /// Version of the database's schema.
    pub schema: i64,
}
