//! The embedded engine: everything in files of one folder, used by one process.
//!
//! The console of an operator reads and writes beside the service, as SQLite lets any second process
//! do; only what replaces the files needs the folder for itself.

mod folder;
mod hot;
mod reader;
mod trouble;

pub use self::folder::Folder;
pub use self::hot::SqliteHotLog;
pub(crate) use self::reader::Reader;
