//! A device's rows in memory, growing.

use super::column::{Column, kind_of, may_hold};
use super::ints::Ints;
use super::number::Value;
use super::{ColumnId, Kind, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, TableError};

/// Times beyond this many ms from the Unix epoch (35,000 years) are not measurements.
pub(super) const LATEST: i64 = 1 << 50;

/// Rows in the order of their time, each time once, and columns in the order of their id.
///
/// A waiting row of the 13 usual columns takes about 40 bytes, the table itself 2 kB. A column without any value and no
/// column at all are the same thing.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The time of the row that came first, in ms since the Unix epoch; the others count from it.
    origin: i64,
    offsets: Ints,
    columns: Vec<(ColumnId, Column)>,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is in the table now.
    Stored,
    /// The same row was there.
    Duplicate,
    /// Another row of this time was there and stays.
    Conflict,
}

impl Table {
    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// The time of `row` in ms since the Unix epoch.
    #[must_use]
    pub fn time(&self, row: usize) -> Option<i64> {
        (row < self.rows()).then(|| self.origin + self.offsets.get(row))
    }

    /// All times in ms since the Unix epoch, in order.
    pub fn times(&self) -> impl Iterator<Item = i64> + use<> {
        let origin = self.origin;
        self.offsets
            .to_vec()
            .into_iter()
            .map(move |offset| origin + offset)
    }

    /// The first and the last time.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((self.time(0)?, self.time(self.rows() - 1)?))
    }

    /// The columns that have a value, by id.
    pub fn columns(&self) -> impl Iterator<Item = (&ColumnId, &Column)> {
        self.columns.iter().map(|(id, column)| (id, column))
    }

    /// One column.
    #[must_use]
    pub fn column(&self, id: &ColumnId) -> Option<&Column> {
        let at = self
            .columns
            .binary_search_by(|(other, _)| other.cmp(id))
            .ok()?;
        Some(&self.columns[at].1)
    }

    /// The cells of `row` that have a value, by id.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (&ColumnId, Value)> {
        self.columns
            .iter()
            .filter_map(move |(id, column)| Some((id, column.get(row)?)))
    }

    /// Bytes on the heap, as allocated.
    #[must_use]
    pub fn heap(&self) -> usize {
        let columns: usize = self.columns.iter().map(|(_, column)| column.heap()).sum();
        columns + self.offsets.heap() + self.columns.capacity() * size_of::<(ColumnId, Column)>()
    }

    /// Adds the row of `time` (ms since the Unix epoch), wherever it belongs. The first row of a
    /// time wins: the same again is a duplicate, another one a conflict, and neither changes anything.
    /// Appending at the end is fast; a late row moves what comes after it.
    ///
    /// # Errors
    /// See [`TableError`]; the table is then as it was.
    pub fn insert(
        &mut self,
        time: i64,
        cells: &[(ColumnId, Value)],
    ) -> Result<Inserted, TableError> {
        if time.unsigned_abs() > LATEST.unsigned_abs() {
            return Err(TableError::TimeOutOfRange(time));
        }
        if let Some(known) = self.find(time, cells) {
            return Ok(known);
        }
        let row = self.place_of(time).unwrap_or_else(|place| place);
        self.check(cells)?;
        for (id, value) in cells {
            self.make_column(id, kind_of(*value));
        }
        if self.is_empty() {
            self.origin = time;
        }
        self.offsets.insert(row, time - self.origin);
        for (place, (id, column)) in self.columns.iter_mut().enumerate() {
            column.insert(row, cell_of(cells, place, id));
        }
        Ok(Inserted::Stored)
    }

    /// What [`Table::insert`] would say of a row whose time is there; `None` where it is not.
    #[must_use]
    pub fn find(&self, time: i64, cells: &[(ColumnId, Value)]) -> Option<Inserted> {
        let row = self.place_of(time).ok()?;
        Some(if self.has_row(row, cells) {
            Inserted::Duplicate
        } else {
            Inserted::Conflict
        })
    }

    /// Appends row `row` of `other`, whose columns are there and whose time is the latest.
    pub(super) fn push_from(&mut self, other: &Self, row: usize, time: i64) {
        if self.is_empty() {
            self.origin = time;
        }
        self.offsets.push(time - self.origin);
        let at = self.rows() - 1;
        for (place, (id, column)) in self.columns.iter_mut().enumerate() {
            let same_place = other.columns.get(place).filter(|(theirs, _)| theirs == id);
            match same_place
                .map(|(_, column)| column)
                .or_else(|| other.column(id))
            {
                Some(theirs) => column.push_from(theirs, row),
                None => column.insert(at, None),
            }
        }
    }

    /// Makes sure that there is such a column.
    pub(super) fn make_column(&mut self, id: &ColumnId, kind: Kind) {
        if let Err(at) = self.columns.binary_search_by(|(other, _)| other.cmp(id)) {
            self.columns
                .insert(at, (id.clone(), Column::absent(kind, self.rows())));
        }
    }

    /// Of columns that were read from a chunk: times and columns in order, as many rows in each.
    pub(super) fn from_parts(
        origin: i64,
        offsets: Vec<i64>,
        columns: Vec<(ColumnId, Column)>,
    ) -> Self {
        Self {
            origin,
            offsets: offsets.into(),
            columns,
        }
    }

    /// Times counted from the first row's.
    pub(super) fn offsets_from_first(&self) -> Vec<i64> {
        let mut offsets = self.offsets.to_vec();
        let first = offsets.first().copied().unwrap_or(0);
        for offset in &mut offsets {
            *offset -= first;
        }
        offsets
    }

    /// The row of `time`, or where it would go.
    pub(super) fn place_of(&self, time: i64) -> Result<usize, usize> {
        let rows = self.rows();
        if self.span().is_none_or(|(_, last)| time > last) {
            return Err(rows);
        }
        let (mut low, mut high) = (0, rows);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.origin + self.offsets.get(middle) < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if self.time(low) == Some(time) {
            Ok(low)
        } else {
            Err(low)
        }
    }

    /// Whether `row` consists of exactly these cells.
    fn has_row(&self, row: usize, cells: &[(ColumnId, Value)]) -> bool {
        let same = |(id, value): &(ColumnId, Value)| {
            self.column(id).and_then(|column| column.get(row)) == Some(*value)
        };
        self.row(row).count() == cells.len() && cells.iter().all(same)
    }

    /// Whether one more row of these cells may come in.
    fn check(&self, cells: &[(ColumnId, Value)]) -> Result<(), TableError> {
        let mut new = 0;
        for (index, (id, value)) in cells.iter().enumerate() {
            let kind = self.column(id).map_or(kind_of(*value), Column::kind);
            new += usize::from(self.column(id).is_none());
            if kind != kind_of(*value) || !may_hold(id, kind) {
                return Err(TableError::WrongKind(id.clone()));
            }
            if self.columns.len() + new > MAX_COLUMNS {
                return Err(TableError::TooManyColumns(id.clone()));
            }
            if cells[..index].iter().any(|(other, _)| other == id) {
                return Err(TableError::Twice(id.clone()));
            }
        }
        fits(self.rows() + 1, self.columns.len() + new)
    }
}

