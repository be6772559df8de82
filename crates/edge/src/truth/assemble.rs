//! Puts the cycles of several buses together: one `Tick` per second of the grid.
//!
//! A tick is complete when every bus has spoken. A bus that is late must not hold up the others:
//! the tick goes without it at its deadline, and what comes later counts for the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use solthrive_domain::Mono;
use solthrive_meter::bus::{BusCycle, MeterCycle};

/// What all buses said about one second.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Index on the grid.
    pub index: u64,
    /// When the first bus began.
    pub at: Mono,
    /// Every meter that was heard of.
    pub meters: Vec<MeterCycle>,
}

#[derive(Debug)]
struct Pending {
    at: Mono,
    cycles: BTreeMap<Arc<str>, Vec<MeterCycle>>,
}

/// Collects cycles until their second is complete.
#[derive(Debug)]
pub struct Assembler {
    buses: BTreeSet<Arc<str>>,
    patience: Duration,
    pending: BTreeMap<u64, Pending>,
    next: u64,
}

impl Assembler {
    /// For these buses; a tick waits `patience` from its start for the slowest.
    pub fn new(buses: impl IntoIterator<Item = Arc<str>>, patience: Duration) -> Self {
        Self {
            buses: buses.into_iter().collect(),
            patience,
            pending: BTreeMap::new(),
            next: 0,
        }
    }

    /// Takes a cycle; gives the ticks that are complete now, oldest first.
    pub fn offer(&mut self, cycle: BusCycle) -> Vec<Tick> {
        let index = cycle.tick.max(self.next);
        let pending = self.pending.entry(index).or_insert_with(|| Pending {
            at: cycle.at,
            cycles: BTreeMap::new(),
        });
        pending.at = pending.at.min(cycle.at);
        pending.cycles.insert(cycle.bus, cycle.meters);
        let complete = self
            .pending
            .iter()
            .rev()
            .find(|(_, pending)| pending.cycles.len() >= self.buses.len());
        match complete.map(|(index, _)| *index) {
            Some(index) => self.release(index),
            None => Vec::new(),
        }
    }

    /// When the oldest waiting tick has to go as it is.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        self.pending
            .values()
            .map(|pending| pending.at + self.patience)
            .min()
    }

    /// Gives the ticks whose deadline has come, as they are.
    pub fn expire(&mut self, now: Mono) -> Vec<Tick> {
        let overdue = self
            .pending
            .iter()
            .rev()
            .find(|(_, pending)| pending.at + self.patience <= now);
        match overdue.map(|(index, _)| *index) {
            Some(index) => self.release(index),
            None => Vec::new(),
        }
    }

    /// Everything up to and with `index`.
    fn release(&mut self, index: u64) -> Vec<Tick> {
        let later = self.pending.split_off(&(index + 1));
        self.next = index + 1;
        std::mem::replace(&mut self.pending, later)
            .into_iter()
            .map(|(index, pending)| Tick {
                index,
                at: pending.at,
                meters: pending.cycles.into_values().flatten().collect(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use solthrive_domain::MeterId;
    use solthrive_meter::bus::MeterOutcome;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(900);

    fn at(ms: u64) -> Mono {
        Mono::from_origin(Duration::from_millis(ms))
    }

    fn cycle(bus: &str, tick: u64, ms: u64) -> BusCycle {
        let meters = vec![MeterCycle::new(MeterId::new(bus), MeterOutcome::Waiting)];
        BusCycle {
            bus: bus.into(),
            tick,
            at: at(ms),
            deviation: Duration::ZERO,
            meters,
        }
    }

    fn heard(ticks: &[Tick]) -> Vec<(u64, usize)> {
        ticks
            .iter()
            .map(|tick| (tick.index, tick.meters.len()))
            .collect()
    }

    #[test]
    fn one_bus_never_waits() {
        let mut assembler = Assembler::new(["a".into()], PATIENCE);
        assert_eq!(heard(&assembler.offer(cycle("a", 7, 7000))), [(7, 1)]);
        assert_eq!(assembler.deadline(), None);
    }

    #[test]
    fn a_second_is_complete_when_every_bus_has_spoken() {
        let mut assembler = Assembler::new(["a".into(), "b".into()], PATIENCE);
        assert!(assembler.offer(cycle("a", 1, 1000)).is_empty());
        assert_eq!(assembler.deadline(), Some(at(1900)));
        assert_eq!(heard(&assembler.offer(cycle("b", 1, 1002))), [(1, 2)]);
    }

    #[test]
    fn a_late_bus_does_not_hold_up_the_others_and_counts_for_the_next_second() {
        let mut assembler = Assembler::new(["a".into(), "b".into()], PATIENCE);
        assembler.offer(cycle("a", 1, 1000));
        assert!(assembler.expire(at(1899)).is_empty());
        assert_eq!(heard(&assembler.expire(at(1900))), [(1, 1)]);
        assembler.offer(cycle("b", 1, 1001));
        assert_eq!(heard(&assembler.offer(cycle("a", 2, 2000))), [(2, 2)]);
    }

    #[test]
    fn a_complete_second_takes_an_older_incomplete_one_along_in_order() {
        let mut assembler = Assembler::new(["a".into(), "b".into()], PATIENCE);
        assembler.offer(cycle("a", 1, 1000));
        assembler.offer(cycle("a", 2, 2000));
        assert_eq!(
            heard(&assembler.offer(cycle("b", 2, 2001))),
            [(1, 1), (2, 2)]
        );
    }
}
