//! Whatever happens between device and cloud: what the device believes told is there, and in the end
//! everything is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config;
use solthrive_domain::delivery::{Delivery, Next, Outcome, Taken, Way};

use super::{BUDGET, WAYS, at, said, span, taken};

/// What can happen in a step.
#[derive(Debug, Clone)]
enum Step {
    /// Rows are made, and stored with the next commit.
    Make(u8),
    /// The lane's call goes out.
    Call(Way),
    /// The cloud takes the call, but for the rows at these places.
    Answer(Way, Vec<(u8, bool)>),
    /// The cloud takes it, and the answer is lost.
    LoseAnswer(Way),
    /// It never gets there.
    LoseCall(Way),
    /// 413, 422 or nothing of use.
    Refuse(Way, u8),
    /// The store commits rows and what is told.
    Commit,
    /// The power goes.
    Crash,
    /// Time passes.
    Wait(u16),
    /// The store lets the oldest rows go.
    Prune(u8),
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Live), Just(Way::Backfill)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u8..30).prop_map(Step::Make),
        8 => way().prop_map(Step::Call),
        8 => (way(), prop::collection::vec((any::<u8>(), any::<bool>()), 0..2)).prop_map(|(way, but)| Step::Answer(way, but)),
        2 => way().prop_map(Step::LoseAnswer),
        2 => way().prop_map(Step::LoseCall),
        1 => (way(), 0u8..3).prop_map(|(way, how)| Step::Refuse(way, how)),
        3 => Just(Step::Commit),
        1 => Just(Step::Crash),
        3 => (0u16..4000).prop_map(Step::Wait),
        1 => (0u8..20).prop_map(Step::Prune),
    ]
}

/// A device with its store, and a cloud that keeps what it acknowledges. A row is its number and the
/// start of the device that made it: after a crash a number can come again.
struct World {
    device: Delivery,
    /// Number, and in which life it was made.
    memory: BTreeMap<u64, u32>,
    stored: BTreeMap<u64, u32>,
    stored_told: String,
    pruned_below: u64,
    cloud: BTreeSet<(u64, u32)>,
    /// Refused at least once: these may be given up.
    doubtful: BTreeSet<(u64, u32)>,
    calls: BTreeMap<Way, Vec<u64>>,
    life: u32,
    next: u64,
    now: u64,
}

impl World {
    fn new() -> Self {
        Self {
            device: Delivery::new(BUDGET, None, "".parse().unwrap()),
            memory: BTreeMap::new(),
            stored: BTreeMap::new(),
            stored_told: String::new(),
            pruned_below: 0,
            cloud: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            calls: BTreeMap::new(),
            life: 0,
            next: 0,
            now: 0,
        }
    }

