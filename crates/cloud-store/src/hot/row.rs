//! One row in a few bytes: quick to write, quick to read, every bit kept.
//!
//! A number is an integer at a decimal step where that is exact, else its eight bytes. A row that has
//! the same columns as the one before it, which is nearly every one, does not name them again.

use std::collections::HashSet;

use crate::chunk::bytes::{Reader, put_signed, put_size, put_varint, unzigzag, zigzag};
use crate::chunk::number::{MAX_DIGITS, Step};
use crate::chunk::{ColumnId, Finite, MAX_COLUMNS, TableError, Value, check_row};

/// A device's row: its time in ms since the Unix epoch, and the cells that have a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub time: i64,
    /// Each column at most once.
    pub cells: Vec<(ColumnId, Value)>,
}

impl Row {
    /// Whether it can be sealed.
    pub(super) fn check(&self) -> Result<(), TableError> {
        check_row(self.time, &self.cells)
    }
}

/// Numbers are tried with this many digits first: what meters report.
const USUAL_DIGITS: u8 = 3;
/// Tags in the low four bits of a cell; below them, the digits of a decimal step.
const INTEGER: u64 = 14;
const EXACT: u64 = 15;
const TAG_BITS: u32 = 4;

/// Rows in their order, cut where they would name more than [`MAX_COLUMNS`] columns together.
pub(super) fn runs(rows: &[Row]) -> Vec<&[Row]> {
    if rows.iter().map(|row| row.cells.len()).sum::<usize>() <= MAX_COLUMNS {
        return vec![rows];
    }
    let (mut runs, mut from) = (Vec::with_capacity(1), 0);
    let mut columns: HashSet<&ColumnId> = HashSet::new();
    let mut last: &[(ColumnId, Value)] = &[];
    for (at, row) in rows.iter().enumerate() {
        let is_like_the_last = last.len() == row.cells.len()
            && last.iter().zip(&row.cells).all(|((a, _), (b, _))| a == b);
        last = &row.cells;
        if is_like_the_last {
            continue;
        }
        let ids = row.cells.iter().map(|(id, _)| id);
        let new = ids.clone().filter(|id| !columns.contains(id)).count();
        if at > from && columns.len() + new > MAX_COLUMNS {
            runs.push(&rows[from..at]);
            from = at;
            columns.clear();
        }
        columns.extend(ids);
    }
    runs.push(&rows[from..]);
    runs
}

/// Writes rows one after the other.
#[derive(Default)]
pub(super) struct RowWriter {
    columns: Vec<ColumnId>,
    last: Vec<usize>,
    time: i64,
}

impl RowWriter {
    pub(super) fn put(&mut self, out: &mut Vec<u8>, row: &Row) {
        put_signed(out, row.time.wrapping_sub(self.time));
        self.time = row.time;
        if self.is_like_the_last(row) {
            put_size(out, 0);
        } else {
            self.name_columns(out, row);
        }
        for (_, value) in &row.cells {
            put_value(out, *value);
        }
    }

    fn is_like_the_last(&self, row: &Row) -> bool {
        !self.last.is_empty()
            && self.last.len() == row.cells.len()
            && self
                .last
                .iter()
                .zip(&row.cells)
                .all(|(at, (id, _))| self.columns[*at] == *id)
    }

    fn name_columns(&mut self, out: &mut Vec<u8>, row: &Row) {
        put_size(out, row.cells.len() + 1);
        self.last.clear();
        for (id, _) in &row.cells {
            let known = self.columns.iter().position(|other| other == id);
            let at = known.unwrap_or(self.columns.len());
            put_size(out, at);
            if known.is_none() {
                id.put(out);
                self.columns.push(id.clone());
            }
            self.last.push(at);
        }
    }
}

/// Reads rows one after the other; `None` when the bytes are not rows.
#[derive(Default)]
pub(super) struct RowReader {
    columns: Vec<ColumnId>,
    last: Vec<usize>,
    time: i64,
}

impl RowReader {
    pub(super) fn take(&mut self, bytes: &mut Reader<'_>) -> Option<Row> {
        self.time = self.time.wrapping_add(bytes.signed()?);
        let count = bytes.size(MAX_COLUMNS + 1)?;
        if count > 0 {
            self.read_columns(bytes, count - 1)?;
        }
        let mut cells = Vec::with_capacity(self.last.len());
        for at in &self.last {
            cells.push((self.columns[*at].clone(), take_value(bytes)?));
        }
        Some(Row {
            time: self.time,
            cells,
        })
    }

    fn read_columns(&mut self, bytes: &mut Reader<'_>, count: usize) -> Option<()> {
        self.last.clear();
        for _ in 0..count {
            let at = bytes.size(self.columns.len())?;
            if at == self.columns.len() {
                if at == MAX_COLUMNS {
                    return None;
                }
                self.columns.push(ColumnId::take(bytes)?);
            }
            self.last.push(at);
        }
        Some(())
    }
}

fn put_value(out: &mut Vec<u8>, value: Value) {
    match value {
        Value::Integer(integer) => {
            put_varint(out, INTEGER);
            put_varint(out, integer);
        }
        Value::Number(number) => match decimal(number.get()) {
            // A mantissa has at most 52 bits with its sign.
            Some((digits, mantissa)) => {
                put_varint(out, zigzag(mantissa) << TAG_BITS | u64::from(digits));
            }
            None => {
                put_varint(out, EXACT);
                out.extend_from_slice(&number.get().to_le_bytes());
            }
        },
    }
}

fn take_value(bytes: &mut Reader<'_>) -> Option<Value> {
    let first = bytes.varint()?;
    let tag = first & ((1 << TAG_BITS) - 1);
    match tag {
        INTEGER => (first == INTEGER)
            .then(|| bytes.varint())?
            .map(Value::Integer),
        EXACT => {
            let number = f64::from_bits((first == EXACT).then(|| bytes.double())??);
            Finite::try_from(number).ok().map(Value::Number)
        }
        digits => {
            let step = Step::new(u8::try_from(digits).ok()?)?;
            let number = step.value(unzigzag(first >> TAG_BITS));
            Finite::try_from(number).ok().map(Value::Number)
        }
    }
}

/// The digits and the integer that stand for a number, if any do exactly.
fn decimal(number: f64) -> Option<(u8, i64)> {
    let usual = Step::new(USUAL_DIGITS)?;
    if let Some(mantissa) = usual.exact(number) {
        return Some((USUAL_DIGITS, mantissa));
    }
    let step = Step::of(number)?;
    debug_assert!(step.digits() <= MAX_DIGITS);
    step.exact(number).map(|mantissa| (step.digits(), mantissa))
}
