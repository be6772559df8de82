//! A column of unsigned integers while it grows: flag bits, indices.

use super::ints::Ints;
use super::mask::Mask;

/// Integers of all rows, kept by their bits as `i64`; 0 where absent.
#[derive(Debug, Clone, Default)]
pub(super) struct Integers {
    present: Mask,
    values: Ints,
}

impl Integers {
    /// `rows` rows, all absent.
    pub(super) fn absent(rows: usize) -> Self {
        let mut values = Ints::default();
        for _ in 0..rows {
            values.push(0);
        }
        Self {
            present: Mask::absent(rows),
            values,
        }
    }

    /// From what a chunk holds: bits of all rows, 0 where absent.
    pub(super) fn from_parts(present: Mask, values: Vec<i64>) -> Self {
        Self {
            present,
            values: values.into(),
        }
    }

    pub(super) fn present(&self) -> &Mask {
        &self.present
    }

    /// By their bits as `i64`.
    pub(super) fn values(&self) -> &Ints {
        &self.values
    }

    pub(super) fn get(&self, row: usize) -> Option<u64> {
        self.present
            .get(row)
            .then(|| self.values.get(row).cast_unsigned())
    }

    /// Puts a row before `row`, or at the end.
    pub(super) fn insert(&mut self, row: usize, value: Option<u64>) {
        self.present.insert(row, value.is_some());
        self.values.insert(row, value.unwrap_or(0).cast_signed());
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.present.heap() + self.values.heap()
    }
}
