//! The daemon: does it run, and what does it say about its meters and itself.

use jiff::SignedDuration;
use serde_json::Value;

use super::super::daemon::{Daemon, NoAnswer};
use super::{Finding, State};

const START: &str =
    "sudo systemctl start solthrived; if it does not stay up: solthrive-cli logs --level warn";

/// What the daemon says of its health, and how long it has been up, when it says anything.
pub(super) fn look(daemon: Daemon) -> (Finding, Option<Value>, Option<SignedDuration>) {
    match daemon.health() {
        Ok(health) => {
            let system = daemon.get("/api/system", None).unwrap_or_default();
            let up = system["uptime_s"].as_i64().map(SignedDuration::from_secs);
            (running(daemon, &system), Some(health), up)
        }
        Err(why) => (missing(&why), None, None),
    }
}

fn running(daemon: Daemon, system: &Value) -> Finding {
    let (address, ours) = (daemon.address(), env!("CARGO_PKG_VERSION"));
    match system["version"].as_str() {
        Some(version) if version != ours => {
            let detail =
                format!("runs at {address}, but is version {version} and this tool is {ours}");
            Finding::note("daemon", detail).advice("sudo systemctl restart solthrived")
        }
        _ => Finding::ok("daemon", format!("answers at http://{address}")),
    }
}

fn missing(why: &NoAnswer) -> Finding {
    let (detail, advice) = match why {
        NoAnswer::NotRunning(address) => (
            format!("solthrived is not running: nothing listens at {address}"),
            START,
        ),
        NoAnswer::Stranger(address) => (
            format!("another program listens at {address}"),
            "stop it, or give solthrived another address: `listen` in network.yaml",
        ),
        NoAnswer::Silent { .. } | NoAnswer::Refused { .. } => (
            why.to_string(),
            "sudo systemctl restart solthrived; solthrive-cli logs tells why",
        ),
    };
    Finding::problem("daemon", detail).advice(advice)
}

/// Links and meters as the daemon sees them.
pub(super) fn meters(health: &Value, daemon: Daemon) -> Vec<Finding> {
    let system = daemon.get("/api/system", None).unwrap_or_default();
    let buses = system["bus"].as_array().into_iter().flatten().map(bus);
    let meters = health["meters"].as_array().into_iter().flatten().map(meter);
    buses.chain(meters).collect()
}

fn bus(bus: &Value) -> Finding {
    let text = |key: &str| bus[key].as_str().unwrap_or_default();
    let name = format!("bus {}", text("name"));
    let link = text("link");
    if bus["open"].as_bool() != Some(true) {
        return Finding::problem(name, format!("{link} is not open")).advice("Is the adapter plugged in and the gateway powered? solthrive-cli logs --grep link tells why");
    }
    let every = bus["budget"]["every"].as_u64().unwrap_or(1);
    if every > 1 {
        let needed = bus["budget"]["needed_ms"].as_f64().unwrap_or_default();
        let detail = format!(
            "{link}: its meters take {needed:.0} ms, so their numbers are up to {every} polls apart"
        );
        return Finding::note(name, detail).advice(
            "a higher baud rate on all meters of the bus, fewer points, or a second adapter",
        );
    }
    Finding::ok(name, format!("{link}, open in solthrived"))
}

fn meter(meter: &Value) -> Finding {
    let text = |key: &str| meter[key].as_str().unwrap_or_default();
    let name = format!("meter {}", text("name"));
    let age = meter["last_read_age_sec"].as_f64();
    match (text("status"), age) {
        ("ok", Some(age)) => Finding::ok(
            name,
            format!("{} answers; last reading {age:.1} s ago", text("profile")),
        ),
        ("starting", _) | ("ok", None) => {
            Finding::note(name, "was not asked yet; try again in a few seconds")
        }
        (_, age) => {
            let failures = meter["failures"].as_u64().unwrap_or_default();
            let since = age.map_or_else(
                || "has not answered since the start".to_owned(),
                |age| format!("last answered {age:.0} s ago"),
            );
            Finding::problem(name, format!("{} {since}, {failures} polls failed in a row", text("profile")))
                .advice("Is it powered, are unit number, baud rate and parity as set on the meter, are A and B swapped? With solthrived stopped, `solthrive-cli meter scan` tries all settings")
        }
    }
}

/// Flags that hold and are not told above.
pub(super) fn flags(health: &Value) -> Vec<Finding> {
    const TOLD: [&str; 3] = ["meter_not_responding", "config_invalid", "low_storage"];
    let flags = health["errors"].as_array().into_iter().flatten();
    let others = flags.filter(|flag| !TOLD.contains(&flag["code"].as_str().unwrap_or_default()));
    let found = others.map(|flag| {
        let state = if flag["severity"] == "info" {
            State::Note
        } else {
            State::Problem
        };
        Finding::new(
            flag["code"].as_str().unwrap_or_default().replace('_', " "),
            state,
            flag["message"].as_str().unwrap_or_default(),
        )
    });
    found.collect()
}
