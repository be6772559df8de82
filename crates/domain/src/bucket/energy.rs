//! Energies in whole µWh.

use serde::{Deserialize, Serialize};

use crate::Energies;
use crate::ledger::Line;
use crate::telemetry::MicroWattHours;
use crate::units::WattHours;

/// Energy per direction in whole µWh. `None`: nothing is known, which is not zero.
///
/// All but `home` never fall below zero. Home is what the others leave, so wrong wiring shows as
/// a negative home; it is not clipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnergySums {
    /// Produced.
    pub solar: Option<MicroWattHours>,
    /// Drawn from the grid.
    pub import: Option<MicroWattHours>,
    /// Fed into the grid.
    pub export: Option<MicroWattHours>,
    /// Used by the home.
    pub home: Option<MicroWattHours>,
    /// Into the battery.
    pub battery_charge: Option<MicroWattHours>,
    /// Out of the battery.
    pub battery_discharge: Option<MicroWattHours>,
}

impl EnergySums {
    /// Both together. As with [`Energies::plus`], what only one of them knows stays as it is.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let (mut sum, other) = (self, other.array());
        for (mine, theirs) in sum.fields().into_iter().zip(other) {
            if let Some(theirs) = theirs {
                add(mine, theirs.get());
            }
        }
        sum
    }

    /// The values: solar, import, export, home, battery charge, battery discharge.
    #[must_use]
    pub const fn array(&self) -> [Option<MicroWattHours>; 6] {
        [
            self.solar,
            self.import,
            self.export,
            self.home,
            self.battery_charge,
            self.battery_discharge,
        ]
    }

    pub(super) fn add_line(&mut self, line: Line, energy: i64) {
        match line {
            Line::Solar => add(&mut self.solar, energy),
            Line::Import => add(&mut self.import, energy),
            Line::Export => add(&mut self.export, energy),
            Line::BatteryCharge => add(&mut self.battery_charge, energy),
            Line::BatteryDischarge => add(&mut self.battery_discharge, energy),
            Line::Ev => {}
        }
    }

    pub(super) fn add_home(&mut self, energy: i64) {
        add(&mut self.home, energy);
    }

    fn fields(&mut self) -> [&mut Option<MicroWattHours>; 6] {
        [
            &mut self.solar,
            &mut self.import,
            &mut self.export,
            &mut self.home,
            &mut self.battery_charge,
            &mut self.battery_discharge,
        ]
    }
}

fn add(sum: &mut Option<MicroWattHours>, energy: i64) {
    let before = sum.map_or(0, MicroWattHours::get);
    *sum = Some(MicroWattHours::new(before.saturating_add(energy)));
}

impl From<&EnergySums> for Energies {
    fn from(sums: &EnergySums) -> Self {
        let [
            solar,
            import,
            export,
            home,
            battery_charge,
            battery_discharge,
        ] = sums.array().map(|energy| energy.map(WattHours::from));
        Self {
            solar,
            import,
            export,
            home,
            battery_charge,
            battery_discharge,
            ev: None,
        }
    }
}
