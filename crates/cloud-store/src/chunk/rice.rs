//! Residuals as adaptive Rice codes, with runs of zeros.
//!
//! A residual is written as a quotient in unary and `k` low bits. `k` follows the mean of the last
//! ones, on both sides alike, so that nothing has to be said about it: a quiet night and a cloudy
//! noon each get their own. While the mean is near zero, zeros are counted instead of written.

use super::bits::{BitReader, BitWriter};
use super::bytes::{unzigzag, zigzag};

/// A quotient this large is an escape: the value follows with its length.
const ESCAPE: u32 = 20;
/// No more low bits than this; larger values escape.
const MOST_LOW: u32 = 32;
/// Means are kept in 256ths...
const MEAN_BITS: u32 = 8;
/// ...over about sixteen values.
const MEMORY: u32 = 4;
/// One value does not move the mean by more than this (in values): an outlier is not the new normal.
const MOST_LEARNT: u64 = 1 << 40;
/// Below this mean, a quarter, zeros come in runs.
const QUIET: u64 = 1 << (MEAN_BITS - 2);
/// After this many zeros the mean is as low as it gets.
const FORGOTTEN: u64 = 64;

/// The running mean that the code's parameter follows.
struct Mean(u64);

impl Mean {
    /// How many low bits to write: one more each time the mean doubles beyond about 1.2.
    #[inline]
    fn low_bits(&self) -> u32 {
        (u64::BITS - ((self.0 * 13) >> (4 + MEAN_BITS)).leading_zeros()).min(MOST_LOW)
    }

    #[inline]
    fn learn(&mut self, value: u64) {
        self.0 = self.0 - (self.0 >> MEMORY) + ((value.min(MOST_LEARNT) << MEAN_BITS) >> MEMORY);
    }
}

fn put(bits: &mut BitWriter, mean: &mut Mean, value: u64) {
    let low = mean.low_bits();
    match u32::try_from(value >> low) {
        Ok(quotient) if quotient < ESCAPE => {
            bits.put(1, quotient + 1);
            bits.put(value & ((1 << low) - 1), low);
        }
        _ => {
            let length = u64::BITS - value.leading_zeros();
            bits.put(1, ESCAPE + 1);
            bits.put(u64::from(length - 1), 6);
            bits.put(value >> 32, length.saturating_sub(32));
            bits.put(value & 0xffff_ffff, length.min(32));
        }
    }
    mean.learn(value);
}

#[inline]
fn take(bits: &mut BitReader<'_>, mean: &mut Mean) -> u64 {
    let low = mean.low_bits();
    let word = bits.peek();
    let quotient = word.leading_zeros();
    let value = if quotient < ESCAPE {
        bits.skip(quotient + 1 + low);
        let rest = word << quotient << 1;
        u64::from(quotient) << low | (rest >> 1) >> (63 - low)
    } else {
        take_escaped(bits)
    };
    mean.learn(value);
    value
}

#[cold]
fn take_escaped(bits: &mut BitReader<'_>) -> u64 {
    bits.skip(ESCAPE + 1);
    #[expect(clippy::cast_possible_truncation, reason = "six bits")]
    let length = bits.take(6) as u32 + 1;
    let high = bits.take(length.saturating_sub(32));
    high << 32 | bits.take(length.min(32))
}

/// What both sides know after the same residuals.
struct State {
    /// Of all residuals.
    mean: Mean,
    /// Of the lengths of runs of zeros.
    runs: Mean,
    /// Of what ends such a run.
    ends: Mean,
}

impl State {
    fn new() -> Self {
        Self {
            mean: Mean(0),
            runs: Mean(1 << MEAN_BITS),
            ends: Mean(0),
        }
    }

    fn learn_zeros(&mut self, zeros: usize) {
        for _ in 0..FORGOTTEN.min(zeros as u64) {
            self.mean.learn(0);
        }
    }
}

/// The bytes of `residuals`.
pub(super) fn encode(residuals: &[i64]) -> Vec<u8> {
    let mut bits = BitWriter::default();
    let mut state = State::new();
    let mut rest = residuals;
    while let Some(first) = rest.first() {
        if state.mean.0 >= QUIET {
            put(&mut bits, &mut state.mean, zigzag(*first));
            rest = &rest[1..];
            continue;
        }
        let zeros = rest.iter().take_while(|residual| **residual == 0).count();
        put(&mut bits, &mut state.runs, zeros as u64);
        state.learn_zeros(zeros);
        rest = &rest[zeros..];
        if let Some(end) = rest.first() {
            put(&mut bits, &mut state.ends, zigzag(*end) - 1);
            state.mean.learn(zigzag(*end));
            rest = &rest[1..];
        }
    }
    bits.finish()
}

/// `count` residuals from `bytes`; `None` when these are not their bytes.
pub(super) fn decode(bytes: &[u8], count: usize) -> Option<Vec<i64>> {
    let mut bits = BitReader::new(bytes);
    let mut state = State::new();
    let mut residuals = Vec::with_capacity(count);
    while residuals.len() < count {
        if state.mean.0 >= QUIET {
            residuals.push(unzigzag(take(&mut bits, &mut state.mean)));
            continue;
        }
        let zeros = usize::try_from(take(&mut bits, &mut state.runs)).ok()?;
        let filled = residuals
            .len()
            .checked_add(zeros)
            .filter(|filled| *filled <= count)?;
        residuals.resize(filled, 0);
        state.learn_zeros(zeros);
        if filled < count {
            let end = take(&mut bits, &mut state.ends).wrapping_add(1);
            state.mean.learn(end);
            residuals.push(unzigzag(end));
        }
    }
    bits.is_spent().then_some(residuals)
}
