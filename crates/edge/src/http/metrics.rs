//! `GET /metrics`: the numbers that a Prometheus server collects.

use std::fmt::Write;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use solthrive_domain::Snapshot;
use solthrive_meter::bus::DriftShown;

use super::access::Holder;
use super::machine;
use super::reply::Problems;
use super::state::{AppState, Shared};
use super::wire::{self, BusBody, MeterStatus};

/// Prometheus text. A value that is not known has no line.
#[utoipa::path(get, path = "/metrics", tag = "system", operation_id = "metrics", security(("token" = []), ("session" = [])),
    responses((status = 200, body = String, content_type = "text/plain"), Problems))]
pub(super) async fn metrics(State(app): State<AppState>, _: Holder) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], page(&app)).into_response()
}

/// Text in the exposition format.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        lines: impl IntoIterator<Item = (String, Option<f64>)>,
    ) {
        let mut known = lines
            .into_iter()
            .filter_map(|(labels, value)| Some((labels, value?)))
            .peekable();
        if known.peek().is_none() {
            return;
        }
        // Writing to a string cannot fail.
        let _never_fails = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in known {
            let _never_fails = writeln!(self.0, "{name}{labels} {value}");
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: Option<f64>) {
        self.family(name, "gauge", help, [(String::new(), value)]);
    }
}

/// `{key="value",…}` with the escapes that the format asks for.
fn labels(pairs: &[(&str, &str)]) -> String {
    let quoted = pairs.iter().map(|(key, value)| {
        let value = value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        format!("{key}=\"{value}\"")
    });
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

fn page(app: &Shared) -> String {
    let mut page = Page::default();
    let frame = app.live.frame();
    if let Some(frame) = &frame {
        home(&mut page, &frame.snapshot);
    }
    let version = labels(&[("version", app.facts.version)]);
    page.family(
        "solthrive_build_info",
        "gauge",
        "Version of the software.",
        [(version, Some(1.0))],
    );
    page.gauge(
        "solthrive_snapshot_age_seconds",
        "Time since the newest snapshot.",
        app.snapshot_age(),
    );
    let uptime = app.facts.uptime(app.clock.mono()).as_secs_f64();
    page.gauge(
        "solthrive_uptime_seconds",
        "Time since the service started.",
        Some(uptime),
    );
    let flags = app.live.flags();
    let flags = flags.iter().map(|flag| {
        (
            labels(&[("code", flag.code.as_str()), ("subject", &flag.subject)]),
            Some(1.0),
        )
    });
    page.family(
        "solthrive_flag",
        "gauge",
        "A condition that holds now.",
        flags,
    );
    meters(&mut page, app);
    buses(&mut page, app);
    process(&mut page, app);
    page.0
}

fn home(page: &mut Page, snapshot: &Snapshot) {
    let (flow, totals) = (&snapshot.flow, &snapshot.totals);
    let role = |name: &str| labels(&[("role", name)]);
    let powers = [
        ("solar", flow.solar),
        ("home", flow.home),
        ("grid", flow.grid),
        ("battery", flow.battery),
        ("ev", flow.ev),
    ];
    let powers = powers.map(|(name, power)| (role(name), power.map(wire::watts)));
    page.family(
        "solthrive_power_watts",
        "gauge",
        "Power; positive into the home's bus, grid positive while importing.",
        powers,
    );
    let energies = [
        ("solar", totals.solar),
        ("import", totals.import),
        ("export", totals.export),
        ("home", totals.home),
        ("battery_charge", totals.battery_charge),
        ("battery_discharge", totals.battery_discharge),
        ("ev", totals.ev),
    ];
    let energies =
        energies.map(|(name, energy)| (labels(&[("direction", name)]), energy.map(wire::kwh)));
    page.family(
        "solthrive_energy_kwh_total",
        "counter",
        "Energy since the ledger began.",
        energies,
    );
    let voltages = snapshot
        .voltages
        .iter()
        .map(|(input, volts)| (labels(&[("leg", input.name())]), Some(wire::volts(*volts))));
    page.family(
        "solthrive_voltage_volts",
        "gauge",
        "Line to neutral.",
        voltages,
    );
    page.gauge(
        "solthrive_frequency_hertz",
        "Mains frequency.",
        snapshot.frequency.map(wire::hertz),
    );
    page.gauge(
        "solthrive_power_factor",
        "Power factor of the mains.",
        snapshot.pf.map(wire::pf),
    );
}

fn meters(page: &mut Page, app: &Shared) {
    let meters = super::health::meters(app);
    let up = meters.iter().map(|meter| {
        let up = if meter.status == MeterStatus::Ok {
            1.0
        } else {
            0.0
        };
        (
            labels(&[("meter", &meter.name), ("bus", &meter.bus)]),
            Some(up),
        )
    });
    page.family(
        "solthrive_meter_up",
        "gauge",
        "1 while the meter answers.",
        up,
    );
    let failures = meters.iter().map(|meter| {
        (
            labels(&[("meter", &meter.name), ("bus", &meter.bus)]),
            Some(f64::from(meter.failures)),
        )
    });
    page.family(
        "solthrive_meter_failures",
        "gauge",
        "Failed polls in a row.",
        failures,
    );
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the format knows only floating point"
)]
fn process(page: &mut Page, app: &Shared) {
    let cpu = machine::processor_time().as_secs_f64();
    page.family(
        "process_cpu_seconds_total",
        "counter",
        "Processor time used.",
        [(String::new(), Some(cpu))],
    );
    let resident = machine::resident().map(|bytes| bytes as f64);
    page.gauge(
        "process_resident_memory_bytes",
        "Resident memory.",
        resident,
    );
    page.gauge(
        "solthrive_disk_free_bytes",
        "Free space for history.",
        app.facts.disk().map(|disk| disk.free as f64),
    );
    page.gauge(
        "solthrive_ws_clients",
        "Clients of the live stream.",
        Some(f64::from(app.streams())),
    );
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the format knows only floating point"
)]
fn buses(page: &mut Page, app: &Shared) {
    let buses = app
        .facts
        .buses(|bus| (BusBody::from(bus), bus.drift.shown()));
    let each = |pick: fn(&BusBody, &DriftShown) -> f64| {
        let one = move |(bus, drift): &(BusBody, DriftShown)| {
            (labels(&[("bus", &bus.name)]), Some(pick(bus, drift)))
        };
        buses.iter().map(one).collect::<Vec<_>>()
    };
    let counter = "counter";
    page.family(
        "solthrive_bus_requests_total",
        counter,
        "Requests sent.",
        each(|bus, _| bus.requests as f64),
    );
    page.family(
        "solthrive_bus_missed_polls_total",
        counter,
        "Instants of the grid without a poll.",
        each(|_, drift| drift.missed as f64),
    );
    page.family(
        "solthrive_bus_drift_p99_seconds",
        "gauge",
        "Deviation from the grid over ten minutes.",
        each(|_, drift| drift.p99_ms / 1e3),
    );
    let errors = buses.iter().flat_map(|(bus, _)| {
        let kinds = serde_json::to_value(bus.errors).unwrap_or_default();
        let kinds = kinds.as_object().cloned().unwrap_or_default();
        let line = |(kind, count): (String, serde_json::Value)| {
            (
                labels(&[("bus", &bus.name), ("kind", &kind)]),
                count.as_f64(),
            )
        };
        kinds.into_iter().map(line).collect::<Vec<_>>()
    });
    page.family(
        "solthrive_bus_errors_total",
        counter,
        "Exchanges that failed, by kind.",
        errors,
    );
}
