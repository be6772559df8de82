//! A simulated meter: what its clamps see of a home, in the registers of any profile.

pub mod counters;
pub mod measure;
pub mod registers;
pub mod wiring;

use std::collections::BTreeMap;
use std::sync::Arc;

use solthrive_domain::{Input, Point, Quantity};
use solthrive_meter::profile::Profile;

pub use measure::{InputFaults, MeterReading};
pub use registers::Undefined;
pub use wiring::{Branch, Ct, MeterWiring, Wire};

use crate::home::HomeState;
use crate::home::phasor::Phasor;
use counters::{Counter, Counters};

/// A meter to simulate.
#[derive(Debug, Clone)]
pub struct MeterSpec {
    /// Its address on the bus, 1 to 247.
    pub unit: u8,
    /// Its register map.
    pub profile: Arc<Profile>,
    /// Its clamps; as an installer would place them when `None`.
    pub wiring: Option<MeterWiring>,
    /// Primary over secondary current, for profiles that give the secondary side.
    pub ct_ratio: f64,
    /// What it says about registers that its profile does not know.
    pub undefined: Undefined,
    /// Points this model lacks: their registers do not exist.
    pub without: Vec<Point>,
    /// Counters start at zero instead of where a used meter's stand.
    pub new_counters: bool,
}

impl MeterSpec {
    /// A meter as it usually comes.
    #[must_use]
    pub const fn new(unit: u8, profile: Arc<Profile>) -> Self {
        Self {
            unit,
            profile,
            wiring: None,
            ct_ratio: 1.0,
            undefined: Undefined::Refuse,
            without: Vec::new(),
            new_counters: false,
        }
    }
}

/// A meter at work.
#[derive(Debug, Clone)]
pub struct SimMeter {
    spec: MeterSpec,
    wiring: MeterWiring,
    counters: Counters,
    reading: MeterReading,
    frozen: Option<(MeterReading, Counters)>,
    pins: BTreeMap<Point, f64>,
}

/// A power no inverter has, as a replayed wake-up value reaches the registers, W.
const WAKE_UP: f64 = -1e9;

impl SimMeter {
    /// A meter in a home. `seed` decides where its counters stand.
    #[must_use]
    pub fn new(spec: MeterSpec, state: &HomeState, has_pv: bool, seed: u64) -> Self {
        let wiring = spec.wiring.clone();
        let wiring =
            wiring.unwrap_or_else(|| MeterWiring::usual(&spec.profile, state.service, has_pv));
        let counters = if spec.new_counters {
            Counters::default()
        } else {
            Counters::used(seed ^ u64::from(spec.unit))
        };
        let reading = MeterReading::of(state, &wiring, &InputFaults::default());
        Self {
            spec,
            wiring,
            counters,
            reading,
            frozen: None,
            pins: BTreeMap::new(),
        }
    }

    /// Its address.
    #[must_use]
    pub const fn unit(&self) -> u8 {
        self.spec.unit
    }

    /// As it was ordered.
    #[must_use]
    pub const fn spec(&self) -> &MeterSpec {
        &self.spec
    }

    /// Its clamps.
    #[must_use]
    pub const fn wiring(&self) -> &MeterWiring {
        &self.wiring
    }

    /// What its clamps see now.
    #[must_use]
    pub const fn reading(&self) -> &MeterReading {
        &self.reading
    }

    /// Measures a home that stays like this for `seconds`. A stuck meter goes on counting inside.
    pub fn measure(&mut self, state: &HomeState, seconds: f64, faults: &InputFaults, stuck: bool) {
        self.reading = MeterReading::of(state, &self.wiring, faults);
        self.counters.count(&self.reading, seconds);
        if state.pv_sentinel {
            for (input, ct) in self.wiring.iter() {
                if ct.branch == Branch::Pv
                    && let Some(place) = measure::slot(input)
                {
                    self.reading.inputs[place].power = Phasor::new(WAKE_UP, 0.0);
                }
            }
        }
        if !stuck {
            self.frozen = None;
        } else if self.frozen.is_none() {
            self.frozen = Some((self.reading, self.counters));
        }
    }

    /// Fixes what a point says, or lets it go again.
    pub fn pin(&mut self, point: Point, value: Option<f64>) {
        match value {
            Some(value) => self.pins.insert(point, value),
            None => self.pins.remove(&point),
        };
    }

    /// Lets every point go again.
    pub fn unpin_all(&mut self) {
        self.pins.clear();
    }

    /// Starts its counters again at zero.
    pub fn reset_counters(&mut self) {
        self.counters.reset();
    }

    /// Moves its counters so that the import total turns over after `kwh` more. A map whose counter
    /// has no end (floats) turns over where a five-digit display does.
    pub fn approach_rollover(&mut self, kwh: f64) {
        let import = self.spec.profile.points.iter().find(|def| {
            def.point.quantity == Quantity::EnergyImport && def.point.input == Input::Total
        });
        let end = import
            .and_then(|def| def.rollover(self.scaling(def)))
            .unwrap_or(100_000.0);
        self.counters
            .move_to(end - kwh, import.and_then(|def| def.scope));
    }

