//! A row in 16 bytes: when it was, and a fingerprint of what it said.

use super::Row;
use crate::chunk::{ColumnId, Table, Value};

/// What must be remembered of a row to judge another of its time.
///
/// The time is exact, so no row is ever taken twice or lost. The fingerprint only tells a duplicate
/// from a conflict, neither of which is stored: one conflict in four thousand million counts as a
/// duplicate. Fingerprints live in memory only and may change with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print {
    /// In ms since the Unix epoch.
    pub(super) time: i64,
    said: u32,
    /// Which stretch of the log brought it; see [`super::Index::rotate`].
    pub(super) generation: u32,
}

impl Print {
    pub(super) fn of(row: &Row) -> Self {
        let cells = row.cells.iter().map(|(id, value)| (id, *value));
        Self::new(row.time, cells)
    }

    fn new<'a>(time: i64, cells: impl Iterator<Item = (&'a ColumnId, Value)>) -> Self {
        // A sum, so that the order of the cells does not matter.
        let said = cells.fold(0u64, |sum, (id, value)| sum.wrapping_add(cell(id, value)));
        Self {
            time,
            said: upper_half(mix(said)),
            generation: 0,
        }
    }

    /// All rows of a table, by time.
    pub(super) fn of_table(table: &Table) -> Vec<Self> {
        let print = |row| Some(Self::new(table.time(row)?, table.row(row)));
        (0..table.rows()).filter_map(print).collect()
    }

    /// Whether both say the same.
    pub(super) fn says_as(&self, other: &Self) -> bool {
        self.said == other.said
    }
}

/// What is sealed of a day, as far as rows are judged by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sealed(pub(super) Vec<Print>);

impl Sealed {
    /// Adds one of the day's parts. Together they may be more than one table can hold.
    pub fn add(&mut self, table: &Table) {
        self.0.extend(Print::of_table(table));
        // Stable: where two parts have a row of one time, the first part's counts.
        self.0.sort_by_key(|print| print.time);
        self.0.dedup_by_key(|print| print.time);
    }
}

impl From<&Table> for Sealed {
    fn from(table: &Table) -> Self {
        Self(Print::of_table(table))
    }
}

/// The row of `time` among rows by time. A time after the last is answered at once.
pub(super) fn find(prints: &[Print], time: i64) -> Option<&Print> {
    if prints.last().is_none_or(|last| last.time < time) {
        return None;
    }
    let at = prints
        .binary_search_by_key(&time, |print| print.time)
        .ok()?;
    prints.get(at)
}

/// Puts `new` among `prints`; both are by time, and no time is in both. Moves only what comes after
/// the first of `new`: nothing when all of it is newer.
pub(super) fn merge(prints: &mut Vec<Print>, new: Vec<Print>) {
    if prints.is_empty() {
        *prints = new;
        return;
    }
    let mut old = prints.len();
    let mut left = new.len();
    prints.extend_from_slice(&new);
    while left > 0 {
        let (next, to) = (new[left - 1], old + left - 1);
        if old > 0 && prints[old - 1].time > next.time {
            prints[to] = prints[old - 1];
            old -= 1;
        } else {
            prints[to] = next;
            left -= 1;
        }
    }
}

fn cell(id: &ColumnId, value: Value) -> u64 {
    let column = match id {
        ColumnId::Known(known) => *known as u64,
        ColumnId::Named(name) => {
            let bytes = name.as_str().bytes();
            bytes.fold(1 << 8, |hash, byte| mix(hash ^ u64::from(byte)))
        }
    };
    let (kind, bits) = match value {
        Value::Number(number) => (0, number.get().to_bits()),
        Value::Integer(integer) => (1 << 63, integer),
    };
    mix(bits ^ mix(column | kind))
}

/// The finisher of `MurmurHash3`: each bit of the input turns half of the output's.
const fn mix(mut bits: u64) -> u64 {
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}

fn upper_half(bits: u64) -> u32 {
    let [a, b, c, d, ..] = bits.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chunk::{Finite, Known};

    fn at(time: i64) -> Print {
        Print::new(time, std::iter::empty())
    }

    proptest! {
        #[test]
        fn merged_is_all_by_time(times in prop::collection::btree_map(-50i64..50, any::<bool>(), 0..60)) {
            let of = |wanted| times.iter().filter(move |(_, new)| **new == wanted).map(|(time, _)| at(*time));
            let mut prints: Vec<Print> = of(false).collect();
            merge(&mut prints, of(true).collect());
            let all: Vec<Print> = times.keys().map(|time| at(*time)).collect();
            prop_assert_eq!(&prints, &all);
            for time in -50..50 {
                prop_assert_eq!(find(&prints, time).is_some(), times.contains_key(&time));
            }
        }
    }

    #[test]
    fn a_cell_more_another_column_and_the_sign_of_zero_are_told_apart() {
        let number = |value| Value::Number(Finite::try_from(value).unwrap());
        let (solar, home) = (Known::SolarKw.into(), Known::HomeKw.into());
        let named: ColumnId = "channels.ev.power_kw".parse().unwrap();
        let rows: [&[(ColumnId, Value)]; 8] = [
            &[],
            &[(solar, number(0.0))],
            &[(Known::SolarKw.into(), number(-0.0))],
            &[(home, number(0.0))],
            &[
                (Known::SolarKw.into(), number(0.0)),
                (Known::HomeKw.into(), number(0.0)),
            ],
            &[(Known::Quality.into(), Value::Integer(0))],
            &[(named.clone(), number(0.0))],
            &[(named, Value::Integer(0))],
        ];
        let said = |cells: &&[(ColumnId, Value)]| {
            Print::new(1, cells.iter().map(|(id, value)| (id, *value))).said
        };
        let different: std::collections::HashSet<u32> = rows.iter().map(said).collect();
        assert_eq!(different.len(), rows.len());
    }
}
