//! What was.

use insta::assert_snapshot;
use jiff::Timestamp;
use rstest::rstest;
use serde_json::Value;
use solthrive_domain::FlagCode;

use super::home::{later, minute};
use super::{Limits, Shelf, TestApp, schema};

/// Minutes from `start` on, `solar` growing by a watt each.
fn minutes(start: &str, count: u32) -> Vec<solthrive_domain::MinuteRow> {
    let start: Timestamp = start.parse().unwrap();
    let row = |n: u32| {
        minute(
            start + std::time::Duration::from_secs(u64::from(n) * 60),
            1000.0 + f64::from(n),
        )
    };
    (0..count).map(row).collect()
}

async fn with_minutes(minutes: Vec<solthrive_domain::MinuteRow>) -> TestApp {
    TestApp::with(
        Limits::default(),
        Shelf {
            minutes,
            ..Shelf::default()
        },
    )
    .await
}

fn rows(json: &Value) -> &Vec<Value> {
    json.as_array().unwrap()
}

#[tokio::test]
async fn the_last_hours_come_as_minutes() {
    let app = with_minutes(minutes("2026-06-21T16:59:00Z", 121)).await;
    let answer = app.get_as_owner("/api/history?hours=2").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let json = answer.json();
    assert_eq!(rows(&json).len(), 120, "from 17:00 on, 19:00 left out");
    for row in rows(&json) {
        schema::check("HistoryRow", row);
    }
    assert_snapshot!(json[0], @r#"{"coverage":1.0,"current_l1":5.0,"current_pv":8.0,"energy_export":445.8,"energy_import":852.1,"frequency":60.01,"grid_kw":-0.401,"home_kw":0.6,"home_kwh":0.01,"max":{"grid_kw":-0.391,"home_kw":0.61,"solar_kw":1.011},"min":{"grid_kw":-0.411,"home_kw":0.59,"solar_kw":0.991},"pf":0.97,"power_total":-401.0,"quality":"ok","samples":60,"solar_kw":1.001,"solar_kwh":0.0167,"timestamp":"2026-06-21T17:00:00Z","voltage_l1":121.0}"#);
}

#[tokio::test]
async fn a_long_history_is_read_in_small_pages() {
    let app = with_minutes(minutes("2026-06-14T19:00:00Z", 7 * 1440)).await;
    let json = app.get_as_owner("/api/history?hours=168").await.json();
    let starts: Vec<_> = rows(&json)
        .iter()
        .map(|row| row["timestamp"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(starts.len(), 7 * 1440);
    assert!(starts.is_sorted_by(|a, b| a < b), "each once, in order");
    assert!(*app.shelf.most_asked.lock().unwrap() <= 256);
}

#[tokio::test]
async fn longer_intervals_weigh_bound_and_add_up() {
    let mut minutes = minutes("2026-06-21T18:00:00Z", 30);
    minutes[3].quality = vec![FlagCode::Rs485Errors];
    minutes.retain(|row| row.start != "2026-06-21T18:20:00Z".parse().unwrap());
    let app = with_minutes(minutes).await;
    let json = app
        .get_as_owner("/api/history?from=2026-06-21T18:00:00Z&resolution=15m")
        .await
        .json();
    assert_eq!(rows(&json).len(), 2);
    assert_eq!(json[0]["solar_kw"], 1.007);
    assert_eq!(
        (&json[0]["min"]["solar_kw"], &json[0]["max"]["solar_kw"]),
        (&0.99.into(), &1.024.into())
    );
    assert_eq!(json[0]["solar_kwh"], 0.2518);
    assert_eq!(
        (&json[0]["coverage"], &json[1]["coverage"]),
        (&1.0.into(), &0.9333.into())
    );
    assert_eq!(
        (&json[0]["quality"][0], &json[1]["quality"]),
        (&"rs485_errors".into(), &"ok".into())
    );
    assert_eq!(
        (&json[0]["samples"], &json[1]["samples"]),
        (&900.into(), &840.into())
    );
}

#[tokio::test]
async fn hours_are_those_of_the_sites_clock() {
    let mut site = super::home::site();
    site.tz = jiff::tz::TimeZone::get("Asia/Kolkata").unwrap();
    let app = TestApp::at(
        site,
        Limits::default(),
        Shelf {
            minutes: minutes("2026-06-21T17:00:00Z", 120),
            ..Shelf::default()
        },
    )
    .await;
    let json = app
        .get_as_owner("/api/history?from=2026-06-21T17:00:00Z&resolution=1h")
        .await
        .json();
    let starts: Vec<_> = rows(&json)
        .iter()
        .map(|row| row["timestamp"].as_str().unwrap())
        .collect();
    assert_eq!(
        starts,
        [
            "2026-06-21T16:30:00Z",
            "2026-06-21T17:30:00Z",
            "2026-06-21T18:30:00Z"
        ]
    );
}

#[tokio::test]
async fn a_minute_of_two_rows_is_one_interval() {
    let mut minutes = minutes("2026-06-21T18:00:00Z", 2);
    let mut again = minutes[0].clone();
    again.part = 1;
    minutes.insert(1, again);
    let app = with_minutes(minutes).await;
    let json = app.get_as_owner("/api/history?hours=1").await.json();
    assert_eq!(rows(&json).len(), 2);
    assert_eq!(json[0]["samples"], 120);
}

#[tokio::test]
async fn the_samples_of_the_last_hour_come_as_they_were() {
    let app = TestApp::start().await;
    for n in 0..300 {
        app.publish(later(n));
    }
    let json = app
        .get_as_owner(
            "/api/history?from=2026-06-21T18:59:00Z&to=2026-06-21T20:00:00Z&resolution=raw",
        )
        .await
        .json();
    assert_eq!(rows(&json).len(), 300);
    for row in rows(&json) {
        schema::check("HistoryRow", row);
    }
    assert_snapshot!(json[0], @r#"{"coverage":1.0,"current_l1":8.41,"current_l2":9.12,"current_pv":14.5,"energy_export":445.8,"energy_import":852.1,"frequency":59.98,"grid_kw":-2.08,"home_kw":1.44,"pf":-0.97,"power_total":-2080.0,"quality":"ok","samples":1,"solar_kw":3.52,"timestamp":"2026-06-21T18:59:58.25Z","voltage_l1":121.4,"voltage_l2":120.9}"#);
}

#[tokio::test]
async fn the_same_rows_come_as_csv_and_as_lines() {
    let app = with_minutes(minutes("2026-06-21T18:58:00Z", 2)).await;
    let owner = format!("Bearer {}", super::TOKEN);
    let csv = app
        .send(
            "GET",
            "/api/history?hours=1",
            &[("authorization", &owner), ("accept", "text/csv")],
            "",
        )
        .await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(
        csv.header("content-disposition")
            .unwrap()
            .contains("solthrive-history.csv")
    );
    assert_snapshot!(csv.text().replace("\r\n", "\n"), @r#"
timestamp,quality,samples,coverage,voltage_l1,voltage_l2,voltage_l3,current_l1,current_l2,current_l3,current_pv,power_total,energy_import,energy_export,frequency,pf,solar_kw,home_kw,grid_kw,battery_kw,ev_kw,solar_kw_min,solar_kw_max,home_kw_min,home_kw_max,grid_kw_min,grid_kw_max,battery_kw_min,battery_kw_max,ev_kw_max,solar_kwh,home_kwh,import_kwh,export_kwh
2026-06-21T18:58:00Z,ok,60,1,121,,,5,,,8,-400,852.1,445.8,60.01,0.97,1,0.6,-0.4,,,0.99,1.01,0.59,0.61,-0.41,-0.39,,,,0.0167,0.01,,
2026-06-21T18:59:00Z,ok,60,1,121,,,5,,,8,-401,852.1,445.8,60.01,0.97,1.001,0.6,-0.401,,,0.991,1.011,0.59,0.61,-0.411,-0.391,,,,0.0167,0.01,,
"#);
    let lines = app
        .send(
            "GET",
            "/api/history?hours=1",
            &[
                ("authorization", &owner),
                ("accept", "application/x-ndjson, */*;q=0.1"),
            ],
            "",
        )
        .await;
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    let parsed: Vec<Value> = lines
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        Value::Array(parsed),
        app.get_as_owner("/api/history?hours=1").await.json()
    );
    let asked = app.get_as_owner("/api/history?hours=1&format=csv").await;
    assert_eq!(asked.text(), csv.text(), "a link cannot set a header");
}

#[rstest]
#[case("json", "[]")]
#[case("ndjson", "")]
#[tokio::test]
async fn nothing_is_a_whole_answer_too(#[case] format: &str, #[case] expected: &str) {
    let app = TestApp::start().await;
    let answer = app
        .get_as_owner(&format!("/api/history?hours=1&format={format}"))
        .await;
    assert_eq!((answer.status, answer.text()), (200, expected));
}

#[rstest]
#[case("", "hours: hours, or from and to, must be given")]
#[case("hours=0", "hours: expected a whole number from 1 to 8784")]
#[case("hours=x", "hours: expected a whole number from 1 to 8784")]
#[case("hours=9999", "hours: expected a whole number from 1 to 8784")]
#[case("to=2026-06-21T00:00:00Z", "from: needed together with to")]
#[case(
    "from=yesterday",
    "from: expected an instant such as 2026-06-21T00:00:00Z (write a + as %2B)"
)]
#[case(
    "from=2026-06-21T00:00:00Z&to=2026-06-21T00:00:00Z",
    "to: must be after from"
)]
#[case("from=2020-01-01T00:00:00Z", "from: at most 366 days before to")]
#[case(
    "hours=1&resolution=1d",
    "resolution: expected raw, 1m, 5m, 15m, 1h or auto (for days: /api/days)"
)]
#[case("hours=1&format=xml", "format: expected json, csv or ndjson")]
#[case(
    "hours=1&from=2026-06-21T00:00:00Z",
    "hours: not together with from and to"
)]
#[case(
    "hours=1&limit=3",
    "limit: unknown; this path takes hours, from, to, resolution, format"
)]
#[tokio::test]
async fn a_wrong_parameter_is_named_with_its_rule(#[case] query: &str, #[case] detail: &str) {
    let app = TestApp::start().await;
    let answer = app.get_as_owner(&format!("/api/history?{query}")).await;
    assert_eq!(answer.problem(), (400, "/problems/bad-query".to_owned()));
    assert!(
        answer.json()["detail"]
            .as_str()
            .unwrap()
            .starts_with(detail),
        "{}",
        answer.json()["detail"]
    );
}
