//! The device's own day beside the cloud's.
//!
//! Both are made from the same measurements by different code, and both are kept. Where they
//! disagree although nothing was missing, one of the two has a fault.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::DayRollup;
use crate::Energies;
use crate::units::WattHours;

/// A smaller share of the larger value is rounding.
const SHARE: f64 = 0.01;
/// A smaller difference is not worth a word, Wh.
const LEAST: f64 = 100.0;
/// A day measured to this share is measured fully: a restart of the appliance takes seconds.
const FULL: f64 = 0.999;

/// An energy that both tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// Produced.
    Solar,
    /// Used by the home.
    Home,
    /// Drawn from the grid.
    Import,
    /// Fed into the grid.
    Export,
}

/// What the two say about one energy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Which.
    pub what: Compared,
    /// By the device.
    pub device: WattHours,
    /// By the cloud.
    pub cloud: WattHours,
}

/// The finding `daily_mismatch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DailyMismatch {
    /// The local day.
    pub date: Date,
    /// Everything that is more than 1 % and more than 0.1 kWh apart; at least one.
    pub differences: Vec<Difference>,
}

/// Compares a day that is over, where both measured all of it. An energy that only one of them
/// knows is no difference.
#[must_use]
pub fn daily_mismatch(
    cloud: &DayRollup,
    device: &Energies,
    device_coverage: f64,
) -> Option<DailyMismatch> {
    let rollup = &cloud.rollup;
    let is_over = rollup.elapsed() == rollup.length();
    if !is_over || rollup.coverage() < FULL || device_coverage.is_nan() || device_coverage < FULL {
        return None;
    }
    let ours = Energies::from(&rollup.sums.energy);
    let pairs = [
        (Compared::Solar, device.solar, ours.solar),
        (Compared::Home, device.home, ours.home),
        (Compared::Import, device.import, ours.import),
        (Compared::Export, device.export, ours.export),
    ];
    let differences: Vec<_> = pairs.into_iter().filter_map(differ).collect();
    (!differences.is_empty()).then_some(DailyMismatch {
        date: cloud.date,
        differences,
    })
}

fn differ(pair: (Compared, Option<WattHours>, Option<WattHours>)) -> Option<Difference> {
    let (what, device, cloud) = (pair.0, pair.1?, pair.2?);
    let apart = (device - cloud).abs().get();
    let larger = device.abs().max(cloud.abs()).get();
    (apart > LEAST && apart > SHARE * larger).then_some(Difference {
        what,
        device,
        cloud,
    })
}
