//! A column in the form that the format prescribes: the same for the same values, however they came.
//!
//! Values are integers at the prescribed step. One that is not exact there stands as the nearest
//! integer and a *correction*: what to add to its bits, in units of the last place. Noise of float
//! sums (1.2340000000000002) costs a byte or two that way, and any other value its eight.

use super::ColumnId;
use super::column::{Column, Content};
use super::decimals::Decimals;
use super::integers::Integers;
use super::mask::Mask;
use super::number::Step;

/// What a column's integers mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Numbers in decimal steps.
    Decimal(Step),
    /// Unsigned integers, by their bits.
    Integer,
}

/// A column, ready to be predicted and packed.
#[derive(Debug, Clone)]
pub(super) struct Settled {
    pub(super) id: ColumnId,
    pub(super) scale: Scale,
    pub(super) present: Mask,
    /// One per present row.
    pub(super) integers: Vec<i64>,
    /// Place among the present rows, and what to add to the bits there; never 0; by place.
    pub(super) corrections: Vec<(usize, i64)>,
}

impl Settled {
    pub(super) fn new(id: &ColumnId, column: &Column) -> Self {
        match &column.0 {
            Content::Integers(integers) => Self {
                id: id.clone(),
                scale: Scale::Integer,
                present: integers.present().clone(),
                integers: present_only(integers.present(), integers.values().to_vec()),
                corrections: Vec::new(),
            },
            Content::Numbers(numbers) => {
                let step = numbers.best_step();
                if step == numbers.step() {
                    Self::of_numbers(id, numbers)
                } else {
                    Self::of_numbers(id, &numbers.at_step(step))
                }
            }
        }
    }

    /// One integer per row: absent rows repeat the one before; 0 before the first.
    pub(super) fn per_row(&self) -> Vec<i64> {
        if self.present.is_full() {
            return self.integers.clone();
        }
        let mut integers = self.integers.iter();
        let mut last = 0;
        let next = |row| {
            if self.present.get(row) {
                last = integers.next().copied().unwrap_or(last);
            }
            last
        };
        (0..self.present.len()).map(next).collect()
    }

    /// The column in memory; `None` when a correction gives no finite number.
    pub(super) fn into_column(self) -> Option<Column> {
        let Scale::Decimal(step) = self.scale else {
            let values = per_row_or_zero(&self.present, self.integers);
            return Some(Column(Content::Integers(Integers::from_parts(
                self.present,
                values,
            ))));
        };
        let mut integers = self.integers;
        let mut exceptions = Vec::with_capacity(self.corrections.len());
        let rows: Vec<usize> = if self.corrections.is_empty() {
            Vec::new()
        } else {
            self.present.rows().collect()
        };
        for (place, correction) in self.corrections {
            let value = corrected(step, integers[place], correction);
            if !value.is_finite() {
                return None;
            }
            exceptions.push((u32::try_from(rows[place]).ok()?, value));
            integers[place] = 0;
        }
        let mantissas = per_row_or_zero(&self.present, integers);
        Some(Column(Content::Numbers(Decimals::from_parts(
            step,
            self.present,
            mantissas,
            exceptions,
        ))))
    }

    fn of_numbers(id: &ColumnId, numbers: &Decimals) -> Self {
        let (step, present) = (numbers.step(), numbers.present());
        let mut integers = numbers.mantissas().to_vec();
        let mut corrections = Vec::with_capacity(numbers.exceptions().len());
        for (row, value) in numbers.exceptions() {
            let row = *row as usize;
            // Out of reach: whatever stands before it is the cheapest to predict.
            let nearest =
                step.nearest(*value)
                    .unwrap_or(if row > 0 { integers[row - 1] } else { 0 });
            integers[row] = nearest;
            corrections.push((row, correction(step, nearest, *value)));
        }
        if !present.is_full() {
            let mut places = present.rows().enumerate();
            for (row, _) in &mut corrections {
                let place = places.find(|(_, present)| present == row);
                *row = place.map_or(*row, |(place, _)| place);
            }
        }
        Self {
            id: id.clone(),
            scale: Scale::Decimal(step),
            present: present.clone(),
            integers: present_only(present, integers),
            corrections,
        }
    }
}

/// What to add to the bits of `integer` steps to get `value`.
fn correction(step: Step, integer: i64, value: f64) -> i64 {
    let plain = step.value(integer).to_bits();
    value.to_bits().wrapping_sub(plain).cast_signed()
}

/// The inverse of [`correction`].
pub(super) fn corrected(step: Step, integer: i64, correction: i64) -> f64 {
    let plain = step.value(integer).to_bits();
    f64::from_bits(plain.wrapping_add(correction.cast_unsigned()))
}

fn present_only(present: &Mask, per_row: Vec<i64>) -> Vec<i64> {
    if present.is_full() {
        per_row
    } else {
        present.rows().map(|row| per_row[row]).collect()
    }
}

fn per_row_or_zero(present: &Mask, integers: Vec<i64>) -> Vec<i64> {
    if present.is_full() {
        return integers;
    }
    let mut per_row = vec![0; present.len()];
    for (row, integer) in present.rows().zip(integers) {
        per_row[row] = integer;
    }
    per_row
}
