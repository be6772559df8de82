//! A profile as a person writes it: any well-formed YAML with the right keys and types. What it
//! says is checked in `check`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;

use super::{
    CounterScope, Function, NumberKind, Sign, Speed, TransportKind, Trust, Wiring, WordOrder,
};
use crate::line::Parity;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    pub(super) id: Spanned<String>,
    pub(super) vendor: String,
    pub(super) models: Vec<String>,
    pub(super) wiring: Spanned<Vec<Wiring>>,
    #[serde(default = "custom")]
    pub(super) trust: Trust,
    pub(super) bus: Bus,
    #[serde(default)]
    pub(super) defaults: Defaults,
    #[serde(default)]
    pub(super) sentinels: BTreeMap<NumberKind, Vec<Spanned<i128>>>,
    pub(super) probe: Option<Probe>,
    pub(super) points: Spanned<Points>,
    #[serde(default)]
    pub(super) traps: Vec<String>,
    #[serde(default)]
    pub(super) sources: Vec<String>,
}

fn custom() -> Trust {
    Trust::Custom
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bus {
    pub(super) transports: Spanned<Vec<TransportKind>>,
    pub(super) function: Function,
    pub(super) max_registers: Option<Spanned<i128>>,
    pub(super) gap_ms: Option<Spanned<i128>>,
    pub(super) min_timeout_ms: Option<Spanned<i128>>,
    #[serde(default)]
    pub(super) even_only: bool,
    pub(super) turnaround_ms: Option<Spanned<i128>>,
    pub(super) serial: Option<Serial>,
    pub(super) tcp: Option<Tcp>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Serial {
    pub(super) baud: Spanned<i128>,
    #[serde(default)]
    pub(super) parity: Parity,
    pub(super) stop_bits: Option<Spanned<i128>>,
    pub(super) unit: Option<Spanned<i128>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tcp {
    pub(super) port: Option<Spanned<i128>>,
    pub(super) unit: Option<Spanned<i128>>,
    pub(super) connect_delay_ms: Option<Spanned<i128>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    #[serde(rename = "type")]
    pub(super) kind: Option<NumberKind>,
    #[serde(default)]
    pub(super) words: WordOrder,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Probe {
    pub(super) function: Option<Function>,
    pub(super) address: Spanned<i128>,
    #[serde(rename = "type")]
    pub(super) kind: Spanned<NumberKind>,
    pub(super) words: Option<WordOrder>,
    #[serde(default)]
    pub(super) values: BTreeMap<u64, String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PointDraft {
    pub(super) address: Spanned<i128>,
    #[serde(rename = "type")]
    pub(super) kind: Option<NumberKind>,
    pub(super) function: Option<Function>,
    pub(super) words: Option<WordOrder>,
    pub(super) k: Option<Spanned<f64>>,
    pub(super) unit: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) sign: Sign,
    pub(super) multiplier: Option<Spanned<f64>>,
    pub(super) scale_register: Option<Spanned<i128>>,
    pub(super) ct_scaled: Option<Spanned<bool>>,
    #[serde(default)]
    pub(super) optional: bool,
    pub(super) speed: Option<Speed>,
    pub(super) scope: Option<Spanned<CounterScope>>,
    pub(super) sentinels: Option<Vec<Spanned<i128>>>,
    pub(super) range: Option<Spanned<(f64, f64)>>,
    pub(super) volt_ref: Option<Spanned<String>>,
    pub(super) wraps_at: Option<Spanned<f64>>,
}

/// The points in the order of the file, each with the place of its name.
#[derive(Debug)]
pub(super) struct Points(pub(super) Vec<(Spanned<String>, PointDraft)>);

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PointsVisitor)
    }
}

struct PointsVisitor;

impl<'de> Visitor<'de> for PointsVisitor {
    type Value = Points;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("points by name, such as `v_l1: {address: 0x0000}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Points, A::Error> {
        let mut points = Vec::new();
        while let Some(entry) = map.next_entry()? {
            points.push(entry);
        }
        Ok(Points(points))
    }
}
