//! The embedded engine: everything in files of one folder, used by one process.

mod folder;
mod hot;
mod trouble;

pub use self::folder::Folder;
pub use self::hot::SqliteHotLog;