    fn row(&self, number: u64) -> Option<(u64, u32)> {
        let life = self.memory.get(&number).or(self.stored.get(&number))?;
        Some((number, *life))
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Make(count) => (0..*count).for_each(|_| self.make()),
            Step::Call(way) => self.call(*way),
            Step::Answer(way, but) => self.answer(*way, but),
            Step::LoseAnswer(way) => {
                if let Some(rows) = self.calls.remove(way) {
                    self.keep(&rows, &[]);
                    self.device
                        .came_of(*way, &rows, &Outcome::NotNow, at(self.now));
                }
            }
            Step::LoseCall(way) => {
                if let Some(rows) = self.calls.remove(way) {
                    self.device
                        .came_of(*way, &rows, &Outcome::NotNow, at(self.now));
                }
            }
            Step::Refuse(way, how) => self.refuse(*way, *how),
            Step::Commit => self.commit(),
            Step::Crash => self.crash(),
            Step::Wait(seconds) => self.now += u64::from(*seconds),
            Step::Prune(count) => self.prune(*count),
        }
    }

    fn make(&mut self) {
        self.memory.insert(self.next, self.life);
        self.device.made(self.next);
        self.next += 1;
    }

    fn call(&mut self, way: Way) {
        if self.calls.contains_key(&way) {
            return;
        }
        let next = self.device.next(way, at(self.now));
        if let Next::Say(_) = next {
            // Rows that were pruned meanwhile cannot be read.
            let rows: Vec<u64> = said(&next)
                .into_iter()
                .filter(|row| self.row(*row).is_some())
                .collect();
            if rows.is_empty() {
                self.device
                    .came_of(way, &[], &Outcome::NotNow, at(self.now));
            } else {
                self.calls.insert(way, rows);
            }
        }
    }

    fn keep(&mut self, rows: &[u64], but: &[u64]) {
        let kept = rows
            .iter()
            .filter(|row| !but.contains(row))
            .filter_map(|row| self.row(*row));
        let kept: Vec<_> = kept.collect();
        self.cloud.extend(kept);
    }

    fn answer(&mut self, way: Way, but: &[(u8, bool)]) {
        let Some(rows) = self.calls.remove(&way) else {
            return;
        };
        let (mut refused, mut ahead) = (Vec::new(), Vec::new());
        for (place, is_ahead) in but {
            let row = rows[usize::from(*place) % rows.len()];
            if *is_ahead {
                ahead.push((row, Duration::from_mins(10)));
            } else {
                refused.push(row);
                self.doubtful.extend(self.row(row));
            }
        }
        refused.retain(|row| ahead.iter().all(|(other, _)| other != row));
        refused.dedup();
        let but: Vec<u64> = refused
            .iter()
            .copied()
            .chain(ahead.iter().map(|(row, _)| *row))
            .collect();
        self.keep(&rows, &but);
        let outcome = Outcome::Taken(Taken {
            refused,
            ahead,
            ..taken()
        });
        self.device.came_of(way, &rows, &outcome, at(self.now));
    }

    fn refuse(&mut self, way: Way, how: u8) {
        let Some(rows) = self.calls.remove(&way) else {
            return;
        };
        let outcome =
            [Outcome::TooLarge, Outcome::Unacceptable, Outcome::NotNow][usize::from(how)].clone();
        if how < 2 && rows.len() == 1 {
            self.doubtful.extend(self.row(rows[0]));
        }
        self.device.came_of(way, &rows, &outcome, at(self.now));
    }

    /// As the appliance's store does: what is told is kept up to the newest row that is.
    fn commit(&mut self) {
        self.stored.append(&mut self.memory);
        let newest = self.stored.keys().last().copied();
        self.stored_told = self.device.told().clone().up_to(newest).to_string();
    }

    fn crash(&mut self) {
        self.memory.clear();
        self.calls.clear();
        self.life += 1;
        let told = self.stored_told.parse().unwrap();
        let known = self.stored.keys().next().zip(self.stored.keys().last());
        let known = known.map(|(first, last)| span(*first, *last));
        self.next = known.map_or(self.pruned_below, |known| known.last + 1);
        self.device = Delivery::new(BUDGET, known, told);
    }

    fn prune(&mut self, count: u8) {
        let Some(below) = self.stored.keys().nth(usize::from(count)).copied() else {
            return;
        };
        self.stored = self.stored.split_off(&below);
        self.pruned_below = below;
        self.device.gone_before(below);
    }

    /// Every row that is there and that the device calls told is in the cloud, or was refused.
    fn check(&self) {
        let there = self
            .memory
            .iter()
            .chain(&self.stored)
            .map(|(number, life)| (*number, *life));
        for row in there.filter(|row| self.device.told().contains(row.0)) {
            assert!(
                self.cloud.contains(&row) || self.doubtful.contains(&row),
                "{row:?} is lost"
            );
        }
    }

    /// The line is good again, and time passes.
    fn recover(&mut self) {
        for _ in 0..1000 {
            for way in WAYS {
                self.call(way);
                self.answer(way, &[]);
            }
            self.now += 100;
            if self.device.waiting() == 0 {
                break;
            }
        }
        assert_eq!(self.device.waiting(), 0, "something is never said");
    }
}

proptest! {
    #![proptest_config(Config { cases: 2_000, ..Config::default() })]
    #[test]
    fn nothing_is_lost_whatever_happens_on_the_way(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            world.check();
        }
        world.recover();
        world.check();
    }
}
