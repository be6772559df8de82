//! What is known about a kind of meter: where its measurements lie and how it wants to be asked.
//!
//! A [`Profile`] is data, read from YAML by [`Profile::parse`] and checked there once; nothing past
//! the parser sees a profile that contradicts itself. Ours are embedded ([`Catalog`]), custom ones
//! come from a folder. `docs/meter-profiles.md` describes the language.

mod catalog;
mod check;
mod check_point;
mod consistency;
mod draft;
mod error;
mod overrides;
mod parse;
mod point;
mod unit;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use solthrive_domain::Point;

use check_point::{Defaults, PointContext};

pub use catalog::{Catalog, EMBEDDED};
pub use error::ProfileError;
pub use overrides::{OverrideError, PointOverride};
pub use parse::MAX_BYTES;
pub use point::{CounterScope, NumberKind, PointDef, RegisterRef, Sign, Speed, WordOrder};

/// One kind of meter.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// The name a configuration calls it by, such as `eastron-sdm630`.
    pub id: String,
    /// Who makes it.
    pub vendor: String,
    /// Models it fits.
    pub models: Vec<String>,
    /// Ways of wiring it can measure.
    pub wiring: Vec<Wiring>,
    /// How far the register map can be trusted.
    pub trust: Trust,
    /// How it wants to be asked.
    pub bus: BusFacts,
    /// How it is recognised.
    pub probe: Option<Probe>,
    /// What it measures, in order of register.
    pub points: Vec<PointDef>,
    /// What to beware of, for a person to read.
    pub traps: Vec<String>,
    /// Where the facts come from, for a person to read.
    pub sources: Vec<String>,
}

impl Profile {
    /// Where `point` is found, if this meter measures it.
    #[must_use]
    pub fn point(&self, point: Point) -> Option<&PointDef> {
        self.points.iter().find(|def| def.point == point)
    }
}

/// The electrical system a meter can measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wiring {
    /// One phase and neutral.
    Single,
    /// 120/240 V, two legs and neutral.
    Split,
    /// Three phases and neutral.
    Three,
    /// Three phases without neutral.
    ThreeDelta,
}

/// How sure a register map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// The maker's list was read, or two independent clients agree.
    Published,
    /// Known from one client only.
    Client,
    /// Sources disagree: verify on a bench before relying on it.
    Conflict,
    /// Written on site.
    Custom,
}

/// What carries a meter's Modbus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransportKind {
    /// RS-485, binary framing.
    Rtu,
    /// Modbus TCP.
    Tcp,
}

/// The read function of a register table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// Holding registers, function 3.
    Holding,
    /// Input registers, function 4.
    Input,
}

impl Function {
    /// The function code on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Holding => 3,
            Self::Input => 4,
        }
    }

    /// The function with this code, if it reads registers.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            3 => Some(Self::Holding),
            4 => Some(Self::Input),
            _ => None,
        }
    }
}

/// How a meter wants to be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct BusFacts {
    /// What it speaks, the usual one first. Never empty.
    pub transports: Vec<TransportKind>,
    /// The table its points are in unless a point says otherwise.
    pub function: Function,
    /// The longest read it answers, 1 to 125 registers.
    pub max_registers: u16,
    /// Silence it needs between two requests, beyond the protocol's own. Zero if none is known.
    pub gap: Duration,
    /// The shortest timeout that makes sense, where one is known.
    pub min_timeout: Duration,
    /// Only even addresses and even counts are answered.
    pub even_only: bool,
    /// How long it usually thinks before it answers, where known; measured at run time.
    pub turnaround: Option<Duration>,
    /// As it leaves the factory.
    pub serial: Option<SerialDefaults>,
    /// As it leaves the factory.
    pub tcp: Option<TcpDefaults>,
}

/// Serial settings a meter leaves the factory with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SerialDefaults {
    /// Speed, parity and stop bits.
    pub settings: crate::line::SerialSettings,
    /// Its address on the bus, 1 to 247.
    pub unit: u8,
}

/// TCP settings a meter leaves the factory with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpDefaults {
    /// Usually 502.
    pub port: u16,
    /// Its unit identifier.
    pub unit: u8,
    /// How long it ignores requests after a connection was made.
    pub connect_delay: Duration,
}

/// A register whose value says what meter this is.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The table it is in.
    pub function: Function,
    /// Protocol address.
    pub address: u16,
    /// An integer kind.
    pub kind: NumberKind,
    /// Of a value of several registers.
    pub words: WordOrder,
    /// Values and the models they stand for. Empty: the register exists, its values are not known.
    pub values: Vec<(u64, String)>,
}
