//! What became of everything that the fleet delivered.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use solthrive_courier::{Counts, Courier, Standing};

/// Sums over all homes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Homes that are registered.
    pub homes: u64,
    /// Of these, homes that the cloud answers.
    pub connected: u64,
    /// Homes that gave up.
    pub gave_up: u64,
    /// Snapshots that were made.
    pub made: u64,
    /// Snapshots that wait, or whose fate is not known.
    pub open: u64,
    /// Elements that are stored now.
    pub accepted: u64,
    /// Elements that had been stored already.
    pub duplicates: u64,
    /// Elements of a time that had another content.
    pub conflicts: u64,
    /// Snapshots that the cloud will not take.
    pub rejected: u64,
    /// Calls without an answer, or that were sent back.
    pub failed: u64,
}

/// As one line.
impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} homes, {} connected; {} snapshots, {} to deliver; {} elements accepted, {} duplicates, {} conflicts, {} rejected; {} calls failed",
            self.homes,
            self.connected,
            self.made,
            self.open,
            self.accepted,
            self.duplicates,
            self.conflicts,
            self.rejected,
            self.failed,
        )
    }
}

/// What homes tell of themselves.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Homes>);

#[derive(Debug, Default)]
struct Homes {
    couriers: Vec<Arc<Courier>>,
    /// Of couriers that have a successor.
    before: Vec<Counts>,
    made: u64,
    gave_up: u64,
}

impl Tally {
    /// A home is registered.
    pub(super) fn joined(&self, courier: &Arc<Courier>) {
        self.lock().couriers.push(Arc::clone(courier));
    }

    /// A home goes on with another courier, after its power was gone.
    pub(super) fn succeeded(&self, before: &Arc<Courier>, next: &Arc<Courier>) {
        let mut homes = self.lock();
        homes.before.push(before.counts());
        if let Some(place) = homes
            .couriers
            .iter_mut()
            .find(|known| Arc::ptr_eq(known, before))
        {
            *place = Arc::clone(next);
        }
    }

    pub(super) fn made(&self, count: u64) {
        self.lock().made += count;
    }

    pub(super) fn gave_up(&self) {
        self.lock().gave_up += 1;
    }

    /// The sums now.
    #[must_use]
    pub fn sums(&self) -> Sums {
        let homes = self.lock();
        let mut sums = Sums {
            homes: homes.couriers.len() as u64,
            made: homes.made,
            gave_up: homes.gave_up,
            ..Sums::default()
        };
        for courier in &homes.couriers {
            let status = courier.status();
            sums.connected += u64::from(status.standing == Standing::Connected);
            sums.open += status.waiting_rows;
            sums.rejected += status.given_up_rows;
            sums.add(courier.counts());
        }
        homes.before.iter().for_each(|counts| sums.add(*counts));
        sums
    }

    fn lock(&self) -> MutexGuard<'_, Homes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sums {
    fn add(&mut self, counts: Counts) {
        self.accepted += counts.accepted;
        self.duplicates += counts.duplicates;
        self.conflicts += counts.conflicts;
        self.failed += counts.failed_calls;
    }
}
