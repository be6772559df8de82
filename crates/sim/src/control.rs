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
use serde::Deserialize;
use serde_json::{Value, json};
use solthrive_domain::Point;
use tokio::sync::oneshot;

use crate::bus::Shared;
use crate::faults::FaultSpec;
use crate::home::Pins;
use crate::meter::SimMeter;
use crate::truth::Truth;

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
