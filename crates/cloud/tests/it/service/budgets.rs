//! Nobody takes more than his share.

use serde_json::json;

use super::fleet::{ago, snapshot};
use super::{World, run};

#[test]
fn a_device_that_calls_too_often_is_told_to_wait_and_others_are_not() {
    run(async {
        let world = World::with(&["--device-calls-per-min", "3"]).await;
        let (greedy, other) = (
            world.fleet.at_home(&world.client).await,
            world.fleet.at_home(&world.client).await,
        );
        let mut answers = Vec::new();
        for n in 0..8 {
            answers.push(
                greedy
                    .deliver(&world.client, &[snapshot(60 + n, 2.0)])
                    .await,
            );
        }
        let let_in = answers.iter().filter(|answer| answer.status == 200).count();
        assert!((3..=4).contains(&let_in), "{let_in}");
        let answer = &answers[7];
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (429, "too_many_requests")
        );
        assert!(answer.header("retry-after").is_some());
        assert_eq!(
            other
                .deliver(&world.client, &[snapshot(60, 2.0)])
                .await
                .status,
            200
        );
        world.running.stop().await;
    });
}

#[test]
fn a_backfill_does_not_take_from_what_is_live() {
    run(async {
        let world = World::with(&[
            "--device-backfill-rows-per-s",
            "1",
            "--device-rows-per-s",
            "1",
        ])
        .await;
        let device = world.fleet.at_home(&world.client).await;
        let history: Vec<_> = (0..100).map(|n| snapshot(1_000 + n, 2.0)).collect();
        let backfill = |rows: &[serde_json::Value]| device.body("backfill", rows);
        let path = "/v1/ingest/telemetry";
        let answer = world
            .client
            .post(path, &device.token, backfill(&history))
            .await;
        assert_eq!(answer.counts(), [100, 0, 0]);
        let answer = world
            .client
            .post(path, &device.token, backfill(&history[..1]))
            .await;
        assert_eq!(answer.status, 429);
        assert_eq!(
            device
                .deliver(&world.client, &[snapshot(60, 2.0)])
                .await
                .counts(),
            [1, 0, 0]
        );
        world.running.stop().await;
    });
}

#[test]
fn flags_and_days_are_counted_too() {
    run(async {
        let world = World::with(&["--device-rows-per-s", "1"]).await;
        let device = world.fleet.at_home(&world.client).await;
        let event = |n: i64| json!({ "ts": ago(n), "code": "ct_reversed", "state": "raised", "severity": "high", "message": "turn it" });
        let body = json!({
            "device_id": device.id, "firmware": "2.0.0", "sent_at": ago(0),
            "events": (0..100).map(event).collect::<Vec<_>>(),
        });
        let flags = || {
            let path = "/v1/ingest/health";
            world.client.post(path, &device.token, body.to_string())
        };
        assert_eq!(flags().await.status, 200);
        assert_eq!(flags().await.status, 429);
        world.running.stop().await;
    });
}

#[test]
fn who_was_sent_away_because_others_came_first_does_not_pay() {
    run(async {
        let settings = ["--waiting-rows", "70", "--device-rows-per-s", "1"];
        let world = World::with(&settings).await;
        let device = world.fleet.at_home(&world.client).await;
        let many: Vec<_> = (0..80).map(|n| snapshot(60 + n, 2.0)).collect();
        for _ in 0..3 {
            assert_eq!(device.deliver(&world.client, &many).await.status, 503);
        }
        let answer = device.deliver(&world.client, &many[..40]).await;
        assert_eq!(answer.counts(), [40, 0, 0]);
        world.running.stop().await;
    });
}

#[test]
fn an_installer_beyond_its_share_does_not_use_up_its_devices_shares() {
    run(async {
        let settings = ["--org-rows-per-s", "2", "--device-rows-per-s", "1"];
        let world = World::with(&settings).await;
        let device = world.fleet.at_home(&world.client).await;
        let many: Vec<_> = (0..120).map(|n| snapshot(60 + n, 2.0)).collect();
        let path = "/v1/ingest/telemetry";
        let backfill = device.body("backfill", &many);
        let answer = world.client.post(path, &device.token, backfill).await;
        assert_eq!(answer.counts(), [120, 0, 0]);
        for _ in 0..4 {
            let answer = device.deliver(&world.client, &many[..30]).await;
            assert_eq!(answer.status, 429);
            // The installer's share is what it waits for, not its own.
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!(wait <= 15, "{wait}");
        }
        world.running.stop().await;
    });
}

#[test]
fn more_than_can_wait_is_sent_back_with_a_time() {
    run(async {
        let world = World::with(&["--waiting-rows", "10"]).await;
        let device = world.fleet.at_home(&world.client).await;
        let many: Vec<_> = (0..20).map(|n| snapshot(60 + n, 2.0)).collect();
        let answer = device.deliver(&world.client, &many).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "unavailable")
        );
        assert!(answer.header("retry-after").is_some());
        assert_eq!(
            device.deliver(&world.client, &many[..5]).await.counts(),
            [5, 0, 0]
        );
        world.running.stop().await;
    });
}

#[test]
fn an_installers_devices_share_a_budget_and_other_installers_are_not_slowed() {
    run(async {
        let world = World::with(&["--org-rows-per-s", "1"]).await;
        let device = world.fleet.at_home(&world.client).await;
        let other = world.fleet.at_home(&world.client).await;
        let many: Vec<_> = (0..60).map(|n| snapshot(60 + n, 2.0)).collect();
        let answer = device.deliver(&world.client, &many).await;
        assert_eq!(answer.counts(), [60, 0, 0]);
        let answer = device.deliver(&world.client, &many[..10]).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (429, "too_many_requests")
        );
        assert_eq!(
            other.deliver(&world.client, &many).await.counts(),
            [60, 0, 0]
        );
        world.running.stop().await;
    });
}
