//! What solar was worth under a flat tariff.

use serde::{Deserialize, Serialize};

use crate::Energies;
use crate::units::WattHours;

/// One price for every hour.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FlatTariff {
    /// Paid per kWh drawn.
    pub import_rate: f64,
    /// Received per kWh fed in.
    pub export_rate: f64,
    /// Paid per day whatever is used.
    pub fixed_per_day: f64,
}

/// What solar saved, with everything it was computed from. Money in the tariff's currency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Savings {
    /// `without_solar - paid`.
    pub amount: f64,
    /// What the home would have paid for everything it used.
    pub without_solar: f64,
    /// What it pays; below zero it earns.
    pub paid: f64,
    /// Used.
    pub home_kwh: f64,
    /// Drawn.
    pub import_kwh: f64,
    /// Fed in.
    pub export_kwh: f64,
    /// Days of the fixed charge.
    pub days: u32,
    /// The tariff.
    pub tariff: FlatTariff,
}

impl Savings {
    /// What solar saved over these energies; `None` where home or import is unknown.
    #[must_use]
    pub fn of(energy: &Energies, tariff: FlatTariff, days: u32) -> Option<Self> {
        let (home_kwh, import_kwh) = (energy.home?.kwh(), energy.import?.kwh());
        let export_kwh = energy.export.map_or(0.0, WattHours::kwh);
        let fixed = tariff.fixed_per_day * f64::from(days);
        let without_solar = home_kwh * tariff.import_rate + fixed;
        let paid = import_kwh * tariff.import_rate - export_kwh * tariff.export_rate + fixed;
        let amount = without_solar - paid;
        Some(Self {
            amount,
            without_solar,
            paid,
            home_kwh,
            import_kwh,
            export_kwh,
            days,
            tariff,
        })
    }
}
