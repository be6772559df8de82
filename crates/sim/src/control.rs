//! The control server: truth, faults and fixed values over HTTP on the loopback.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use solthrive_domain::{Input, Point, Role};
use tokio::sync::oneshot;

use crate::bus::{BusStats, Shared};
use crate::faults::{FaultKind, FaultSpec};
use crate::home::{Flow, Pins, leg_count};
use crate::meter::SimMeter;
use crate::meter::registers::Said;
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

fn meter_truth(meter: &SimMeter, world: &World) -> MeterTruth {
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

/// The thread with the HTTP server.
#[derive(Debug)]
pub(crate) struct ControlServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ControlServer {
    pub(crate) fn start(shared: &Arc<Shared>, address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            let reason = format!(
                "{address} is not on the loopback: anybody on the network could order faults"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let app = router(Arc::clone(shared));
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("sim-control".to_owned())
            .spawn(move || {
                let served = runtime.block_on(async {
                    let listener = tokio::net::TcpListener::from_std(listener)?;
                    // Open keep-alive connections must not hold up the end.
                    tokio::select! {
                        served = axum::serve(listener, app) => served,
                        _ = stopped => Ok(()),
                    }
                });
                if let Err(error) = served {
                    tracing::error!(%error, "the control server failed");
                }
            })?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened.
            let _ = thread.join();
        }
    }
}

type App = State<Arc<Shared>>;
type Answer = Result<Json<Value>, (StatusCode, Json<Value>)>;

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/truth", get(truth))
        .route("/faults", get(faults).post(begin).delete(clear))
        .route("/faults/{id}", delete(end))
        .route("/set", post(set))
        .with_state(shared)
}

fn refused(error: impl std::fmt::Display) -> (StatusCode, Json<Value>) {
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        Json(json!({ "error": error.to_string() })),
    )
}

async fn index() -> &'static str {
    "GET /truth[?seconds=5]   everything that is so now, and what the replies of the last seconds said\n\
     GET /faults              faults at work\n\
     POST /faults             one fault or a list: {\"kind\":\"delay\",\"ms\":200,\"probability\":0.2,\"seconds\":30}\n\
     DELETE /faults[/ID]      end all, or one\n\
     POST /set                fix values: {\"solar_kw\":3,\"home_kw\":1.2,\"points\":{\"1\":{\"f\":60.5}}}; null lets go; {} lets all go\n"
}

#[derive(Debug, Deserialize)]
struct Span {
    seconds: Option<f64>,
}

async fn truth(State(shared): App, Query(span): Query<Span>) -> Json<Truth> {
    let seconds = span
        .seconds
        .filter(|s| s.is_finite())
        .unwrap_or(5.0)
        .clamp(0.0, 120.0);
    Json(Truth::of(&shared, Duration::from_secs_f64(seconds)))
}

async fn faults(State(shared): App) -> Json<Value> {
    let now = shared.clock.elapsed();
    let mut world = shared.world();
    Json(json!(world.faults(now)))
}

async fn begin(State(shared): App, Json(body): Json<Value>) -> Answer {
    let wanted = if body.is_array() { body } else { json!([body]) };
    let specs: Vec<FaultSpec> = serde_json::from_value(wanted).map_err(refused)?;
    for spec in &specs {
        spec.check().map_err(refused)?;
    }
    let now = shared.clock.elapsed();
    let mut ids = Vec::new();
    for spec in specs {
        ids.push(shared.world().begin_fault(spec, now).map_err(refused)?);
    }
    shared.wake();
    Ok(Json(json!({ "ids": ids })))
}

async fn clear(State(shared): App) -> Json<Value> {
    shared.world().clear_faults(shared.clock.elapsed());
    shared.wake();
    Json(json!({ "ids": [] }))
}

async fn end(State(shared): App, Path(id): Path<u64>) -> Answer {
    let ended = shared.world().end_fault(id, shared.clock.elapsed());
    shared.wake();
    if ended {
        Ok(Json(json!({ "ended": id })))
    } else {
        Err((
            StatusCode::NOT_FOUND,
            Json(json!({ "error": format!("no fault {id} is at work") })),
        ))
    }
}

/// Values of the home, and of points by unit.
#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    points: BTreeMap<String, BTreeMap<String, Option<f64>>>,
    #[serde(flatten)]
    home: serde_json::Map<String, Value>,
}

async fn set(State(shared): App, Json(wanted): Json<Wanted>) -> Answer {
    let now = shared.clock.elapsed();
    let mut world = shared.world();
    let everything = wanted.home.is_empty() && wanted.points.is_empty();
    // What was fixed before stays, unless this names it.
    let mut pins = serde_json::to_value(if everything {
        Pins::default()
    } else {
        *world.pins()
    })
    .map_err(refused)?;
    if let Some(pins) = pins.as_object_mut() {
        pins.extend(wanted.home);
    }
    let pins: Pins = serde_json::from_value(pins).map_err(refused)?;
    let mut points = Vec::new();
    for (unit, values) in &wanted.points {
        let unit: u8 = unit
            .parse()
            .map_err(|_| refused(format!("`{unit}` is no unit")))?;
        if world.meter(unit).is_none() {
            return Err(refused(format!("there is no meter at unit {unit}")));
        }
        for (point, value) in values {
            points.push((unit, point.parse::<Point>().map_err(refused)?, *value));
        }
    }
    world.pin(pins, now);
    let units: Vec<u8> = world.meters().iter().map(SimMeter::unit).collect();
    for unit in units.into_iter().filter(|_| everything) {
        if let Some(meter) = world.meter_mut(unit) {
            meter.unpin_all();
        }
    }
    for (unit, point, value) in points {
        if let Some(meter) = world.meter_mut(unit) {
            meter.pin(point, value);
        }
    }
    Ok(Json(json!({ "pins": world.pins() })))
}
