//! Where the cloud keeps what devices tell it.
//!
//! * [`hot`]: the durable log that every delivery goes into before it is acknowledged. It is also
//!   the queue: what comes after reads it in order.
//! * [`chunk`]: one device's day as a few bytes per snapshot and back, bit for bit.
//! * [`archive`]: what became of it: sealed chunks, status, buckets, days, fleets, events.
//! * [`backup`]: all of it as it was at one moment.
//! * [`meta`]: who there is; [`sql`] keeps it in SQLite or PostgreSQL.
//! * [`people`]: who signs in, and which homes are whose.
//! * [`sqlite`] and [`postgres`]: the log's engines, for one node and for several.
//!
//! Ports are traits; an engine is chosen when the program starts. What an engine must keep is
//! written down as tests in [`conformance`] that every engine runs.

pub mod archive;
pub mod backup;
pub mod chunk;
pub mod conformance;
mod error;
pub mod hot;
pub mod meta;
pub mod people;
pub mod postgres;
pub mod sql;
pub mod sqlite;

pub use error::StoreError;
