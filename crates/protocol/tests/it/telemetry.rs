use proptest::prelude::*;
use solthrive_domain::FlagCode;
use solthrive_protocol::{
    BodyError, Lane, MAX_SNAPSHOTS, OTHER_DOUBT, QualityBody, RefusedCode, SnapshotBody, Telemetry,
};

use super::{HEAD, now};

const LEDGER: &str = r#""ledger_id":"5f0c1d9e-0000-4000-8000-0000000000aa""#;

fn call(snapshots: &str) -> String {
    format!("{{{HEAD},{LEDGER},\"lane\":\"live\",\"snapshots\":[{snapshots}]}}")
}

fn parse(snapshots: &str) -> Telemetry {
    Telemetry::parse(call(snapshots).as_bytes(), now()).unwrap()
}

/// The code and the words with which a lone snapshot is refused.
fn refused(snapshot: &str) -> (RefusedCode, String) {
    let telemetry = parse(snapshot);
    assert!(telemetry.snapshots.is_empty(), "{telemetry:?}");
    let refused = telemetry.refused.into_iter().next().unwrap();
    (refused.code, refused.detail)
}

const SOUND: &str = r#"{"ts":"2026-06-21T11:59:30.250Z","solar_kw":3.52,"home_kw":1.44,"grid_kw":-2.08,"voltage_l1":121.3,"voltage_l2":120.9,"current_l1":8.4,"current_l2":9.1,"current_pv":14.7,"pf":-0.98,"import_kwh_total":1204.5,"export_kwh_total":3310.25,"quality":"ok"}"#;

#[test]
fn a_snapshot_keeps_every_bit_and_what_was_left_out_stays_unknown() {
    let telemetry = parse(SOUND);
    assert_eq!(telemetry.lane, Lane::Live);
    let (index, snapshot) = &telemetry.snapshots[0];
    assert_eq!((*index, snapshot.ts.get() % 1000), (0, 250));
    assert_eq!(
        snapshot.values.grid_kw.map(f64::to_bits),
        Some((-2.08f64).to_bits())
    );
    assert_eq!(snapshot.values.solar_kwh_total, None);
    assert_eq!(snapshot.values.known().count(), 11);
    assert!(snapshot.quality.is_ok());
}