    /// What a point says, in canonical units; `None` for what this meter cannot know.
    #[must_use]
    pub fn value(&self, point: Point) -> Option<f64> {
        if let Some(pinned) = self.pins.get(&point) {
            return Some(*pinned);
        }
        let (reading, counters) = self
            .frozen
            .as_ref()
            .map_or((&self.reading, &self.counters), |(r, c)| (r, c));
        if point.quantity.is_counter() {
            let counter = if let Some(place) = measure::slot(point.input) {
                counters.input(place)
            } else {
                let scope = self.spec.profile.point(point).and_then(|def| def.scope);
                counters.total(scope)
            };
            return counted(point.quantity, &counter);
        }
        match measure::slot(point.input) {
            Some(place) => at_input(point, reading, place),
            None => of_meter(point, reading),
        }
    }
}

fn counted(quantity: Quantity, counter: &Counter) -> Option<f64> {
    Some(match quantity {
        Quantity::EnergyImport => counter.import,
        Quantity::EnergyExport => counter.export,
        Quantity::EnergyAbsolute => counter.import + counter.export,
        Quantity::EnergyNet => counter.import - counter.export,
        Quantity::ReactiveEnergyImport => counter.reactive_import,
        Quantity::ReactiveEnergyExport => counter.reactive_export,
        Quantity::ReactiveEnergyAbsolute => counter.reactive_import + counter.reactive_export,
        Quantity::ReactiveEnergyNet => counter.reactive_import - counter.reactive_export,
        Quantity::ApparentEnergy => counter.apparent,
        _ => return None,
    })
}

fn at_input(point: Point, reading: &MeterReading, place: usize) -> Option<f64> {
    let input = reading.inputs.get(place)?;
    let power = input.power;
    Some(match point.quantity {
        Quantity::Voltage => reading
            .taps
            .get(place)
            .map_or(input.volts.magnitude(), |tap| tap.magnitude()),
        Quantity::Current => input.amps,
        Quantity::ActivePower => power.re,
        Quantity::ReactivePower => power.im,
        Quantity::ApparentPower => power.magnitude(),
        Quantity::PowerFactor => power_factor(power.re, power.magnitude()),
        Quantity::PhaseAngle => power.im.atan2(power.re).to_degrees(),
        Quantity::VoltageDistortion => distortion(reading),
        Quantity::Frequency => reading.frequency,
        _ => return None,
    })
}

fn of_meter(point: Point, reading: &MeterReading) -> Option<f64> {
    let taps = &reading.taps;
    let between = |a: usize, b: usize| (taps[a] - taps[b]).magnitude();
    let total = reading.total();
    let connected = || {
        taps.iter()
            .map(|tap| tap.magnitude())
            .filter(|volts| *volts > 1.0)
    };
    let mean = |sum: f64, count: usize| if count == 0 { 0.0 } else { sum / count as f64 };
    Some(match (point.quantity, point.input) {
        (Quantity::Voltage, Input::L12) => between(0, 1),
        (Quantity::Voltage, Input::L23) => between(1, 2),
        (Quantity::Voltage, Input::L31) => between(2, 0),
        (Quantity::Voltage, Input::AverageLineToLine) => {
            (between(0, 1) + between(1, 2) + between(2, 0)) / 3.0
        }
        (Quantity::Voltage, _) => mean(connected().sum(), connected().count()),
        (Quantity::Current, Input::Average) => mean(
            reading.wired().map(|i| i.amps).sum(),
            reading.wired().count(),
        ),
        (Quantity::Current, _) => reading.wired().map(|input| input.amps).sum(),
        (Quantity::ActivePower, _) => total.re,
        (Quantity::ReactivePower, _) => total.im,
        (Quantity::ApparentPower, _) => reading.total_apparent(),
        (Quantity::PowerFactor, _) => power_factor(total.re, reading.total_apparent()),
        (Quantity::PhaseAngle, _) => total.im.atan2(total.re).to_degrees(),
        (Quantity::VoltageDistortion, _) => distortion(reading),
        (Quantity::Frequency, _) => reading.frequency,
        (Quantity::StateOfCharge, _) => reading.soc? * 100.0,
        _ => return None,
    })
}

/// Without load a meter shows 1.
fn power_factor(watts: f64, volt_amps: f64) -> f64 {
    if volt_amps < 1e-6 {
        1.0
    } else {
        (watts / volt_amps).clamp(-1.0, 1.0)
    }
}

/// Percent; a house supply has about two, and it wanders with the frequency here.
fn distortion(reading: &MeterReading) -> f64 {
    2.1 + 10.0
        * (reading.frequency.fract() - 0.5)
            .abs()
            .mul_add(-1.0, 0.5)
            .clamp(0.0, 0.05)
}
