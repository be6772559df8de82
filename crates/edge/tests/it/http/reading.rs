//! What anybody on the network may read.

use insta::assert_snapshot;
use serde_json::Value;
use solthrive_domain::{FlagCode, PowerFlow};

use super::home::{flag, later, snapshot};
use super::{TestApp, schema};

#[tokio::test]
async fn clients_of_the_first_version_find_every_field() {
    let app = TestApp::start().await;
    app.publish(snapshot(7));
    let answer = app.get("/api/latest").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    assert_snapshot!(answer.text(), @r#"{"timestamp":"2026-06-21T18:59:58.25Z","seq":7,"quality":"ok","voltage_l1":121.4,"voltage_l2":120.9,"current_l1":8.41,"current_l2":9.12,"current_pv":14.5,"power_total":-2080.0,"energy_import":852.1,"energy_export":445.8,"frequency":59.98,"pf":-0.97,"solar_kw":3.52,"home_kw":1.44,"grid_kw":-2.08,"solar_kwh_total":10432.1,"import_kwh_total":852.1,"export_kwh_total":445.8,"channels":{"main_l1":{"role":"main_l1","kw":-1.0,"a":8.41,"pf":0.98},"main_l2":{"role":"main_l2","kw":-1.08,"a":9.12,"pf":0.98},"pv":{"role":"pv","kw":3.52,"a":14.5,"pf":0.98}}}"#);
    let answer = app.get("/api/powerflow").await;
    assert_snapshot!(answer.text(), @r#"{"timestamp":"2026-06-21T18:59:58.25Z","seq":7,"quality":"ok","solar_kw":3.52,"home_kw":1.44,"grid_kw":-2.08}"#);
}

#[tokio::test]
async fn a_value_that_is_not_known_is_absent_and_the_reason_is_said() {
    let app = TestApp::start().await;
    let mut blind = snapshot(8);
    blind.flow = PowerFlow::default();
    blind.voltages.clear();
    blind.channels.clear();
    (blind.frequency, blind.pf) = (None, None);
    blind.totals = solthrive_domain::Energies::default();
    blind.quality = solthrive_domain::Quality::new(vec![FlagCode::MeterNotResponding]);
    app.publish(blind);
    assert_snapshot!(app.get("/api/latest").await.text(), @r#"{"timestamp":"2026-06-21T18:59:58.25Z","seq":8,"quality":["meter_not_responding"],"channels":{}}"#);
    assert_snapshot!(app.get("/api/powerflow").await.text(), @r#"{"timestamp":"2026-06-21T18:59:58.25Z","seq":8,"quality":["meter_not_responding"]}"#);
}

#[tokio::test]
async fn before_the_first_snapshot_there_is_nothing_to_invent() {
    let app = TestApp::start().await;
    for path in ["/api/latest", "/api/powerflow"] {
        let answer = app.get(path).await;
        assert_eq!(answer.problem(), (503, "/problems/no-data-yet".to_owned()));
        assert_eq!(answer.header("retry-after"), Some("2"));
    }
    let health = app.get("/api/health").await.json();
    assert_eq!(health["modbus_status"], "starting");
    assert_eq!(health["last_snapshot_age_sec"], Value::Null);
}

#[tokio::test]
async fn the_newest_snapshot_is_the_one_that_is_served() {
    let app = TestApp::start().await;
    app.publish(snapshot(7));
    assert_eq!(app.get("/api/latest").await.json()["seq"], 7);
    app.publish(later(1));
    assert_eq!(app.get("/api/latest").await.json()["seq"], 8);
}

#[tokio::test]
async fn health_says_what_is_wrong() {
    let app = TestApp::start().await;
    app.publish(snapshot(7));
    app.live.set_flags(
        &[flag(FlagCode::MeterNotResponding, "main")],
        super::home::NOW.parse().unwrap(),
    );
    app.facts.note_cycle(&super::home::cycle(Err(3)));
    let mut health = app.get("/api/health").await.json();
    schema::check("Health", &health);
    assert!(health["storage"].as_str().unwrap().ends_with("B_free"));
    assert!(health["storage_free_bytes"].is_u64());
    health
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !name.starts_with("storage"));
    assert_snapshot!(health, @r#"{"api_status":"ok","errors":[{"code":"meter_not_responding","message":"no answer for 12 s; check A and B","severity":"high","since":"2026-06-21T18:00:00Z","subject":"main"}],"last_snapshot_age_sec":2.0,"meters":[{"bus":"rs485","failures":3,"name":"main","profile":"solthrive-v1","status":"not_responding"}],"modbus_status":"not_responding"}"#);

    app.facts.note_cycle(&super::home::cycle(Ok(())));
    let health = app.get("/api/health").await.json();
    assert_eq!(health["modbus_status"], "ok");
    assert_eq!(health["meters"][0]["last_read_age_sec"], 1.0);
}

#[tokio::test]
async fn system_tells_about_the_machine_and_the_process() {
    let app = TestApp::start().await;
    let system = app.get("/api/system").await.json();
    schema::check("System", &system);
    assert_eq!(
        (&system["version"], &system["uptime_s"]),
        (&"2.0.0-test".into(), &900.into())
    );
    assert_eq!(system["boot_count"], 3);
    assert!(system["memory_rss_bytes"].as_u64().unwrap() > 1_000_000);
    assert_snapshot!(system["poll"], @r#"{"interval_ms":1000,"max_drift_ms":0.75,"misses":2,"p50_drift_ms":0.25,"p99_drift_ms":0.75}"#);
    assert_snapshot!(system["bus"][0], @r#"{"budget":{"every":1,"needed_ms":250.0,"period_ms":1000.0},"discarded_bytes":7,"errors":{"crc":3,"exception":0,"never_silent":0,"port_busy":0,"port_gone":0,"short_frame":0,"timeout":0,"wrong_reply":0},"late_replies":0,"link":"/dev/ttyUSB0","meters":[{"blocks":0,"failures":0,"missing":[],"name":"main","one_by_one_ms":0.0,"turnaround_ms":12.5,"wire_ms":0.0}],"name":"rs485","open":true,"reopened":1,"replies":97,"requests":100}"#);
}

#[tokio::test]
async fn the_site_says_what_is_installed() {
    let app = TestApp::start().await;
    assert_snapshot!(app.get("/api/site").await.text(), @r#"{"name":"Oak Street 5","timezone":"America/Los_Angeles","language":"en","service":"split_phase","nameplate_kw":6.2,"main_rating_kw":24.0,"has":{"solar":true,"battery":false,"ev":false},"currency":"USD"}"#);
}

#[tokio::test]
async fn open_answers_match_the_published_document() {
    let app = TestApp::start().await;
    app.publish(snapshot(7));
    for (path, name) in [
        ("/api/latest", "Latest"),
        ("/api/powerflow", "Powerflow"),
        ("/api/site", "Site"),
        ("/api/health", "Health"),
        ("/api/system", "System"),
        ("/api/session", "SessionBody"),
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        schema::check(name, &answer.json());
    }
}

#[tokio::test]
async fn the_document_is_served_and_known_again() {
    let app = TestApp::start().await;
    let answer = app.get("/api/openapi.json").await;
    assert_eq!(&answer.json(), schema::document());
    let etag = answer.header("etag").unwrap().to_owned();
    let again = app
        .send("GET", "/api/openapi.json", &[("if-none-match", &etag)], "")
        .await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test]
async fn every_path_of_the_document_exists() {
    let app = TestApp::start().await;
    for (path, operations) in schema::document()["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let answer = app.send(&method.to_uppercase(), path, &[], "").await;
            assert!(
                ![404, 405].contains(&answer.status),
                "{method} {path}: {}",
                answer.status
            );
        }
    }
}
