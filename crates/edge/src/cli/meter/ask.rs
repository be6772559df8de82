//! Asks the meters of a bus directly, with the daemon's own bus code, and for a few seconds only.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use solthrive_domain::MeterId;
use solthrive_meter::bus::{
    BusConfig, BusCycle, BusStatus, FaultKind, MeterConfig, MeterOutcome, SystemPace, run_bus,
};
use solthrive_meter::decode::{NoValue, Registers};
use solthrive_meter::profile::{Function, PointDef};

/// A meter is asked until every point came, or nothing new did in so many polls: what it refuses in
/// one block is asked for in smaller ones, poll by poll.
const ENOUGH: u32 = 4;
/// A meter that does not answer is asked this often.
const PATIENCE: u32 = 2;
/// Polls after which it is over in any case.
const LONGEST: u32 = 20;
/// Counters are asked for each time here, not every few seconds.
const SLOW_EVERY: Duration = Duration::from_secs(1);

/// What came of asking one meter.
#[derive(Debug, Clone)]
pub(in super::super) enum Polled {
    /// Its registers.
    Read(Registers),
    /// Why there are none.
    Failed(FaultKind),
}

/// The meters of one bus, asked.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Asked {
    pub(in super::super) meters: BTreeMap<MeterId, Polled>,
}

/// Polls every meter of the bus until each has said all it has to say, or stays silent.
pub(in super::super) fn ask(bus: &BusConfig) -> Asked {
    let mut bus = bus.clone();
    for meter in &mut bus.meters {
        meter.slow_every = SLOW_EVERY;
    }
    let bus = &bus;
    let status = Arc::new(Mutex::new(BusStatus::new(bus)));
    let stop = AtomicBool::new(false);
    let mut round = Round::default();
    let mut sink = |cycle: BusCycle| {
        let status = status.lock().unwrap_or_else(PoisonError::into_inner);
        round.take(bus, &cycle, &status);
        if round.is_over(bus) {
            stop.store(true, Ordering::Release);
        }
    };
    run_bus(
        bus.clone(),
        Arc::new(SystemPace::new()),
        &stop,
        Arc::clone(&status),
        &mut sink,
    );
    Asked {
        meters: round.meters,
    }
}

/// Asks several buses at the same time.
pub(in super::super) fn ask_all(buses: &[BusConfig]) -> Vec<Asked> {
    thread::scope(|scope| {
        let asked: Vec<_> = buses.iter().map(|bus| scope.spawn(|| ask(bus))).collect();
        // One that panicked has said why on standard error.
        asked
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default())
            .collect()
    })
}

#[derive(Default)]
struct Round {
    meters: BTreeMap<MeterId, Polled>,
    /// Polls that brought nothing new.
    idle: BTreeMap<MeterId, u32>,
    failures: BTreeMap<MeterId, u32>,
    cycles: u32,
}

impl Round {
    fn take(&mut self, bus: &BusConfig, cycle: &BusCycle, status: &BusStatus) {
        self.cycles += 1;
        for (index, meter) in cycle.meters.iter().enumerate() {
            let id = &meter.meter;
            match &meter.outcome {
                MeterOutcome::Waiting => {}
                MeterOutcome::Failed { fault, .. } => {
                    *self.failures.entry(id.clone()).or_default() += 1;
                    self.meters
                        .entry(id.clone())
                        .or_insert(Polled::Failed(*fault));
                }
                MeterOutcome::Read(_) => {
                    let Some(heard) = status.meters.get(index) else {
                        continue;
                    };
                    let Some(config) = bus.meters.get(index) else {
                        continue;
                    };
                    let mut registers = Registers::new();
                    // The newest first: a register read twice keeps its first value.
                    for block in &heard.registers {
                        if let Some(function) = Function::from_code(block.function) {
                            registers.push(function, block.address, block.values.clone());
                        }
                    }
                    let mut known = 0;
                    if let Some(Polled::Read(before)) = self.meters.get(id) {
                        known = points_read(config, before);
                        before.blocks().for_each(|(function, address, values)| {
                            registers.push(function, address, values.to_vec());
                        });
                    }
                    let idle = self.idle.entry(id.clone()).or_default();
                    *idle = if points_read(config, &registers) > known {
                        0
                    } else {
                        *idle + 1
                    };
                    self.meters.insert(id.clone(), Polled::Read(registers));
                }
            }
        }
    }

    fn is_over(&self, bus: &BusConfig) -> bool {
        let done = |meter: &MeterConfig| match self.meters.get(&meter.id) {
            Some(Polled::Read(registers)) => {
                self.idle.get(&meter.id).copied().unwrap_or(0) >= ENOUGH
                    || is_complete(meter, registers)
            }
            Some(Polled::Failed(fault)) => {
                fault.is_link() || self.failures.get(&meter.id).copied().unwrap_or(0) >= PATIENCE
            }
            None => false,
        };
        self.cycles >= LONGEST || bus.meters.iter().all(done)
    }
}

/// Whether every point that is asked for was read, whatever it said.
pub(super) fn is_complete(meter: &MeterConfig, registers: &Registers) -> bool {
    points_read(meter, registers) == wanted(meter).count()
}

/// How many of the points that are asked for were read.
fn points_read(meter: &MeterConfig, registers: &Registers) -> usize {
    wanted(meter)
        .filter(|def| def.decode_from(registers, meter.ct_ratio) != Err(NoValue::NotRead))
        .count()
}

/// The points that are asked for.
pub(super) fn wanted(meter: &MeterConfig) -> impl Iterator<Item = &PointDef> {
    let chosen = meter.points.as_ref();
    let all = meter.profile.points.iter();
    all.filter(move |def| chosen.is_none_or(|points| points.contains(&def.point)))
}
