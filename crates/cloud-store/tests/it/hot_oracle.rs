//! The index against a map that knows nothing of groups, generations and days.

use std::collections::BTreeMap;

use proptest::prelude::*;
use solthrive_cloud_store::chunk::Table;
use solthrive_cloud_store::hot::{
    Counts, Delivery, Index, Known, NotStaged, Row, Rows, Seq, Staged,
};
use solthrive_domain::LedgerId;
use uuid::Uuid;

use crate::hot_index::{DAY_MS, device, row};

/// A device, a time, and which of two things it says.
type Told = (u128, i64, bool);

#[derive(Debug, Clone)]
enum Step {
    /// A call of a device.
    Call(u128, Vec<(i64, bool)>),
    /// The group is stored, or could not be.
    End(bool),
    /// Another node was faster: our group is void.
    Other(Vec<Told>),
    /// The worker seals up to this share of the log.
    Seal(f64),
    /// The node hears of it.
    Hear,
    Rotate,
    /// A day is read from the archive, and brought in at some later time.
    Read(Known),
    Bring,
}

fn times() -> impl Strategy<Value = i64> {
    (0i64..3, 0i64..5).prop_map(|(day, at)| day * DAY_MS + at)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let told = || (0u128..2, times(), any::<bool>());
    let call = (
        0u128..2,
        prop::collection::vec((times(), any::<bool>()), 0..8),
    );
    let read = (0u128..2, 0i64..3).prop_map(|(number, day)| {
        let device = device(number);
        Step::Read(Known { device, day })
    });
    let step = prop_oneof![
        6 => call.prop_map(|(device, rows)| Step::Call(device, rows)),
        4 => prop::bool::weighted(0.8).prop_map(Step::End),
        1 => prop::collection::vec(told(), 1..5).prop_map(Step::Other),
        2 => (0.0..=1.0).prop_map(Step::Seal),
        2 => Just(Step::Hear),
        2 => Just(Step::Rotate),
        1 => read,
        1 => Just(Step::Bring),
    ];
    prop::collection::vec(step, 0..60)
}

/// What is true, and the node that must not be wrong about it.
struct World {
    index: Index,
    staged: Staged,
    /// Rows of the group at hand.
    pending: BTreeMap<(u128, i64), bool>,
    /// Durable rows, and the entry of each.
    rows: BTreeMap<(u128, i64), (bool, i64)>,
    log: i64,
    sealed: i64,
    read: Option<(Known, Table, u64)>,
}

impl World {
    fn new(room_for_days: usize) -> Self {
        Self {
            index: Index::new(room_for_days),
            staged: Staged::default(),
            pending: BTreeMap::new(),
            rows: BTreeMap::new(),
            log: 0,
            sealed: 0,
            read: None,
        }
    }

    /// What the archive holds of a day.
    fn archived(&self, known: Known) -> Table {
        let mut table = Table::default();
        for ((whose, time), (says, seq)) in &self.rows {
            let is_of_day = device(*whose) == known.device && time.div_euclid(DAY_MS) == known.day;
            if is_of_day && *seq <= self.sealed {
                table.insert(*time, &said(*time, *says).cells).unwrap();
            }
        }
        table
    }

    fn call(&mut self, whose: u128, told: &[(i64, bool)]) -> Result<(), TestCaseError> {
        let (mut expected, mut new) = (Counts::default(), Vec::new());
        for (time, says) in told {
            let durable = self.rows.get(&(whose, *time)).map(|(says, _)| says);
            match durable.or(self.pending.get(&(whose, *time))) {
                None => {
                    expected.accepted += 1;
                    self.pending.insert((whose, *time), *says);
                    new.push(said(*time, *says));
                }
                Some(there) if there == says => expected.duplicates += 1,
                Some(_) => expected.conflicts += 1,
            }
        }
        let rows: Vec<Row> = told.iter().map(|(time, says)| said(*time, *says)).collect();
        let judged = loop {
            match self
                .index
                .stage(&mut self.staged, device(whose), rows.clone())
            {
                Ok(judged) => break judged,
                Err(NotStaged::Wanted(days)) => {
                    prop_assert_eq!(&days, &self.index.wanted(device(whose), &rows));
                    for day in days {
                        let table = self.archived(day);
                        prop_assert!(self.index.bring(day, &table, self.index.epoch()));
                    }
                }
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
        };
        prop_assert_eq!(judged, (new, expected));
        Ok(())
    }

    fn end(&mut self, survives: bool) {
        let group = std::mem::take(&mut self.staged);
        let pending = std::mem::take(&mut self.pending);
        if survives {
            self.log += 1;
            self.index.commit(group);
            self.rows.extend(
                pending
                    .into_iter()
                    .map(|(key, says)| (key, (says, self.log))),
            );
        }
    }

    fn other(&mut self, told: &[Told]) {
        self.end(false);
        self.log += 1;
        let mut entry = Vec::new();
        for (whose, time, says) in told {
            if !self.rows.contains_key(&(*whose, *time)) {
                self.rows.insert((*whose, *time), (*says, self.log));
                entry.push(Delivery::Rows(Rows {
                    device: device(*whose),
                    ledger: LedgerId::from_uuid(Uuid::nil()),
                    rows: vec![said(*time, *says)],
                }));
            }
        }
        self.index.replay(&entry);
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Call(whose, told) => self.call(whose, &told)?,
            Step::End(survives) => self.end(survives),
            Step::Other(told) => self.other(&told),
            Step::Seal(share) => {
                #[expect(clippy::cast_possible_truncation, reason = "a short log")]
                let to = (self.log as f64 * share) as i64;
                self.sealed = self.sealed.max(to);
            }
            Step::Hear => self.index.drop_sealed(Seq::new(self.sealed)),
            Step::Rotate => self.index.rotate(Seq::new(self.log)),
            Step::Read(known) => {
                self.read = Some((known, self.archived(known), self.index.epoch()));
            }
            Step::Bring => {
                if let Some((known, table, epoch)) = self.read.take() {
                    let believed = self.index.bring(known, &table, epoch);
                    prop_assert_eq!(believed, epoch == self.index.epoch());
                }
            }
        }
        Ok(())
    }
}

/// Devices 0 and 1 are never told apart by what they say.
fn said(time: i64, says: bool) -> Row {
    row(time, f64::from(u8::from(says)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn whatever_happens_in_whatever_order_the_first_of_a_time_wins(
        steps in steps(),
        room_for_days in prop::sample::select(vec![0usize, 300, 1 << 20]),
    ) {
        let mut world = World::new(room_for_days);
        for step in steps {
            world.step(step)?;
        }
    }
}
