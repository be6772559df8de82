//! Residuals as adaptive Rice codes, with runs of zeros.
//!
//! A residual is written as a quotient in unary and `k` low bits; a large quotient, of a load that
//! switches, by its length. `k` follows the mean of the last ones, on both sides alike, so that
//! nothing has to be said about it: a quiet night and a cloudy noon each get their own. While the
//! mean is near zero, zeros are counted instead of written.

use super::bits::{BitReader, BitWriter};
use super::bytes::{unzigzag, zigzag};

/// Quotients below this are written in unary, larger ones by their length and bits (Elias gamma).
const UNARY: u32 = 3;
/// As many zeros announce a value that is written with its length.
const ESCAPE: u32 = 24;
/// No more low bits than this.
const MOST_LOW: u32 = 32;
/// Means are kept in 256ths...
const MEAN_BITS: u32 = 8;
/// ...over about sixteen values.
const MEMORY: u32 = 4;
/// The most that is learnt from one value, beside twice the mean: an outlier is not the new normal.
const MOST_LEARNT: u64 = 4;
/// Means stay below this.
const MOST_MEAN: u64 = 1 << 48;
/// Below this mean, a quarter, zeros come in runs.
const QUIET: u64 = 1 << (MEAN_BITS - 2);
/// After this many zeros the mean is as low as it gets.
const FORGOTTEN: u64 = 64;

/// The running mean that the code's parameter follows.
struct Mean(u64);

impl Mean {
    /// How many low bits to write: one more each time the mean doubles beyond about 1.6.
    #[inline]
    fn low_bits(&self) -> u32 {
        (u64::BITS - ((self.0 * 10) >> (4 + MEAN_BITS)).leading_zeros()).min(MOST_LOW)
    }

    #[inline]
    fn learn(&mut self, value: u64) {
        let most = ((self.0 * 2) >> MEAN_BITS) + MOST_LEARNT;
        let new = self.0 - (self.0 >> MEMORY) + ((value.min(most) << MEAN_BITS) >> MEMORY);
        self.0 = new.min(MOST_MEAN);
    }
}

/// Where bits go.
trait Sink {
    fn put(&mut self, value: u64, count: u32);
}

impl Sink for BitWriter {
    #[inline]
    fn put(&mut self, value: u64, count: u32) {
        Self::put(self, value, count);
    }
}

/// Only counts.
impl Sink for usize {
    #[inline]
    fn put(&mut self, _: u64, count: u32) {
        *self += count as Self;
    }
}

#[inline]
fn put(bits: &mut impl Sink, mean: &mut Mean, value: u64) {
    let low = mean.low_bits();
    let (quotient, rest) = (value >> low, value & ((1 << low) - 1));
    if quotient < UNARY.into() {
        #[expect(clippy::cast_possible_truncation, reason = "below UNARY")]
        bits.put(1, quotient as u32 + 1);
        bits.put(rest, low);
    } else {
        put_large(bits, value, quotient, (rest, low));
    }
    mean.learn(value);
}

fn put_large(bits: &mut impl Sink, value: u64, quotient: u64, (rest, low): (u64, u32)) {
    let beyond = quotient - u64::from(UNARY) + 1;
    let length = beyond.ilog2();
    if UNARY + length < ESCAPE {
        bits.put(1, UNARY + length + 1);
        bits.put(beyond & ((1 << length) - 1), length);
        bits.put(rest, low);
    } else {
        bits.put(1, ESCAPE + 1);
        bits.put(value >> 32, 32);
        bits.put(value & 0xffff_ffff, 32);
    }
}

#[inline(always)]
fn take(bits: &mut BitReader<'_>, mean: &mut Mean) -> u64 {
    let low = mean.low_bits();
    let word = bits.peek();
    let zeros = word.leading_zeros();
    let value = if zeros < UNARY {
        bits.skip(zeros + 1 + low);
        let rest = word << zeros << 1;
        u64::from(zeros) << low | (rest >> 1) >> (63 - low)
    } else {
        take_large(bits, zeros, low)
    };
    mean.learn(value);
    value
}

