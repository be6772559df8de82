//! Registers to measurements, and back for the simulator.
//!
//! A value is handed out only if the meter surely gave one: a sentinel, a NaN, a number outside the
//! profile's range or a register that was not read is [`NoValue`], never 0.

mod number;

use std::ops::Range;

use solthrive_domain::Quantity::{EnergyNet, ReactiveEnergyNet};
use solthrive_domain::units::LIMIT;

use self::number::{bits, join, narrow, number, scaled, split, towards_zero, unscaled};
use crate::profile::{Function, NumberKind, PointDef, RegisterRef, Sign};

/// Largest power of ten a scale register may ask for; more is a register that holds something else.
const MAX_EXPONENT: i16 = 10;

/// Why a point has no value in this poll.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum NoValue {
    /// Its registers, or its scale register, were not read.
    #[error("not read")]
    NotRead,
    /// The meter says that it has no value.
    #[error("the meter has no value")]
    Sentinel,
    /// NaN, infinite, or beyond anything a home can have.
    #[error("not a number")]
    NotFinite,
    /// Outside the profile's range, in canonical units.
    #[error("{0} is outside the profile's range")]
    OutOfRange(f64),
    /// The scale register holds no power of ten.
    #[error("the scale register holds {0}")]
    BadScale(i16),
}

/// What a point is scaled with that its profile does not know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// Primary over secondary current, for points on the CT's secondary side.
    pub ct_ratio: f64,
    /// What the point's scale register holds, 0 without one.
    pub exponent: i16,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            ct_ratio: 1.0,
            exponent: 0,
        }
    }
}

impl Scaling {
    /// A CT ratio and no scale register.
    #[must_use]
    pub const fn ct(ct_ratio: f64) -> Self {
        Self {
            ct_ratio,
            exponent: 0,
        }
    }
}

/// Registers read in one poll, block by block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registers {
    blocks: Vec<(Function, u16, Vec<u16>)>,
}

impl Registers {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { blocks: Vec::new() }
    }

    /// Forgets everything, keeping the space.
    pub fn clear(&mut self) {
        self.blocks.clear();
    }

    /// Adds the answer to one read. A register read twice keeps its first value.
    pub fn push(&mut self, function: Function, address: u16, values: Vec<u16>) {
        self.blocks.push((function, address, values));
    }

    /// The blocks as they were read.
    pub fn blocks(&self) -> impl Iterator<Item = (Function, u16, &[u16])> {
        self.blocks
            .iter()
            .map(|(function, address, values)| (*function, *address, values.as_slice()))
    }

    /// `count` registers from `address` on, if one block holds them all.
    #[must_use]
    pub fn get(&self, function: Function, address: u16, count: u16) -> Option<&[u16]> {
        self.blocks.iter().find_map(|(block, start, values)| {
            let offset = usize::from(address.checked_sub(*start)?);
            let span: Range<usize> = offset..offset + usize::from(count);
            (*block == function).then(|| values.get(span)).flatten()
        })
    }
}

impl PointDef {
    /// The point's value in canonical units, finite and within its range.
    ///
    /// # Errors
    /// When there is none, and why.
    pub fn decode_from(&self, registers: &Registers, ct_ratio: f64) -> Result<f64, NoValue> {
        let own = registers
            .get(self.function, self.address, self.kind.width())
            .ok_or(NoValue::NotRead)?;
        let exponent = match self.scale_register {
            None => 0,
            Some(scale) => read_exponent(registers, scale)?,
        };
        self.decode(own, Scaling { ct_ratio, exponent })
    }

    /// As [`PointDef::decode_from`], with the point's own registers at hand.
    ///
    /// # Errors
    /// When there is no value, and why; `NotRead` if `registers` are not as many as the kind takes.
    pub fn decode(&self, registers: &[u16], scaling: Scaling) -> Result<f64, NoValue> {
        if registers.len() != usize::from(self.kind.width()) {
            return Err(NoValue::NotRead);
        }
        let raw = join(registers, self.words);
        if self.sentinels.contains(&raw) {
            return Err(NoValue::Sentinel);
        }
        let value = scaled(number(raw, self.kind), self.factor(scaling));
        if !value.is_finite() || value.abs() > LIMIT {
            return Err(NoValue::NotFinite);
        }
        match self.range {
            Some((low, high)) if value < low || value > high => Err(NoValue::OutOfRange(value)),
            _ => Ok(value),
        }
    }

