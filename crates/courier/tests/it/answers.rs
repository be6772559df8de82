//! What a device makes of the cloud's answers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use solthrive_courier::{NotRegistered, Report, Standing};
use solthrive_protocol::{Lane, RegistrationBody};

use crate::cloud::{Answer, Call, Proof, TestCloud, elements, error, ok};
use crate::device::{World, device, rows};

fn lane(call: &Call) -> Lane {
    serde_json::from_value(call.body["lane"].clone()).unwrap()
}

#[tokio::test]
async fn everything_is_said_once_the_newest_first_and_the_oldest_first() {
    let cloud = TestCloud::new(Proof::Sound, |call| ok(call, |_| {})).await;
    let device = device(&cloud, &World::new(), 100);
    let status = device.until_told().await;
    assert_eq!(status.standing, Standing::Connected);
    let calls = cloud.calls();
    let said = |wanted| {
        calls
            .iter()
            .filter(|call| lane(call) == wanted)
            .flat_map(rows)
            .collect::<Vec<_>>()
    };
    assert_eq!(said(Lane::Live), (90..100).rev().collect::<Vec<_>>());
    assert_eq!(said(Lane::Backfill), (0..90).collect::<Vec<_>>());
    assert!(calls.iter().any(|call| call.zstd), "large calls are packed");
    device.courier.made(100);
    device.until_told().await;
    assert_eq!(rows(cloud.calls().last().unwrap()), [100]);
}

#[tokio::test]
async fn a_lost_answer_and_a_line_that_breaks_cost_a_repetition_and_nothing_else() {
    let count = AtomicUsize::new(0);
    let cloud = TestCloud::new(Proof::Sound, move |call| {
        if count.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) {
            None
        } else {
            ok(call, |_| {})
        }
    })
    .await;
    let device = device(&cloud, &World::new(), 200);
    device.until_told().await;
    let said: BTreeSet<u64> = cloud.calls().iter().flat_map(rows).collect();
    assert_eq!(said.len(), 200);
}

#[rstest]
#[case::captive_portal(200, "<html>Welcome to the hotel</html>", "not_the_cloud")]
#[case::captive_portal_that_refuses(403, "<html>Pay first</html>", "not_the_cloud")]
#[case::unknown_schema(200, r#"{"status":"fine","v":9}"#, "not_the_cloud")]
#[case::nothing(200, "", "not_the_cloud")]
#[case::counts_that_do_not_add_up(200, r#"{"status":"ok","accepted":3,"duplicates":0,"conflicts":0,"rejected":[],"server_time":"2026-01-01T00:00:00Z","next_after_s":0,"backfill_rows_per_s":1,"config_version":0,"commands_pending":false}"#, "not_the_cloud")]
#[case::broken(
    500,
    r#"{"status":"error","code":"internal","detail":"x"}"#,
    "cloud_error"
)]
#[case::busy(503, r#"{"status":"error","code":"unavailable","detail":"x"}"#, "busy")]
#[case::of_2030(
    503,
    r#"{"status":"error","code":"of_2030","detail":"x"}"#,
    "cloud_error"
)]
#[tokio::test]
async fn an_answer_that_says_nothing_of_the_rows_leaves_them_waiting(
    #[case] status: u16,
    #[case] body: &'static str,
    #[case] cause: &'static str,
) {
    let cloud = TestCloud::new(Proof::Sound, move |_| {
        Some((status, String::new(), body.to_owned()))
    })
    .await;
    let device = device(&cloud, &World::new(), 5);
    let status = device.until(|status| status.failures > 2).await;
    let Standing::Unreachable { cause: said, .. } = status.standing else {
        panic!("{status:?}")
    };
    assert_eq!(
        (said, status.waiting_rows, status.last_contact),
        (cause, 5, None)
    );
}

