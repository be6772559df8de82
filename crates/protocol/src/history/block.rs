//! Rows of one home, column by column.
//!
//! Times first, then each column: its name, its digits, and an integer for each row; the number is that integer over
//! ten to the power of its digits. Everything is the difference from the one before, in as many bytes as it needs.

use solthrive_domain::telemetry::{Doubts, UnixMillis};

use super::varint::{put, take, take_size};
use super::{MAX_COLUMNS, MAX_ROWS};
use crate::{Measured, Snapshot};

/// Longest name of a column, in bytes.
const MAX_NAME: usize = 64;
/// What a number is divided by, by its digits.
const STEPS: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];

/// Rows of one home. A column has a number in each of them; what is not known in some is a matter of another block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// In ms since the Unix epoch, ascending.
    pub times: Vec<i64>,
    /// See [`Column`].
    pub columns: Vec<Column>,
}

/// A quantity of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name that it has in a snapshot, such as `solar_kw`.
    pub name: String,
    /// Digits after the point, at most 6.
    pub digits: u8,
    /// For each row: the number without its point.
    pub numbers: Vec<i64>,
}

impl Column {
    /// A column without a row yet.
    #[must_use]
    pub fn new(name: &str, digits: u8) -> Self {
        Self {
            name: name.to_owned(),
            digits,
            numbers: Vec::new(),
        }
    }
}

impl Block {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.times.len() * (2 + 2 * self.columns.len()));
        put_size(&mut out, self.times.len());
        put_all(&mut out, &self.times);
        put_size(&mut out, self.columns.len());
        for column in &self.columns {
            put_size(&mut out, column.name.len());
            out.extend_from_slice(column.name.as_bytes());
            put(&mut out, column.digits.into());
            put_all(&mut out, &column.numbers);
        }
        out
    }

    /// `None` where the bytes are no block.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let rows = take_size(&mut bytes, MAX_ROWS)?;
        let times = take_all(&mut bytes, rows)?;
        let mut columns = Vec::new();
        for _ in 0..take_size(&mut bytes, MAX_COLUMNS)? {
            let length = take_size(&mut bytes, MAX_NAME)?;
            let (name, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            columns.push(Column {
                name: String::from_utf8(name.to_vec()).ok()?,
                digits: u8::try_from(take(&mut bytes)?).ok()?,
                numbers: take_all(&mut bytes, rows)?,
            });
        }
        let is_whole = bytes.is_empty() && times.is_sorted_by(|a, b| a < b);
        is_whole.then_some(Self { times, columns })
    }

    /// The rows as devices would have told them, checked like theirs.
    ///
    /// # Errors
    /// What is wrong with the first that is wrong.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>, String> {
        let blank = |time: &i64| {
            let ts = UnixMillis::try_from(*time).map_err(|error| error.to_string())?;
            Ok(Snapshot {
                ts,
                values: Measured::default(),
                quality: Doubts::NONE,
                channels: Vec::new(),
            })
        };
        let mut snapshots = self
            .times
            .iter()
            .map(blank)
            .collect::<Result<Vec<_>, String>>()?;
        for column in &self.columns {
            let step = STEPS.get(usize::from(column.digits));
            let (Some(step), Some(place)) = (step, Measured::place(&column.name)) else {
                return Err(format!("there is no column {}", column.name));
            };
            for (snapshot, number) in snapshots.iter_mut().zip(&column.numbers) {
                *place(&mut snapshot.values) = Some(*number as f64 / step);
            }
        }
        for snapshot in &snapshots {
            snapshot.values.check().map_err(|(_, why)| why)?;
        }
        Ok(snapshots)
    }
}

fn put_size(out: &mut Vec<u8>, size: usize) {
    put(out, i64::try_from(size).unwrap_or(i64::MAX));
}

fn put_all(out: &mut Vec<u8>, values: &[i64]) {
    let mut last = 0_i64;
    for value in values {
        put(out, value.wrapping_sub(last));
        last = *value;
    }
}

fn take_all(bytes: &mut &[u8], count: usize) -> Option<Vec<i64>> {
    let mut values = Vec::with_capacity(count.min(bytes.len()));
    let mut last = 0_i64;
    for _ in 0..count {
        last = last.wrapping_add(take(bytes)?);
        values.push(last);
    }
    Some(values)
}
