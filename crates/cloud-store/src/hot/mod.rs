//! The hot log: everything that devices deliver, durable before it is acknowledged.
//!
//! Many requests share one commit: what they brought becomes one blob ([`encode`]), one entry, one
//! `fsync`. Entries have ascending numbers and are never changed. The log is read in order by what
//! follows (rollups, sealing), and forgotten up to the entry that all of them are done with.
//!
//! Several nodes may append to one log. Each must have seen everything before its own entry, because
//! whether a snapshot is new depends on it: [`HotLog::append`] says so when another was faster.

mod blob;
mod days;
mod delivery;
mod index;
mod print;
mod row;

use async_trait::async_trait;
use solthrive_domain::telemetry::UnixMillis;

pub use self::blob::{BadBlob, decode, encode};
pub use self::delivery::{Delivery, Note, NoteKind, Rows};
pub use self::index::{Counts, Index, Known, NotStaged, Staged};
pub use self::print::Sealed;
pub use self::row::Row;
use crate::StoreError;

/// The place of an entry in the log, from 1; 0 is before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(i64);

impl Seq {
    /// Before the first entry.
    pub const START: Self = Self(0);

    /// The entry with this number; negative numbers are before the first.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(if number < 0 { 0 } else { number })
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// One commit's worth of deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub seq: Seq,
    /// When it was taken in, by the cloud's clock.
    pub received_at: UnixMillis,
    /// What it holds; see [`decode`].
    pub blob: Vec<u8>,
}

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It is durable, at this place.
    At(Seq),
    /// Nothing was appended: these entries came before it. Judge again, then append after the last.
    Behind(Vec<Entry>),
}

/// The log as an engine keeps it.
#[async_trait]
pub trait HotLog: Send + Sync {
    /// Appends one entry after `last`, which is the last entry that the caller has seen. Returns when
    /// it is durable.
    async fn append(
        &self,
        last: Seq,
        received_at: UnixMillis,
        blob: Vec<u8>,
    ) -> Result<Appended, StoreError>;

    /// Entries after `seq` in order, as many as have about `bytes` bytes but at least one, if there is one.
    async fn after(&self, seq: Seq, bytes: usize) -> Result<Vec<Entry>, StoreError>;

    /// The last entry that was appended, forgotten or not.
    async fn newest(&self) -> Result<Seq, StoreError>;

    /// Forgets every entry up to `seq` and that one. Numbers are not used again.
    async fn forget_through(&self, seq: Seq) -> Result<(), StoreError>;

    /// Makes ready for the days to come, where the engine needs that. To be called when the program
    /// starts and at least once a day; harmless at any time. Appends work without.
    async fn prepare(&self, now: UnixMillis) -> Result<(), StoreError> {
        let _nothing_to_do_at = now;
        Ok(())
    }
}
