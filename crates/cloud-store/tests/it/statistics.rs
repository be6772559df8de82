//! What the header says is what decoding would find.

use proptest::prelude::*;
use solthrive_cloud_store::chunk::{
    Column, ColumnId, Header, Known, Statistics, Stats, Table, Value,
};

use crate::homes::{self, Metering};
use crate::support::{encode, number, rows, table_of};

/// Time and value of each present row.
fn present(table: &Table, column: &Column) -> Vec<(i64, Value)> {
    (0..table.rows())
        .filter_map(|row| Some((table.time(row)?, column.get(row)?)))
        .collect()
}

fn check_numbers(stats: &Stats<f64, f64>, values: &[(i64, f64)]) {
    let order = |a: &&(i64, f64), b: &&(i64, f64)| a.1.total_cmp(&b.1);
    let bits = |value: f64| value.to_bits();
    assert_eq!(stats.count, values.len());
    assert_eq!(
        bits(stats.min),
        bits(values.iter().min_by(order).unwrap().1)
    );
    assert_eq!(
        bits(stats.max),
        bits(values.iter().max_by(order).unwrap().1)
    );
    assert_eq!(
        (stats.first.time, bits(stats.first.value)),
        (values[0].0, bits(values[0].1))
    );
    let last = values[values.len() - 1];
    assert_eq!(
        (stats.last.time, bits(stats.last.value)),
        (last.0, bits(last.1))
    );
    let size: f64 = values.iter().map(|(_, value)| value.abs() / 1e300).sum();
    let sum: f64 = values.iter().map(|(_, value)| value / 1e300).sum();
    assert!(
        (stats.sum / 1e300 - sum).abs() <= size * 1e-12 || size > 1e7,
        "{} {sum}",
        stats.sum
    );
}

proptest! {
    #[test]
    fn statistics_are_those_of_the_values(rows in rows()) {
        let table = table_of(&rows);
        let chunk = encode(&table);
        let header = Header::read(&chunk).unwrap();
        prop_assert_eq!((header.rows, Some((header.first_time, header.last_time))), (table.rows(), table.span()));
        prop_assert_eq!(header.columns.len(), table.columns().count());
        for (id, column) in table.columns() {
            let values = present(&table, column);
            match header.column(id).unwrap().statistics {
                Statistics::Numbers(stats) => {
                    let numbers = values.iter().filter_map(|(time, value)| match value {
                        Value::Number(value) => Some((*time, value.get())),
                        Value::Integer(_) => None,
                    });
                    check_numbers(&stats, &numbers.collect::<Vec<_>>());
                }
                Statistics::Integers(stats) => {
                    let integers: Vec<u64> = values.iter().filter_map(|(_, value)| match value {
                        Value::Integer(value) => Some(*value),
                        Value::Number(_) => None,
                    }).collect();
                    prop_assert_eq!(Some((&stats.min, &stats.max)), integers.iter().min().zip(integers.iter().max()));
                    prop_assert_eq!(stats.sum, integers.iter().map(|value| u128::from(*value)).sum::<u128>());
                }
            }
        }
    }
}

#[test]
fn a_days_energy_is_the_difference_of_two_header_fields() {
    let day = homes::day(2, 30, Metering::Consistent);
    let header = Header::read(&encode(&day)).unwrap();
    let Statistics::Numbers(import) = header
        .column(&Known::ImportKwhTotal.into())
        .unwrap()
        .statistics
    else {
        panic!("a counter is a number")
    };
    let at = |row| match day.column(&Known::ImportKwhTotal.into()).unwrap().get(row) {
        Some(Value::Number(value)) => value.get(),
        other => panic!("{other:?}"),
    };
    assert_eq!(import.last.value - import.first.value, at(2879) - at(0));
    assert_eq!(header.interval, 30_000);
}

#[test]
fn sums_are_exact_where_floats_would_drift() {
    let mut table = Table::default();
    for row in 0..1000 {
        table
            .insert(row, &[(Known::HomeKw.into(), number(0.1))])
            .unwrap();
    }
    table
        .insert(1000, &[(Known::HomeKw.into(), number(0.3))])
        .unwrap();
    let header = Header::read(&encode(&table)).unwrap();
    let Statistics::Numbers(home) = header
        .column(&ColumnId::from(Known::HomeKw))
        .unwrap()
        .statistics
    else {
        panic!("a power is a number")
    };
    assert_eq!(home.sum, 100.3);
}
