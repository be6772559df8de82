//! What holds for every table.

use proptest::prelude::*;
use solthrive_cloud_store::chunk::{
    ChunkError, Codec, ColumnId, Inserted, Known, MAX_ROWS, Pick, Table, TableError, Value,
};

use crate::homes::{self, Metering};
use crate::support::{
    Rows, a_few_rows, decode, encode, id, number, numbers, rows, rows_of, table_of,
};

proptest! {
    #[test]
    fn a_table_gives_back_its_rows(rows in rows()) {
        prop_assert_eq!(rows_of(&table_of(&rows)), rows);
    }

    #[test]
    fn a_chunk_gives_back_its_table(rows in rows()) {
        let chunk = encode(&table_of(&rows));
        prop_assert_eq!(rows_of(&decode(&chunk)), rows);
    }

    #[test]
    fn the_order_of_arrival_leaves_no_trace((rows, order) in rows().prop_flat_map(|rows| {
        let order = Just(rows.keys().copied().collect::<Vec<_>>()).prop_shuffle();
        (Just(rows), order)
    })) {
        let mut late = Table::default();
        for time in order {
            let outcome = late.insert(time, &rows[&time]).unwrap();
            prop_assert_eq!(outcome, Inserted::Stored);
        }
        prop_assert_eq!(encode(&late), encode(&table_of(&rows)));
    }

    #[test]
    fn a_chunk_reopened_for_late_rows_is_the_chunk_of_all_rows(rows in rows(), at in any::<prop::sample::Index>()) {
        let late = *rows.keys().nth(at.index(rows.len())).unwrap();
        let punctual: Rows = rows.iter().filter(|(time, _)| **time != late).map(|(time, cells)| (*time, cells.clone())).collect();
        let mut table = if punctual.is_empty() { Table::default() } else { decode(&encode(&table_of(&punctual))) };
        table.insert(late, &rows[&late]).unwrap();
        prop_assert_eq!(encode(&table), encode(&table_of(&rows)));
    }

    #[test]
    fn a_column_asked_for_alone_is_the_same_column(rows in rows(), at in any::<prop::sample::Index>()) {
        let table = table_of(&rows);
        let ids: Vec<ColumnId> = table.columns().map(|(id, _)| id.clone()).collect();
        prop_assume!(!ids.is_empty());
        let one = &ids[at.index(ids.len())];
        let alone = Codec::new().unwrap().decode(&encode(&table), Pick::Only(std::slice::from_ref(one))).unwrap();
        prop_assert_eq!(alone.columns().count(), 1);
        for row in 0..table.rows() {
            let (mine, theirs) = (alone.column(one).unwrap().get(row), table.column(one).unwrap().get(row));
            prop_assert_eq!(mine, theirs);
        }
    }

    #[test]
    fn long_columns_of_any_numbers_survive(numbers in prop::collection::vec(numbers(), 1..600)) {
        let mut table = Table::default();
        for (time, value) in (0..).step_by(1000).zip(&numbers) {
            table.insert(time, &[(Known::HomeKw.into(), number(*value))]).unwrap();
        }
        prop_assert_eq!(rows_of(&decode(&encode(&table))), rows_of(&table));
    }
}

#[test]
fn a_day_of_a_home_survives_to_the_bit() {
    for metering in [Metering::Consistent, Metering::Noisy] {
        let day = homes::day(3, 60, metering);
        assert!(decode(&encode(&day)) == day);
    }
}

#[test]
fn a_row_without_cells_is_a_row() {
    let mut table = Table::default();
    table.insert(5, &[]).unwrap();
    let back = decode(&encode(&table));
    assert_eq!(
        (back.rows(), back.time(0), back.columns().count()),
        (1, Some(5), 0)
    );
}

#[test]
fn minus_zero_and_float_noise_keep_their_bits() {
    let mut table = Table::default();
    let odd = [-0.0, 0.0, 0.1 + 0.2, 1.1 + 2.2, 1e-300, f64::MAX];
    for (time, value) in (0..).zip(odd) {
        table
            .insert(time, &[(Known::Pf.into(), number(value))])
            .unwrap();
    }
    let back = decode(&encode(&table));
    for (row, value) in odd.iter().enumerate() {
        let Some(Value::Number(got)) = back.column(&Known::Pf.into()).unwrap().get(row) else {
            panic!("row {row}")
        };
        assert_eq!(got.get().to_bits(), value.to_bits());
    }
}

#[test]
fn a_sum_that_floats_made_noisy_costs_little_more_than_the_clean_one() {
    let chunk_len = |noise: bool| {
        let mut table = Table::default();
        for step in 0..2880_i32 {
            let (a, b) = (
                f64::from(step * 7919 % 4000),
                f64::from(step * 104_729 % 3000),
            );
            let kw = if noise {
                a / 1000.0 + b / 1000.0
            } else {
                (a + b) / 1000.0
            };
            table
                .insert(
                    i64::from(step) * 30_000,
                    &[(Known::HomeKw.into(), number(kw))],
                )
                .unwrap();
        }
        encode(&table).len()
    };
    assert!(
        chunk_len(true) < chunk_len(false) + 2880,
        "{} {}",
        chunk_len(true),
        chunk_len(false)
    );
}

#[test]
fn a_waiting_row_takes_less_than_sixty_bytes() {
    let mut table = Table::default();
    let day = homes::day(1, 30, Metering::Consistent);
    for row in 0..120 {
        let cells: Vec<_> = day
            .row(row)
            .map(|(id, value)| (id.clone(), value))
            .collect();
        table.insert(day.time(row).unwrap(), &cells).unwrap();
    }
    assert!(table.heap() < 120 * 60, "{}", table.heap());
}

#[test]
fn a_full_table_takes_no_more() {
    let mut table = Table::default();
    for time in 0..i64::try_from(MAX_ROWS).unwrap() {
        table.insert(time, &[]).unwrap();
    }
    assert_eq!(table.insert(-1, &[]), Err(TableError::Full));
    assert_eq!(table.insert(5, &[]), Ok(Inserted::Duplicate));
    assert_eq!(decode(&encode(&table)).rows(), MAX_ROWS);
}

#[test]
fn a_chunk_needs_a_row() {
    assert_eq!(
        Codec::new().unwrap().encode(&Table::default()),
        Err(ChunkError::Empty)
    );
}

#[test]
fn what_cannot_be_held_is_refused_and_changes_nothing() {
    let mut table = a_few_rows();
    let (before, solar) = (rows_of(&table), ColumnId::from(Known::SolarKw));
    let bad: [&[(ColumnId, Value)]; 3] = [
        &[(solar.clone(), Value::Integer(1))],
        &[(id("channels.ev.power_kw"), Value::Integer(1))],
        &[(solar.clone(), number(1.0)), (solar.clone(), number(2.0))],
    ];
    for cells in bad {
        table.insert(7, cells).unwrap_err();
    }
    table.insert(i64::MAX, &[]).unwrap_err();
    assert_eq!(rows_of(&table), before);
}
