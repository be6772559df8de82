//! What the appliance knows of itself when it starts, for the API to show.

use std::fs;

use solthrive_domain::ids::RunId;

use super::poll_every;
use crate::config::files::Places;
use crate::config::{AppConfig, Effective};
use crate::http::{FixedFacts, MeterFacts};
use crate::poller::Poller;
use crate::store::{self, Opened};
use crate::sync;
use crate::truth::Now;

/// Versions, identities, folders, meters and buses.
pub(super) fn fixed_facts(
    places: &Places,
    config: &AppConfig,
    opened: &Opened,
    run: RunId,
    poller: &Poller,
    now: Now,
) -> FixedFacts {
    let text = |path: &str| {
        fs::read_to_string(path)
            .ok()
            .map(|text| text.trim_matches(['\0', '\n', ' ']).to_owned())
    };
    let meters = config
        .buses
        .iter()
        .flat_map(|bus| bus.meters.iter().map(move |meter| (bus, meter)));
    FixedFacts {
        version: env!("CARGO_PKG_VERSION"),
        run,
        started: now.mono,
        serial: sync::serial(&places.config_dir)
            .or_else(|| text("/proc/device-tree/serial-number")),
        device: text(&places.config_dir.join("device_id").to_string_lossy())
            .and_then(|id| id.parse().ok()),
        model: text("/proc/device-tree/model"),
        boot_count: Some(opened.boot_count),
        service_restarts: Some(opened.starts_since_boot.saturating_sub(1)),
        data_dir: places.data_dir.clone(),
        database: places.data_dir.join(store::FILE),
        poll_every: poll_every(config),
        meters: meters
            .map(|(bus, meter)| {
                MeterFacts::new(
                    meter.id.clone(),
                    bus.name.clone(),
                    meter.unit,
                    meter.profile.id.clone(),
                )
            })
            .collect(),
        buses: poller.statuses.clone(),
    }
}

/// The configured names, and the machine's own, alone and as mDNS announces it.
pub(super) fn host_names(config: &AppConfig) -> Vec<String> {
    let own = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .to_lowercase();
    let mut names = config.network.host_names.clone();
    names.extend([format!("{own}.local"), own]);
    names
}

/// For the debug page: each key with its value and where that comes from.
pub(super) fn effective(values: &[Effective]) -> serde_json::Value {
    let shown = |value: &Effective| {
        (
            value.key(),
            serde_json::json!({"value": value.value, "origin": value.origin.to_string()}),
        )
    };
    serde_json::Value::Object(values.iter().map(shown).collect())
}
