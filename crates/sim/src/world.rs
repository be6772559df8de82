//! The home, its meters and its faults, moved through time together; and what really happened.
//!
//! A [`World`] has no clock: [`World::advance`] takes the real time since the start and steps the
//! home on a fixed grid of simulated time up to there. Between two steps everything holds still, so
//! the energies are exactly the sum of what the meters measured.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_domain::Point;
use solthrive_meter::frame::ReadRequest;

use crate::faults::{ActiveFault, BadFault, FaultBoard, FaultKind, FaultSpec};
use crate::home::{Disturbance, Flow, Home, HomeState, Pins};
use crate::meter::registers::{Glitch, Said};
use crate::meter::{MeterSpec, SimMeter};
use crate::truth::SeenKw;

/// Finest step of simulated time.
const STEP: Duration = Duration::from_millis(100);
/// How long replies are remembered.
const MEMORY: Duration = Duration::from_secs(120);

/// An instant of the real world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Since the simulation began, monotonic.
    pub mono: Duration,
    /// On the machine's clock.
    pub wall: Timestamp,
}

/// Energy since the simulation began, kWh. Import and export are told apart after the legs were
/// added, in every step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrueEnergies {
    /// Produced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solar_kwh: Option<f64>,
    /// Used.
    pub home_kwh: f64,
    /// Drawn from the grid.
    pub import_kwh: f64,
    /// Fed into the grid.
    pub export_kwh: f64,
    /// Into the battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_charge_kwh: Option<f64>,
    /// Out of the battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_discharge_kwh: Option<f64>,
    /// Into the car.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ev_kwh: Option<f64>,
}

impl TrueEnergies {
    fn add(&mut self, flow: &Flow, hours: f64) {
        let kwh = |watts: f64| watts * hours / 1000.0;
        let grow = |sum: &mut Option<f64>, watts: Option<f64>| {
            if let Some(watts) = watts {
                *sum = Some(sum.unwrap_or(0.0) + kwh(watts.max(0.0)));
            }
        };
        grow(&mut self.solar_kwh, flow.solar);
        grow(&mut self.battery_discharge_kwh, flow.battery);
        grow(
            &mut self.battery_charge_kwh,
            flow.battery.map(|watts| -watts),
        );
        grow(&mut self.ev_kwh, flow.ev);
        self.home_kwh += kwh(flow.home);
        self.import_kwh += kwh(flow.grid.max(0.0));
        self.export_kwh += kwh((-flow.grid).max(0.0));
    }
}

/// What one reply said, and what was so at that instant.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplyRecord {
    /// When the meter took its values: the request had just arrived.
    pub at: Stamp,
    /// What was asked.
    pub request: ReadRequest,
    /// The meter's refusal.
    pub exception: Option<u8>,
    /// Point by point: as simulated, and as sent.
    pub points: BTreeMap<Point, Said>,
    /// Faults drawn for this reply.
    pub faults: Vec<FaultKind>,
    /// The home.
    pub flow: Flow,
    /// The home as the meters' values make it out.
    pub seen: SeenKw,
    /// Energies so far.
    pub energy: TrueEnergies,
}

/// A meter's answer, before the wire gets hold of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Registers, or the exception code.
    pub registers: Result<Vec<u16>, u8>,
    /// Faults of the wire drawn for it.
    pub faults: Vec<FaultSpec>,
}

/// Everything simulated.
#[derive(Debug, Clone)]
pub struct World {
    home: Home,
    state: HomeState,
    meters: Vec<SimMeter>,
    faults: FaultBoard,
    pins: Pins,
    speed: f64,
    step: Duration,
    /// Simulated time since the start, on the grid.
    elapsed: Duration,
    energy: TrueEnergies,
    replies: VecDeque<ReplyRecord>,
}

