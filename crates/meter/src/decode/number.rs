//! Bits and numbers: register order, number formats and exact decimal scales.

use crate::profile::{NumberKind, WordOrder};

/// `raw * factor`, but 2301 * 0.1 is 230.1 and not 230.10000000000002.
pub(super) fn scaled(raw: f64, factor: f64) -> f64 {
    match whole_divisor(factor) {
        Some(divisor) => raw / divisor,
        None => raw * factor,
    }
}

pub(super) fn unscaled(value: f64, factor: f64) -> f64 {
    match whole_divisor(factor) {
        Some(divisor) => value * divisor,
        None => value / factor,
    }
}

/// The whole number that dividing by equals multiplying with `factor`, if there is one.
fn whole_divisor(factor: f64) -> Option<f64> {
    let inverse = factor.recip();
    let whole = inverse.round();
    (factor.abs() < 1.0
        && whole.abs() < 1e15
        && ((inverse - whole) / whole).abs() < 4.0 * f64::EPSILON)
        .then_some(whole)
}

pub(super) fn join(registers: &[u16], words: WordOrder) -> u64 {
    let add = |raw: u64, register: &u16| (raw << 16) | u64::from(*register);
    match words {
        WordOrder::Msw => registers.iter().fold(0, add),
        WordOrder::Lsw => registers.iter().rev().fold(0, add),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "each register takes its 16 bits"
)]
pub(super) fn split(raw: u64, kind: NumberKind, words: WordOrder) -> Vec<u16> {
    let mut registers: Vec<u16> = (0..kind.width())
        .map(|word| (raw >> (16 * word)) as u16)
        .collect();
    if words == WordOrder::Msw {
        registers.reverse();
    }
    registers
}

/// The number that the low bits of `raw` stand for.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a kind takes its own low bits; 53 bits of a counter are enough"
)]
pub(super) fn number(raw: u64, kind: NumberKind) -> f64 {
    match kind {
        NumberKind::U16 => f64::from(raw as u16),
        NumberKind::S16 => f64::from((raw as u16).cast_signed()),
        NumberKind::U32 => f64::from(raw as u32),
        NumberKind::S32 => f64::from((raw as u32).cast_signed()),
        NumberKind::U64 => raw as f64,
        NumberKind::S64 => raw.cast_signed() as f64,
        NumberKind::F32 => f64::from(f32::from_bits(raw as u32)),
        NumberKind::F64 => f64::from_bits(raw),
    }
}

/// The bits of the number of `kind` that is nearest to `value`, which is finite.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` from a float stops at the ends of the target's range"
)]
pub(super) fn bits(value: f64, kind: NumberKind) -> u64 {
    let nearest = value.round();
    match kind {
        NumberKind::U16 => u64::from(nearest as u16),
        NumberKind::S16 => u64::from((nearest as i16).cast_unsigned()),
        NumberKind::U32 => u64::from(nearest as u32),
        NumberKind::S32 => u64::from((nearest as i32).cast_unsigned()),
        NumberKind::U64 => nearest as u64,
        NumberKind::S64 => (nearest as i64).cast_unsigned(),
        NumberKind::F32 => u64::from(narrow(value).to_bits()),
        NumberKind::F64 => value.to_bits(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to single precision is the purpose"
)]
pub(super) fn narrow(value: f64) -> f32 {
    (value as f32).clamp(f32::MIN, f32::MAX)
}

/// The neighbour of an integer or float in the direction of 0, as bits; from 0 itself, 1.
pub(super) fn towards_zero(raw: u64, kind: NumberKind) -> u64 {
    let negative_integer = kind.is_signed() && (raw >> (kind.bits() - 1)) & 1 == 1;
    let mask = u64::MAX >> (64 - kind.bits());
    let next = match raw {
        0 => 1,
        _ if negative_integer => raw.wrapping_add(1),
        _ => raw - 1,
    };
    next & mask
}
