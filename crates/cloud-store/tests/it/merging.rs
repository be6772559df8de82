//! Pieces become a day.

use proptest::prelude::*;
use solthrive_cloud_store::chunk::{ColumnId, Inserted, Known, Table, TableError, Value, merge};

use crate::homes::{self, Metering};
use crate::support::{Rows, a_few_rows, decode, encode, id, number, rows, rows_of, table_of};

/// A table of those rows of `day` whose index is in `range`.
fn piece(day: &Table, range: std::ops::Range<usize>) -> Table {
    let rows = rows_of(day)
        .into_iter()
        .enumerate()
        .filter(|(row, _)| range.contains(row))
        .map(|(_, row)| row);
    table_of(&rows.collect::<Rows>())
}

proptest! {
    #[test]
    fn a_merge_is_the_union_and_the_first_wins(a in rows(), b in rows()) {
        let (first, second) = (table_of(&a), table_of(&b));
        let Ok((merged, overlap)) = merge(first.clone(), &second) else {
            let differs = |(id, column): (&ColumnId, &solthrive_cloud_store::chunk::Column)| {
                second.column(id).is_some_and(|other| other.kind() != column.kind())
            };
            prop_assert!(first.columns().any(differs));
            return Ok(());
        };
        let mut union = b.clone();
        union.extend(a.clone());
        prop_assert_eq!(rows_of(&merged), union);
        for (time, cells) in &a {
            let theirs = b.get(time);
            prop_assert_eq!(overlap.duplicates.contains(time), theirs == Some(cells));
            prop_assert_eq!(overlap.conflicts.contains(time), theirs.is_some_and(|theirs| theirs != cells));
        }
    }

    #[test]
    fn pieces_cut_anywhere_merge_to_the_same_bytes(rows in rows(), owner in prop::collection::vec(any::<bool>(), 40)) {
        let mut sides = [Rows::new(), Rows::new()];
        for ((time, cells), left) in rows.iter().zip(owner) {
            sides[usize::from(left)].insert(*time, cells.clone());
        }
        let (merged, _) = merge(table_of(&sides[0]), &table_of(&sides[1])).unwrap();
        prop_assert_eq!(encode(&merged), encode(&table_of(&rows)));
    }

    #[test]
    fn merging_with_itself_or_nothing_changes_nothing(rows in rows()) {
        let table = table_of(&rows);
        let (same, overlap) = merge(table.clone(), &table).unwrap();
        prop_assert_eq!(overlap.duplicates.len(), table.rows());
        prop_assert!(overlap.conflicts.is_empty() && same == table);
        prop_assert!(merge(Table::default(), &table).unwrap().0 == table);
        prop_assert!(merge(table.clone(), &Table::default()).unwrap().0 == table);
    }
}

#[test]
fn hourly_pieces_through_chunks_make_the_day() {
    let day = homes::day(5, 60, Metering::Noisy);
    let mut merged = Table::default();
    for hour in 0..24 {
        let stored = decode(&encode(&piece(&day, hour * 60..(hour + 1) * 60)));
        merged = merge(merged, &stored).unwrap().0;
    }
    assert_eq!(encode(&merged), encode(&day));
}

#[test]
fn a_row_sent_again_is_a_duplicate_and_a_different_one_a_conflict() {
    let mut table = a_few_rows();
    let before = encode(&table);
    let (time, cells) = rows_of(&table).into_iter().nth(4).unwrap();
    assert_eq!(table.insert(time, &cells).unwrap(), Inserted::Duplicate);
    assert_eq!(table.insert(time, &cells[1..]).unwrap(), Inserted::Conflict);
    assert_eq!(
        table
            .insert(time, &[(Known::SolarKw.into(), number(9.0))])
            .unwrap(),
        Inserted::Conflict
    );
    assert_eq!(encode(&table), before);
}

#[test]
fn tables_that_call_one_name_two_kinds_do_not_merge() {
    let one = |value| {
        let mut table = Table::default();
        table.insert(0, &[(id("x"), value)]).unwrap();
        table
    };
    assert_eq!(
        merge(one(number(1.0)), &one(Value::Integer(1))).unwrap_err(),
        TableError::WrongKind(id("x"))
    );
}
