//! A row of the history: a mean under the same name as in the newest snapshot, with what surrounds it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::QualityBody;

/// One interval `[timestamp, timestamp + step)`, or one sample at resolution `raw`.
///
/// Powers, voltages and currents are means; `energy_*` are the totals at the interval's end.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HistoryRow {
    /// The interval's start, or the sample's instant.
    pub timestamp: Timestamp,
    /// How many samples it is made from.
    pub samples: u32,
    /// How much of the interval was measured, 0 to 1.
    pub coverage: f64,
    /// `"ok"`, or what made some of it doubtful.
    pub quality: QualityBody,
    /// V.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voltage_l1: Option<f64>,
    /// V.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voltage_l2: Option<f64>,
    /// V.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voltage_l3: Option<f64>,
    /// A, mains leg or phase 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_l1: Option<f64>,
    /// A, mains leg or phase 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_l2: Option<f64>,
    /// A, mains phase 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_l3: Option<f64>,
    /// A, PV backfeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_pv: Option<f64>,
    /// W at the mains; positive while importing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_total: Option<f64>,
    /// kWh drawn from the grid since the ledger began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_import: Option<f64>,
    /// kWh fed into the grid since the ledger began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_export: Option<f64>,
    /// Hz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency: Option<f64>,
    /// Power factor of the mains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pf: Option<f64>,
    /// kW produced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solar_kw: Option<f64>,
    /// kW used by the home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_kw: Option<f64>,
    /// kW; positive while importing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid_kw: Option<f64>,
    /// kW; positive while discharging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_kw: Option<f64>,
    /// kW into the car.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ev_kw: Option<f64>,
    /// Lowest one-second values; absent at resolution `raw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Bounds>,
    /// Highest one-second values; absent at resolution `raw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Bounds>,
    /// kWh produced within the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solar_kwh: Option<f64>,
    /// kWh used within the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_kwh: Option<f64>,
    /// kWh drawn within the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import_kwh: Option<f64>,
    /// kWh fed in within the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export_kwh: Option<f64>,
}

impl HistoryRow {
    /// A row of which nothing is known but its time.
    #[must_use]
    pub fn empty(timestamp: Timestamp) -> Self {
        Self {
            timestamp,
            samples: 0,
            coverage: 0.0,
            quality: QualityBody::of(&[]),
            voltage_l1: None,
            voltage_l2: None,
            voltage_l3: None,
            current_l1: None,
            current_l2: None,
            current_l3: None,
            current_pv: None,
            power_total: None,
            energy_import: None,
            energy_export: None,
            frequency: None,
            pf: None,
            solar_kw: None,
            home_kw: None,
            grid_kw: None,
            battery_kw: None,
            ev_kw: None,
            min: None,
            max: None,
            solar_kwh: None,
            home_kwh: None,
            import_kwh: None,
            export_kwh: None,
        }
    }
}

/// Lowest or highest values of an interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct Bounds {
    /// kW produced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solar_kw: Option<f64>,
    /// kW used by the home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_kw: Option<f64>,
    /// kW; positive while importing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid_kw: Option<f64>,
    /// kW; positive while discharging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_kw: Option<f64>,
    /// kW into the car.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ev_kw: Option<f64>,
}
