//! From a call to a row to a sample, and from a note to its content.

use proptest::prelude::*;
use solthrive_cloud::notes::{Content, DailyNote, HealthNote, RegisteredNote};
use solthrive_cloud::rows::{SAMPLE_COLUMNS, low_bits, row_of, sample_of, samples_of};
use solthrive_cloud_store::chunk::{Codec, ColumnId, Finite, Known, Pick, Table, Value};
use solthrive_cloud_store::hot::Row;
use solthrive_domain::telemetry::{
    Doubts, MicroWattHours, MilliVolts, MilliWatts, PowerFactorSteps, UnixMillis,
};
use solthrive_domain::{DeviceId, FlagCode, LedgerId};
use solthrive_protocol::{Channel, ChannelBody, Dailies, HealthReport, Measured, Snapshot};
use uuid::Uuid;

fn snapshot() -> Snapshot {
    Snapshot {
        ts: UnixMillis::try_from(1_780_308_000_250).unwrap(),
        values: Measured {
            solar_kw: Some(3.417),
            grid_kw: Some(-1.2),
            voltage_l1: Some(120.42),
            pf: Some(-0.98),
            frequency: Some(59.98),
            solar_kwh_total: Some(10_234.567_891),
            battery_charge_kwh_total: Some(0.1 + 0.2),
            ..Measured::default()
        },
        quality: [FlagCode::CtReversed].into_iter().collect(),
        channels: ["a", "a-b", "z"]
            .map(|name| Channel {
                name: name.to_owned(),
                values: ChannelBody {
                    kw: Some(0.5),
                    a: None,
                    pf: Some(1.0),
                },
            })
            .into(),
    }
}

fn ledger() -> LedgerId {
    LedgerId::from_uuid(Uuid::from_u128(0xaaaa_bbbb_cccc_dddd_eeee_ffff_0000_1111))
}

#[test]
fn a_row_names_what_is_known_in_the_order_of_columns() {
    let row = row_of(&snapshot(), ledger());
    let names: Vec<_> = row.cells.iter().map(|(column, _)| column.name()).collect();
    assert_eq!(
        names,
        [
            "solar_kw",
            "grid_kw",
            "voltage_l1",
            "pf",
            "frequency",
            "solar_kwh_total",
            "quality",
            "ledger",
            "battery_charge_kwh_total",
            "channels.a-b.kw",
            "channels.a-b.pf",
            "channels.a.kw",
            "channels.a.pf",
            "channels.z.kw",
            "channels.z.pf",
        ]
    );
    assert!(row.cells.is_sorted_by(|(a, _), (b, _)| a < b));
}

#[test]
fn a_sample_has_the_nearest_steps() {
    let sample = sample_of(&row_of(&snapshot(), ledger())).unwrap();
    assert_eq!(sample.ts, snapshot().ts);
    assert_eq!(sample.power.solar, Some(MilliWatts::new(3_417_000)));
    assert_eq!(sample.power.home, None);
    assert_eq!(sample.power.grid, Some(MilliWatts::new(-1_200_000)));
    assert_eq!(sample.voltage_l1, Some(MilliVolts::new(120_420)));
    assert_eq!(
        sample.totals.solar,
        Some(MicroWattHours::new(10_234_567_891_000))
    );
    assert_eq!(
        sample.totals.battery_charge,
        Some(MicroWattHours::new(300_000_000))
    );
    assert_eq!(sample.pf.map(PowerFactorSteps::get), Some(-9_800));
    assert_eq!(
        sample.quality.codes().collect::<Vec<_>>(),
        [FlagCode::CtReversed]
    );
    assert_eq!(low_bits(sample.ledger), low_bits(ledger()));
}

#[test]
fn a_number_that_a_sample_cannot_hold_is_absent_and_not_the_largest() {
    let too_large = Finite::try_from(1e9).unwrap();
    let row = Row {
        time: 0,
        cells: vec![
            (Known::SolarKw.into(), too_large.into()),
            (Known::GridKw.into(), Value::Integer(7)),
            (Known::Quality.into(), Value::Integer(u64::MAX)),
        ],
    };
    let sample = sample_of(&row).unwrap();
    assert_eq!((sample.power.solar, sample.power.grid), (None, None));
    assert!(!sample.quality.is_ok());
    assert_eq!(
        sample_of(&Row {
            time: i64::MAX,
            cells: vec![]
        }),
        None
    );
}

