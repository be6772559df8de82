//! What a home has still to deliver, and in which order.

use std::collections::VecDeque;

use solthrive_protocol::Lane;

use super::Moment;

/// Snapshots of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    /// Which way.
    pub lane: Lane,
    /// In the order in which they are told.
    pub moments: Vec<Moment>,
}

/// Everything that was not acknowledged. The newest go first on the live lane; what piled up goes oldest
/// first on the other, which has a budget of its own, so that old never keeps new waiting.
#[derive(Debug, Default)]
pub struct Outbox {
    live: VecDeque<Moment>,
    old: VecDeque<Moment>,
    most: usize,
}

impl Outbox {
    /// An empty one; a call carries at most so many snapshots.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            ..Self::default()
        }
    }

    /// A new snapshot. When more wait than one call carries, the oldest are not live any more.
    pub fn push(&mut self, moment: Moment) {
        self.live.push_back(moment);
        while self.live.len() > self.most {
            self.old.extend(self.live.pop_front());
        }
    }

    /// A snapshot of the past.
    pub fn push_old(&mut self, moment: Moment) {
        self.old.push_back(moment);
    }

    /// Whether anything waits on the other lane.
    #[must_use]
    pub fn has_old(&self) -> bool {
        !self.old.is_empty()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len() + self.old.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next call of this lane, taken out until it is given back or forgotten.
    pub fn take(&mut self, lane: Lane) -> Option<Parcel> {
        let moments: Vec<Moment> = match lane {
            Lane::Live => self.live.drain(..).rev().collect(),
            Lane::Backfill => {
                let count = self.old.len().min(self.most);
                self.old.drain(..count).collect()
            }
        };
        (!moments.is_empty()).then_some(Parcel { lane, moments })
    }

    /// What was not acknowledged waits again, in its place.
    pub fn give_back(&mut self, parcel: Parcel) {
        match parcel.lane {
            Lane::Live => {
                for moment in parcel.moments {
                    self.live.push_front(moment);
                }
                while self.live.len() > self.most {
                    self.old.extend(self.live.pop_front());
                }
            }
            Lane::Backfill => {
                for moment in parcel.moments.into_iter().rev() {
                    self.old.push_front(moment);
                }
            }
        }
    }

    /// The cloud wants smaller calls.
    pub fn halve(&mut self) {
        self.most = (self.most / 2).max(1);
    }
}