impl World {
    /// A home without meters that moves in steps of this length: what is asked for at the end of each step is
    /// exactly what it was in the step.
    #[must_use]
    pub fn in_steps(home: Home, step: Duration) -> Self {
        Self::stepping(home, Vec::new(), 0, 1.0, step.max(STEP))
    }

    /// The same with books that were begun before.
    #[must_use]
    pub const fn with_books(mut self, energy: TrueEnergies) -> Self {
        self.energy = energy;
        self
    }

    /// A world at its start. `speed` is simulated over real time.
    #[must_use]
    pub fn new(home: Home, meters: Vec<MeterSpec>, seed: u64, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 {
            speed
        } else {
            1.0
        };
        // At most some hundred steps a real second.
        let step = STEP.max(Duration::from_secs_f64((speed * 0.002).min(60.0)));
        Self::stepping(home, meters, seed, speed, step)
    }

    fn stepping(
        mut home: Home,
        meters: Vec<MeterSpec>,
        seed: u64,
        speed: f64,
        step: Duration,
    ) -> Self {
        let pins = Pins::default();
        let state = home.step(
            Duration::ZERO,
            step.as_secs_f64(),
            &Disturbance::default(),
            &pins,
        );
        let has_pv = state.flow.solar.is_some();
        let meters = meters
            .into_iter()
            .map(|spec| SimMeter::new(spec, &state, has_pv, seed))
            .collect();
        Self {
            home,
            state,
            meters,
            faults: FaultBoard::new(seed),
            pins,
            speed,
            step,
            elapsed: Duration::ZERO,
            energy: TrueEnergies::default(),
            replies: VecDeque::new(),
        }
    }

    /// Moves everything to a real instant after the start. Time does not go back.
    pub fn advance(&mut self, real: Duration) {
        let target = real.mul_f64(self.speed);
        while self.elapsed + self.step <= target {
            self.tick();
        }
    }

    fn tick(&mut self) {
        let seconds = self.step.as_secs_f64();
        self.energy.add(&self.state.flow, seconds / 3600.0);
        for meter in &mut self.meters {
            let real = self.elapsed.div_f64(self.speed);
            let (faults, stuck) = self.faults.of_meter(meter.unit(), real);
            meter.measure(&self.state, seconds, &faults, stuck);
        }
        self.elapsed += self.step;
        self.refresh();
    }

    /// The state of this instant, which holds for the next step; meters see it at once.
    fn refresh(&mut self) {
        let real = self.elapsed.div_f64(self.speed);
        let disturbance = self.faults.disturbance(real);
        self.state = self.home.step(
            self.elapsed,
            self.step.as_secs_f64(),
            &disturbance,
            &self.pins,
        );
        for meter in &mut self.meters {
            let (faults, stuck) = self.faults.of_meter(meter.unit(), real);
            meter.measure(&self.state, 0.0, &faults, stuck);
        }
    }

    /// The meter at a unit number answers a read; `None` where there is no such meter.
    pub fn answer(&mut self, request: ReadRequest, at: Stamp) -> Option<Answer> {
        self.advance(at.mono);
        let meter = self
            .meters
            .iter()
            .find(|meter| meter.unit() == request.unit)?;
        let faults = self.faults.spoil(request.unit, at.mono);
        let glitch = faults
            .iter()
            .find(|fault| fault.kind == FaultKind::CounterGlitch);
        let glitch = glitch.map(|fault| fault.mode.unwrap_or(Glitch::Zero));
        let registers = meter.read(request.function, request.address, request.count, glitch);
        let points = registers.as_ref().map_or_else(
            |_| BTreeMap::new(),
            |registers| meter.said(request.function, request.address, registers),
        );
        let record = ReplyRecord {
            at,
            request,
            exception: registers.as_ref().err().copied(),
            points,
            faults: faults.iter().map(|fault| fault.kind).collect(),
            flow: self.state.flow,
            seen: SeenKw::of(self),
            energy: self.energy,
        };
        self.replies.push_back(record);
        while self
            .replies
            .front()
            .is_some_and(|oldest| at.mono.saturating_sub(oldest.at.mono) > MEMORY)
        {
            self.replies.pop_front();
        }
        Some(Answer { registers, faults })
    }

