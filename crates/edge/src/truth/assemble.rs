//! Puts the cycles of several buses together: one `Tick` per second of the grid.
//!
//! A tick is complete when every bus has spoken. A bus that is late must not hold up the others:
//! the tick goes without it at its deadline, and what comes later joins the next one. That one
//! keeps its own time: each tick is later than the one before, whatever the buses do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use solthrive_domain::Mono;
use solthrive_meter::bus::{BusCycle, MeterCycle};

/// Ticks are at least this far apart. A thread that wakes late brings two seconds closer together,
/// and a stamp may be turned back by 100 ms after a small correction of the clock.
const LEAST_STEP: Duration = Duration::from_millis(200);

/// What all buses said about one second.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Index on the grid.
    pub index: u64,
    /// When the first bus that is in time began; later than the tick before.
    pub at: Mono,
    /// Every meter that was heard of, oldest first where one was heard of twice.
    pub meters: Vec<MeterCycle>,
}

type Cycles = BTreeMap<Arc<str>, Vec<MeterCycle>>;

#[derive(Debug)]
struct Pending {
    at: Mono,
    cycles: Cycles,
}

/// Collects cycles until their second is complete.
#[derive(Debug)]
pub struct Assembler {
    buses: BTreeSet<Arc<str>>,
    patience: Duration,
    pending: BTreeMap<u64, Pending>,
    /// What came when its second was gone.
    late: Cycles,
    next: u64,
    released: Option<Mono>,
}

impl Assembler {
    /// For these buses; a tick waits `patience` from its start for the slowest.
    pub fn new(buses: impl IntoIterator<Item = Arc<str>>, patience: Duration) -> Self {
        Self {
            buses: buses.into_iter().collect(),
            patience,
            pending: BTreeMap::new(),
            late: BTreeMap::new(),
            next: 0,
            released: None,
        }
    }

    /// Takes a cycle; gives the ticks that are complete now, oldest first.
    pub fn offer(&mut self, cycle: BusCycle) -> Vec<Tick> {
        if cycle.tick < self.next {
            self.late.entry(cycle.bus).or_default().extend(cycle.meters);
        } else {
            let pending = self.pending.entry(cycle.tick).or_insert_with(|| Pending {
                at: cycle.at,
                cycles: BTreeMap::new(),
            });
            pending.at = pending.at.min(cycle.at);
            pending.cycles.insert(cycle.bus, cycle.meters);
        }
        self.release_newest(|this, pending| {
            let spoke = |bus| pending.cycles.contains_key(bus) || this.late.contains_key(bus);
            this.buses.iter().all(spoke)
        })
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
        self.release_newest(|this, pending| pending.at + this.patience <= now)
    }

    /// Everything up to and with the newest second that is `due`.
    fn release_newest(&mut self, due: impl Fn(&Self, &Pending) -> bool) -> Vec<Tick> {
        let newest = self.pending.iter().rev();
        let newest = newest
            .filter(|(_, pending)| due(self, pending))
            .map(|(index, _)| *index)
            .next();
        newest.map_or_else(Vec::new, |index| self.release(index))
    }

    /// Everything up to and with `index`. A second that began before the last one went is late as a whole.
    fn release(&mut self, index: u64) -> Vec<Tick> {
        let later = self.pending.split_off(&(index + 1));
        self.next = index + 1;
        let mut ticks = Vec::new();
        for (index, pending) in std::mem::replace(&mut self.pending, later) {
            for (bus, meters) in pending.cycles {
                self.late.entry(bus).or_default().extend(meters);
            }
            let after = |last| pending.at >= last + LEAST_STEP;
            if self.released.is_none_or(after) {
                self.released = Some(pending.at);
                let meters = std::mem::take(&mut self.late).into_values().flatten();
                ticks.push(Tick {
                    index,
                    at: pending.at,
                    meters: meters.collect(),
                });
            }
        }
        ticks
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
        assert!(assembler.offer(cycle("b", 1, 1001)).is_empty());
        assert_eq!(heard(&assembler.offer(cycle("a", 2, 2000))), [(2, 2)]);
    }

    #[test]
    fn what_is_late_does_not_take_its_time_along() {
        let mut assembler = Assembler::new(["a".into(), "b".into()], PATIENCE);
        assembler.offer(cycle("a", 1, 1000));
        assembler.expire(at(1900));
        assembler.offer(cycle("a", 2, 2000));
        let ticks = assembler.offer(cycle("b", 1, 1001));
        assert_eq!(heard(&ticks), [(2, 2)]);
        assert_eq!(ticks[0].at, at(2000));
    }

    #[test]
    fn a_second_that_began_before_the_last_one_went_joins_the_next() {
        let mut assembler = Assembler::new(["a".into(), "b".into()], PATIENCE);
        // A thread that woke late: its second began when the next one had.
        assembler.offer(cycle("a", 1, 2100));
        assert_eq!(heard(&assembler.expire(at(3000))), [(1, 1)]);
        assembler.offer(cycle("b", 2, 2000));
        assert!(assembler.expire(at(3000)).is_empty());
        let ticks = assembler.offer(cycle("a", 3, 3000));
        assert_eq!(heard(&ticks), [(3, 2)]);
        assert_eq!(ticks[0].at, at(3000));
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
