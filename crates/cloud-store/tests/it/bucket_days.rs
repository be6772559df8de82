//! The bytes of a site's day of buckets.

use proptest::prelude::*;
use solthrive_cloud_store::archive::BadBytes;
use solthrive_cloud_store::archive::bucket_day::{decode, decode_all, encode};
use solthrive_cloud_store::chunk::{ColumnId, Known, Table, Value};
use solthrive_domain::bucket::{
    Bucket, BucketRow, Buckets, Fold, Quarter, RollupRules, Swing, append,
};
use solthrive_domain::telemetry::{MicroWattHours, MilliVolts, MilliWatts, UnixMillis};
use solthrive_domain::{LedgerId, Sample};
use uuid::Uuid;

use super::homes::{self, Metering};

const DAY: i64 = 20_625;

fn energy(least: i64) -> impl Strategy<Value = Option<i64>> {
    let usual = (0..1_600i64).prop_map(|wh| wh * 1_000_000);
    let any = prop_oneof![Just(i64::MAX), Just(least), least..=i64::MAX, -9..9_999i64];
    prop::option::weighted(
        0.8,
        prop_oneof![8 => usual, 1 => any].prop_map(move |energy| energy.max(least)),
    )
}

fn area() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => (-9_000..9_000i64).prop_map(|mw| mw * 900_000),
        1 => any::<i64>(),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 0, -1])
    ]
}

fn swing() -> impl Strategy<Value = Option<Swing>> {
    let ends = prop_oneof![
        8 => (-9_000..9_000i32, 0..9_000i32).prop_map(|(min, more)| (min * 1_000, (min + more) * 1_000)),
        1 => (any::<i32>(), any::<i32>()).prop_map(|(one, other)| (one.min(other), one.max(other))),
        1 => Just((i32::MIN, i32::MAX)),
    ];
    let weight = prop_oneof![6 => Just(900_000), 1 => 0..=900_000u32, 1 => Just(0)];
    let swing = (ends, area(), weight).prop_map(|((min, max), area, weight_ms)| Swing {
        min,
        max,
        area,
        weight_ms,
    });
    prop::option::weighted(0.8, swing)
}

fn row() -> impl Strategy<Value = BucketRow> {
    let counted = || energy(0);
    let energies = [counted(), counted(), counted(), counted(), counted()];
    let counts = (any::<u32>(), 0..=900_000u32, prop::bool::weighted(0.8));
    let numbers = (
        energies,
        energy(i64::MIN),
        0..=i64::MAX,
        any::<[u32; 4]>(),
        counts,
    );
    let swings = [swing(), swing(), swing(), swing(), swing(), swing()];
    (numbers, swings).prop_map(
        |((counted, home, bridged, counts, (_, covered, usual)), swings)| {
            let [solar, import, export, charge, discharge] = counted;
            let usually = |count: u32, usual_count| if usual { usual_count } else { count };
            BucketRow {
                quarter: 0,
                energy: [solar, import, export, home, charge, discharge],
                bridged_import: if usual { 0 } else { bridged },
                swings,
                covered_ms: usually(covered, 900_000),
                samples: usually(counts[0], 30),
                breaks: usually(counts[1], 0),
                quality: usually(counts[2], 0),
                revision: usually(counts[3], 1),
            }
        },
    )
}

