//! The truth as JSON tells it: kW, kWh, V, A, Hz, names of points as everywhere else.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use solthrive_domain::{Input, Point, Quantity, Role};

use crate::bus::{BusStats, Shared};
use crate::faults::FaultKind;
use crate::home::{Flow, Pins, leg_count};
use crate::meter::registers::Said;
use crate::meter::{Branch, SimMeter};
use crate::world::{ReplyRecord, TrueEnergies, World};

/// Powers in kW; absent where the home has no such thing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FlowKw {
    /// Produced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solar_kw: Option<f64>,
    /// Used.
    pub home_kw: f64,
    /// Drawn from the grid, negative while feeding in.
    pub grid_kw: f64,
    /// Discharged, negative while charging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_kw: Option<f64>,
    /// Into the car.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ev_kw: Option<f64>,
}

impl From<&Flow> for FlowKw {
    fn from(flow: &Flow) -> Self {
        let kw = |watts: f64| watts / 1000.0;
        Self {
            solar_kw: flow.solar.map(kw),
            home_kw: kw(flow.home),
            grid_kw: kw(flow.grid),
            battery_kw: flow.battery.map(kw),
            ev_kw: flow.ev.map(kw),
        }
    }
}

/// Powers as an exact reader of the meters gets them, kW; absent where nothing measures them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct SeenKw {
    /// Of all clamps on the array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solar_kw: Option<f64>,
    /// Of all clamps on the mains, when every leg has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid_kw: Option<f64>,
    /// Of all clamps on the battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_kw: Option<f64>,
    /// The sum of these, when the mains are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_kw: Option<f64>,
}

impl SeenKw {
    pub(crate) fn of(world: &World) -> Self {
        let service = world.state().service;
        let mut seen = Self::default();
        let mut mains = 0;
        for meter in world.meters() {
            for (input, ct) in meter.wiring().iter() {
                let Some(watts) = meter.value(Point::new(Quantity::ActivePower, input)) else {
                    continue;
                };
                let kw = watts * ct.multiplier(service) / 1000.0;
                let sum = match ct.branch {
                    Branch::Main => &mut seen.grid_kw,
                    Branch::Pv => &mut seen.solar_kw,
                    Branch::Battery => &mut seen.battery_kw,
                    Branch::Home | Branch::Ev => continue,
                };
                mains += usize::from(ct.branch == Branch::Main);
                *sum = Some(sum.unwrap_or(0.0) + kw);
            }
        }
        if mains != leg_count(service) {
            seen.grid_kw = None;
        }
        let rest = seen.solar_kw.unwrap_or(0.0) + seen.battery_kw.unwrap_or(0.0);
        seen.home_kw = seen.grid_kw.map(|grid| grid + rest);
        seen
    }
}

/// One leg of the service.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LegTruth {
    /// V.
    pub voltage: f64,
    /// A through the grid connection.
    pub main_a: f64,
    /// kW through the grid connection.
    pub main_kw: f64,
    /// kW of the home.
    pub home_kw: f64,
    /// kW of the array.
    pub solar_kw: f64,
}

/// One meter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeterTruth {
    /// Its address.
    pub unit: u8,
    /// Its register map.
    pub profile: String,
    /// What it measures, and with which multiplier a channel on it must be set up.
    pub channels: Vec<ChannelTruth>,
    /// Every point of its profile, canonical units.
    pub points: BTreeMap<Point, f64>,
}

/// A clamp as a configuration names it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelTruth {
    /// What it is on.
    pub role: Role,
    /// The meter's input.
    pub input: String,
    /// Whose voltage its current is multiplied with.
    pub volt_ref: String,
    /// What its power must be multiplied with.
    pub multiplier: f64,
}

/// What one reply said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplyTruth {
    /// When the request had arrived.
    pub wall: Timestamp,
    /// Seconds since the start.
    pub mono_s: f64,
    /// Who was asked.
    pub unit: u8,
    /// Function code.
    pub function: u8,
    /// First register.
    pub address: u16,
    /// Registers.
    pub count: u16,
    /// The meter's refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<u8>,
    /// Faults drawn for it.
    pub faults: Vec<FaultKind>,
    /// As simulated and as sent.
    pub points: BTreeMap<Point, Said>,
    /// The home at that instant.
    pub home: FlowKw,
    /// The home as the meters' values make it out.
    pub seen: SeenKw,
    /// Energies until then.
    pub energy: TrueEnergies,
}

