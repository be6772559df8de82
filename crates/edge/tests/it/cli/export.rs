//! The history on its way out, while a store is open on it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use solthrive_domain::ids::RunId;
use solthrive_domain::units::WattHours;
use solthrive_domain::{Energies, FlagCode, Input, MinuteRow, Stat};
use solthrive_edge::store::{Batch, Options, Store};
use uuid::Uuid;

use super::Site;

const START: &str = "2026-06-20T22:00:00Z";

fn minute(index: i64) -> MinuteRow {
    let start: Timestamp = START.parse().unwrap();
    let wh = |value| WattHours::try_from(value).ok();
    let stat = |mean: f64| {
        Some(Stat {
            mean,
            min: mean - 1.0,
            max: mean + 1.0,
        })
    };
    let energy = Energies {
        solar: wh(20.0),
        import: wh(5.0),
        export: wh(10.0),
        home: wh(15.0),
        ..Energies::default()
    };
    MinuteRow {
        start: start + SignedDuration::from_mins(index),
        run: RunId::from_uuid(Uuid::from_u128(1)),
        part: 0,
        samples: 60,
        covered: Duration::from_secs(60),
        energy,
        bridged: Energies::default(),
        totals: Energies {
            solar: wh(1000.0),
            ..Energies::default()
        },
        solar: stat(1200.0),
        home: stat(900.0),
        grid: stat(-300.0),
        battery: None,
        ev: None,
        voltages: BTreeMap::from([(
            Input::L1,
            Stat {
                mean: 120.1,
                min: 119.0,
                max: 121.0,
            },
        )]),
        currents: BTreeMap::from([("pv".to_owned(), 5.01)]),
        powers: BTreeMap::from([("pv".to_owned(), 1200.0)]),
        pf: None,
        frequency: Some(59.98),
        quality: if index == 1 {
            vec![FlagCode::ClockUnsynced, FlagCode::DataStale]
        } else {
            Vec::new()
        },
    }
}

/// A site with so many minutes, and its store, still open.
fn history(count: i64) -> (Site, Store) {
    let site = Site::new();
    let now = START.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(count);
    let zone = TimeZone::get("America/Los_Angeles").unwrap();
    let options = Options::new(
        site.path("var"),
        zone,
        RunId::from_uuid(Uuid::from_u128(1)),
        now,
    );
    let (store, _) = Store::open(options).unwrap();
    // As many rows at once as may wait.
    for first in (0..count).step_by(1000) {
        let minutes = (first..count.min(first + 1000)).map(minute).collect();
        store.submit(Batch {
            at: Some(now),
            minutes,
            ..Batch::default()
        });
        assert!(store.flush(Duration::from_secs(30)), "{:?}", store.health());
    }
    (site, store)
}

