//! `GET /api/system`: the machine, the process and how well it keeps time.

use std::sync::LazyLock;

use axum::extract::State;
use axum::response::Response;
use solthrive_domain::Mono;
use solthrive_meter::bus::DriftShown;
use solthrive_meter::profile::EMBEDDED;

use super::facts::Facts;
use super::machine;
use super::reply::{Problems, json};
use super::state::{AppState, Shared};
use super::wire::{BusBody, PollBody, System, VersionsBody};
use crate::print::fnv1a;
use crate::store;

/// Uptime, memory, disk, temperature, poll timing, bus counters and versions.
#[utoipa::path(get, path = "/api/system", tag = "system", operation_id = "system",
    responses((status = 200, body = System), Problems))]
pub(super) async fn system(State(app): State<AppState>) -> Response {
    json(&report(&app))
}

pub(super) fn report(app: &Shared) -> System {
    of(&app.facts, app.clock.mono(), app.streams())
}

/// What is known of the machine, for whoever is not a handler.
pub(crate) fn of(facts: &Facts, now: Mono, streams: u32) -> System {
    let uptime = facts.uptime(now);
    System {
        version: facts.version.to_owned(),
        run: facts.fixed.run,
        uptime_s: uptime.as_secs(),
        machine_uptime_s: machine::machine_uptime(),
        boot_count: facts.fixed.boot_count,
        service_restarts: facts.fixed.service_restarts,
        cpu_percent: percent(
            machine::processor_time().as_secs_f64(),
            uptime.as_secs_f64(),
        ),
        memory_rss_bytes: machine::resident(),
        machine_cpu_percent: facts.processors(now),
        memory: machine::memory(),
        load: machine::load(),
        disk: facts.disk(),
        temperature_c: machine::temperature(),
        poll: poll(facts),
        bus: facts.buses(|bus| BusBody::from(bus)),
        database: machine::database(&facts.fixed.database),
        clock: facts.clock(),
        ws_clients: streams,
        versions: VersionsBody {
            program: facts.version.to_owned(),
            database_schema: u32::try_from(store::SCHEMA).unwrap_or(u32::MAX),
            profile_catalogue: CATALOGUE.clone(),
        },
    }
}

/// As many profiles, and the fingerprint of their texts.
static CATALOGUE: LazyLock<String> = LazyLock::new(|| {
    let bytes = EMBEDDED
        .iter()
        .flat_map(|(file, text)| file.bytes().chain(text.bytes()));
    format!("{}-{:016x}", EMBEDDED.len(), fnv1a(bytes))
});

/// Used time of available time; not known in the first second.
fn percent(used: f64, available: f64) -> Option<f64> {
    (available >= 1.0).then(|| (used / available * 10_000.0).round() / 100.0)
}

fn poll(facts: &Facts) -> PollBody {
    let drifts = facts.buses(|bus| bus.drift.shown());
    let worst = |pick: fn(&DriftShown) -> f64| {
        let begun = drifts.iter().filter(|drift| drift.polls > 0);
        begun.map(pick).reduce(f64::max)
    };
    PollBody {
        interval_ms: u64::try_from(facts.fixed.poll_every.as_millis()).unwrap_or(u64::MAX),
        p50_drift_ms: worst(|drift| drift.p50_ms),
        p99_drift_ms: worst(|drift| drift.p99_ms),
        max_drift_ms: worst(|drift| drift.max_ms),
        misses: drifts.iter().map(|drift| drift.missed).sum(),
    }
}
