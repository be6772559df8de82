//! Rows that wait until the time is known: a Raspberry Pi boots with a wrong clock.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use solthrive_domain::minute::MinuteRow;

/// A day of minutes, about 2 MB. A home whose clock stays wrong longer loses the oldest of them.
const MOST: usize = 24 * 60;

/// Minute rows in waiting.
#[derive(Debug, Default)]
pub(super) struct Held {
    rows: VecDeque<MinuteRow>,
    lost: u64,
}

impl Held {
    /// One more row waits.
    pub(super) fn push(&mut self, row: MinuteRow) {
        if self.rows.len() == MOST {
            self.rows.pop_front();
            self.lost += 1;
        }
        self.rows.push_back(row);
    }

    /// The clock was not believed and jumped: what was stamped with it moves along.
    pub(super) fn clock_stepped(&mut self, from: Timestamp, to: Timestamp) {
        let error: SignedDuration = to.duration_since(from);
        self.rows = self.rows.drain(..).map(|row| row.moved(error)).collect();
    }

    /// The clock is believed: everything that waited, and how many had to be given up.
    pub(super) fn release(&mut self) -> (Vec<MinuteRow>, u64) {
        let lost = std::mem::take(&mut self.lost);
        (self.rows.drain(..).collect(), lost)
    }

    /// The end, and the time never came: how many rows are lost with it.
    pub(super) fn give_up(&mut self) -> u64 {
        let (rows, lost) = self.release();
        rows.len() as u64 + lost
    }

    /// How many rows wait, and how many had to be given up.
    pub(super) fn count(&self) -> (usize, u64) {
        (self.rows.len(), self.lost)
    }
}
