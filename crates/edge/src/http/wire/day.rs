//! A local day or month in energy.

use jiff::civil::Date;
use serde::Serialize;
use solthrive_domain::units::WattHours;
use solthrive_domain::{DaySummary, FlatTariff, Summary};
use utoipa::ToSchema;

use super::number::{money, round_kwh};
use super::{kw, kwh, ratio};
use crate::config::Tariff;

/// One local day. It is 23 or 25 hours long at a clock change.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DailySummary {
    /// The site's local date.
    pub date: Date,
    /// The energies and ratios.
    #[serde(flatten)]
    pub figures: Figures,
}

/// One local month.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MonthlySummary {
    /// `YYYY-MM`.
    #[schema(pattern = "^[0-9]{4}-[0-9]{2}$")]
    pub month: String,
    /// The energies and ratios.
    #[serde(flatten)]
    pub figures: Figures,
    /// Its days, oldest first; days without any data are left out.
    pub days: Vec<DailySummary>,
}

/// What an interval came to. An energy that is not known, or not installed, is absent.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct Figures {
    /// kWh produced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solar_kwh: Option<f64>,
    /// kWh used by the home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_kwh: Option<f64>,
    /// kWh drawn from the grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import_kwh: Option<f64>,
    /// kWh fed into the grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export_kwh: Option<f64>,
    /// kWh into the battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_charge_kwh: Option<f64>,
    /// kWh out of the battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_discharge_kwh: Option<f64>,
    /// kWh into the car; a part of `home_kwh`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ev_kwh: Option<f64>,
    /// (solar - export) / solar; null without production.
    #[schema(required = true)]
    pub self_consumption: Option<f64>,
    /// (solar - export) / home; null without consumption.
    #[schema(required = true)]
    pub solar_offset: Option<f64>,
    /// 1 - import / home; null without consumption.
    #[schema(required = true)]
    pub self_sufficiency: Option<f64>,
    /// kW, the highest mean of a quarter of an hour drawn from the grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_demand_kw: Option<f64>,
    /// How much of the interval so far was measured, 0 to 1. The time before the appliance was
    /// installed, and while it or its meter did not work, counts as not measured.
    pub coverage: f64,
    /// What the system saved, where a tariff is set and the energies are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savings: Option<Savings>,
}

/// Money saved against buying everything from the grid, in `currency`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Savings {
    /// `without_solar - paid`.
    pub amount: f64,
    /// ISO 4217 code.
    pub currency: String,
    /// What it was computed from.
    pub inputs: SavingsInputs,
}

/// `without_solar = home_kwh * import_rate + fixed`, `paid = import_kwh * import_rate - export_kwh * export_rate + fixed`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct SavingsInputs {
    /// What everything that was used would have cost.
    pub without_solar: f64,
    /// What it costs; below zero it earns.
    pub paid: f64,
    /// kWh used.
    pub home_kwh: f64,
    /// kWh bought.
    pub import_kwh: f64,
    /// kWh sold.
    pub export_kwh: f64,
    /// Price of a kWh bought.
    pub import_rate: f64,
    /// Paid for a kWh sold.
    pub export_rate: f64,
    /// Charged whatever is used.
    pub fixed: f64,
}

impl DailySummary {
    /// A day as clients see it.
    #[must_use]
    pub fn new(day: &DaySummary, tariff: Option<&Tariff>) -> Self {
        Self {
            date: day.date,
            figures: Figures::new(&day.summary, tariff, 1),
        }
    }

    /// A day of which nothing is known.
    #[must_use]
    pub fn unknown(date: Date) -> Self {
        Self {
            date,
            figures: Figures::default(),
        }
    }
}

impl Figures {
    /// What a span came to; `days` are charged the tariff's fixed part.
    #[must_use]
    pub fn new(summary: &Summary, tariff: Option<&Tariff>, days: u32) -> Self {
        let shown = |energy: Option<WattHours>| energy.map(kwh);
        let (energy, ratios) = (&summary.energy, summary.ratios());
        Self {
            solar_kwh: shown(energy.solar),
            home_kwh: shown(energy.home),
            import_kwh: shown(energy.import),
            export_kwh: shown(energy.export),
            battery_charge_kwh: shown(energy.battery_charge),
            battery_discharge_kwh: shown(energy.battery_discharge),
            ev_kwh: shown(energy.ev),
            self_consumption: ratios.self_consumption.map(ratio),
            solar_offset: ratios.solar_offset.map(ratio),
            self_sufficiency: ratios.self_sufficiency.map(ratio),
            peak_demand_kw: summary.peak_demand.map(kw),
            coverage: ratio(summary.coverage()),
            savings: tariff.and_then(|tariff| Savings::new(summary, tariff, days)),
        }
    }
}

impl Savings {
    /// `None` when an energy that it depends on is not known.
    fn new(summary: &Summary, tariff: &Tariff, days: u32) -> Option<Self> {
        let Tariff {
            import_rate,
            export_rate,
            fixed_per_day,
            ..
        } = *tariff;
        let flat = FlatTariff {
            import_rate,
            export_rate,
            fixed_per_day,
        };
        let saved = solthrive_domain::Savings::of(&summary.energy, flat, days)?;
        Some(Self {
            amount: money(saved.amount),
            currency: tariff.currency.clone(),
            inputs: SavingsInputs {
                without_solar: money(saved.without_solar),
                paid: money(saved.paid),
                home_kwh: round_kwh(saved.home_kwh),
                import_kwh: round_kwh(saved.import_kwh),
                export_kwh: round_kwh(saved.export_kwh),
                import_rate,
                export_rate,
                fixed: money(fixed_per_day * f64::from(days)),
            },
        })
    }
}
