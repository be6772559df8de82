//! The embedded engine: everything in files of one folder, used by one process.
//!
//! The console of an operator reads and writes beside the service, through SQL as any second process
//! may; only what replaces files needs the folder for itself.

mod folder;
mod hot;
mod integrity;
mod snapshot;
mod trouble;

pub use self::folder::Folder;
pub use self::hot::SqliteHotLog;
pub use self::integrity::problems;
pub use self::snapshot::{Copied, Held, Snapshot};