    /// Begins a fault at a real instant.
    ///
    /// # Errors
    /// [`BadFault`] when its options do not fit its kind, or a meter has no such unit.
    pub fn begin_fault(&mut self, spec: FaultSpec, real: Duration) -> Result<u64, BadFault> {
        self.advance(real);
        if let Some(unit) = spec.unit.filter(|unit| self.meter(*unit).is_none()) {
            return Err(BadFault {
                kind: spec.kind,
                reason: format!("there is no meter at unit {unit}"),
            });
        }
        let concerned = |meter: &&mut SimMeter| spec.unit.is_none_or(|unit| unit == meter.unit());
        match spec.kind {
            FaultKind::CounterReset => self
                .meters
                .iter_mut()
                .filter(concerned)
                .for_each(SimMeter::reset_counters),
            FaultKind::CounterRollover => {
                let kwh = spec.kwh.unwrap_or(0.01);
                self.meters
                    .iter_mut()
                    .filter(concerned)
                    .for_each(|meter| meter.approach_rollover(kwh));
            }
            _ => {}
        }
        // Grid time lags real time by up to a step; a fault begins with the step under way.
        let begins = real.min(self.elapsed.div_f64(self.speed));
        let once = matches!(
            spec.kind,
            FaultKind::CounterReset | FaultKind::CounterRollover
        );
        let spec = if once {
            FaultSpec {
                count: Some(0),
                ..spec
            }
        } else {
            spec
        };
        let id = self.faults.begin(spec, begins)?;
        self.refresh();
        Ok(id)
    }

    /// Ends a fault; false when there is none of that number.
    pub fn end_fault(&mut self, id: u64, real: Duration) -> bool {
        self.advance(real);
        let ended = self.faults.end(id);
        self.refresh();
        ended
    }

    /// Ends every fault.
    pub fn clear_faults(&mut self, real: Duration) {
        self.advance(real);
        self.faults.clear();
        self.refresh();
    }

    /// Faults at work.
    pub fn faults(&mut self, real: Duration) -> &[ActiveFault] {
        self.faults.current(real)
    }

    /// When the adapter is plugged in again, while it is out.
    #[must_use]
    pub fn unplugged_until(&self, real: Duration) -> Option<Duration> {
        self.faults.unplugged_until(real)
    }

    /// Fixes values of the home from a real instant on.
    pub fn pin(&mut self, pins: Pins, real: Duration) {
        self.advance(real);
        self.pins = pins;
        self.refresh();
    }

    /// Values fixed now.
    #[must_use]
    pub const fn pins(&self) -> &Pins {
        &self.pins
    }

    /// The home now.
    #[must_use]
    pub const fn state(&self) -> &HomeState {
        &self.state
    }

    /// Energies so far.
    #[must_use]
    pub const fn energy(&self) -> &TrueEnergies {
        &self.energy
    }

    /// Simulated time now.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.home.time(self.elapsed)
    }

    /// Simulated over real time.
    #[must_use]
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    /// The meters.
    #[must_use]
    pub fn meters(&self) -> &[SimMeter] {
        &self.meters
    }

    /// A meter by its unit.
    #[must_use]
    pub fn meter(&self, unit: u8) -> Option<&SimMeter> {
        self.meters.iter().find(|meter| meter.unit() == unit)
    }

    /// The same, to pin its points.
    pub fn meter_mut(&mut self, unit: u8) -> Option<&mut SimMeter> {
        self.meters.iter_mut().find(|meter| meter.unit() == unit)
    }

    /// Replies of the last two minutes, oldest first.
    pub fn replies(&self) -> impl DoubleEndedIterator<Item = &ReplyRecord> {
        self.replies.iter()
    }
}
