//! The error log.

use rstest::rstest;
use solthrive_domain::FlagCode;
use solthrive_edge::live::FlagChange;

use super::home::flag;
use super::{Limits, Shelf, TestApp, schema};

/// A flag of an earlier run that came at this time of the day before.
fn earlier(time: &str, subject: &str) -> FlagChange {
    FlagChange {
        at: format!("2026-06-20T{time}Z").parse().unwrap(),
        raised: true,
        flag: flag(FlagCode::ServiceCrash, subject),
    }
}

/// A service that has just started, after a run in which this happened.
async fn restarted(flags: Vec<FlagChange>) -> TestApp {
    let shelf = Shelf {
        flags,
        ..Shelf::default()
    };
    TestApp::with(Limits::default(), shelf).await
}

/// The subjects that an answer tells of.
async fn subjects(app: &TestApp, target: &str) -> Vec<String> {
    let events = app.get_as_owner(target).await.json();
    schema::check("Events", &events);
    let items = events["items"].as_array().unwrap().iter();
    items
        .map(|item| item["subject"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_restart_does_not_empty_the_error_log() {
    let app = restarted(vec![earlier("12:00:00", "b"), earlier("11:00:00", "a")]).await;
    app.live.set_flags(
        &[flag(FlagCode::DataStale, "now")],
        "2026-06-21T18:59:00Z".parse().unwrap(),
    );
    assert_eq!(subjects(&app, "/api/events").await, ["now", "b", "a"]);
    let debug = app.get_as_owner("/api/debug").await.json();
    assert_eq!(debug["recent_errors"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_log_is_read_page_by_page_or_by_time() {
    let app = restarted(vec![
        earlier("12:00:00", "c"),
        earlier("11:00:00", "b"),
        earlier("10:00:00", "a"),
    ])
    .await;
    let first = app.get_as_owner("/api/events?limit=2").await.json();
    let last = first["items"][1]["ts"].as_str().unwrap();
    let next = format!("/api/events?limit=2&to={last}");
    assert_eq!(subjects(&app, &next).await, ["a"]);
    let span = "/api/events?from=2026-06-20T11:00:00Z&to=2026-06-20T12:00:00Z";
    assert_eq!(subjects(&app, span).await, ["b"]);
}

#[tokio::test]
async fn a_history_that_cannot_be_read_does_not_hide_what_this_run_knows() {
    let shelf = Shelf {
        broken: true,
        ..Shelf::default()
    };
    let app = TestApp::with(Limits::default(), shelf).await;
    app.live.set_flags(
        &[flag(FlagCode::StorageError, "")],
        "2026-06-21T18:59:00Z".parse().unwrap(),
    );
    let events = app.get_as_owner("/api/events").await.json();
    assert_eq!(events["items"].as_array().unwrap().len(), 1);
    assert_eq!(events["complete"], false);
    assert_eq!(app.get_as_owner("/api/debug").await.status, 200);
}

#[rstest]
#[case("limit=0", "limit: expected a whole number from 1 to 1000")]
#[case("limit=1001", "limit: expected a whole number from 1 to 1000")]
#[case(
    "from=2026-06-20T11:00:00Z&to=2026-06-20T11:00:00Z",
    "to: must be after from"
)]
#[case("page=2", "page: unknown; this path takes from, to, limit")]
#[tokio::test]
async fn a_wrong_parameter_is_named_with_its_rule(#[case] query: &str, #[case] detail: &str) {
    let app = TestApp::start().await;
    let answer = app.get_as_owner(&format!("/api/events?{query}")).await;
    assert_eq!(answer.problem(), (400, "/problems/bad-query".to_owned()));
    assert_eq!(answer.json()["detail"], detail);
}