/// Whether an empty table would take the row of `time` (ms since the Unix epoch).
///
/// # Errors
/// What [`Table::insert`] would say.
pub fn check_row(time: i64, cells: &[(ColumnId, Value)]) -> Result<(), TableError> {
    if time.unsigned_abs() > LATEST.unsigned_abs() {
        return Err(TableError::TimeOutOfRange(time));
    }
    let in_order = cells.is_sorted_by(|(a, _), (b, _)| a < b);
    for (index, (id, value)) in cells.iter().enumerate() {
        if !may_hold(id, kind_of(*value)) {
            return Err(TableError::WrongKind(id.clone()));
        }
        if index == MAX_COLUMNS {
            return Err(TableError::TooManyColumns(id.clone()));
        }
        if !in_order && cells[..index].iter().any(|(other, _)| other == id) {
            return Err(TableError::Twice(id.clone()));
        }
    }
    Ok(())
}

/// Whether a table of this size may be.
pub(super) fn fits(rows: usize, columns: usize) -> Result<(), TableError> {
    if rows > MAX_ROWS || rows * columns > MAX_CELLS {
        Err(TableError::Full)
    } else {
        Ok(())
    }
}

/// The cell of column `id`, which is likely the one at `place`.
fn cell_of(cells: &[(ColumnId, Value)], place: usize, id: &ColumnId) -> Option<Value> {
    let likely = cells.get(place).filter(|(other, _)| other == id);
    likely
        .or_else(|| cells.iter().find(|(other, _)| other == id))
        .map(|(_, value)| *value)
}

/// Same rows, same cells, bit for bit; how they are kept does not matter.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        let same_row = |row| self.time(row) == other.time(row) && self.row(row).eq(other.row(row));
        self.rows() == other.rows() && (0..self.rows()).all(same_row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::{Codec, Finite, Known, Pick};

    #[test]
    fn times_are_those_of_the_rows_in_order_whatever_came_first_and_after_a_chunk() {
        let mut table = Table::default();
        for time in [90_000, 30_000, 1 << 40, -60_000] {
            let cell = (
                ColumnId::from(Known::GridKw),
                Value::Number(Finite::try_from(1.5).unwrap()),
            );
            table.insert(time, &[cell]).unwrap();
        }
        let told = vec![-60_000, 30_000, 90_000, 1 << 40];
        assert_eq!(table.times().collect::<Vec<_>>(), told);
        let mut codec = Codec::new().unwrap();
        let chunk = codec.encode(&table).unwrap();
        let read = codec.decode(&chunk, Pick::All).unwrap();
        assert_eq!(read.times().collect::<Vec<_>>(), told);
        assert_eq!(Table::default().times().count(), 0);
    }
}
