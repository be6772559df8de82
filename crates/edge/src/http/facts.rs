//! What the rest of the appliance says about itself, for health, system, device, debug and metrics.
//!
//! Written from plain threads once a poll at most; read only when somebody asks.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use solthrive_domain::ids::{DeviceId, RunId};
use solthrive_domain::{MeterId, Mono};
use solthrive_meter::bus::{BusConfig, BusCycle, BusStatus, MeterOutcome};

use super::machine::{self, Processors};
use super::wire::{ClockBody, DiskBody};

/// What is known from the start.
#[derive(Debug, Clone)]
pub struct FixedFacts {
    /// Version of the software.
    pub version: &'static str,
    /// This start of the service.
    pub run: RunId,
    /// When it was, on the monotonic clock.
    pub started: Mono,
    /// Serial number of the machine.
    pub serial: Option<String>,
    /// Identity of the appliance.
    pub device: Option<DeviceId>,
    /// Kind of machine, such as `Raspberry Pi 4 Model B Rev 1.4`.
    pub model: Option<String>,
    /// Starts of the machine that the store has seen.
    pub boot_count: Option<u64>,
    /// Starts of the service since the machine started, less one.
    pub service_restarts: Option<u64>,
    /// Folder of the history, whose file system's space matters.
    pub data_dir: PathBuf,
    /// File of the history.
    pub database: PathBuf,
    /// Time between two polls.
    pub poll_every: Duration,
    /// Every meter in the configuration's order, not asked yet.
    pub meters: Vec<MeterFacts>,
    /// Every bus, as its thread fills it in.
    pub buses: Vec<Arc<Mutex<BusStatus>>>,
}

/// One meter, and whether it answers.
#[derive(Debug, Clone)]
pub struct MeterFacts {
    /// Its name.
    pub name: MeterId,
    /// Its bus.
    pub bus: String,
    /// Modbus unit.
    pub unit: u8,
    /// Its profile's id.
    pub profile: String,
    /// When it last answered.
    pub last_read: Option<Mono>,
    /// Failed polls in a row.
    pub failures: u32,
}

impl MeterFacts {
    /// Every meter of these buses, not asked yet.
    #[must_use]
    pub fn of(buses: &[BusConfig]) -> Vec<Self> {
        let all = buses
            .iter()
            .flat_map(|bus| bus.meters.iter().map(move |meter| (bus, meter)));
        all.map(|(bus, meter)| {
            Self::new(meter.id.clone(), &*bus.name, meter.unit, &*meter.profile.id)
        })
        .collect()
    }

    /// A meter that was not asked yet.
    #[must_use]
    pub fn new(
        name: MeterId,
        bus: impl Into<String>,
        unit: u8,
        profile: impl Into<String>,
    ) -> Self {
        Self {
            name,
            bus: bus.into(),
            unit,
            profile: profile.into(),
            last_read: None,
            failures: 0,
        }
    }
}

/// The wall clock as the core thread sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClockFacts {
    /// The operating system says that it is synchronised.
    pub synced: Option<bool>,
    /// It can be right.
    pub plausible: bool,
    /// When it last jumped.
    pub last_step: Option<Timestamp>,
}

/// All facts.
#[derive(Debug)]
pub struct Facts {
    /// Version of the software.
    pub version: &'static str,
    /// The rest of what is known from the start.
    pub fixed: FixedFacts,
    changing: Mutex<Changing>,
    processors: Mutex<Processors>,
}

#[derive(Debug)]
struct Changing {
    meters: Vec<MeterFacts>,
    clock: ClockFacts,
}

impl Facts {
    /// Facts of a service that starts.
    #[must_use]
    pub fn new(fixed: FixedFacts) -> Self {
        let changing = Changing {
            meters: fixed.meters.clone(),
            clock: ClockFacts::default(),
        };
        Self {
            version: fixed.version,
            fixed,
            changing: Mutex::new(changing),
            processors: Mutex::default(),
        }
    }

    /// Notes who answered in a poll. Call it for every cycle of every bus.
    pub fn note_cycle(&self, cycle: &BusCycle) {
        let mut changing = self.lock();
        for seen in &cycle.meters {
            let Some(meter) = changing
                .meters
                .iter_mut()
                .find(|meter| meter.name == seen.meter)
            else {
                continue;
            };
            match &seen.outcome {
                MeterOutcome::Read(reading) => {
                    meter.last_read = Some(reading.at);
                    meter.failures = 0;
                }
                MeterOutcome::Failed { failures, .. } => meter.failures = (*failures).max(1),
                MeterOutcome::Waiting => {}
            }
        }
    }

    /// Notes what is known about the wall clock.
    pub fn note_clock(&self, clock: ClockFacts) {
        self.lock().clock = clock;
    }

    /// Every meter, in the configuration's order.
    #[must_use]
    pub fn meters(&self) -> Vec<MeterFacts> {
        self.lock().meters.clone()
    }

    /// The wall clock.
    #[must_use]
    pub fn clock(&self) -> ClockBody {
        let ClockFacts {
            synced,
            plausible,
            last_step,
        } = self.lock().clock;
        ClockBody {
            synced,
            plausible,
            last_step,
        }
    }

    /// Time since the service started.
    #[must_use]
    pub fn uptime(&self, now: Mono) -> Duration {
        now.since(self.fixed.started)
    }

    /// Percent of the machine's processors that was in use lately.
    #[must_use]
    pub fn processors(&self, now: Mono) -> Option<f64> {
        let processors = self.processors.lock();
        processors.unwrap_or_else(PoisonError::into_inner).look(now)
    }

    /// Space where the history is kept.
    #[must_use]
    pub fn disk(&self) -> Option<DiskBody> {
        machine::disk(&self.fixed.data_dir)
    }

    /// Each bus now.
    pub fn buses<T>(&self, look: impl Fn(&BusStatus) -> T) -> Vec<T> {
        let look =
            |bus: &Arc<Mutex<BusStatus>>| look(&bus.lock().unwrap_or_else(PoisonError::into_inner));
        self.fixed.buses.iter().map(look).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