#[test]
fn minutes_are_a_table_with_units_in_its_heads() {
    let (site, _store) = history(2);
    let done = site.cli(&["export"]);
    assert_eq!(done.code, Some(0), "{}", done.err);
    insta::assert_snapshot!(done.out.replace('\r', ""), @r"
    timestamp,quality,samples,coverage,voltage_l1,voltage_l2,frequency,pf,solar_kw,solar_kw_min,solar_kw_max,home_kw,home_kw_min,home_kw_max,grid_kw,grid_kw_min,grid_kw_max,solar_kwh,solar_kwh_total,home_kwh,home_kwh_total,import_kwh,import_kwh_total,export_kwh,export_kwh_total,channel_main_l1_kw,channel_main_l1_a,channel_main_l2_kw,channel_main_l2_a,channel_pv_kw,channel_pv_a
    2026-06-20T22:00:00Z,ok,60,1.0,120.1,,59.98,,1.2,1.199,1.201,0.9,0.899,0.901,-0.3,-0.301,-0.299,0.02,1.0,0.015,,0.005,,0.01,,,,,,1.2,5.01
    2026-06-20T22:01:00Z,clock_unsynced data_stale,60,1.0,120.1,,59.98,,1.2,1.199,1.201,0.9,0.899,0.901,-0.3,-0.301,-0.299,0.02,1.0,0.015,,0.005,,0.01,,,,,,1.2,5.01
    ");
}

#[test]
fn as_json_lines_what_is_not_known_is_absent() {
    let (site, _store) = history(2);
    let done = site.cli(&[
        "export",
        "--format",
        "jsonl",
        "--from",
        "2026-06-20T22:01:00Z",
    ]);
    insta::assert_snapshot!(done.out, @r#"{"timestamp":"2026-06-20T22:01:00Z","quality":"clock_unsynced data_stale","samples":60,"coverage":1.0,"voltage_l1":120.1,"frequency":59.98,"solar_kw":1.2,"solar_kw_min":1.199,"solar_kw_max":1.201,"home_kw":0.9,"home_kw_min":0.899,"home_kw_max":0.901,"grid_kw":-0.3,"grid_kw_min":-0.301,"grid_kw_max":-0.299,"solar_kwh":0.02,"solar_kwh_total":1.0,"home_kwh":0.015,"import_kwh":0.005,"export_kwh":0.01,"channel_pv_kw":1.2,"channel_pv_a":5.01}"#);
    assert_eq!(
        site.cli(&["--json", "export", "--from", "2026-06-20T22:01:00Z"])
            .out,
        done.out
    );
}

#[test]
fn days_and_months_are_the_sites() {
    // From 15:00 to 3:00 the next day in California, and nothing since: both days are over.
    let (site, _store) = history(720);
    let days = site.cli(&["export", "--resolution", "day"]);
    insta::assert_snapshot!(days.out.replace('\r', ""), @r"
    date,solar_kwh,home_kwh,import_kwh,export_kwh,battery_charge_kwh,battery_discharge_kwh,ev_kwh,self_consumption,solar_offset,self_sufficiency,peak_demand_kw,coverage
    2026-06-20,10.8,8.1,2.7,5.4,,,,0.5,0.6667,0.6667,0.3,0.375
    2026-06-21,3.6,2.7,0.9,1.8,,,,0.5,0.6667,0.6667,0.3,0.125
    ");
    let one = site.cli(&[
        "export",
        "--resolution",
        "day",
        "--from",
        "2026-06-21",
        "--to",
        "2026-06-22",
    ]);
    assert_eq!(one.out.lines().count(), 2, "{}", one.out);
    let months = site.cli(&["export", "--resolution", "month", "--format", "jsonl"]);
    assert!(
        months
            .out
            .starts_with(r#"{"month":"2026-06","solar_kwh":14.4,"#),
        "{}",
        months.out
    );
    // Half a day of thirty.
    assert!(
        months.out.contains(r#""coverage":0.0167"#),
        "{}",
        months.out
    );
}

#[test]
fn every_minute_comes_once_however_many_there_are() {
    let (site, _store) = history(2000);
    let done = site.cli(&["export"]);
    let starts: Vec<&str> = done
        .out
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    assert_eq!(starts.len(), 2000);
    assert!(starts.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn a_file_appears_whole_and_is_not_replaced_by_accident() {
    let (site, _store) = history(3);
    let file = site.path("june.csv");
    let path = file.to_str().unwrap();
    let done = site.cli(&["export", "-o", path]);
    assert_eq!(
        (done.code, done.out.as_str()),
        (Some(0), "3 rows in SITE/june.csv\n")
    );
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 4);
    fs::write(&file, "mine").unwrap();
    let again = site.cli(&["export", "-o", path]);
    assert_eq!(again.code, Some(2));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(site.cli(&["export", "-o", path, "--force"]).code, Some(0));
    assert!(!site.path("june.csv.part").exists());
}

#[test]
fn what_cannot_be_exported_is_said() {
    let site = Site::new();
    let none = site.cli(&["export"]);
    assert_eq!(
        (none.code, none.err.as_str()),
        (
            Some(2),
            "solthrive-cli: there is no history at SITE/var/solthrive.db yet: solthrived writes it when it runs\n"
        )
    );
    let (site, _store) = history(1);
    for wrong in [
        ["--from", "soon"],
        ["--from", "2030-01-01"],
        ["--to", "1960-01-01"],
    ] {
        assert_eq!(
            site.cli(&["export", wrong[0], wrong[1]]).code,
            Some(2),
            "{wrong:?}"
        );
    }
    let empty = site.cli(&["export", "--to", "2026-01-01"]);
    assert_eq!(
        (empty.code, empty.err.as_str()),
        (Some(0), "There is nothing in that time.\n")
    );
}
