//! Rows as JSON, CSV or newline-delimited JSON.

use axum::body::Bytes;
use axum::http::HeaderValue;
use utoipa::ToSchema;

use super::super::wire::{Bounds, HistoryRow, QualityBody};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in super::super) enum Format {
    /// One array.
    Json,
    /// A header line, then one line a row.
    Csv,
    /// One object a line.
    Ndjson,
}

impl Format {
    pub(super) const RULE: &str = "json, csv or ndjson";

    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "json" => Self::Json,
            "csv" => Self::Csv,
            "ndjson" => Self::Ndjson,
            _ => return None,
        })
    }

    /// The first format of an `Accept` header that we write; JSON if there is none.
    pub(super) fn accepted(header: Option<&HeaderValue>) -> Self {
        let text = header
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let kinds = text.split(',').filter_map(|part| part.split(';').next());
        let known = |kind: &str| match kind.trim() {
            "text/csv" => Some(Self::Csv),
            "application/x-ndjson" | "application/ndjson" => Some(Self::Ndjson),
            "application/json" => Some(Self::Json),
            _ => None,
        };
        kinds.filter_map(known).next().unwrap_or(Self::Json)
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// Writes pages of rows as one body.
pub(super) struct Encoder {
    format: Format,
    opened: bool,
    written: bool,
}

impl Encoder {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            opened: false,
            written: false,
        }
    }

    /// The next part of the body; `last` closes it.
    pub(super) fn rows(&mut self, rows: &[HistoryRow], last: bool) -> Bytes {
        let mut out = Vec::with_capacity(rows.len() * 400 + 64);
        if !self.opened {
            self.opened = true;
            self.open(&mut out);
        }
        for row in rows {
            match self.format {
                Format::Csv => csv(row, &mut out),
                Format::Json => {
                    if self.written {
                        out.push(b',');
                    }
                    json(row, &mut out);
                }
                Format::Ndjson => {
                    json(row, &mut out);
                    out.push(b'\n');
                }
            }
            self.written = true;
        }
        if last && self.format == Format::Json {
            out.push(b']');
        }
        out.into()
    }

    fn open(&self, out: &mut Vec<u8>) {
        match self.format {
            Format::Json => out.push(b'['),
            Format::Ndjson => {}
            Format::Csv => {
                let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
                out.extend_from_slice(names.join(",").as_bytes());
                out.extend_from_slice(b"\r\n");
            }
        }
    }
}

/// Writing to memory cannot fail, and a row holds nothing that is not JSON.
fn json(row: &HistoryRow, out: &mut Vec<u8>) {
    let _never_fails = serde_json::to_writer(out, row);
}

type Column = (&'static str, fn(&HistoryRow) -> Option<f64>);

fn bound(bounds: Option<&Bounds>, pick: fn(&Bounds) -> Option<f64>) -> Option<f64> {
    bounds.and_then(pick)
}

/// Columns of the CSV in order. `timestamp` and `quality` are written apart.
const COLUMNS: [Column; 34] = [
    ("timestamp", |_| None),
    ("quality", |_| None),
    ("samples", |row| Some(f64::from(row.samples))),
    ("coverage", |row| Some(row.coverage)),
    ("voltage_l1", |row| row.voltage_l1),
    ("voltage_l2", |row| row.voltage_l2),
    ("voltage_l3", |row| row.voltage_l3),
    ("current_l1", |row| row.current_l1),
    ("current_l2", |row| row.current_l2),
    ("current_l3", |row| row.current_l3),
    ("current_pv", |row| row.current_pv),
    ("power_total", |row| row.power_total),
    ("energy_import", |row| row.energy_import),
    ("energy_export", |row| row.energy_export),
    ("frequency", |row| row.frequency),
    ("pf", |row| row.pf),
    ("solar_kw", |row| row.solar_kw),
    ("home_kw", |row| row.home_kw),
    ("grid_kw", |row| row.grid_kw),
    ("battery_kw", |row| row.battery_kw),
    ("ev_kw", |row| row.ev_kw),
    ("solar_kw_min", |row| {
        bound(row.min.as_ref(), |min| min.solar_kw)
    }),
    ("solar_kw_max", |row| {
        bound(row.max.as_ref(), |max| max.solar_kw)
    }),
    ("home_kw_min", |row| {
        bound(row.min.as_ref(), |min| min.home_kw)
    }),
    ("home_kw_max", |row| {
        bound(row.max.as_ref(), |max| max.home_kw)
    }),
    ("grid_kw_min", |row| {
        bound(row.min.as_ref(), |min| min.grid_kw)
    }),
    ("grid_kw_max", |row| {
        bound(row.max.as_ref(), |max| max.grid_kw)
    }),
    ("battery_kw_min", |row| {
        bound(row.min.as_ref(), |min| min.battery_kw)
    }),
    ("battery_kw_max", |row| {
        bound(row.max.as_ref(), |max| max.battery_kw)
    }),
    ("ev_kw_max", |row| bound(row.max.as_ref(), |max| max.ev_kw)),
    ("solar_kwh", |row| row.solar_kwh),
    ("home_kwh", |row| row.home_kwh),
    ("import_kwh", |row| row.import_kwh),
    ("export_kwh", |row| row.export_kwh),
];

/// One line; an unknown value is an empty field. No field needs quotes: numbers, instants and codes.
fn csv(row: &HistoryRow, out: &mut Vec<u8>) {
    out.extend_from_slice(row.timestamp.to_string().as_bytes());
    out.push(b',');
    let quality = match &row.quality {
        QualityBody::Fine(_) => String::from("ok"),
        QualityBody::Doubtful(codes) => codes
            .iter()
            .map(|code| code.0.as_str())
            .collect::<Vec<_>>()
            .join(" "),
    };
    out.extend_from_slice(quality.as_bytes());
    for (_, pick) in &COLUMNS[2..] {
        out.push(b',');
        if let Some(value) = pick(row) {
            out.extend_from_slice(value.to_string().as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}
