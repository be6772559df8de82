//! One column of a table.

use super::decimals::Decimals;
use super::integers::Integers;
use super::mask::Mask;
use super::number::{Finite, Value};
use super::{Kind, Known};

/// The values of one column, one per row of its table; a row without a value is absent, not zero.
#[derive(Debug, Clone)]
pub struct Column(pub(super) Content);

#[derive(Debug, Clone)]
pub(super) enum Content {
    Numbers(Decimals),
    Integers(Integers),
}

impl Column {
    /// What the column holds.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match &self.0 {
            Content::Numbers(_) => Kind::Number,
            Content::Integers(_) => Kind::Integer,
        }
    }

    /// How many rows have a value.
    #[must_use]
    pub fn count(&self) -> usize {
        self.present().count()
    }

    /// The value of `row`; `None` where it is absent and beyond the last row.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<Value> {
        match &self.0 {
            Content::Numbers(numbers) => numbers
                .get(row)
                .and_then(|value| Finite::try_from(value).ok())
                .map(Value::Number),
            Content::Integers(integers) => integers.get(row).map(Value::Integer),
        }
    }

    /// All rows as numbers, absent ones as NaN, appended to `out`: for scans, where an `Option` per
    /// value costs more than the sum over it. Integers beyond 2^53 are rounded.
    pub fn scan_into(&self, out: &mut Vec<f64>) {
        match &self.0 {
            Content::Numbers(numbers) => scan_numbers(numbers, out),
            Content::Integers(integers) => {
                let nan = |row| integers.get(row).map_or(f64::NAN, |value| value as f64);
                out.extend((0..integers.present().len()).map(nan));
            }
        }
    }

    /// `rows` rows, all absent.
    pub(super) fn absent(kind: Kind, rows: usize) -> Self {
        Self(match kind {
            Kind::Number => Content::Numbers(Decimals::absent(rows)),
            Kind::Integer => Content::Integers(Integers::absent(rows)),
        })
    }

    pub(super) fn present(&self) -> &Mask {
        match &self.0 {
            Content::Numbers(numbers) => numbers.present(),
            Content::Integers(integers) => integers.present(),
        }
    }

    /// Puts a row before `row`, or at the end. `value` must be of the column's kind, else it is absent.
    pub(super) fn insert(&mut self, row: usize, value: Option<Value>) {
        match (&mut self.0, value) {
            (Content::Numbers(numbers), Some(Value::Number(value))) => {
                numbers.insert(row, Some(value.get()));
            }
            (Content::Integers(integers), Some(Value::Integer(value))) => {
                integers.insert(row, Some(value));
            }
            (Content::Numbers(numbers), _) => numbers.insert(row, None),
            (Content::Integers(integers), _) => integers.insert(row, None),
        }
    }

    /// Appends row `row` of `other`, which must be of the same kind.
    pub(super) fn push_from(&mut self, other: &Self, row: usize) {
        match (&mut self.0, &other.0) {
            (Content::Numbers(mine), Content::Numbers(theirs)) => mine.push_from(theirs, row),
            _ => self.insert(self.present().len(), other.get(row)),
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        match &self.0 {
            Content::Numbers(numbers) => numbers.heap(),
            Content::Integers(integers) => integers.heap(),
        }
    }
}

fn scan_numbers(numbers: &Decimals, out: &mut Vec<f64>) {
    let begin = out.len();
    numbers.mantissas().scan(numbers.step().per_one(), out);
    if !numbers.present().is_full() {
        for (row, value) in out[begin..].iter_mut().enumerate() {
            if !numbers.present().get(row) {
                *value = f64::NAN;
            }
        }
    }
    for (row, value) in numbers.exceptions() {
        out[begin + *row as usize] = *value;
    }
}

/// A known column's kind is fixed; a named one takes the kind of its first value.
pub(super) fn kind_of(value: Value) -> Kind {
    match value {
        Value::Number(_) => Kind::Number,
        Value::Integer(_) => Kind::Integer,
    }
}

/// Whether a column of this id may hold values of `kind`.
pub(super) fn may_hold(id: &super::ColumnId, kind: Kind) -> bool {
    match id {
        super::ColumnId::Known(known) => Known::kind(*known) == kind,
        super::ColumnId::Named(_) => true,
    }
}
