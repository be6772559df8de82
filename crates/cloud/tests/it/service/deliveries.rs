//! What is acknowledged is kept, once.

use axum::body::Body;
use hyper::Method;
use serde_json::json;
use solthrive_cloud::tls::development_files;

use super::client::Client;
use super::fleet::{ago, snapshot};
use super::{World, run};

#[test]
fn a_delivery_is_taken_once_and_the_same_again_is_a_duplicate() {
    run(async {
        let world = World::new().await;
        let device = world.fleet.at_home(&world.client).await;
        let snapshots = [snapshot(60, 2.0), snapshot(30, 2.5)];
        let answer = device.deliver(&world.client, &snapshots).await;
        assert_eq!(answer.counts(), [2, 0, 0]);
        let body = answer.json();
        assert_eq!(
            (body["status"].as_str(), body["next_after_s"].as_u64()),
            (Some("ok"), Some(30))
        );
        let server_time: jiff::Timestamp = body["server_time"].as_str().unwrap().parse().unwrap();
        assert!(server_time.duration_since(ago(0)).abs() < jiff::SignedDuration::from_secs(30));
        assert_eq!(
            device.deliver(&world.client, &snapshots).await.counts(),
            [0, 2, 0]
        );
        world.running.stop().await;
    });
}

#[test]
fn the_first_of_a_time_stays_and_another_one_is_a_conflict() {
    run(async {
        let world = World::new().await;
        let device = world.fleet.at_home(&world.client).await;
        let first = snapshot(60, 2.0);
        let ts = first["ts"].clone();
        let mut other = snapshot(60, 3.0);
        other["ts"] = ts;
        assert_eq!(
            device
                .deliver(&world.client, &[first.clone(), other.clone()])
                .await
                .counts(),
            [1, 0, 1]
        );
        assert_eq!(
            device
                .deliver(&world.client, &[other, first])
                .await
                .counts(),
            [0, 1, 1]
        );
        world.running.stop().await;
    });
}

#[test]
fn after_a_restart_what_was_acknowledged_is_still_known() {
    run(async {
        let world = World::new().await;
        let device = world.fleet.at_home(&world.client).await;
        let snapshots = [snapshot(60, 2.0), snapshot(30, 2.5)];
        assert_eq!(
            device.deliver(&world.client, &snapshots).await.counts(),
            [2, 0, 0]
        );
        let world = world.restarted().await;
        assert_eq!(
            device.deliver(&world.client, &snapshots).await.counts(),
            [0, 2, 0]
        );
        world.running.stop().await;
    });
}

#[test]
fn one_bad_snapshot_does_not_sink_the_others() {
    run(async {
        let world = World::new().await;
        let device = world.fleet.at_home(&world.client).await;
        let mut poison = snapshot(50, 2.0);
        poison["home_kw"] = json!(1e308);
        let mut future = snapshot(40, 2.0);
        future["ts"] = json!(ago(-3600));
        let answer = device
            .deliver(
                &world.client,
                &[snapshot(60, 2.0), poison.clone(), future, json!({"ts": 7})],
            )
            .await;
        assert_eq!(answer.counts(), [1, 0, 0]);
        let rejected = answer.json()["rejected"].as_array().unwrap().clone();
        let told: Vec<_> = rejected
            .iter()
            .map(|one| {
                (
                    one["index"].as_u64().unwrap(),
                    one["code"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [(1, "out_of_range"), (2, "clock_skew"), (3, "malformed")]
        );
        let answer = device.deliver(&world.client, &[poison]).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "nothing_acceptable")
        );
        assert!(
            answer.text.contains("1e308") || answer.text.contains("100000000"),
            "{answer:?}"
        );
        world.running.stop().await;
    });
}

#[test]
fn bodies_may_be_packed_and_tls_is_spoken() {
    run(async {
        let world = World::with(&["--tls"]).await;
        let (certificate, _) = development_files(world.folder.path());
        let client = Client::trusting(world.running.address, &certificate);
        let device = world.fleet.at_home(&client).await;
        for (n, packing) in ["zstd", "gzip", "identity"].into_iter().enumerate() {
            let text = device.body("live", &[snapshot(60 + i64::try_from(n).unwrap(), 2.0)]);
            let packed = match packing {
                "zstd" => zstd::encode_all(text.as_bytes(), 1).unwrap(),
                "gzip" => gzip(text.as_bytes()),
                _ => text.into_bytes(),
            };
            let headers = [("content-encoding", packing)];
            let answer = client
                .call(
                    Method::POST,
                    "/v1/ingest/telemetry",
                    &device.token,
                    &headers,
                    Body::from(packed),
                )
                .await;
            assert_eq!(answer.counts(), [1, 0, 0], "{packing}");
        }
        world.running.stop().await;
    });
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn days_and_health_are_taken_in() {
    run(async {
        let world = World::new().await;
        let device = world.fleet.at_home(&world.client).await;
        let head = json!({"device_id": device.id, "firmware": "2.0.0", "sent_at": ago(0)});
        let mut daily = head.clone();
        daily["days"] = json!([{"date": "2026-11-25", "solar_kwh": 3.25, "coverage": 1.0}, {"date": "2026-11-24", "coverage": 7.0}]);
        let answer = world
            .client
            .post("/v1/ingest/daily", &device.token, daily.to_string())
            .await;
        assert_eq!(answer.counts(), [1, 0, 0]);
        assert_eq!(answer.json()["rejected"][0]["index"], 1);
        let mut health = head.clone();
        health["events"] = json!([{"ts": ago(60), "code": "ct_reversed", "state": "raised", "severity": "high", "message": "leg 1"}]);
        health["system"] = json!({"uptime_s": 77});
        let answer = world
            .client
            .post("/v1/ingest/health", &device.token, health.to_string())
            .await;
        assert_eq!(answer.counts(), [1, 0, 0]);
        let answer = world
            .client
            .post("/v1/ingest/health", &device.token, head.to_string())
            .await;
        assert_eq!(answer.counts(), [0, 0, 0]);
        world.running.stop().await;
    });
}