#[test]
fn one_bad_snapshot_does_not_sink_the_others() {
    let call = format!(r#"{SOUND},{{"ts":"yesterday","quality":"ok"}},7,{SOUND}"#);
    let telemetry = parse(&call);
    let places: Vec<u32> = telemetry
        .snapshots
        .iter()
        .map(|(index, _)| *index)
        .collect();
    assert_eq!(places, [0, 3]);
    let refused: Vec<_> = telemetry
        .refused
        .iter()
        .map(|it| (it.index, it.code))
        .collect();
    assert_eq!(
        refused,
        [(1, RefusedCode::Malformed), (2, RefusedCode::Malformed)]
    );
}

#[test]
fn numbers_that_no_home_has_are_refused_by_name() {
    let (code, detail) =
        refused(r#"{"ts":"2026-06-21T11:59:30Z","solar_kw":1e308,"quality":"ok"}"#);
    assert_eq!(code, RefusedCode::OutOfRange);
    assert!(detail.starts_with("solar_kw is 1000000"), "{detail}");
    let (code, detail) = refused(r#"{"ts":"2026-06-21T11:59:30Z","pf":1.5,"quality":"ok"}"#);
    assert_eq!(
        (code, detail.as_str()),
        (
            RefusedCode::OutOfRange,
            "pf is 1.5, but it lies between -1 and 1"
        )
    );
    let solar = |number: &str| {
        format!(r#"{{"ts":"2026-06-21T11:59:30Z","solar_kw":{number},"quality":"ok"}}"#)
    };
    for nonsense in ["1e999", "\"3.5\"", "true", "[1]"] {
        assert_eq!(
            refused(&solar(nonsense)).0,
            RefusedCode::Malformed,
            "{nonsense}"
        );
    }
    for no_json in ["NaN", "Infinity", "0x10"] {
        let parsed = Telemetry::parse(call(&solar(no_json)).as_bytes(), now());
        assert!(matches!(parsed, Err(BodyError::Malformed(_))), "{no_json}");
    }
}

#[test]
fn a_clock_more_than_five_minutes_ahead_is_refused_and_five_minutes_are_not() {
    assert_eq!(
        parse(r#"{"ts":"2026-06-21T12:05:00Z","quality":"ok"}"#)
            .snapshots
            .len(),
        1
    );
    let (code, detail) = refused(r#"{"ts":"2026-06-21T12:05:00.001Z","quality":"ok"}"#);
    assert_eq!(code, RefusedCode::ClockSkew);
    assert_eq!(
        detail,
        "2026-06-21T12:05:00.001Z is 300 s ahead of the cloud"
    );
    assert_eq!(
        refused(r#"{"ts":"1970-01-01T00:00:00Z","quality":"ok"}"#).0,
        RefusedCode::TooOld
    );
}

#[test]
fn a_time_without_a_zone_is_refused_and_any_offset_is_the_same_instant() {
    assert_eq!(
        refused(r#"{"ts":"2026-06-21T11:59:30","quality":"ok"}"#).0,
        RefusedCode::Malformed
    );
    let there = parse(r#"{"ts":"2026-06-21T04:59:30.250-07:00","quality":"ok"}"#);
    assert_eq!(there.snapshots[0].1.ts, parse(SOUND).snapshots[0].1.ts);
}

#[test]
fn a_key_said_twice_is_refused_and_an_unknown_one_passed_over() {
    let twice = r#"{"ts":"2026-06-21T11:59:30Z","solar_kw":1,"solar_kw":2,"quality":"ok"}"#;
    assert_eq!(refused(twice).0, RefusedCode::Malformed);
    let newer = r#"{"ts":"2026-06-21T11:59:30Z","phase_angle":{"deep":[1,[2]]},"quality":"ok"}"#;
    assert_eq!(parse(newer).snapshots.len(), 1);
}

#[test]
fn a_doubt_that_is_not_known_here_is_still_a_doubt() {
    let told = parse(r#"{"ts":"2026-06-21T11:59:30Z","quality":["ct_reversed","moon_phase"]}"#);
    let quality = told.snapshots[0].1.quality;
    assert!(!quality.is_ok());
    assert_eq!(quality.codes().collect::<Vec<_>>(), [FlagCode::CtReversed]);
    assert_eq!(quality.bits() & OTHER_DOUBT, OTHER_DOUBT);
    let again = serde_json::to_string(&QualityBody(quality)).unwrap();
    assert_eq!(again, r#"["ct_reversed","other"]"#);
}

#[test]
fn channels_have_plain_names_and_are_few() {
    let with = |channels: &str| {
        format!(r#"{{"ts":"2026-06-21T11:59:30Z","quality":"ok","channels":{{{channels}}}}}"#)
    };
    let car = parse(&with(r#""ev":{"kw":7.2,"a":30.0}"#));
    assert_eq!(car.snapshots[0].1.channels[0].values.kw, Some(7.2));
    assert_eq!(
        refused(&with(r#""=cmd()":{"kw":1}"#)).0,
        RefusedCode::Malformed
    );
    let many: Vec<String> = (0..33).map(|n| format!(r#""c{n}":{{}}"#)).collect();
    assert_eq!(refused(&with(&many.join(","))).0, RefusedCode::OutOfRange);
}

#[test]
fn too_many_snapshots_are_counted_and_none_is_an_error() {
    let small = r#"{"ts":"2026-06-21T11:59:30Z","quality":"ok"}"#;
    let many = vec![small; MAX_SNAPSHOTS + 1].join(",");
    let error = Telemetry::parse(call(&many).as_bytes(), now()).unwrap_err();
    assert_eq!(
        error,
        BodyError::TooMany {
            what: "snapshots",
            got: 5001,
            most: 5000
        }
    );
    assert_eq!(
        Telemetry::parse(call("").as_bytes(), now()),
        Err(BodyError::Empty("snapshots"))
    );
}

#[test]
fn nonsense_is_an_error_that_does_not_repeat_it() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in ["", "{", "null", "\u{feff}{}", &deep, "{\"snapshots\":{}}"] {
        let Err(BodyError::Malformed(said)) = Telemetry::parse(body.as_bytes(), now()) else {
            panic!("{} was taken", &body[..body.len().min(40)]);
        };
        assert!(said.len() <= 200, "{said}");
    }
}

#[test]
fn a_snapshot_nested_a_hundred_thousand_deep_is_refused_alone() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let telemetry = parse(&format!("{deep},{SOUND}"));
    assert_eq!(telemetry.refused[0].code, RefusedCode::Malformed);
    assert_eq!(telemetry.snapshots[0].0, 1);
}

proptest! {
    #[test]
    fn what_one_side_says_the_other_understands(
        at in 1_750_000_000_000i64..1_760_000_000_000,
        solar in proptest::option::of(-2000.0..2000.0f64),
        total in proptest::option::of(0.0..1e9f64),
        bits in 0u32..1 << 24,
    ) {
        let ts = jiff::Timestamp::from_millisecond(at).unwrap();
        let quality = QualityBody(solthrive_domain::telemetry::Doubts::from_bits(bits));
        let told = SnapshotBody {
            solar_kw: solar,
            import_kwh_total: total,
            quality,
            ..serde_json::from_str(&format!(r#"{{"ts":"{ts}","quality":"ok"}}"#)).unwrap()
        };
        let heard = parse(&serde_json::to_string(&told).unwrap());
        let snapshot = &heard.snapshots[0].1;
        prop_assert_eq!(snapshot.ts.get(), at);
        prop_assert_eq!(snapshot.values.solar_kw.map(f64::to_bits), solar.map(f64::to_bits));
        prop_assert_eq!(snapshot.values.import_kwh_total.map(f64::to_bits), total.map(f64::to_bits));
        prop_assert_eq!(snapshot.quality.bits(), bits);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Telemetry::parse(&bytes, now());
    }
}
