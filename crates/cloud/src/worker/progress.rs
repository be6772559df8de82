//! How far the worker is and how it fares, for whoever watches.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use solthrive_cloud_store::archive::Cursors;
use solthrive_cloud_store::hot::Seq;
use solthrive_domain::telemetry::UnixMillis;
use tokio::sync::watch;

/// Counts of one process since it started, and the cursors.
#[derive(Debug)]
pub struct Progress {
    cursors: watch::Sender<Cursors>,
    /// The newest entry that was taken in: what comes after the cursor is not stored yet.
    read: AtomicI64,
    /// When that entry was received.
    received_at: AtomicI64,
    rows: AtomicU64,
    late: AtomicU64,
    rebuilds: AtomicU64,
    checkpoints: AtomicU64,
    pieces: AtomicU64,
    damaged: AtomicU64,
    retries: AtomicU64,
    strays: AtomicU64,
}

/// Numbers of one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries up to here are in status, buckets and rollups.
    pub folded: i64,
    /// Rows of entries up to here are in chunks.
    pub sealed: i64,
    /// The newest entry that was taken in.
    pub read: i64,
    /// Time between the receipt of that entry and now, in ms; 0 where there is nothing new.
    pub lag_ms: i64,
    /// Rows taken in.
    pub rows: u64,
    /// Rows among them that were late.
    pub late: u64,
    /// Times that buckets were made anew.
    pub rebuilds: u64,
    /// Checkpoints that took effect.
    pub checkpoints: u64,
    /// Pieces that were sealed.
    pub pieces: u64,
    /// Entries, notes, chunks and sites that could not be read.
    pub damaged: u64,
    /// Turns that failed and were tried again.
    pub retries: u64,
    /// Rows that belong to no site.
    pub strays: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            cursors: watch::Sender::new(Cursors::default()),
            read: AtomicI64::new(0),
            received_at: AtomicI64::new(i64::MAX),
            rows: AtomicU64::new(0),
            late: AtomicU64::new(0),
            rebuilds: AtomicU64::new(0),
            checkpoints: AtomicU64::new(0),
            pieces: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            strays: AtomicU64::new(0),
        }
    }
}

impl Progress {
    /// The cursors as they move: what is sealed need not be kept in memory by the ingest.
    #[must_use]
    pub fn cursors(&self) -> watch::Receiver<Cursors> {
        self.cursors.subscribe()
    }

    /// The numbers at `now`.
    #[must_use]
    pub fn counts(&self, now: UnixMillis) -> Counts {
        let cursors = *self.cursors.borrow();
        let read = self.read.load(Ordering::Relaxed);
        let waiting = read > cursors.folded.get();
        let since = self.received_at.load(Ordering::Relaxed);
        Counts {
            folded: cursors.folded.get(),
            sealed: cursors.sealed.get(),
            read,
            lag_ms: if waiting {
                now.get().saturating_sub(since).max(0)
            } else {
                0
            },
            rows: self.rows.load(Ordering::Relaxed),
            late: self.late.load(Ordering::Relaxed),
            rebuilds: self.rebuilds.load(Ordering::Relaxed),
            checkpoints: self.checkpoints.load(Ordering::Relaxed),
            pieces: self.pieces.load(Ordering::Relaxed),
            damaged: self.damaged.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            strays: self.strays.load(Ordering::Relaxed),
        }
    }

    pub(super) fn at(&self, cursors: Cursors) {
        self.cursors.send_replace(cursors);
    }

    pub(super) fn took(&self, entry: Seq, received_at: UnixMillis, rows: u64) {
        self.read.store(entry.get(), Ordering::Relaxed);
        self.received_at.store(received_at.get(), Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(super) fn rebuilt(&self, late: u64) {
        self.rebuilds.fetch_add(1, Ordering::Relaxed);
        self.late.fetch_add(late, Ordering::Relaxed);
    }

    pub(super) fn checkpointed(&self) {
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sealed(&self, pieces: u64) {
        self.pieces.fetch_add(pieces, Ordering::Relaxed);
    }

    pub(super) fn found_damage(&self) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn will_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn strayed(&self) {
        self.strays.fetch_add(1, Ordering::Relaxed);
    }
}
