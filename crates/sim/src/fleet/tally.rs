//! What became of everything that the fleet delivered.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Sums over all homes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Homes that are registered.
    pub homes: u64,
    /// Homes that gave up.
    pub gave_up: u64,
    /// Snapshots that were made.
    pub made: u64,
    /// Snapshots that were delivered once more although they had been acknowledged.
    pub repeated: u64,
    /// Snapshots that are stored now.
    pub accepted: u64,
    /// Snapshots that had been stored already.
    pub duplicates: u64,
    /// Snapshots of a time that had another content.
    pub conflicts: u64,
    /// Snapshots that the cloud does not take.
    pub rejected: u64,
    /// Days and events that were told.
    pub told: u64,
    /// Calls without an answer, or that were sent back.
    pub failed: u64,
}

impl Sums {
    /// Snapshots that wait, or whose fate is not known.
    #[must_use]
    pub const fn open(&self) -> u64 {
        let settled = self.accepted + self.duplicates + self.conflicts + self.rejected;
        (self.made + self.repeated).saturating_sub(settled)
    }
}

/// As one line.
impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} homes, {} snapshots: {} accepted, {} duplicates, {} conflicts, {} rejected, {} to deliver; {} days and events, {} calls failed",
            self.homes,
            self.made,
            self.accepted,
            self.duplicates,
            self.conflicts,
            self.rejected,
            self.open(),
            self.told,
            self.failed,
        )
    }
}

/// [`Sums`] that many homes add to.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Sums>);

impl Tally {
    /// Adds something.
    pub fn add(&self, change: impl FnOnce(&mut Sums)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The sums now.
    #[must_use]
    pub fn sums(&self) -> Sums {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
