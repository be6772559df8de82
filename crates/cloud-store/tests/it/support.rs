//! Tables of all shapes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use solthrive_cloud_store::chunk::{Codec, ColumnId, Finite, Kind, Known, Pick, Table, Value};

/// Rows by time, as a reader of the table sees them.
pub(crate) type Rows = BTreeMap<i64, Vec<(ColumnId, Value)>>;

pub(crate) fn id(name: &str) -> ColumnId {
    name.parse().unwrap()
}

pub(crate) fn number(value: f64) -> Value {
    Finite::try_from(value).unwrap().into()
}

pub(crate) fn table_of(rows: &Rows) -> Table {
    let mut table = Table::default();
    for (time, cells) in rows {
        table.insert(*time, cells).unwrap();
    }
    table
}

pub(crate) fn rows_of(table: &Table) -> Rows {
    let cells = |row| {
        table
            .row(row)
            .map(|(id, value)| (id.clone(), value))
            .collect()
    };
    (0..table.rows())
        .map(|row| (table.time(row).unwrap(), cells(row)))
        .collect()
}

pub(crate) fn encode(table: &Table) -> Vec<u8> {
    Codec::new().unwrap().encode(table).unwrap()
}

pub(crate) fn decode(chunk: &[u8]) -> Table {
    Codec::new().unwrap().decode(chunk, Pick::All).unwrap()
}

/// A small home of a few rows, with an absent cell, an exception and an integer.
pub(crate) fn a_few_rows() -> Table {
    let mut table = Table::default();
    for row in 0..12_i32 {
        let kw = f64::from(row * row) / 1000.0;
        let mut cells = vec![
            (Known::SolarKw.into(), number(kw)),
            (Known::HomeKw.into(), number(0.5)),
            (Known::GridKw.into(), number(0.5 - kw)),
            (Known::Quality.into(), Value::Integer(u64::from(row == 3))),
        ];
        if row != 5 {
            cells.push((id("channels.ev.power_kw"), number(f64::from(row) / 3.0)));
        }
        table
            .insert(1_780_000_000_000 + i64::from(row) * 30_000, &cells)
            .unwrap();
    }
    table
}

/// Numbers as they come: meters' decimals, float noise, extremes.
pub(crate) fn numbers() -> impl Strategy<Value = f64> {
    let decimals = (-99_999_i64..99_999, 0..7_i32)
        .prop_map(|(mantissa, digits)| mantissa as f64 / 10_f64.powi(digits));
    let large = any::<i64>().prop_map(|mantissa| mantissa as f64);
    let noise =
        (0..5000_i32, 0..5000_i32).prop_map(|(a, b)| f64::from(a) / 1000.0 + f64::from(b) / 1000.0);
    let extremes = prop::sample::select(vec![
        0.0,
        -0.0,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        -5e-324,
        1e-12,
        2_251_799_813_685_248.0,
        2_251_799_813_685_249.0,
        9_007_199_254_740_993.0,
        1e300,
    ]);
    let bits = any::<u64>()
        .prop_map(f64::from_bits)
        .prop_filter("finite", |value| value.is_finite());
    prop_oneof![8 => decimals, 1 => large, 2 => noise, 1 => extremes, 1 => bits]
}

fn values(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Number => numbers().prop_map(number).boxed(),
        Kind::Integer => prop_oneof![3 => 0..4_u64, 1 => any::<u64>()]
            .prop_map(Value::Integer)
            .boxed(),
    }
}

fn times() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (0..200_i64).prop_map(|row| 1_780_000_000_000 + row * 30_000),
        2 => (0..86_400_000_i64).prop_map(|ms| 1_780_000_000_000 + ms),
        1 => -(1_i64 << 50)..=(1 << 50),
    ]
}

fn columns() -> impl Strategy<Value = BTreeMap<ColumnId, Kind>> {
    let known =
        prop::sample::select(Known::ALL.to_vec()).prop_map(|known| (known.into(), known.kind()));
    let named = ("[a-z.é\"]{1,6}", any::<bool>()).prop_map(|(name, integer)| {
        let kind = if integer { Kind::Integer } else { Kind::Number };
        // Six random letters are now and then the name of a column that has its kind: `pf`.
        match id(&name) {
            ColumnId::Known(known) => (known.into(), known.kind()),
            named @ ColumnId::Named(_) => (named, kind),
        }
    });
    prop::collection::vec(prop_oneof![4 => known, 1 => named], 0..9)
        .prop_map(|list| list.into_iter().collect())
}

/// Arbitrary rows: any columns, any of them absent anywhere.
pub(crate) fn rows() -> impl Strategy<Value = Rows> {
    columns().prop_flat_map(|columns| {
        let cells: Vec<_> = columns
            .into_iter()
            .map(|(id, kind)| {
                prop::option::weighted(0.8, values(kind))
                    .prop_map(move |value| value.map(|value| (id.clone(), value)))
            })
            .collect();
        let row = cells.prop_map(|cells| cells.into_iter().flatten().collect::<Vec<_>>());
        prop::collection::btree_map(times(), row, 1..40)
    })
}
