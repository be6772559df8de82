//! The configuration from afar: a layer of its own between the files and the override.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::config::files::{self, Places};
use crate::http::AppState;
use crate::print::fnv1a;

/// What may be set from afar. Where the cloud is, who may ask the appliance on its own network, and paths of
/// files are for whoever stands in front of it.
const SECTIONS: [&str; 6] = ["base", "meter", "logging", "storage", "tariff", "cloud"];
const NOT_FROM_AFAR: [(&str, &str); 4] = [
    ("cloud", "url"),
    ("cloud", "ca_file"),
    ("cloud", "enabled"),
    ("meter", "profile_dir"),
];
/// The largest layer.
const MOST: usize = 16 << 10;

/// The layer's file.
pub(super) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(files::REMOTE)
}

/// Everything that counts, with its origin, and the layer as it is.
pub(super) fn get(places: &Places, app: &AppState) -> Value {
    let text = std::fs::read_to_string(path(&places.data_dir)).ok();
    let remote: Option<Value> = text.and_then(|text| serde_json::from_str(&text).ok());
    json!({"version": version(places), "config": remote.unwrap_or_else(|| json!({})), "effective": app.config})
}

/// Names the layer as it is: another one has another name.
pub(super) fn version(places: &Places) -> String {
    let text = std::fs::read(path(&places.data_dir)).unwrap_or_default();
    format!("{:016x}", fnv1a(text))
}

/// The text of a new layer with which the appliance would start; or why not, as code and words.
pub(super) fn check(
    places: &Places,
    wanted: &Map<String, Value>,
    base: Option<&str>,
) -> Result<String, (&'static str, String)> {
    let now = version(places);
    if base.is_some_and(|base| base != now) {
        return Err((
            "conflict",
            format!("the configuration is {now} by now: get it, and change that one"),
        ));
    }
    for (section, values) in wanted {
        if !SECTIONS.contains(&section.as_str()) {
            return Err(("not_from_afar", format!("`{section}` is not set from afar")));
        }
        for (_, key) in NOT_FROM_AFAR.iter().filter(|(of, _)| of == section) {
            if values.get(key).is_some() {
                return Err((
                    "not_from_afar",
                    format!("`{section}.{key}` is not set from afar"),
                ));
            }
        }
    }
    let text =
        serde_json::to_string_pretty(wanted).map_err(|error| ("invalid", error.to_string()))?;
    if text.len() > MOST {
        return Err((
            "invalid",
            format!("a configuration from afar has at most {MOST} bytes"),
        ));
    }
    files::check_remote(places, &text, std::env::vars_os())
        .map_err(|errors| ("invalid", errors.to_string()))?;
    Ok(text)
}
