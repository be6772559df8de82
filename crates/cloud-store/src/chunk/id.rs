//! Names of columns.

use std::fmt;
use std::str::FromStr;

use super::bytes::{Reader, put_size};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Finite numbers.
    Number,
    /// Unsigned integers: bits, indices.
    Integer,
}

macro_rules! known {
    ($($(#[$doc:meta])* $variant:ident = $code:literal $name:literal $kind:ident;)*) => {
        /// A column that every home may have. Its code is part of the format: add, never renumber.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Known {$($(#[$doc])* $variant = $code),*}

        impl Known {
            /// All of them, by code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in JSON, CSV and dumps.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {$(Self::$variant => $name),*}
            }

            /// What the column holds.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self {$(Self::$variant => Kind::$kind),*}
            }

            /// The column with this code.
            const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The number that stands for the column in a chunk.
            const fn code(self) -> u8 {
                self as u8
            }
        }
    };
}

known! {
    /// Production, kW, positive while producing.
    SolarKw = 1 "solar_kw" Number;
    /// Consumption, kW: solar + grid + battery.
    HomeKw = 2 "home_kw" Number;
    /// Grid connection, kW, positive while importing.
    GridKw = 3 "grid_kw" Number;
    /// Battery, kW, positive while discharging.
    BatteryKw = 4 "battery_kw" Number;
    /// Leg 1 to neutral, V.
    VoltageL1 = 5 "voltage_l1" Number;
    /// Leg 2 to neutral, V.
    VoltageL2 = 6 "voltage_l2" Number;
    /// Mains current of leg 1, A, never negative.
    CurrentL1 = 7 "current_l1" Number;
    /// Mains current of leg 2, A, never negative.
    CurrentL2 = 8 "current_l2" Number;
    /// Current of the PV input, A, never negative.
    CurrentPv = 9 "current_pv" Number;
    /// Power factor of the mains, -1 to 1, with the sign of the grid power.
    Pf = 10 "pf" Number;
    /// Mains frequency, Hz.
    Frequency = 11 "frequency" Number;
    /// Produced since the ledger began, kWh.
    SolarKwhTotal = 12 "solar_kwh_total" Number;
    /// Drawn from the grid since the ledger began, kWh.
    ImportKwhTotal = 13 "import_kwh_total" Number;
    /// Fed into the grid since the ledger began, kWh.
    ExportKwhTotal = 14 "export_kwh_total" Number;
    /// Flags of doubt as bits; 0 is `ok`. Which bit is which flag is its writer's matter.
    Quality = 15 "quality" Integer;
    /// Which of the site's ledgers the totals belong to; what an index means is its writer's matter.
    Ledger = 16 "ledger" Integer;
}

/// Which column: a known one or one with a name of its own, such as `channels.ev.power_kw`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColumnId {
    /// A column that every home may have.
    Known(Known),
    /// Any other.
    Named(Name),
}

/// The name of a column that is not a [`Known`] one: 1 to 100 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

/// Why a text is not a column's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a column's name has 1 to 100 bytes, not {0}")]
pub struct BadName(pub usize);

impl Name {
    /// The longest name, in bytes of UTF-8.
    pub const MAX_LEN: usize = 100;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ColumnId {
    /// The name in JSON, CSV and dumps.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Known(known) => known.name(),
            Self::Named(name) => name.as_str(),
        }
    }
}

/// As bytes: a known column is its code, any other 0 and its name.
impl ColumnId {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Known(known) => out.push(known.code()),
            Self::Named(name) => {
                out.push(0);
                put_size(out, name.as_str().len());
                out.extend_from_slice(name.as_str().as_bytes());
            }
        }
    }

    /// `None` when the bytes are not a column's; a known column has no other spelling than its code.
    pub(crate) fn take(from: &mut Reader<'_>) -> Option<Self> {
        match from.byte()? {
            0 => {
                let length = from.size(Name::MAX_LEN)?;
                let id: Self = std::str::from_utf8(from.take(length)?).ok()?.parse().ok()?;
                matches!(id, Self::Named(_)).then_some(id)
            }
            code => Known::from_code(code).map(Self::Known),
        }
    }
}

impl From<Known> for ColumnId {
    fn from(known: Known) -> Self {
        Self::Known(known)
    }
}

/// A known column's name gives the known column.
impl FromStr for ColumnId {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        if let Some(known) = Known::ALL.iter().find(|known| known.name() == text) {
            return Ok(Self::Known(*known));
        }
        match text.len() {
            1..=Name::MAX_LEN => Ok(Self::Named(Name(text.into()))),
            length => Err(BadName(length)),
        }
    }
}

impl fmt::Display for ColumnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
