//! The bytes of the hot log's entries.

use proptest::prelude::*;
use solthrive_cloud_store::chunk::{ColumnId, Finite, Known, Value};
use solthrive_cloud_store::hot::{BadBlob, Delivery, Note, NoteKind, Row, Rows, decode, encode};
use solthrive_domain::{DeviceId, LedgerId};
use uuid::Uuid;

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-2_000_000i64..2_000_000).prop_map(|milli| milli as f64 / 1e3),
        any::<f64>().prop_filter("finite", |number| number.is_finite()),
        Just(-0.0),
        Just(f64::MIN_POSITIVE),
        Just((1i64 << 53) as f64),
    ]
}

fn cells() -> impl Strategy<Value = Vec<(ColumnId, Value)>> {
    let numbers = prop::collection::btree_map(0usize..14, number(), 0..14);
    let named = prop::option::of(("[a-z.]{1,100}", number()));
    (numbers, named, prop::option::of(any::<u64>())).prop_map(|(numbers, named, quality)| {
        let finite = |number| Value::Number(Finite::try_from(number).unwrap());
        let known = numbers
            .into_iter()
            .map(|(at, number)| (Known::ALL[at].into(), finite(number)));
        let named = named.map(|(name, number)| {
            (
                format!("x.{name}")[..name.len().min(98) + 2]
                    .parse()
                    .unwrap(),
                finite(number),
            )
        });
        let quality = quality.map(|bits| (Known::Quality.into(), Value::Integer(bits)));
        known.chain(named).chain(quality).collect()
    })
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let row = (any::<i64>(), cells()).prop_map(|(time, cells)| Row { time, cells });
    let rows = (any::<u128>(), prop::collection::vec(row, 1..20)).prop_map(|(id, rows)| {
        let id = Uuid::from_u128(id);
        Delivery::Rows(Rows {
            device: DeviceId::from_uuid(id),
            ledger: LedgerId::from_uuid(id),
            rows,
        })
    });
    let note = (
        any::<u128>(),
        prop::sample::select(vec![
            NoteKind::Daily,
            NoteKind::Health,
            NoteKind::Seen,
            NoteKind::Registered,
        ]),
        prop::collection::vec(any::<u8>(), 0..300),
    )
        .prop_map(|(id, kind, json)| {
            Delivery::Note(Note {
                device: DeviceId::from_uuid(Uuid::from_u128(id)),
                kind,
                json,
            })
        });
    prop_oneof![3 => rows, 1 => note]
}

proptest! {
    #[test]
    fn deliveries_come_back_bit_for_bit(deliveries in prop::collection::vec(delivery(), 0..5)) {
        prop_assert_eq!(decode(&encode(&deliveries)), Ok(deliveries));
    }

    #[test]
    fn a_flipped_bit_and_a_cut_are_noticed(
        deliveries in prop::collection::vec(delivery(), 1..3), place in any::<prop::sample::Index>(), bit in 0u8..8,
    ) {
        let blob = encode(&deliveries);
        let mut flipped = blob.clone();
        flipped[place.index(blob.len())] ^= 1 << bit;
        prop_assert_eq!(decode(&flipped), Err(BadBlob::Checksum));
        prop_assert!(decode(&blob[..place.index(blob.len())]).is_err());
    }

    #[test]
    fn sealed_nonsense_is_an_error_and_no_panic(content in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut blob = vec![1];
        blob.extend(content);
        let checksum = crc32c::crc32c(&blob);
        blob.extend(checksum.to_le_bytes());
        let _ = decode(&blob);
    }
}

/// A device that names other channels in each row: none of them is too wide, all of them together are.
#[test]
fn ever_new_columns_come_back_and_take_nobodys_rows_along() {
    let id = Uuid::from_u128(7);
    let row = |n: i64| Row {
        time: n,
        cells: (0..96)
            .map(|at| {
                let name = format!("channels.n{n}.c{at}").parse().unwrap();
                (name, Value::Integer(1))
            })
            .collect(),
    };
    let delivery = |rows| {
        Delivery::Rows(Rows {
            device: DeviceId::from_uuid(id),
            ledger: LedgerId::from_uuid(id),
            rows,
        })
    };
    let rows: Vec<Row> = (0..20).map(row).collect();
    let blob = encode(&[delivery(rows.clone()), delivery(vec![row(99)])]);
    let back: Vec<Row> = decode(&blob)
        .unwrap()
        .into_iter()
        .flat_map(|delivery| match delivery {
            Delivery::Rows(rows) => rows.rows,
            Delivery::Note(_) => Vec::new(),
        })
        .collect();
    assert_eq!(back[..20], rows);
    assert_eq!(back[20..], [row(99)]);
}

#[test]
fn a_usual_row_takes_less_than_fifty_bytes() {
    let usual = |n: i64| {
        let values = [
            3.52, 1.44, -2.08, 121.3, 120.9, 8.41, 9.12, 14.7, -0.98, 60.01, 8_123.456, 1_204.512,
            3_310.257,
        ];
        let wander = n as f64 / 1000.0;
        let columns = Known::ALL
            .iter()
            .filter(|column| **column != Known::BatteryKw);
        let cells = columns.zip(values).map(|(column, value)| {
            let value = ((value + wander) * 1000.0).round() / 1000.0;
            (
                (*column).into(),
                Value::Number(Finite::try_from(value).unwrap()),
            )
        });
        Row {
            time: 1_782_043_200_000 + 30_000 * n,
            cells: cells.collect(),
        }
    };
    let id = Uuid::from_u128(7);
    let rows = (0..500).map(usual).collect();
    let rows = Rows {
        device: DeviceId::from_uuid(id),
        ledger: LedgerId::from_uuid(id),
        rows,
    };
    let size = encode(&[Delivery::Rows(rows)]).len();
    assert!(size < 50 * 500, "{size}");
}

#[test]
fn a_blob_of_tomorrow_is_named() {
    let mut blob = vec![9, 1, 2];
    let checksum = crc32c::crc32c(&blob);
    blob.extend(checksum.to_le_bytes());
    assert_eq!(decode(&blob), Err(BadBlob::Version(9)));
    let mut blob = vec![1, 77];
    let checksum = crc32c::crc32c(&blob);
    blob.extend(checksum.to_le_bytes());
    assert_eq!(decode(&blob), Err(BadBlob::Kind(77)));
    assert_eq!(decode(&[]), Err(BadBlob::Checksum));
}
