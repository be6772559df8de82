//! What guides leave, as bits.
//!
//! Values are multiples of some step with a little beside it: both go their own way. Of each integer
//! the low bits are noise and written as they are; how many is said once for a column. The rest is
//! small, and packed as the chunks' residuals are.

use super::guide::{Guide, Side};
use crate::chunk::bits::{BitReader, BitWriter};
use crate::chunk::bytes::{Reader, put_size, put_varint, unzigzag, zigzag};
use crate::chunk::rice;

/// Steps by their code from 1 on; 0 says that nothing is left, the last code that the step follows.
const STEPS: [i64; 6] = [1, 50, 100, 500, 1_000, 1_000_000];
const STEP_FOLLOWS: u8 = 15;
const HAS_BESIDE: u8 = 1 << 4;
/// More low bits than this are not tried below the length of a usual value.
const TRIED: u32 = 4;

/// What is left of a column by some guide and step.
#[derive(Debug)]
pub(super) struct Split {
    pub(super) guide: Guide,
    pub(super) step: i64,
    side: Side,
    /// Multiples of the step.
    whole: Vec<i64>,
    /// What is beside them, at most half a step.
    beside: Vec<i64>,
}

impl Split {
    /// Of values and what was told of them.
    pub(super) fn new(
        (guide, side): (Guide, Side),
        step: i64,
        pairs: impl Iterator<Item = (i64, i64)>,
    ) -> Self {
        let apart = pairs.map(|(value, told)| {
            let left = match side {
                Side::Either | Side::Above => value.wrapping_sub(told),
                Side::Below => told.wrapping_sub(value),
            };
            let (whole, beside) = (left.div_euclid(step), left.rem_euclid(step));
            if beside > step / 2 {
                (whole.wrapping_add(1), beside - step)
            } else {
                (whole, beside)
            }
        });
        let (whole, beside) = apart.unzip();
        Self {
            guide,
            step,
            side,
            whole,
            beside,
        }
    }

    /// The value at a place, from what was told of it.
    pub(super) fn value(&self, nth: usize, told: i64) -> i64 {
        let whole = self.whole[nth].wrapping_mul(self.step);
        let left = whole.wrapping_add(self.beside[nth]);
        match self.side {
            Side::Either | Side::Above => told.wrapping_add(left),
            Side::Below => told.wrapping_sub(left),
        }
    }

    /// About how many bits it takes.
    pub(super) fn cost(&self) -> u64 {
        let bits = |value: u64| u64::from(u64::BITS - value.leading_zeros());
        let whole: u64 = self
            .whole
            .iter()
            .map(|whole| bits(self.natural(*whole)))
            .sum();
        let beside: u64 = self.beside.iter().map(|beside| bits(zigzag(*beside))).sum();
        whole + beside
    }

    /// As a natural number that is small where the guess was good.
    fn natural(&self, whole: i64) -> u64 {
        match self.side {
            Side::Either => zigzag(whole),
            Side::Below | Side::Above => whole.cast_unsigned(),
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let guide = (self.guide as u8) << 5;
        let is_zero = |list: &[i64]| list.iter().all(|value| *value == 0);
        if is_zero(&self.whole) && is_zero(&self.beside) {
            out.push(guide);
            return;
        }
        let known = STEPS.iter().zip(1..).find(|(step, _)| **step == self.step);
        let code = known.map_or(STEP_FOLLOWS, |(_, code)| code);
        let has_beside = !is_zero(&self.beside);
        out.push(guide | u8::from(has_beside) * HAS_BESIDE | code);
        if code == STEP_FOLLOWS {
            put_varint(out, self.step.cast_unsigned());
        }
        let whole: Vec<u64> = self
            .whole
            .iter()
            .map(|whole| self.natural(*whole))
            .collect();
        put_naturals(out, &whole);
        if has_beside {
            put(out, &self.beside);
        }
    }

    /// What [`Self::put`] wrote, for `count` values on a side that the guide tells.
    pub(super) fn take(
        from: &mut Reader<'_>,
        count: usize,
        side: impl Fn(Guide) -> Side,
    ) -> Option<Self> {
        let head = from.byte()?;
        let guide = Guide::from_code(head >> 5)?;
        let side = side(guide);
        let mut split = Self {
            guide,
            side,
            step: 1,
            whole: vec![0; count],
            beside: vec![0; count],
        };
        split.step = match head & 15 {
            0 => return (head & HAS_BESIDE == 0).then_some(split),
            STEP_FOLLOWS => i64::try_from(from.varint()?)
                .ok()
                .filter(|step| *step > 0)?,
            code => *STEPS.get(usize::from(code) - 1)?,
        };
        let whole = take_naturals(from, count)?;
        let signed = whole.into_iter().map(|natural| match side {
            Side::Either => unzigzag(natural),
            Side::Below | Side::Above => natural.cast_signed(),
        });
        split.whole = signed.collect();
        if head & HAS_BESIDE != 0 {
            split.beside = take(from, count)?;
        }
        Some(split)
    }
}

/// Writes integers of either sign.
pub(super) fn put(out: &mut Vec<u8>, values: &[i64]) {
    let naturals: Vec<u64> = values.iter().map(|value| zigzag(*value)).collect();
    put_naturals(out, &naturals);
}

/// What [`put`] wrote.
pub(super) fn take(from: &mut Reader<'_>, count: usize) -> Option<Vec<i64>> {
    Some(
        take_naturals(from, count)?
            .into_iter()
            .map(unzigzag)
            .collect(),
    )
}

/// The number of low bits, the high parts with their length, the low parts of those that are not zero.
fn put_naturals(out: &mut Vec<u8>, values: &[u64]) {
    let usual = usual_length(values);
    let tried = usual.saturating_sub(TRIED)..=usual;
    let packed = tried.map(|low| (low, packed_high(values, low)));
    let not_zero = values.iter().filter(|value| **value > 0).count();
    let size = |(low, high): &(u32, Vec<u8>)| high.len() * 8 + not_zero * *low as usize;
    let Some((low, high)) = packed.min_by_key(size) else {
        return;
    };
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

fn take_naturals(from: &mut Reader<'_>, count: usize) -> Option<Vec<u64>> {
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
fn packed_high(values: &[u64], low: u32) -> Vec<u8> {
    let high = values.iter().map(|value| match value.checked_sub(1) {
        None => 0,
        Some(value) => unzigzag(value.checked_shr(low).unwrap_or(0) + 1),
    });
    rice::encode(&high.collect::<Vec<_>>())
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

/// For [`super::columns`]: the largest step that all values have.
pub(super) fn common_divisor(mut one: i64, mut other: i64) -> i64 {
    while other != 0 {
        (one, other) = (other, one.wrapping_rem(other));
    }
    one.checked_abs().unwrap_or(0)
}
