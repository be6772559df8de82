//! What can go wrong with a store, named after what its caller can do about it.

use std::path::PathBuf;

/// A store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or cannot write now. The same call may succeed later.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// The disk is full. The same call succeeds once there is room.
    #[error("the disk is full: {0}")]
    Full(String),
    /// Another process uses the folder.
    #[error("{} is in use by {}", folder.display(), owner(*pid))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Who uses it, if that can be told.
        pid: Option<u32>,
    },
    /// What is stored is not what was written.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// A newer program made this.
    #[error("the store has schema {found}, this program knows {known}: run the newer one")]
    Newer {
        /// Version of what is stored.
        found: i64,
        /// Version that this program knows.
        known: i64,
    },
    /// An older program made this, and it is not to be changed here.
    #[error("the store has schema {found}, this program needs {known}")]
    Older {
        /// Version of what is stored.
        found: i64,
        /// Version that this program needs.
        known: i64,
    },
    /// What gave the right to this write was over before it came: the site was sold, the manager removed.
    #[error("the right to do this is over")]
    RightOver,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}

impl StoreError {
    /// Whether trying again later can help.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }
}
