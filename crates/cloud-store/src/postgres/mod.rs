//! The engine for several nodes: everything in one database of PostgreSQL.

mod hot;

pub use self::hot::PostgresHotLog;
