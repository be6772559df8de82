//! Days and months.

use insta::assert_snapshot;
use rstest::rstest;

use super::home::{day, snapshot};
use super::ws::Client;
use super::{Limits, Shelf, TestApp, schema};

async fn june() -> TestApp {
    let days = vec![
        day("2026-05-31", 99.0),
        day("2026-06-01", 10.0),
        day("2026-06-20", 30.0),
        day("2026-06-21", 1.0),
    ];
    TestApp::with(
        Limits::default(),
        Shelf {
            days,
            ..Shelf::default()
        },
    )
    .await
}

#[tokio::test]
async fn a_day_has_energies_ratios_and_money() {
    let app = june().await;
    let answer = app.get_as_owner("/api/daily_summary?date=2026-06-20").await;
    schema::check("DailySummary", &answer.json());
    assert_snapshot!(answer.text(), @r#"{"date":"2026-06-20","solar_kwh":30.0,"home_kwh":18.0,"import_kwh":3.0,"export_kwh":15.0,"self_consumption":0.5,"solar_offset":0.8333,"self_sufficiency":0.8333,"peak_demand_kw":2.3456,"coverage":0.4583,"savings":{"amount":5.7,"currency":"USD","inputs":{"without_solar":5.9,"paid":0.2,"home_kwh":18.0,"import_kwh":3.0,"export_kwh":15.0,"import_rate":0.3,"export_rate":0.08,"fixed":0.5}}}"#);
}

#[tokio::test]
async fn today_is_the_live_one() {
    let app = june().await;
    let stored = app.get_as_owner("/api/daily_summary").await.json();
    assert_eq!(
        (&stored["date"], &stored["solar_kwh"]),
        (&"2026-06-21".into(), &1.0.into())
    );
    app.publish(snapshot(7));
    let live = app.get_as_owner("/api/daily_summary").await.json();
    assert_eq!(
        (&live["date"], &live["solar_kwh"]),
        (&"2026-06-21".into(), &24.0.into())
    );
}

#[tokio::test]
async fn a_day_on_which_the_meter_died_is_less_covered_with_each_hour() {
    let app = june().await;
    app.publish(snapshot(7));
    let coverage = async || {
        let day = app.get_as_owner("/api/daily_summary?date=2026-06-21").await;
        day.json()["coverage"].as_f64().unwrap()
    };
    assert_eq!(coverage().await, 0.9167, "11 h until noon");
    app.clock.advance(std::time::Duration::from_hours(10));
    assert_eq!(coverage().await, 0.5, "11 h of 22");
    app.clock.advance(std::time::Duration::from_hours(5));
    assert_eq!(coverage().await, 0.4583, "the day is over");
    let days = app.get_as_owner("/api/days?from=2026-06-21").await.json();
    assert_eq!(days["items"][0]["coverage"], 0.4583);
    let hello = Client::connect(&app).await.next().await;
    assert_eq!(hello["today"]["coverage"], 0.4583);
}

#[tokio::test]
async fn a_day_without_data_is_unknown_not_zero() {
    let app = june().await;
    let answer = app.get_as_owner("/api/daily_summary?date=2026-06-10").await;
    assert_snapshot!(answer.text(), @r#"{"date":"2026-06-10","self_consumption":null,"solar_offset":null,"self_sufficiency":null,"coverage":0.0}"#);
}

#[tokio::test]
async fn a_month_is_its_days_and_says_what_is_missing() {
    let app = june().await;
    app.publish(snapshot(7));
    let month = app
        .get_as_owner("/api/monthly_summary?month=2026-06")
        .await
        .json();
    schema::check("MonthlySummary", &month);
    assert_eq!(
        (&month["month"], &month["solar_kwh"]),
        (&"2026-06".into(), &64.0.into())
    );
    let dates: Vec<_> = month["days"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| day["date"].as_str().unwrap())
        .collect();
    assert_eq!(dates, ["2026-06-01", "2026-06-20", "2026-06-21"]);
    // 33 h measured of 20 days and this one until noon.
    assert_eq!(month["coverage"], 0.0671);
    // 21 days have begun: each costs the tariff's fixed part.
    assert_eq!(month["savings"]["inputs"]["fixed"], 10.5);
    assert_eq!(
        app.get_as_owner("/api/monthly_summary").await.json(),
        month,
        "the current month if none is named"
    );
}

#[tokio::test]
async fn days_are_listed_without_the_last() {
    let app = june().await;
    let days = app
        .get_as_owner("/api/days?from=2026-06-01&to=2026-06-20")
        .await
        .json();
    schema::check("Days", &days);
    assert_eq!(days["items"].as_array().unwrap().len(), 1);
    let days = app.get_as_owner("/api/days?from=2026-05-31").await.json();
    assert_eq!(days["items"].as_array().unwrap().len(), 4, "until today");
}

#[rstest]
#[case(
    "/api/daily_summary?date=2026-6-1",
    "date: expected a date such as 2026-06-21"
)]
#[case(
    "/api/daily_summary?date=2026-02-30",
    "date: expected a date such as 2026-06-21"
)]
#[case(
    "/api/daily_summary?day=2026-06-01",
    "day: unknown; this path takes date"
)]
#[case(
    "/api/monthly_summary?month=2026-13",
    "month: expected a month such as 2026-06"
)]
#[case(
    "/api/monthly_summary?month=2026-06-01",
    "month: expected a month such as 2026-06"
)]
#[case("/api/days", "from: needed: a date such as 2026-06-01")]
#[case("/api/days?from=2026-06-02&to=2026-06-02", "to: must be after from")]
#[case("/api/days?from=2016-06-02", "from: at most 1100 days before to")]
#[case("/api/device?x=1", "x: unknown; this path takes no parameters")]
#[tokio::test]
async fn a_wrong_parameter_is_named_with_its_rule(#[case] target: &str, #[case] detail: &str) {
    let app = TestApp::start().await;
    let answer = app.get_as_owner(target).await;
    assert_eq!(answer.problem(), (400, "/problems/bad-query".to_owned()));
    assert_eq!(answer.json()["detail"], detail);
}

#[tokio::test]
async fn a_store_that_fails_is_said_without_its_secrets() {
    let app = TestApp::with(
        Limits::default(),
        Shelf {
            broken: true,
            ..Shelf::default()
        },
    )
    .await;
    for target in [
        "/api/daily_summary",
        "/api/monthly_summary",
        "/api/days?from=2026-06-01",
        "/api/history?hours=1",
    ] {
        let answer = app.get_as_owner(target).await;
        assert_eq!(
            answer.problem(),
            (503, "/problems/history".to_owned()),
            "{target}"
        );
        assert!(!answer.text().contains("secret"), "{target}");
    }
}
