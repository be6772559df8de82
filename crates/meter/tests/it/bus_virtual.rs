//! A whole bus on a virtual line: the real loop, schedule and master, hours in a moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use solthrive_domain::{MeterId, Reading};
use solthrive_meter::bus::{
    BusConfig, BusCycle, BusFault, BusStatus, Link, Master, MeterConfig, MeterOutcome, Opener,
    Pace, run_bus_on,
};
use solthrive_meter::frame::ReadRequest;
use solthrive_meter::line::SerialSettings;
use solthrive_meter::profile::Profile;
use solthrive_meter::rtu::{RtuMaster, RtuOptions};

use crate::rtu_script::{Script, Seen};
use crate::rtu_virtual::{Machine, Virtual};

/// What came of polling a bus for a while.
pub(crate) struct Polled {
    pub cycles: Vec<BusCycle>,
    pub status: BusStatus,
    pub line: Virtual,
}

struct OnVirtual(Virtual, SerialSettings);

impl Opener for OnVirtual {
    fn open(&mut self) -> Result<Box<dyn Master>, BusFault> {
        let pace = Arc::new(self.0.clone());
        let options = RtuOptions::default();
        Ok(Box::new(RtuMaster::on(
            self.0.clone(),
            self.1,
            pace,
            options,
        )))
    }
}

/// Polls for `polls` instants of the grid.
pub(crate) fn poll_for(
    polls: usize,
    script: Script,
    machine: Machine,
    meters: Vec<MeterConfig>,
) -> Polled {
    let settings = script.settings;
    let line = Virtual::new(script, machine);
    let config = BusConfig::new("bus", Link::serial("/nowhere", settings), meters);
    let status = Arc::new(Mutex::new(BusStatus::new(&config)));
    let stop = AtomicBool::new(false);
    let mut cycles = Vec::new();
    run_bus_on(
        Box::new(OnVirtual(line.clone(), settings)),
        config,
        Arc::new(line.clone()) as Arc<dyn Pace>,
        &stop,
        Arc::clone(&status),
        &mut |cycle| {
            cycles.push(cycle);
            stop.store(cycles.len() >= polls, Ordering::Release);
        },
    );
    let status = status.lock().unwrap().clone();
    Polled {
        cycles,
        status,
        line,
    }
}

impl Polled {
    /// What came of each poll of the meter at this place.
    pub(crate) fn outcomes(&self, meter: usize) -> impl Iterator<Item = &MeterOutcome> {
        self.cycles
            .iter()
            .map(move |cycle| &cycle.meters[meter].outcome)
    }

    pub(crate) fn readings(&self, meter: usize) -> Vec<&Reading> {
        self.outcomes(meter).filter_map(reading).collect()
    }

    pub(crate) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        self.line.seen(look)
    }

    /// Requests to one unit.
    pub(crate) fn requests_to(&self, unit: u8) -> usize {
        self.seen(|seen| {
            seen.requests
                .iter()
                .filter(|request| request.unit == unit)
                .count()
        })
    }
}

pub(crate) fn reading(outcome: &MeterOutcome) -> Option<&Reading> {
    match outcome {
        MeterOutcome::Read(reading) => Some(reading),
        _ => None,
    }
}

/// A meter of this profile at this unit, named after it.
pub(crate) fn meter(unit: u8, profile: &Profile) -> MeterConfig {
    MeterConfig::new(
        MeterId::new(format!("m{unit}")),
        unit,
        Arc::new(profile.clone()),
    )
}

/// A line on which these units answer, all at once, with what `registers` says.
pub(crate) fn answering(
    settings: SerialSettings,
    units: std::ops::RangeInclusive<u8>,
    registers: impl Fn(u8, u16) -> Option<u16> + Send + 'static,
) -> Script {
    let mut script = Script::new(settings, 5);
    script.turnaround = Duration::from_millis(10);
    script.answers = Box::new(move |request: ReadRequest, _| {
        if !units.contains(&request.unit) {
            return Err(None);
        }
        let asked =
            (0..request.count).map(|offset| registers(request.unit, request.address + offset));
        asked.collect::<Option<Vec<u16>>>().ok_or(Some(2))
    });
    script
}
