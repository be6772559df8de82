//! The home at one instant: what every screen, row and message is made from.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::units::{Amps, Hertz, PowerFactor, Volts, WattHours, Watts};
use crate::{FlagCode, Input, Mono};

/// Power on the home's bus. `None` is unknown or not installed, never zero.
///
/// Positive flows into the bus: solar while producing, grid while importing (negative while
/// exporting), battery while discharging. `home` is what the home uses; it is never clipped, so a
/// clearly negative home stays visible as a wiring fault. `ev` is the part of `home` that charges.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PowerFlow {
    /// Production.
    pub solar: Option<Watts>,
    /// Consumption.
    pub home: Option<Watts>,
    /// Grid connection.
    pub grid: Option<Watts>,
    /// Battery.
    pub battery: Option<Watts>,
    /// Car charger.
    pub ev: Option<Watts>,
}

/// Energy per direction, either a cumulative total or an increment. `None`: not known, or the home has no such thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, serde::Deserialize)]
pub struct Energies {
    /// Produced.
    pub solar: Option<WattHours>,
    /// Drawn from the grid.
    pub import: Option<WattHours>,
    /// Fed into the grid.
    pub export: Option<WattHours>,
    /// Used by the home.
    pub home: Option<WattHours>,
    /// Into the battery.
    pub battery_charge: Option<WattHours>,
    /// Out of the battery.
    pub battery_discharge: Option<WattHours>,
    /// Into the car; part of `home`.
    pub ev: Option<WattHours>,
}

impl Energies {
    /// Both added field by field. What only one of them knows stays as it is: a sum of increments
    /// is the sum of those that are known, and the coverage beside it says how many are not.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let add = |a: Option<WattHours>, b: Option<WattHours>| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Self {
            solar: add(self.solar, other.solar),
            import: add(self.import, other.import),
            export: add(self.export, other.export),
            home: add(self.home, other.home),
            battery_charge: add(self.battery_charge, other.battery_charge),
            battery_discharge: add(self.battery_discharge, other.battery_discharge),
            ev: add(self.ev, other.ev),
        }
    }

    /// Whether nothing at all is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// How far a snapshot can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quality(Vec<FlagCode>);

impl Quality {
    /// Doubtful for these reasons; none means `ok`.
    #[must_use]
    pub fn new(mut reasons: Vec<FlagCode>) -> Self {
        reasons.sort_unstable();
        reasons.dedup();
        Self(reasons)
    }

    /// Nothing speaks against the numbers.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.0.is_empty()
    }

    /// What speaks against them.
    #[must_use]
    pub fn reasons(&self) -> &[FlagCode] {
        &self.0
    }
}

/// `"ok"`, or the list of codes.
impl Serialize for Quality {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_ok() {
            serializer.serialize_str("ok")
        } else {
            self.0.serialize(serializer)
        }
    }
}

/// One channel of the home at one instant, after scale, multiplier and sign.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ChannelValues {
    /// Active power in the role's sign.
    pub power: Option<Watts>,
    /// Current, never negative.
    pub current: Option<Amps>,
    /// Power factor as the meter gives it.
    pub pf: Option<PowerFactor>,
}

/// The home at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Grows by one with each snapshot of a run.
    pub seq: u64,
    /// Wall time of the sample, in UTC, to the millisecond.
    pub ts: Timestamp,
    /// Monotonic time of the sample.
    pub at: Mono,
    /// The flow.
    pub flow: PowerFlow,
    /// Line-to-neutral voltages of the reference meter.
    pub voltages: BTreeMap<Input, Volts>,
    /// Every channel by its name.
    pub channels: BTreeMap<String, ChannelValues>,
    /// Frequency of the reference meter.
    pub frequency: Option<Hertz>,
    /// Total power factor: active over apparent power of the mains.
    pub pf: Option<PowerFactor>,
    /// Ledger totals after this sample.
    pub totals: Energies,
    /// What to make of it.
    pub quality: Quality,
}