    /// The registers in which a meter says `value`: the nearest number it can say. Counters wrap
    /// as a real one does, everything else stops at the ends; a sentinel is stepped round.
    #[must_use]
    pub fn encode(&self, value: f64, scaling: Scaling) -> Vec<u16> {
        if !value.is_finite() {
            return self
                .encode_absent()
                .unwrap_or_else(|| split(0, self.kind, self.words));
        }
        let value = match self.rollover(scaling) {
            Some(wrap) if value >= wrap => value % wrap,
            _ => value,
        };
        let plain = unscaled(value, self.factor(scaling));
        let mut raw = bits(plain, self.kind);
        while self.sentinels.contains(&raw) {
            raw = towards_zero(raw, self.kind);
        }
        split(raw, self.kind, self.words)
    }

    /// The registers in which this meter says that it has no value, if it can.
    #[must_use]
    pub fn encode_absent(&self) -> Option<Vec<u16>> {
        let raw = self.sentinels.first().copied().or(match self.kind {
            NumberKind::F32 => Some(u64::from(f32::NAN.to_bits())),
            NumberKind::F64 => Some(f64::NAN.to_bits()),
            _ => None,
        })?;
        Some(split(raw, self.kind, self.words))
    }

    /// The step between two neighbouring values this point can have near `value`.
    #[must_use]
    pub fn resolution(&self, value: f64, scaling: Scaling) -> f64 {
        let factor = self.factor(scaling).abs();
        let plain = (value / factor).abs();
        match self.kind {
            NumberKind::F32 => {
                let nearest = narrow(plain);
                factor * (f64::from(nearest.next_up()) - f64::from(nearest))
            }
            NumberKind::F64 => factor * (plain.next_up() - plain),
            _ => factor,
        }
    }

    /// Where a counter starts again from 0, in its canonical unit: the profile's word, else the
    /// whole range of an integer kind. `None` for floats and for what is no one-way counter.
    #[must_use]
    pub fn rollover(&self, scaling: Scaling) -> Option<f64> {
        if self.scope.is_none() || matches!(self.point.quantity, EnergyNet | ReactiveEnergyNet) {
            return None;
        }
        if self.wraps_at.is_some() || self.kind.is_float() {
            return self.wraps_at;
        }
        let bits = if self.kind.is_signed() {
            self.kind.bits() - 1
        } else {
            self.kind.bits()
        };
        Some(scaled(
            2f64.powi(bits.cast_signed()),
            self.factor(scaling).abs(),
        ))
    }

    /// What a raw number is multiplied with to be in the canonical unit.
    #[must_use]
    pub fn factor(&self, scaling: Scaling) -> f64 {
        let sign = if self.sign == Sign::Inverted {
            -1.0
        } else {
            1.0
        };
        let ct = if self.ct_scaled {
            scaling.ct_ratio
        } else {
            1.0
        };
        let ten = if self.scale_register.is_some() {
            10f64.powi(i32::from(scaling.exponent))
        } else {
            1.0
        };
        self.k * sign * self.multiplier * ct * ten
    }
}

fn read_exponent(registers: &Registers, scale: RegisterRef) -> Result<i16, NoValue> {
    let raw = registers
        .get(scale.function, scale.address, 1)
        .ok_or(NoValue::NotRead)?;
    let exponent = raw.first().ok_or(NoValue::NotRead)?.cast_signed();
    if exponent.abs_diff(0) > MAX_EXPONENT.unsigned_abs() {
        Err(NoValue::BadScale(exponent))
    } else {
        Ok(exponent)
    }
}