fn number() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        Just(None),
        (-20_000i32..20_000).prop_map(|n| Some(f64::from(n) / 1000.0)),
        (-2e3..2e3).prop_map(Some)
    ]
}

fn snapshots() -> impl Strategy<Value = Vec<Snapshot>> {
    let one = (
        1i64..100_000,
        prop::array::uniform16(number()),
        any::<u32>(),
    );
    prop::collection::vec(one, 1..60).prop_map(|all| {
        let mut now = 1_780_308_000_000;
        let snapshot = |(after, v, quality): (i64, [Option<f64>; 16], u32)| {
            now += after;
            let values = Measured {
                solar_kw: v[0],
                home_kw: v[1],
                grid_kw: v[2],
                battery_kw: v[3],
                voltage_l1: v[4],
                voltage_l2: v[5],
                current_l1: v[6],
                current_l2: v[7],
                current_pv: v[8],
                pf: v[9].map(|v| v / 2e3),
                frequency: v[10],
                solar_kwh_total: v[11],
                import_kwh_total: v[12],
                export_kwh_total: v[13],
                battery_charge_kwh_total: v[14],
                battery_discharge_kwh_total: v[15],
            };
            let ts = UnixMillis::try_from(now).unwrap();
            Snapshot {
                ts,
                values,
                quality: Doubts::from_bits(quality),
                channels: vec![],
            }
        };
        all.into_iter().map(snapshot).collect()
    })
}

proptest! {
    /// By the log and by a chunk of which only some columns are decoded.
    #[test]
    fn a_row_gives_the_same_sample_from_the_log_and_from_a_chunk(snapshots in snapshots()) {
        let mut table = Table::default();
        let mut samples = Vec::new();
        for snapshot in &snapshots {
            let row = row_of(snapshot, ledger());
            samples.push(sample_of(&row).unwrap());
            table.insert(row.time, &row.cells).unwrap();
        }
        prop_assert_eq!(&samples_of(&table, i64::MIN..i64::MAX), &samples);
        let mut codec = Codec::new().unwrap();
        let chunk = codec.encode(&table).unwrap();
        let read = codec.decode(&chunk, Pick::Only(&SAMPLE_COLUMNS)).unwrap();
        prop_assert_eq!(&samples_of(&read, i64::MIN..i64::MAX), &samples);
        let middle = samples[samples.len() / 2].ts.get();
        prop_assert_eq!(samples_of(&read, middle..i64::MAX), &samples[samples.len() / 2..]);
    }
}

#[test]
fn each_known_column_is_one_of_a_sample() {
    let named: Vec<_> = SAMPLE_COLUMNS
        .iter()
        .filter(|id| matches!(id, ColumnId::Named(_)))
        .collect();
    assert_eq!(named.len(), 2);
    assert_eq!(SAMPLE_COLUMNS.len(), Known::ALL.len() + 2);
}

#[test]
fn a_note_says_what_was_put_into_it() {
    let device = DeviceId::from_uuid(Uuid::from_u128(1));
    let now = UnixMillis::try_from(1_780_308_000_000).unwrap();
    let health = br#"{"device_id":"00000000-0000-0000-0000-000000000001","firmware":"2.1.0","sent_at":"2026-06-01T10:00:00Z",
        "events":[{"ts":"2026-06-01T09:00:00Z","code":"ct_reversed","subject":"mains","state":"raised","severity":"high",
        "message":"turn it","details":{"w":-50}}],"system":{"disk":1}}"#;
    let health = HealthNote::of(&HealthReport::parse(health, now).unwrap(), now);
    let daily = br#"{"device_id":"00000000-0000-0000-0000-000000000001","firmware":"2.1.0","sent_at":"2026-06-01T10:00:00Z",
        "days":[{"date":"2026-05-31","solar_kwh":12.5,"coverage":0.999}]}"#;
    let daily: DailyNote = Dailies::parse(daily)
        .unwrap()
        .days
        .iter()
        .map(|(_, day)| day)
        .collect();
    assert_eq!(daily.days[0].solar_kwh, Some(12.5));
    let registered = RegisteredNote {
        model: "gateway".to_owned(),
        firmware: "2.1.0".to_owned(),
    };
    for content in [
        Content::Health(health),
        Content::Daily(daily),
        Content::Seen,
        Content::Registered(registered),
    ] {
        let note = content.note(device).unwrap();
        assert_eq!(Content::parse(&note).unwrap(), content);
    }
}
