//! How a home is wired to its meters: which input measures what, and how to read its sign.

use serde::{Deserialize, Serialize};

use crate::units::{Amps, Volts, Watts};
use crate::{Input, MeterId};

/// What a channel measures in the home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Grid connection, leg or phase 1. Positive while the home draws.
    MainL1,
    /// Grid connection, leg or phase 2.
    MainL2,
    /// Grid connection, phase 3.
    MainL3,
    /// Grid connection as one number: a meter that nets its phases itself.
    Main,
    /// Production. Positive while producing.
    Pv,
    /// The whole home's consumption, where it is measured and not derived. Positive while using.
    Home,
    /// A part of the home's consumption, shown but in no sum.
    SubPanel,
    /// A battery. Positive while discharging.
    Battery,
    /// A car charger: a part of the home's consumption. Positive while charging.
    Ev,
}

impl Role {
    /// Whether the channel is part of the grid connection.
    #[must_use]
    pub const fn is_main(self) -> bool {
        matches!(
            self,
            Self::MainL1 | Self::MainL2 | Self::MainL3 | Self::Main
        )
    }
}

/// One meter input put to use.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// What it measures.
    pub role: Role,
    /// A name of its own for messages: `main_l1`, `pv`, `garage`.
    pub name: String,
    /// The meter.
    pub meter: MeterId,
    /// The meter's input whose power, current and power factor count.
    pub input: Input,
    /// The input whose voltage the meter multiplies this current with.
    pub volt_ref: Input,
    /// 2 for one CT on a 240 V circuit measured against a 120 V reference, else 1.
    pub multiplier: f64,
    /// CT ratio correction, 1 when the meter already knows its CT.
    pub scale: f64,
    /// The CT looks the other way, or the meter's sign is the opposite of the role's.
    pub invert: bool,
    /// The CT's rated current, where known: bounds what is plausible.
    pub ct_rating: Option<Amps>,
}

impl Channel {
    /// What a raw power or energy of this channel is multiplied with.
    #[must_use]
    pub fn power_factor(&self) -> f64 {
        self.scale * self.multiplier * if self.invert { -1.0 } else { 1.0 }
    }
}

/// The grid connection's shape, which says what a healthy voltage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// 120/240 V, two legs and neutral.
    SplitPhase,
    /// 230 V, one phase.
    SinglePhase,
    /// 230/400 V, three phases.
    ThreePhase,
}

impl Service {
    /// Nominal line-to-neutral voltage.
    #[must_use]
    pub fn nominal(self) -> Volts {
        let volts = match self {
            Self::SplitPhase => 120.0,
            Self::SinglePhase | Self::ThreePhase => 230.0,
        };
        Volts::try_from(volts).unwrap_or_default()
    }

    /// Inputs that carry a line-to-neutral voltage.
    #[must_use]
    pub const fn legs(self) -> &'static [Input] {
        match self {
            Self::SplitPhase => &[Input::L1, Input::L2],
            Self::SinglePhase => &[Input::L1],
            Self::ThreePhase => &[Input::L1, Input::L2, Input::L3],
        }
    }
}

/// The home as it is wired. Built and checked by the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct HomeModel {
    /// The grid connection.
    pub service: Service,
    /// Every channel in use.
    pub channels: Vec<Channel>,
    /// The meter whose voltages, frequency and power factor the snapshot carries.
    pub reference_meter: MeterId,
    /// Nameplate of the array, where known.
    pub solar_nameplate: Option<Watts>,
}

impl HomeModel {
    /// Channels with a role, in configuration order.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Channel> {
        self.channels
            .iter()
            .filter(move |channel| channel.role == role)
    }

    /// Whether any channel has this role: "not installed" differs from "unknown".
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.with_role(role).next().is_some()
    }
}