/// Fills `out` until the mean falls quiet; how many that are. Nearly all of a scan's time is spent here.
fn take_plain(bits: &mut BitReader<'_>, mean: &mut Mean, out: &mut [i64]) -> usize {
    for (done, residual) in out.iter_mut().enumerate() {
        if mean.0 < QUIET {
            return done;
        }
        *residual = unzigzag(take(bits, mean));
    }
    out.len()
}

fn take_large(bits: &mut BitReader<'_>, zeros: u32, low: u32) -> u64 {
    bits.skip(zeros.min(ESCAPE) + 1);
    if zeros >= ESCAPE {
        return bits.take(32) << 32 | bits.take(32);
    }
    let length = zeros - UNARY;
    let quotient = u64::from(UNARY) + (1 << length | bits.take(length)) - 1;
    quotient << low | bits.take(low)
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
pub(crate) fn encode(residuals: &[i64]) -> Vec<u8> {
    let mut bits = BitWriter::default();
    write(&mut bits, residuals);
    bits.finish()
}

/// How many bytes [`encode`] gives, without writing them.
pub(crate) fn length(residuals: &[i64]) -> usize {
    let mut bits = 0_usize;
    write(&mut bits, residuals);
    bits.div_ceil(8)
}

fn write(bits: &mut impl Sink, residuals: &[i64]) {
    let mut state = State::new();
    let mut rest = residuals;
    while let Some(first) = rest.first() {
        if state.mean.0 >= QUIET {
            put(bits, &mut state.mean, zigzag(*first));
            rest = &rest[1..];
            continue;
        }
        let zeros = rest.iter().take_while(|residual| **residual == 0).count();
        put(bits, &mut state.runs, zeros as u64);
        state.learn_zeros(zeros);
        rest = &rest[zeros..];
        if let Some(end) = rest.first() {
            put(bits, &mut state.ends, zigzag(*end) - 1);
            state.mean.learn(zigzag(*end));
            rest = &rest[1..];
        }
    }
}

/// `count` residuals from `bytes`; `None` when these are not their bytes.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Option<Vec<i64>> {
    let mut bits = BitReader::new(bytes);
    let mut state = State::new();
    let mut residuals = vec![0; count];
    let mut at = 0;
    while at < count {
        at += take_plain(&mut bits, &mut state.mean, &mut residuals[at..]);
        if at == count {
            break;
        }
        let zeros = usize::try_from(take(&mut bits, &mut state.runs)).ok()?;
        at = at.checked_add(zeros).filter(|at| *at <= count)?;
        state.learn_zeros(zeros);
        if let Some(residual) = residuals.get_mut(at) {
            let end = take(&mut bits, &mut state.ends).wrapping_add(1);
            state.mean.learn(end);
            *residual = unzigzag(end);
            at += 1;
        }
    }
    bits.is_spent().then_some(residuals)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn residuals() -> impl Strategy<Value = Vec<i64>> {
        let one =
            prop_oneof![6 => Just(0), 4 => -9..9_i64, 2 => -5000..5000_i64, 1 => any::<i64>()];
        prop::collection::vec(one, 0..300)
    }

    proptest! {
        #[test]
        fn residuals_come_back(residuals in residuals()) {
            let bytes = encode(&residuals);
            prop_assert_eq!(length(&residuals), bytes.len());
            prop_assert_eq!(decode(&bytes, residuals.len()), Some(residuals));
        }

        #[test]
        fn foreign_bytes_give_that_many_residuals_or_none(bytes in prop::collection::vec(any::<u8>(), 0..60), count in 0..200_usize) {
            let decoded = decode(&bytes, count);
            prop_assert!(decoded.is_none_or(|residuals| residuals.len() == count));
        }
    }

    #[test]
    fn extremes_come_back() {
        let residuals = [i64::MIN, i64::MAX, 0, -1, i64::MIN, 1 << 40, 0, 0, i64::MAX];
        assert_eq!(
            decode(&encode(&residuals), residuals.len()).unwrap(),
            residuals
        );
    }

    #[test]
    fn a_quiet_night_costs_next_to_nothing() {
        assert!(encode(&[0; 1400]).len() <= 5);
    }
}
