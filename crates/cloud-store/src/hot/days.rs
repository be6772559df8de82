//! Sealed days that were looked up, as many as there is room for.

use std::collections::HashMap;

use super::Known;
use super::print::{self, Print};

/// What an entry takes beside its rows.
const FIXED: usize = size_of::<(Known, Day)>() + 1;

/// Days by device, with a bound on their bytes.
#[derive(Debug)]
pub(super) struct Days {
    days: HashMap<Known, Day>,
    bytes: usize,
    /// More than this is too much.
    room: usize,
    /// Counts uses.
    now: u64,
}

#[derive(Debug)]
struct Day {
    rows: Vec<Print>,
    used: u64,
}

impl Day {
    fn bytes(&self) -> usize {
        FIXED + self.rows.capacity() * size_of::<Print>()
    }
}

impl Days {
    pub(super) fn new(room: usize) -> Self {
        Self {
            days: HashMap::new(),
            bytes: 0,
            room,
            now: 0,
        }
    }

    pub(super) fn contains(&self, known: Known) -> bool {
        self.days.contains_key(&known)
    }

    /// The row of `time` in a day, if the day is here.
    pub(super) fn find(&mut self, known: Known, time: i64) -> Option<&Print> {
        self.now += 1;
        let day = self.days.get_mut(&known)?;
        day.used = self.now;
        print::find(&day.rows, time)
    }

    /// Throws nothing away: what was brought stays until it had its use.
    pub(super) fn insert(&mut self, known: Known, rows: Vec<Print>) {
        self.remove(known);
        self.now += 1;
        let day = Day {
            rows,
            used: self.now,
        };
        self.bytes += day.bytes();
        self.days.insert(known, day);
    }

    pub(super) fn remove(&mut self, known: Known) {
        if let Some(day) = self.days.remove(&known) {
            self.bytes -= day.bytes();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// Where there is too much, throws away what was not used for longest, and a quarter more than
    /// needed, so that this is not done for every day that comes.
    pub(super) fn trim(&mut self) {
        if self.bytes <= self.room {
            return;
        }
        let mut by_use: Vec<(u64, Known)> = self
            .days
            .iter()
            .map(|(known, day)| (day.used, *known))
            .collect();
        by_use.sort_unstable_by_key(|(used, _)| *used);
        for (_, known) in by_use {
            if self.bytes <= self.room / 4 * 3 {
                break;
            }
            self.remove(known);
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        let unused = self.days.capacity().saturating_sub(self.days.len());
        self.bytes + unused * FIXED
    }
}