/// Any buckets of a day, as few and as odd as can be.
fn buckets() -> impl Strategy<Value = Vec<Bucket>> {
    prop::collection::btree_map(0..96i64, row(), 0..=96).prop_map(|rows| {
        let bucket = |(of_day, mut row): (i64, BucketRow)| {
            row.quarter = DAY * 96 + of_day;
            Bucket::try_from(&row).unwrap()
        };
        rows.into_iter().map(bucket).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn buckets_come_back_whatever_they_are(buckets in buckets()) {
        let bytes = encode(DAY, &buckets).unwrap();
        prop_assert_eq!(encode(DAY, &buckets).unwrap(), bytes.clone());
        prop_assert_eq!(decode(DAY, &bytes), Ok(buckets));
    }

    #[test]
    fn a_flipped_bit_and_a_cut_are_noticed(
        buckets in buckets(), place in any::<prop::sample::Index>(), bit in 0..8u8,
    ) {
        let bytes = encode(DAY, &buckets).unwrap();
        let mut flipped = bytes.clone();
        flipped[place.index(bytes.len())] ^= 1 << bit;
        prop_assert_eq!(decode(DAY, &flipped), Err(BadBytes::Checksum));
        prop_assert_eq!(decode(DAY, &bytes[..place.index(bytes.len())]), Err(BadBytes::Checksum));
    }

    #[test]
    fn sealed_nonsense_is_an_error_and_no_panic(
        buckets in buckets(), place in any::<prop::sample::Index>(),
        nonsense in prop::collection::vec(any::<u8>(), 1..20), day in any::<i64>(),
    ) {
        let mut bytes = encode(DAY, &buckets).unwrap();
        bytes.truncate(bytes.len() - 4);
        let at = place.index(bytes.len() - 1) + 1;
        bytes.splice(at..(at + nonsense.len()).min(bytes.len()), nonsense);
        let _ = decode(DAY, &sealed(bytes.clone()));
        let _ = decode(day, &sealed(bytes));
    }

    #[test]
    fn bytes_that_never_were_buckets_are_an_error_and_no_panic(
        content in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes: Vec<u8> = [1].into_iter().chain(content).collect();
        let _ = decode(DAY, &sealed(bytes));
    }
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

#[test]
fn a_day_that_is_not_in_order_or_another_one_is_refused() {
    let two = day_of(&homes::day(1, 900, Metering::Consistent));
    let day = two[0].quarter.utc_day();
    let bytes = encode(day, &two).unwrap();
    assert!(encode(day + 1, &two).is_err());
    assert!(encode(day, &[two[1], two[0]]).is_err());
    assert!(encode(day, &[two[0], two[0]]).is_err());
    // Which day it is stands outside; the buckets of any day can be read as those of another.
    assert_eq!(decode(day, &bytes).unwrap(), two);
    assert!(decode(i64::MAX, &bytes).is_err());
}

#[test]
fn a_bucket_that_could_not_be_read_again_is_not_written() {
    let mut buckets = day_of(&homes::day(1, 900, Metering::Consistent));
    let day = buckets[0].quarter.utc_day();
    buckets[3].energy.import = Some(MicroWattHours::new(-1));
    assert!(matches!(encode(day, &buckets), Err(BadBytes::Content(_))));
}

#[test]
fn a_day_of_tomorrow_is_named() {
    assert_eq!(decode(DAY, &sealed(vec![9, 1])), Err(BadBytes::Version(9)));
    assert_eq!(decode(DAY, &[]), Err(BadBytes::Checksum));
}

#[test]
fn nothing_takes_next_to_nothing() {
    let bytes = encode(DAY, &[]).unwrap();
    assert!(bytes.len() < 12, "{}", bytes.len());
    assert_eq!(decode(DAY, &bytes), Ok(Vec::new()));
    assert_eq!(encode(i64::MAX, &[]).unwrap(), bytes);
}

/// Every kind of column, guide and step, in integers that are the same on every machine.
fn a_day_of_all_kinds() -> Vec<Bucket> {
    let row = |nth: i64| {
        let wave = (nth * nth * 37) % 1_009;
        let energy = |scale: i64| Some(wave * scale + nth);
        let swing = |unit: i32| {
            let min = i32::try_from(wave).unwrap() * unit - 5 * unit;
            let (max, weight_ms) = (min + 40 * unit, if nth % 7 == 0 { 0 } else { 840_000 });
            let area = i64::from(min + 13 * unit) * i64::from(weight_ms) + nth % 3;
            Some(Swing {
                min,
                max,
                area,
                weight_ms,
            })
        };
        let present = nth % 5 != 4;
        BucketRow {
            quarter: DAY * 96 + 3 * nth,
            energy: [
                energy(1_000_000),
                energy(999),
                Some(0),
                energy(1_001_000),
                None,
                energy(7),
            ],
            bridged_import: if nth == 9 { 12_345_678 } else { 0 },
            swings: [
                swing(1_000),
                swing(1_000).filter(|_| present),
                swing(1),
                None,
                swing(100),
                swing(100),
            ],
            covered_ms: 840_000,
            samples: 28 + u32::from(present),
            breaks: u32::from(nth == 4),
            quality: if nth > 20 { 1 << 23 } else { 0 },
            revision: u32::from(nth < 6),
        }
    };
    (0..32)
        .map(|nth| Bucket::try_from(&row(nth)).unwrap())
        .collect()
}

/// `data/v1-bucket-day.bin` was written by the first version and stays as it is.
/// `SOLTHRIVE_WRITE_CHUNKS=1` writes it when it is missing.
#[test]
fn the_first_day_that_was_written_is_still_read() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/data/v1-bucket-day.bin"
    );
    let buckets = a_day_of_all_kinds();
    if !std::fs::exists(path).unwrap() && std::env::var_os("SOLTHRIVE_WRITE_CHUNKS").is_some() {
        std::fs::write(path, encode(DAY, &buckets).unwrap()).unwrap();
    }
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(decode(DAY, &bytes).as_ref(), Ok(&buckets));
    assert_eq!(encode(DAY, &buckets), Ok(bytes));
}

#[test]
fn many_days_are_read_as_each_by_itself() {
    let one = day_of(&homes::day(3, 900, Metering::Consistent));
    let first = one[0].quarter.index();
    let day = |n: i64| {
        let mut buckets = one.clone();
        for (at, bucket) in (first + n * 96..).zip(&mut buckets) {
            bucket.quarter = Quarter::try_from(at).unwrap();
        }
        buckets
    };
    for count in [0, 1, 47, 48, 61] {
        let all: Vec<Vec<Bucket>> = (0..count).map(day).collect();
        let stored = all.iter().map(|buckets| {
            let day = buckets[0].quarter.utc_day();
            (day, encode(day, buckets).unwrap())
        });
        let mut stored: Vec<_> = stored.collect();
        assert_eq!(decode_all(&stored), Ok(all.concat()), "{count}");
        if let Some((_, bytes)) = stored.last_mut() {
            bytes[9] ^= 4;
            assert_eq!(decode_all(&stored), Err(BadBytes::Checksum), "{count}");
        }
    }
}

/// Bytes of a day's 96 buckets, the mean of eight homes.
fn mean_bytes(metering: Metering) -> usize {
    let bytes = (1..=8).map(|seed| {
        let buckets = day_of(&homes::day(seed, 30, metering));
        let day = buckets[0].quarter.utc_day();
        let bytes = encode(day, &buckets).unwrap();
        assert_eq!(decode(day, &bytes), Ok(buckets));
        bytes.len()
    });
    bytes.sum::<usize>() / 8
}

#[test]
fn a_full_day_is_small() {
    let consistent = mean_bytes(Metering::Consistent);
    assert!(consistent <= 1_750, "{consistent}");
    let noisy = mean_bytes(Metering::Noisy);
    assert!(noisy <= 3_450, "{noisy}");
}

/// The buckets of a home's day.
fn day_of(table: &Table) -> Vec<Bucket> {
    let mut buckets = Buckets::new();
    let samples: Vec<Sample> = (0..table.rows()).map(|row| sample(table, row)).collect();
    append(
        &mut Fold::new(RollupRules::default()),
        &mut buckets,
        &samples,
    );
    buckets.into_values().collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a home's numbers are far from the limits"
)]
fn sample(table: &Table, row: usize) -> Sample {
    let ts = UnixMillis::try_from(table.time(row).unwrap()).unwrap();
    let mut sample = Sample::empty(ts, LedgerId::from_uuid(Uuid::from_u128(7)));
    let number = |known: Known| {
        let cell = table.row(row).find(|(id, _)| **id == ColumnId::from(known));
        match cell {
            Some((_, Value::Number(number))) => Some(number.get()),
            _ => None,
        }
    };
    let steps = |known, steps: f64| number(known).map(|value| (value * steps).round() as i64);
    let power = |known| steps(known, 1e6).map(|mw| MilliWatts::new(mw as i32));
    let volts = |known| steps(known, 1e3).map(|mv| MilliVolts::new(mv as i32));
    let total = |known| steps(known, 1e9).map(MicroWattHours::new);
    sample.power.solar = power(Known::SolarKw);
    sample.power.home = power(Known::HomeKw);
    sample.power.grid = power(Known::GridKw);
    sample.voltage_l1 = volts(Known::VoltageL1);
    sample.voltage_l2 = volts(Known::VoltageL2);
    sample.totals.solar = total(Known::SolarKwhTotal);
    sample.totals.import = total(Known::ImportKwhTotal);
    sample.totals.export = total(Known::ExportKwhTotal);
    sample
}
