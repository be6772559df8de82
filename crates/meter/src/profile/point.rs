//! One measurement of a profile: which registers, which number format, which unit.

use serde::{Deserialize, Serialize};
use solthrive_domain::{Input, Point};

use super::Function;

/// How registers make a number. Bytes within a register are always big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberKind {
    /// Unsigned, one register.
    U16,
    /// Two's complement, one register.
    S16,
    /// Unsigned, two registers.
    U32,
    /// Two's complement, two registers.
    S32,
    /// Unsigned, four registers.
    U64,
    /// Two's complement, four registers.
    S64,
    /// IEEE 754 single, two registers.
    F32,
    /// IEEE 754 double, four registers.
    F64,
}

impl NumberKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::U16,
        Self::S16,
        Self::U32,
        Self::S32,
        Self::U64,
        Self::S64,
        Self::F32,
        Self::F64,
    ];

    /// The name in profiles: `u16`, `f32`, …
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::U16 => "u16",
            Self::S16 => "s16",
            Self::U32 => "u32",
            Self::S32 => "s32",
            Self::U64 => "u64",
            Self::S64 => "s64",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// Registers it takes: 1, 2 or 4.
    #[must_use]
    pub const fn width(self) -> u16 {
        match self {
            Self::U16 | Self::S16 => 1,
            Self::U32 | Self::S32 | Self::F32 => 2,
            Self::U64 | Self::S64 | Self::F64 => 4,
        }
    }

    /// Bits it takes: 16, 32 or 64.
    #[must_use]
    pub const fn bits(self) -> u32 {
        16 * self.width() as u32
    }

    /// Whether it is a floating-point number.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// Whether it is a two's complement integer.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::S16 | Self::S32 | Self::S64)
    }
}

/// Which register of a value of several comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordOrder {
    /// Most significant first.
    #[default]
    Msw,
    /// Least significant first.
    Lsw,
}

/// Whether a meter counts a direction as everybody else does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// As it comes.
    #[default]
    Normal,
    /// Multiplied with -1.
    Inverted,
}

/// How often a point is worth its time on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    /// In every poll.
    Fast,
    /// Every few polls: counters move slowly.
    Slow,
}

/// What a meter's energy counter counts.
///
/// It says what the meter does, not what the home is wired like: whether a `MainsNet` counter is
/// the home's grid counter also needs every input of that meter to be a main, see
/// [`CounterScope::is_net_of_all`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CounterScope {
    /// The inputs' powers are added first, then import and export are told apart.
    MainsNet,
    /// One input on its own.
    Leg,
    /// All inputs, and how they are added is unknown or not netted.
    AllInputs,
}

impl CounterScope {
    /// Whether the counter equals the netted energy of all inputs that measure: always for a
    /// counter that nets, and for any counter of a meter with a single input in use.
    #[must_use]
    pub const fn is_net_of_all(self, inputs_in_use: usize) -> bool {
        matches!(self, Self::MainsNet) || inputs_in_use == 1
    }
}

/// A one-register `s16` that holds the power of ten which a value is multiplied with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RegisterRef {
    /// The table it is in.
    pub function: Function,
    /// Protocol address.
    pub address: u16,
}

/// Where and how a meter keeps one measurement.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PointDef {
    /// What it measures.
    pub point: Point,
    /// The table it is in.
    pub function: Function,
    /// Protocol address (what goes on the wire) of its first register.
    pub address: u16,
    /// Number format.
    pub kind: NumberKind,
    /// Of a value of several registers.
    pub words: WordOrder,
    /// Raw to canonical unit; finite, not 0. A profile's `unit` is already in it.
    pub k: f64,
    /// Whether the meter's direction is turned round.
    pub sign: Sign,
    /// 2 where one CT stands for both legs of a 240 V circuit; finite, above 0.
    pub multiplier: f64,
    /// Multiplied with 10 to the power of what this register holds, too.
    pub scale_register: Option<RegisterRef>,
    /// The meter gives the CT's secondary side: multiply with the CT ratio, too.
    pub ct_scaled: bool,
    /// Some models lack it: its absence is no fault.
    pub optional: bool,
    /// How often it is read.
    pub speed: Speed,
    /// What a counter counts; `None` for what is no counter.
    pub scope: Option<CounterScope>,
    /// Raw values (in the low bits) that mean "no value".
    pub sentinels: Vec<u64>,
    /// Canonical values outside are absent, both ends included.
    pub range: Option<(f64, f64)>,
    /// The input whose voltage the meter multiplied this current with.
    pub volt_ref: Option<Input>,
    /// The counter starts again from 0 here, in its canonical unit, where the profile says so.
    pub wraps_at: Option<f64>,
}

impl PointDef {
    /// Protocol address past the last register: up to 65536.
    #[must_use]
    pub fn end(&self) -> u32 {
        u32::from(self.address) + u32::from(self.kind.width())
    }

    /// What a profile's points are in order of: where they are, then their names.
    #[must_use]
    pub fn key(&self) -> (Function, u16, Point) {
        (self.function, self.address, self.point)
    }
}
