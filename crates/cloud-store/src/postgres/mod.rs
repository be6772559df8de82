//! The engine for several nodes: everything in one database of PostgreSQL.

mod hot;
pub(crate) mod patience;

pub use self::hot::PostgresHotLog;
