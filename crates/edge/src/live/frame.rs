//! One published snapshot, and its JSON made at most once however many ask for it.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use solthrive_domain::DaySummary;
use solthrive_domain::Snapshot;

/// A published snapshot with the local day so far.
#[derive(Debug)]
pub struct Frame {
    /// Grows by one with each publication: a listener that sees a jump has missed some.
    pub number: u64,
    /// The home at one instant.
    pub snapshot: Arc<Snapshot>,
    /// The local day until then.
    pub today: Arc<DaySummary>,
    latest: OnceLock<Bytes>,
    powerflow: OnceLock<Bytes>,
    message: OnceLock<Bytes>,
}

impl Frame {
    pub(super) fn new(number: u64, snapshot: Arc<Snapshot>, today: Arc<DaySummary>) -> Self {
        Self {
            number,
            snapshot,
            today,
            latest: OnceLock::new(),
            powerflow: OnceLock::new(),
            message: OnceLock::new(),
        }
    }

    /// The body of `/api/latest`, made by `make` for whoever asks first.
    pub fn latest(&self, make: impl FnOnce(&Self) -> Vec<u8>) -> Bytes {
        self.latest.get_or_init(|| make(self).into()).clone()
    }

    /// The body of `/api/powerflow`, made by `make` for whoever asks first.
    pub fn powerflow(&self, make: impl FnOnce(&Self) -> Vec<u8>) -> Bytes {
        self.powerflow.get_or_init(|| make(self).into()).clone()
    }

    /// The part of the stream's message that is the same for every client.
    pub fn message(&self, make: impl FnOnce(&Self) -> Vec<u8>) -> Bytes {
        self.message.get_or_init(|| make(self).into()).clone()
    }
}
