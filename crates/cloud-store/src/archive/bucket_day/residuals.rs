//! What guides leave of a column: multiples of some step, and a little beside it. Each goes its own way.

use super::guide::{Guide, Side};
use super::naturals::{put_naturals, put_signed, take_naturals, take_signed};
use crate::chunk::bytes::{Reader, put_varint, unzigzag, zigzag};

/// Steps by their code from 1 on; 0 says that the step is 1 and nothing is left, the last code that the
/// step follows.
const STEPS: [i64; 6] = [1, 50, 100, 500, 1_000, 1_000_000];
const STEP_FOLLOWS: u8 = 15;
const HAS_BESIDE: u8 = 1 << 4;

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

    /// About how many bits it takes, at least.
    pub(super) fn bits(&self) -> u64 {
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

    /// Guide and step, and what is left.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let guide = (self.guide as u8) << 5;
        let is_zero = |list: &[i64]| list.iter().all(|value| *value == 0);
        if self.step == 1 && is_zero(&self.whole) {
            return vec![guide];
        }
        let known = STEPS.iter().zip(1..).find(|(step, _)| **step == self.step);
        let code = known.map_or(STEP_FOLLOWS, |(_, code)| code);
        let has_beside = !is_zero(&self.beside);
        let mut out = vec![guide | (u8::from(has_beside) * HAS_BESIDE) | code];
        if code == STEP_FOLLOWS {
            put_varint(&mut out, self.step.cast_unsigned());
        }
        let whole: Vec<u64> = self
            .whole
            .iter()
            .map(|whole| self.natural(*whole))
            .collect();
        put_naturals(&mut out, &whole);
        if has_beside {
            put_signed(&mut out, &self.beside);
        }
        out
    }

    /// What [`Self::bytes`] gave, for `count` values on a side that the guide tells.
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
            split.beside = take_signed(from, count)?;
        }
        Some(split)
    }
}

/// The largest step that both have.
pub(super) fn common_divisor(mut one: i64, mut other: i64) -> i64 {
    while other != 0 {
        (one, other) = (other, one.wrapping_rem(other));
    }
    one.checked_abs().unwrap_or(0)
}
