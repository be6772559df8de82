//! Statistics as a header holds them: small integers at the column's step.

use super::bytes::{Reader, put_signed, put_wide};
use super::settled::{Scale, Settled, corrected};
use super::stats::{Sample, Statistics, Stats};

/// An integer and the correction of its bits, see [`super::settled`].
pub(super) type Exact = (i64, i64);

/// The statistics in the form that a header holds. Times count from the chunk's first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Facts {
    pub(super) first: Exact,
    pub(super) first_at: i64,
    last: Exact,
    last_at: i64,
    min: Exact,
    max: Exact,
    /// Of the integers without a correction.
    sum: i128,
    /// Of the values with one.
    rest: f64,
}

impl Facts {
    /// `times` count from the chunk's first row; `None` for a column without values.
    pub(super) fn of(column: &Settled, times: &[i64]) -> Option<Self> {
        let (first, last) = (column.present.rows().next()?, column.present.last_row()?);
        let mut facts = match (column.scale, column.corrections.is_empty()) {
            (Scale::Decimal(_), true) => Self::of_plain(&column.integers)?,
            _ => Self::of_any(column)?,
        };
        (facts.first_at, facts.last_at) = (times[first], times[last]);
        Some(facts)
    }

    /// Of numbers that are all whole steps: the usual case, and fast.
    fn of_plain(integers: &[i64]) -> Option<Self> {
        let mut facts = Self::starting((*integers.first()?, 0));
        facts.last.0 = *integers.last()?;
        facts.min.0 = *integers.iter().min()?;
        facts.max.0 = *integers.iter().max()?;
        facts.sum = integers.iter().map(|integer| i128::from(*integer)).sum();
        Some(facts)
    }

    fn of_any(column: &Settled) -> Option<Self> {
        let mut corrections = column.corrections.iter().peekable();
        let mut facts = None;
        let (mut least, mut most) = (i64::MAX, i64::MIN);
        for (place, integer) in column.integers.iter().enumerate() {
            let correction = corrections.next_if(|(at, _)| *at == place);
            let value = (
                *integer,
                correction.map_or(0, |(_, correction)| *correction),
            );
            let facts = facts.get_or_insert_with(|| Self::starting(value));
            let key = order(column.scale, value);
            if key < least {
                (least, facts.min) = (key, value);
            }
            if key > most {
                (most, facts.max) = (key, value);
            }
            facts.last = value;
            facts.add(column.scale, value);
        }
        facts
    }

    /// Whether all values are the first.
    pub(super) fn is_constant(&self) -> bool {
        self.min == self.max && self.min.1 == 0
    }

    /// Writes what `full` (no absent row), `corrected` (some value has a correction) and
    /// [`Self::is_constant`] leave to say.
    pub(super) fn write(&self, out: &mut Vec<u8>, full: bool, corrected: bool) {
        if !full {
            put_signed(out, self.first_at);
            put_signed(out, self.last_at.wrapping_sub(self.first_at));
        }
        put_signed(out, self.first.0);
        if self.is_constant() {
            return;
        }
        for (value, near) in [
            (self.min, self.first),
            (self.max, self.min),
            (self.last, self.first),
        ] {
            put_signed(out, value.0.wrapping_sub(near.0));
        }
        put_wide(out, self.sum);
        if corrected {
            for value in [self.first, self.min, self.max, self.last] {
                put_signed(out, value.1);
            }
            out.extend_from_slice(&self.rest.to_bits().to_le_bytes());
        }
    }

    /// What [`Self::write`] wrote. `last_at` is the chunk's last time, for a full column.
    pub(super) fn read(from: &mut Reader<'_>, shape: Shape) -> Option<Self> {
        let (mut first_at, mut last_at) = (0, shape.last_at);
        if !shape.full {
            first_at = from.signed()?;
            last_at = from.signed()?.wrapping_add(first_at);
        }
        let mut facts = Self::starting((from.signed()?, 0));
        (facts.first_at, facts.last_at) = (first_at, last_at);
        if shape.constant {
            facts.sum = integer(shape.scale, facts.first.0) * shape.count as i128;
            return Some(facts);
        }
        facts.min.0 = facts.first.0.wrapping_add(from.signed()?);
        facts.max.0 = facts.min.0.wrapping_add(from.signed()?);
        facts.last.0 = facts.first.0.wrapping_add(from.signed()?);
        facts.sum = from.wide()?;
        if shape.corrected {
            for value in [
                &mut facts.first,
                &mut facts.min,
                &mut facts.max,
                &mut facts.last,
            ] {
                value.1 = from.signed()?;
            }
            facts.rest = f64::from_bits(from.double()?);
        }
        Some(facts)
    }

    /// In the caller's terms: `origin` is the chunk's first time. `None` when a number is not finite.
    pub(super) fn statistics(&self, scale: Scale, count: usize, origin: i64) -> Option<Statistics> {
        match scale {
            Scale::Integer => {
                let value = |exact: Exact| Some(exact.0.cast_unsigned());
                let sum = u128::try_from(self.sum).ok()?;
                self.told(count, origin, value, sum)
                    .map(Statistics::Integers)
            }
            Scale::Decimal(step) => {
                let value = |exact: Exact| {
                    Some(corrected(step, exact.0, exact.1)).filter(|value| value.is_finite())
                };
                let sum = added(self.sum as f64 / step.per_one(), self.rest);
                let stats = self
                    .told(count, origin, value, sum)
                    .filter(|_| sum.is_finite());
                stats.map(Statistics::Numbers)
            }
        }
    }

    fn told<T, S>(
        &self,
        count: usize,
        origin: i64,
        value: impl Fn(Exact) -> Option<T>,
        sum: S,
    ) -> Option<Stats<T, S>> {
        let sample = |exact, at: i64| {
            Some(Sample {
                time: origin.wrapping_add(at),
                value: value(exact)?,
            })
        };
        let (first, last) = (
            sample(self.first, self.first_at)?,
            sample(self.last, self.last_at)?,
        );
        Some(Stats {
            count,
            min: value(self.min)?,
            max: value(self.max)?,
            first,
            last,
            sum,
        })
    }

    fn starting(value: Exact) -> Self {
        let (first, last, min, max) = (value, value, value, value);
        Self {
            first,
            first_at: 0,
            last,
            last_at: 0,
            min,
            max,
            sum: 0,
            rest: 0.0,
        }
    }

    fn add(&mut self, scale: Scale, value: Exact) {
        match scale {
            Scale::Decimal(step) if value.1 != 0 => {
                self.rest = added(self.rest, corrected(step, value.0, value.1));
            }
            _ => self.sum += integer(scale, value.0),
        }
    }
}

/// What is known of a column when its facts are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) scale: Scale,
    pub(super) count: usize,
    pub(super) last_at: i64,
    pub(super) full: bool,
    pub(super) corrected: bool,
    pub(super) constant: bool,
}

/// A key that orders values as their numbers, with -0.0 before 0.0.
fn order(scale: Scale, value: Exact) -> i64 {
    match scale {
        Scale::Integer => value.0 ^ i64::MIN,
        Scale::Decimal(step) => {
            let bits = corrected(step, value.0, value.1).to_bits().cast_signed();
            bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
        }
    }
}

fn integer(scale: Scale, value: i64) -> i128 {
    match scale {
        Scale::Integer => value.cast_unsigned().into(),
        Scale::Decimal(_) => value.into(),
    }
}

/// A sum that stays among the finite numbers.
fn added(a: f64, b: f64) -> f64 {
    (a + b).clamp(-f64::MAX, f64::MAX)
}