impl From<&ReplyRecord> for ReplyTruth {
    fn from(record: &ReplyRecord) -> Self {
        Self {
            wall: record.at.wall,
            mono_s: record.at.mono.as_secs_f64(),
            unit: record.request.unit,
            function: record.request.function.code(),
            address: record.request.address,
            count: record.request.count,
            exception: record.exception,
            faults: record.faults.clone(),
            points: record.points.clone(),
            home: FlowKw::from(&record.flow),
            seen: record.seen,
            energy: record.energy,
        }
    }
}

/// Everything that is so.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truth {
    /// The machine's clock.
    pub wall: Timestamp,
    /// Seconds since the start.
    pub mono_s: f64,
    /// The home's clock.
    pub sim_time: Timestamp,
    /// Simulated over real time.
    pub speed: f64,
    /// Powers now.
    pub home: FlowKw,
    /// The same as the meters' values and clamps make it out: a clamp on one of two legs sees half
    /// of a circuit only if the legs' voltages are equal. Absent parts are on no clamp.
    pub seen: SeenKw,
    /// Hz.
    pub frequency: f64,
    /// Battery's state of charge, percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soc: Option<f64>,
    /// Every leg.
    pub legs: BTreeMap<String, LegTruth>,
    /// Energies since the start.
    pub energy: TrueEnergies,
    /// Every meter.
    pub meters: Vec<MeterTruth>,
    /// Replies of the last seconds, oldest first.
    pub replies: Vec<ReplyTruth>,
    /// What the buses saw.
    pub bus: BusStats,
    /// Values fixed now.
    pub pins: Pins,
}

impl Truth {
    pub(crate) fn of(shared: &Shared, span: Duration) -> Self {
        let now = shared.now();
        let bus = *shared.stats();
        let mut world = shared.world();
        world.advance(now.mono);
        let state = world.state();
        let recent = |record: &&ReplyRecord| now.mono.saturating_sub(record.at.mono) <= span;
        Self {
            wall: now.wall,
            mono_s: now.mono.as_secs_f64(),
            sim_time: world.time(),
            speed: world.speed(),
            home: FlowKw::from(&state.flow),
            seen: SeenKw::of(&world),
            frequency: state.frequency,
            soc: state.soc.map(|soc| soc * 100.0),
            legs: legs(&world),
            energy: *world.energy(),
            meters: world
                .meters()
                .iter()
                .map(|meter| meter_truth(meter, &world))
                .collect(),
            replies: world
                .replies()
                .filter(recent)
                .map(ReplyTruth::from)
                .collect(),
            bus,
            pins: *world.pins(),
        }
    }
}

fn legs(world: &World) -> BTreeMap<String, LegTruth> {
    let state = world.state();
    let main = state.main();
    let (main_w, home_w, solar_w) = (
        state.watts(&main),
        state.watts(&state.home),
        state.watts(&state.pv),
    );
    let leg = |leg: usize| LegTruth {
        voltage: state.volts[leg].magnitude(),
        main_a: main[leg].magnitude(),
        main_kw: main_w[leg] / 1000.0,
        home_kw: home_w[leg] / 1000.0,
        solar_kw: solar_w[leg] / 1000.0,
    };
    (0..leg_count(state.service))
        .map(|number| (format!("l{}", number + 1), leg(number)))
        .collect()
}

pub(crate) fn meter_truth(meter: &SimMeter, world: &World) -> MeterTruth {
    let service = world.state().service;
    let names = [Input::L1, Input::L2, Input::L3].map(Input::name);
    let channels = meter.wiring().iter().map(|(input, ct)| ChannelTruth {
        role: ct.role(),
        input: input.name().to_owned(),
        volt_ref: names[ct.volt_ref].to_owned(),
        multiplier: ct.multiplier(service),
    });
    let points = meter.spec().profile.points.iter();
    MeterTruth {
        unit: meter.unit(),
        profile: meter.spec().profile.id.clone(),
        channels: channels.collect(),
        points: points
            .filter_map(|def| Some((def.point, meter.value(def.point)?)))
            .collect(),
    }
}
