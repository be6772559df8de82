//! Lists of up to a day's integers as bits.
//!
//! The low bits of each are noise, and written as they are; how many is said once for the list. What is
//! above them is small, and packed as the chunks' residuals are, by adaptive Rice codes: these start at
//! zero, and a hundred values are too few for them to find a large mean by themselves.

use crate::chunk::bits::{BitReader, BitWriter};
use crate::chunk::bytes::{Reader, put_size, unzigzag, zigzag};
use crate::chunk::rice;

/// Fewer low bits than a usual value has, by at most this many, are tried.
const TRIED: u32 = 4;

/// Writes integers of either sign.
pub(super) fn put_signed(out: &mut Vec<u8>, values: &[i64]) {
    let naturals: Vec<u64> = values.iter().map(|value| zigzag(*value)).collect();
    put_naturals(out, &naturals);
}

/// What [`put_signed`] wrote.
pub(super) fn take_signed(from: &mut Reader<'_>, count: usize) -> Option<Vec<i64>> {
    Some(
        take_naturals(from, count)?
            .into_iter()
            .map(unzigzag)
            .collect(),
    )
}

/// The number of low bits, the high parts with their length, the low parts of those that are not zero.
pub(super) fn put_naturals(out: &mut Vec<u8>, values: &[u64]) {
    let usual = usual_length(values);
    let tried = usual.saturating_sub(TRIED)..=usual;
    let not_zero = values.iter().filter(|value| **value > 0).count();
    let mut high = Vec::with_capacity(values.len());
    // Writing each of them would take most of the time.
    let size = |low: &u32| {
        high_parts(values, *low, &mut high);
        rice::length(&high) * 8 + not_zero * *low as usize
    };
    let Some(low) = tried.min_by_key(size) else {
        return;
    };
    high_parts(values, low, &mut high);
    let high = rice::encode(&high);
    #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
    out.push(low as u8);
    put_size(out, high.len());
    out.extend_from_slice(&high);
    let mut bits = BitWriter::default();
    for value in values.iter().filter(|value| **value > 0) {
        put_low(&mut bits, value - 1, low);
    }
    out.extend_from_slice(&bits.finish());
}

/// What [`put_naturals`] wrote.
pub(super) fn take_naturals(from: &mut Reader<'_>, count: usize) -> Option<Vec<u64>> {
    let low = u32::from(from.byte()?);
    if low > u64::BITS {
        return None;
    }
    let length = from.size(usize::MAX)?;
    let high = rice::decode(from.take(length)?, count)?;
    let not_zero = high.iter().filter(|high| **high != 0).count();
    let bytes = (not_zero * low as usize).div_ceil(8);
    let mut bits = BitReader::new(from.take(bytes)?);
    let values: Option<Vec<u64>> = high
        .into_iter()
        .map(|high| match zigzag(high).checked_sub(1) {
            None => Some(0),
            Some(high) => {
                let shifted = high.checked_shl(low).unwrap_or(0);
                let fits = shifted.checked_shr(low).unwrap_or(0) == high;
                let value = shifted | take_low(&mut bits, low);
                value.checked_add(1).filter(|_| fits)
            }
        })
        .collect();
    values.filter(|_| bits.is_spent())
}

/// Bits of the value in the middle.
fn usual_length(values: &[u64]) -> u32 {
    let mut lengths: Vec<u32> = values
        .iter()
        .filter(|value| **value > 0)
        .map(|value| u64::BITS - (value - 1).leading_zeros())
        .collect();
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or(0)
}

/// Zero stays zero, so that a night costs nothing; above it come the high bits.
fn high_parts(values: &[u64], low: u32, high: &mut Vec<i64>) {
    high.clear();
    high.extend(values.iter().map(|value| match value.checked_sub(1) {
        None => 0,
        Some(value) => unzigzag(value.checked_shr(low).unwrap_or(0) + 1),
    }));
}

fn put_low(bits: &mut BitWriter, value: u64, low: u32) {
    for shift in (0..low).step_by(32).rev() {
        let count = (low - shift).min(32);
        bits.put((value >> shift) & ((1 << count) - 1), count);
    }
}

fn take_low(bits: &mut BitReader<'_>, low: u32) -> u64 {
    let shifts = (0..low).step_by(32).rev();
    shifts.fold(0, |value, shift| {
        let count = (low - shift).min(32);
        value | bits.take(count) << shift
    })
}
