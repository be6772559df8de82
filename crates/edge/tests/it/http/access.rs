//! Token and session.

use std::time::Duration;

use rstest::rstest;

use super::{TOKEN, TestApp, schema};

const GUARDED: [&str; 8] = [
    "/api/history?hours=1",
    "/api/daily_summary",
    "/api/monthly_summary",
    "/api/days?from=2026-06-01",
    "/api/device",
    "/api/debug",
    "/api/events",
    "/metrics",
];

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test]
async fn what_is_private_needs_the_token() {
    let app = TestApp::start().await;
    for path in GUARDED {
        let answer = app.get(path).await;
        assert_eq!(
            answer.problem(),
            (401, "/problems/unauthorized".to_owned()),
            "{path}"
        );
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"solthrive\""),
            "{path}"
        );
        assert_eq!(app.get_as_owner(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_document_says_what_needs_the_token() {
    let paths = schema::document()["paths"].as_object().unwrap();
    let secured = paths
        .iter()
        .filter(|(_, path)| path["get"].get("security").is_some())
        .map(|(path, _)| path.as_str());
    let guarded = GUARDED.iter().map(|path| path.split('?').next().unwrap());
    let sorted = |mut list: Vec<&'static str>| {
        list.sort_unstable();
        list
    };
    assert_eq!(sorted(secured.collect()), sorted(guarded.collect()));
}

#[rstest]
#[case::wrong("Bearer 1123456789abcdef0123456789abcdef")]
#[case::shorter("Bearer 0123456789abcdef")]
#[case::longer("Bearer 0123456789abcdef0123456789abcdef0")]
#[case::empty("Bearer ")]
#[case::another_scheme("Basic 0123456789abcdef0123456789abcdef")]
#[case::no_scheme("0123456789abcdef0123456789abcdef")]
#[tokio::test]
async fn anything_but_the_token_is_refused(#[case] authorization: &str) {
    let app = TestApp::start().await;
    let answer = app
        .send(
            "GET",
            "/api/device",
            &[("authorization", authorization)],
            "",
        )
        .await;
    assert_eq!(answer.problem().0, 401);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_forgiven() {
    let app = TestApp::start().await;
    let wrong = bearer("wrong");
    for _ in 0..10 {
        assert_eq!(
            app.send("GET", "/api/device", &[("authorization", &wrong)], "")
                .await
                .status,
            401
        );
    }
    let answer = app
        .send("GET", "/api/device", &[("authorization", &wrong)], "")
        .await;
    assert_eq!(
        answer.problem(),
        (429, "/problems/too-many-guesses".to_owned())
    );
    assert_eq!(answer.header("retry-after"), Some("61"));
    assert_eq!(
        app.get_as_owner("/api/device").await.status,
        429,
        "a right guess must not be told from a wrong one"
    );
    assert_eq!(
        app.get("/api/health").await.status,
        200,
        "what is open stays open"
    );
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(app.get_as_owner("/api/device").await.status, 200);
}

#[tokio::test]
async fn a_cookie_stands_for_the_token_until_the_session_ends() {
    let app = TestApp::start().await;
    let json = ("content-type", "application/json");
    let answer = app
        .send(
            "POST",
            "/api/session",
            &[json],
            &format!("{{\"token\":\"{TOKEN}\"}}"),
        )
        .await;
    assert_eq!(answer.status, 204);
    let cookie = answer.header("set-cookie").unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(
        attributes,
        "Path=/; Max-Age=86400; HttpOnly; SameSite=Strict"
    );

    let with = [("cookie", format!("theme=dark; {pair}"))];
    let with = with
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect::<Vec<_>>();
    assert_eq!(app.send("GET", "/api/device", &with, "").await.status, 200);
    assert_eq!(
        app.send("GET", "/api/session", &with, "").await.json()["signed_in"],
        true
    );

    let ended = app.send("DELETE", "/api/session", &with, "").await;
    assert_eq!(ended.status, 204);
    assert!(ended.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(
        app.send("GET", "/api/device", &with, "").await.status,
        401,
        "ended on the server too"
    );
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let app = TestApp::start().await;
    let answer = app
        .send(
            "POST",
            "/api/session",
            &[("content-type", "application/json")],
            &format!("{{\"token\":\"{TOKEN}\"}}"),
        )
        .await;
    let cookie = answer
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    app.clock.advance(Duration::from_hours(24));
    assert_eq!(
        app.send("GET", "/api/device", &[("cookie", &cookie)], "")
            .await
            .status,
        401
    );
}

#[rstest]
#[case::not_json("text/plain", "{\"token\":\"x\"}", 415, "/problems/not-json")]
#[case::no_object("application/json", "\"x\"", 400, "/problems/bad-body")]
#[case::no_token("application/json", "{}", 400, "/problems/bad-body")]
#[case::a_wrong_token(
    "application/json; charset=utf-8",
    "{\"token\":\"x\"}",
    401,
    "/problems/unauthorized"
)]
#[tokio::test]
async fn a_session_is_refused(
    #[case] kind: &str,
    #[case] body: &str,
    #[case] status: u16,
    #[case] problem: &str,
) {
    let app = TestApp::start().await;
    let answer = app
        .send("POST", "/api/session", &[("content-type", kind)], body)
        .await;
    assert_eq!(answer.problem(), (status, problem.to_owned()));
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test]
async fn what_the_owner_reads_matches_the_document() {
    let app = TestApp::start().await;
    app.publish(super::home::snapshot(7));
    for (path, name) in [
        ("/api/device", "Device"),
        ("/api/debug", "Debug"),
        ("/api/events", "Events"),
        ("/api/daily_summary", "DailySummary"),
        ("/api/monthly_summary", "MonthlySummary"),
        ("/api/days?from=2026-06-01", "Days"),
    ] {
        let answer = app.get_as_owner(path).await;
        assert_eq!(answer.status, 200, "{path}");
        schema::check(name, &answer.json());
    }
}

#[tokio::test]
async fn debug_shows_the_inside_of_a_bus_and_no_secret() {
    let app = TestApp::start().await;
    let answer = app.get_as_owner("/api/debug").await;
    let debug = answer.json();
    assert_eq!(debug["buses"][0]["link"], "/dev/ttyUSB0");
    assert!(debug["buses"][0]["trace"].is_array());
    assert!(!debug["tasks"].as_array().unwrap().is_empty());
    assert_eq!(debug["config"]["api.token"], "***");
    assert!(!answer.text().contains(TOKEN));
}

#[tokio::test]
async fn a_prometheus_server_finds_its_numbers() {
    let app = TestApp::start().await;
    app.publish(super::home::snapshot(7));
    let quoted = super::home::flag(solthrive_domain::FlagCode::CtReversed, "a \"b\"\n");
    app.live
        .set_flags(&[quoted], super::home::NOW.parse().unwrap());
    let answer = app.get_as_owner("/metrics").await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let text = answer.text();
    assert!(
        text.contains("# TYPE solthrive_energy_kwh_total counter\nsolthrive_energy_kwh_total{")
    );
    let machine = ["#", "process_", "solthrive_disk_free_bytes "];
    let ours = |line: &&str| !machine.iter().any(|start| line.starts_with(start));
    let ours: Vec<_> = text.lines().filter(ours).collect();
    insta::assert_snapshot!(ours.join("\n"), @r#"
solthrive_power_watts{role="solar"} 3520
solthrive_power_watts{role="home"} 1440
solthrive_power_watts{role="grid"} -2080
solthrive_energy_kwh_total{direction="solar"} 10432.1
solthrive_energy_kwh_total{direction="import"} 852.1
solthrive_energy_kwh_total{direction="export"} 445.8
solthrive_voltage_volts{leg="l1"} 121.4
solthrive_voltage_volts{leg="l2"} 120.9
solthrive_frequency_hertz 59.98
solthrive_power_factor -0.97
solthrive_build_info{version="2.0.0-test"} 1
solthrive_snapshot_age_seconds 2
solthrive_uptime_seconds 900
solthrive_flag{code="ct_reversed",subject="a \"b\"\n"} 1
solthrive_meter_up{meter="main",bus="rs485"} 0
solthrive_meter_failures{meter="main",bus="rs485"} 0
solthrive_bus_requests_total{bus="rs485"} 100
solthrive_bus_missed_polls_total{bus="rs485"} 2
solthrive_bus_drift_p99_seconds{bus="rs485"} 0.00075
solthrive_bus_errors_total{bus="rs485",kind="crc"} 3
solthrive_bus_errors_total{bus="rs485",kind="exception"} 0
solthrive_bus_errors_total{bus="rs485",kind="never_silent"} 0
solthrive_bus_errors_total{bus="rs485",kind="port_busy"} 0
solthrive_bus_errors_total{bus="rs485",kind="port_gone"} 0
solthrive_bus_errors_total{bus="rs485",kind="short_frame"} 0
solthrive_bus_errors_total{bus="rs485",kind="timeout"} 0
solthrive_bus_errors_total{bus="rs485",kind="wrong_reply"} 0
solthrive_ws_clients 0
"#);
}
