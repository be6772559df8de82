//! Two tables of one device into one.

use super::table::fits;
use super::{Table, TableError};

/// What two tables had in common, by time in ms since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlap {
    /// Rows that both have alike.
    pub duplicates: Vec<i64>,
    /// Rows of one time that differ; the first table's stays.
    pub conflicts: Vec<i64>,
}

/// All rows of both; where both have a row of one time, `first`'s stays. Takes time in proportion to
/// the rows, and adds at the end only where `second` begins after `first` ends.
///
/// # Errors
/// [`TableError::Full`], [`TableError::TooManyColumns`] or [`TableError::WrongKind`] when the union cannot be one table.
pub fn merge(mut first: Table, second: &Table) -> Result<(Table, Overlap), TableError> {
    let mut overlap = Overlap::default();
    check(&first, second)?;
    let (Some((_, end)), Some((begin, _))) = (first.span(), second.span()) else {
        let filled = if first.is_empty() {
            second.clone()
        } else {
            first
        };
        return Ok((filled, overlap));
    };
    let mut merged = if begin > end {
        std::mem::take(&mut first)
    } else {
        Table::default()
    };
    for (id, column) in first.columns().chain(second.columns()) {
        merged.make_column(id, column.kind());
    }
    let (mut mine, mut theirs) = (0, 0);
    loop {
        match (first.time(mine), second.time(theirs)) {
            (None, None) => break,
            (Some(a), Some(b)) if a == b => {
                let same = first.row(mine).eq(second.row(theirs));
                if same {
                    overlap.duplicates.push(a);
                } else {
                    overlap.conflicts.push(a);
                }
                theirs += 1;
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                merged.push_from(&first, mine, a);
                mine += 1;
            }
            (_, Some(b)) => {
                merged.push_from(second, theirs, b);
                theirs += 1;
            }
            (Some(_), None) => break,
        }
    }
    Ok((merged, overlap))
}

/// Refuses what could not be held, before anything is moved.
fn check(first: &Table, second: &Table) -> Result<(), TableError> {
    let mut columns = first.columns().count();
    for (id, theirs) in second.columns() {
        match first.column(id) {
            Some(mine) if mine.kind() != theirs.kind() => {
                return Err(TableError::WrongKind(id.clone()));
            }
            Some(_) => {}
            None => columns += 1,
        }
        if columns > super::MAX_COLUMNS {
            return Err(TableError::TooManyColumns(id.clone()));
        }
    }
    let seconds_own = (0..second.rows()).filter_map(|row| second.time(row));
    let rows = first.rows()
        + seconds_own
            .filter(|time| first.place_of(*time).is_err())
            .count();
    fits(rows, columns)
}