#[tokio::test]
async fn who_was_deactivated_says_nothing_more() {
    let cloud = TestCloud::new(Proof::Sound, |_| error(410, "deactivated", "")).await;
    let device = device(&cloud, &World::new(), 100);
    let status = device
        .until(|status| status.standing == Standing::Deactivated)
        .await;
    assert!(status.next_try_s > 4 * 3600, "{status:?}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    // The other lane may have been under way.
    assert!(cloud.calls().len() <= 2, "{:?}", cloud.calls().len());
    assert_eq!(device.courier.status().waiting_rows, 100);
}

#[tokio::test]
async fn retry_after_is_kept() {
    let cloud = TestCloud::new(Proof::Sound, |_| {
        error(503, "unavailable", "retry-after: 100\r\n")
    })
    .await;
    let device = device(&cloud, &World::new(), 5);
    let status = device.until(|status| status.failures > 0).await;
    assert!((79..=120).contains(&status.next_try_s), "{status:?}");
}

#[tokio::test]
async fn calls_that_are_too_large_are_halved_until_they_fit() {
    let cloud = TestCloud::new(Proof::Sound, |call| {
        if elements(call) > 3 {
            error(413, "too_large", "")
        } else {
            ok(call, |_| {})
        }
    })
    .await;
    let device = device(&cloud, &World::new(), 60);
    let status = device.until_told().await;
    assert_eq!(
        (status.given_up_rows, status.standing),
        (0, Standing::Connected)
    );
}

/// Refuses row 3, wherever it stands.
fn refusing_row_3(call: &Call, code: &str) -> Answer {
    ok(call, |receipt| {
        if let Some(place) = rows(call).iter().position(|row| *row == 3) {
            receipt["accepted"] = json!(elements(call) - 1);
            receipt["rejected"] = json!([{"index": place, "code": code, "detail": "no"}]);
        }
    })
}

#[tokio::test]
async fn a_poisoned_row_is_given_up_after_three_tries_and_blocks_nothing() {
    let cloud = TestCloud::new(Proof::Sound, |call| refusing_row_3(call, "out_of_range")).await;
    let device = device(&cloud, &World::new(), 50);
    let status = device.until_told().await;
    assert_eq!(status.given_up_rows, 1);
    let tries = cloud
        .calls()
        .iter()
        .flat_map(rows)
        .filter(|row| *row == 3)
        .count();
    assert_eq!(tries, 3);
}

#[tokio::test]
async fn a_row_ahead_of_the_clouds_clock_waits_and_is_not_given_up() {
    let cloud = TestCloud::new(Proof::Sound, |call| refusing_row_3(call, "clock_skew")).await;
    let device = device(&cloud, &World::new(), 50);
    let status = device.until(|status| status.waiting_rows == 1).await;
    assert_eq!((status.given_up_rows, status.ahead_rows), (0, 1));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let tries = cloud
        .calls()
        .iter()
        .flat_map(rows)
        .filter(|row| *row == 3)
        .count();
    assert_eq!(tries, 1, "it is not said again before its time");
}

#[tokio::test]
async fn a_call_is_about_one_ledger() {
    let cloud = TestCloud::new(Proof::Sound, |call| ok(call, |_| {})).await;
    let device = device(&cloud, &World::with_ledgers(55), 100);
    let status = device.until_told().await;
    assert_eq!(status.lost_rows, 0);
    for call in cloud.calls() {
        let second = call.body["ledger_id"].as_str().unwrap().ends_with('1');
        assert!(
            rows(&call).iter().all(|row| (*row >= 55) == second),
            "{call:?}"
        );
    }
    let said: BTreeSet<u64> = cloud.calls().iter().flat_map(rows).collect();
    assert_eq!(said.len(), 100);
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_not_believed_gone() {
    let cloud = TestCloud::new(Proof::Sound, |call| ok(call, |_| {})).await;
    let world = World::new();
    world.unreadable.store(true, Ordering::Relaxed);
    let device = device(&cloud, &world, 50);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let status = device.courier.status();
    assert_eq!((status.waiting_rows, status.lost_rows), (50, 0));
}

#[tokio::test]
async fn a_report_that_is_never_taken_is_let_go_and_the_next_one_told() {
    let cloud = TestCloud::new(Proof::Sound, |call| {
        let bad = call.body["system"]["number"] == 1;
        if bad {
            error(422, "nothing_acceptable", "")
        } else {
            ok(call, |_| {})
        }
    })
    .await;
    let world = World::new();
    let report = |number: u64| {
        (
            number,
            Report::Health(Vec::new(), Some(json!({"number": number}))),
        )
    };
    world.reports.lock().unwrap().extend([report(1), report(2)]);
    let device = device(&cloud, &world, 20);
    for _ in 0..500 {
        device.courier.look();
        if world.reports.lock().unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let told: Vec<_> = cloud
        .calls()
        .iter()
        .filter_map(|call| call.body["system"]["number"].as_u64())
        .collect();
    assert_eq!(told, [1, 1, 1, 2]);
    device.until_told().await;
}

#[tokio::test]
async fn an_unregistered_device_waits_and_goes_on_at_once_when_it_is_registered() {
    let registered = Arc::new(AtomicU32::new(0));
    let known = Arc::clone(&registered);
    let cloud = TestCloud::new(Proof::Sound, move |call| {
        match (call.path.as_str(), call.body["installer_code"].as_str()) {
            ("/v1/device/register", Some("GOOD")) => {
                known.store(1, Ordering::Relaxed);
                let body = json!({"status": "ok", "site_id": uuid::Uuid::nil(), "time_zone": "UTC", "server_time": "2026-01-01T00:00:00Z"});
                Some((200, String::new(), body.to_string()))
            }
            ("/v1/device/register", _) => error(403, "registration_refused", ""),
            _ if known.load(Ordering::Relaxed) == 0 => error(403, "not_registered", ""),
            _ => ok(call, |_| {}),
        }
    })
    .await;
    let device = device(&cloud, &World::new(), 50);
    let status = device
        .until(|status| status.standing == Standing::NotRegistered)
        .await;
    assert!(status.next_try_s > 100, "{status:?}");
    let body = |code: &str| RegistrationBody {
        serial: "ST-1".to_owned(),
        device_id: solthrive_domain::DeviceId::from_uuid(uuid::Uuid::from_u128(7)),
        installer_code: code.to_owned(),
        model: "m".to_owned(),
        firmware: "9".to_owned(),
        config: None,
    };
    let refused = device.courier.register(&body("BAD")).await.unwrap_err();
    assert!(
        matches!(refused, NotRegistered::Refused(_)) && refused.to_string().contains("typed right"),
        "{refused}"
    );
    device.courier.register(&body("GOOD")).await.unwrap();
    device.until_told().await;
}
