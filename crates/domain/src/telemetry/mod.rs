//! What the cloud keeps of a snapshot: one small value of integers.
//!
//! An appliance sends names, lists and floats; what is stored, sorted and summed is a [`Sample`].
//! Integers make sums exact whatever their order, so buckets that grew sample by sample equal the
//! same buckets rebuilt from sorted rows, bit for bit.

mod doubts;
mod fixed;
mod instant;
mod taken;

use serde::{Deserialize, Serialize};

pub use self::doubts::Doubts;
pub use self::fixed::{
    MicroWattHours, MilliAmps, MilliHertz, MilliVolts, MilliWatts, PowerFactorSteps,
};
pub use self::instant::{NoSuchInstant, UnixMillis};
pub use self::taken::ChannelSample;
use crate::LedgerId;
use crate::ledger::Line;

/// The home at one instant, as a device told it. `None` is unknown or not installed, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When, by the device's clock. With the device it is the sample's key.
    pub ts: UnixMillis,
    /// Whose totals they are; totals of two ledgers have nothing to do with each other.
    pub ledger: LedgerId,
    /// Powers.
    pub power: Powers,
    /// Line-to-neutral voltage of leg 1.
    pub voltage_l1: Option<MilliVolts>,
    /// Line-to-neutral voltage of leg 2.
    pub voltage_l2: Option<MilliVolts>,
    /// Current of leg 1.
    pub current_l1: Option<MilliAmps>,
    /// Current of leg 2.
    pub current_l2: Option<MilliAmps>,
    /// Current of the solar input.
    pub current_pv: Option<MilliAmps>,
    /// Total power factor of the mains.
    pub pf: Option<PowerFactorSteps>,
    /// Mains frequency.
    pub frequency: Option<MilliHertz>,
    /// Where the ledger's totals stood.
    pub totals: Totals,
    /// What speaks against the numbers.
    pub quality: Doubts,
}

/// Powers on the home's bus, positive when they flow into it; home is what the home uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Powers {
    /// Production.
    pub solar: Option<MilliWatts>,
    /// Consumption; known only where everything is that it is the sum of.
    pub home: Option<MilliWatts>,
    /// Grid: positive while importing, negative while exporting.
    pub grid: Option<MilliWatts>,
    /// Battery: positive while discharging, negative while charging.
    pub battery: Option<MilliWatts>,
}

/// Cumulative totals of a ledger. The home has none: it follows from the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Produced.
    pub solar: Option<MicroWattHours>,
    /// Drawn from the grid.
    pub import: Option<MicroWattHours>,
    /// Fed into the grid.
    pub export: Option<MicroWattHours>,
    /// Into the battery.
    pub battery_charge: Option<MicroWattHours>,
    /// Out of the battery.
    pub battery_discharge: Option<MicroWattHours>,
}

impl Totals {
    /// The total of a line. Cars have none here: what they take is a part of the home's.
    #[must_use]
    pub const fn get(&self, line: Line) -> Option<MicroWattHours> {
        match line {
            Line::Solar => self.solar,
            Line::Import => self.import,
            Line::Export => self.export,
            Line::BatteryCharge => self.battery_charge,
            Line::BatteryDischarge => self.battery_discharge,
            Line::Ev => None,
        }
    }
}

impl Sample {
    /// A sample of which nothing is known but when it was taken, to be filled in.
    #[must_use]
    pub const fn empty(ts: UnixMillis, ledger: LedgerId) -> Self {
        let power = Powers {
            solar: None,
            home: None,
            grid: None,
            battery: None,
        };
        let totals = Totals {
            solar: None,
            import: None,
            export: None,
            battery_charge: None,
            battery_discharge: None,
        };
        Self {
            ts,
            ledger,
            power,
            voltage_l1: None,
            voltage_l2: None,
            current_l1: None,
            current_l2: None,
            current_pv: None,
            pf: None,
            frequency: None,
            totals,
            quality: Doubts::NONE,
        }
    }
}
