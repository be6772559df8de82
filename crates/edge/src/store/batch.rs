//! What the store is handed, and what of it waits in memory while the disk cannot take it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_domain::clock::ClockEvent;
use solthrive_domain::flagboard::FlagChange;
use solthrive_domain::ids::RunId;
use solthrive_domain::ledger::{LedgerEntry, LedgerState};
use solthrive_domain::minute::MinuteRow;

use super::delivery::{Numbered, Progress};

/// Minute rows that wait at most: a day, less than 3 MB. Then the oldest go; the totals do not.
pub const MOST_ROWS: usize = 24 * 60;
/// Samples for the cloud that wait at most: a day of them at one each fifteen seconds, about 2 MB.
pub(super) const MOST_SAMPLES: usize = 4 * MOST_ROWS;
/// Events, and ledger entries, that wait at most.
pub const MOST_EVENTS: usize = 2000;

/// Something that happened, to be found later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, as far as the clock knew.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "details", rename_all = "snake_case")]
pub enum Happening {
    /// A flag went up, changed or went down.
    Flag(FlagChange),
    /// The wall clock did something.
    Clock(ClockEvent),
    /// Something about the totals.
    Ledger(LedgerEntry),
    /// The service started.
    Started {
        /// This start.
        run: RunId,
        /// Its version.
        version: String,
        /// The start before ended properly; `None` for the first one.
        after_clean_stop: Option<bool>,
    },
    /// How the machine was, each hour.
    System {
        /// In the shape that the cloud is told it.
        state: serde_json::Value,
    },
    /// The service stopped properly.
    Stopped {
        /// Which start ended.
        run: RunId,
    },
    /// A damaged history was set aside.
    SetAside {
        /// The name it has now.
        file: String,
    },
    /// The disk could not take rows, or the time of minutes was not known, for so long that some were
    /// given up.
    RowsLost {
        /// How many.
        rows: u64,
    },
}

impl Event {
    /// A flag's change.
    #[must_use]
    pub fn flag(at: Timestamp, change: FlagChange) -> Self {
        Self {
            at,
            what: Happening::Flag(change),
        }
    }

    /// What the wall clock did.
    #[must_use]
    pub fn clock(at: Timestamp, event: ClockEvent) -> Self {
        Self {
            at,
            what: Happening::Clock(event),
        }
    }
}

/// Everything since the last batch, stored in one transaction.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// When the totals were so, where the clock is believed.
    pub at: Option<Timestamp>,
    /// When this start was, once the clock is believed: what the history says of it is set right.
    pub started: Option<Timestamp>,
    /// Complete minutes.
    pub minutes: Vec<MinuteRow>,
    /// The totals after them.
    pub ledger: Option<LedgerState>,
    /// What happened in the ledger.
    pub entries: Vec<(Timestamp, LedgerEntry)>,
    /// What else happened.
    pub events: Vec<Event>,
    /// What the cloud is to be told.
    pub samples: Vec<Numbered>,
    /// How much of everything it has.
    pub progress: Option<Progress>,
}

impl Batch {
    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.minutes.is_empty()
            && self.started.is_none()
            && self.ledger.is_none()
            && self.entries.is_empty()
            && self.events.is_empty()
            && self.samples.is_empty()
    }

    /// Adds a later batch. Returns how many rows had to be given up.
    pub(super) fn merge(&mut self, later: Self) -> u64 {
        self.at = later.at.or(self.at);
        self.started = later.started.or(self.started);
        self.ledger = later.ledger.or(self.ledger.take());
        self.minutes.extend(later.minutes);
        self.entries.extend(later.entries);
        self.events.extend(later.events);
        self.samples.extend(later.samples);
        self.progress = later.progress.or(self.progress.take());
        keep_newest(&mut self.samples, MOST_SAMPLES);
        keep_newest(&mut self.entries, MOST_EVENTS);
        keep_newest(&mut self.events, MOST_EVENTS);
        keep_newest(&mut self.minutes, MOST_ROWS) as u64
    }
}

fn keep_newest<T>(all: &mut Vec<T>, most: usize) -> usize {
    let excess = all.len().saturating_sub(most);
    all.drain(..excess);
    excess
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_the_oldest_go_first() {
        let mut all: Vec<_> = (0..10).collect();
        assert_eq!(keep_newest(&mut all, 4), 6);
        assert_eq!(all, [6, 7, 8, 9]);
    }
}
