//! Tokens: one that works is always kept, and none is said to a stranger.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use solthrive_courier::Standing;

use crate::cloud::{Proof, TestCloud, error, ok};
use crate::device::{TOKEN, World, device, device_at};

#[tokio::test]
async fn an_offered_token_is_kept_before_it_is_used() {
    let world = World::new();
    let kept = Arc::clone(&world);
    let cloud = TestCloud::new(Proof::Sound, move |call| {
        if call.token == "std_second" {
            let durable = kept.kept.lock().unwrap();
            assert_eq!(durable.last().unwrap().current(), "std_second");
            assert_eq!(durable.last().unwrap().other(), Some(TOKEN));
        }
        ok(call, |receipt| receipt["next_token"] = json!("std_second"))
    })
    .await;
    let device = device(&cloud, &world, 100);
    device.until_told().await;
    device.courier.made(100);
    device.until_told().await;
    assert_eq!(cloud.calls().last().unwrap().token, "std_second");
    assert_eq!(
        world.kept.lock().unwrap().len(),
        1,
        "the same offer again writes nothing"
    );
}

#[tokio::test]
async fn a_token_that_cannot_be_kept_is_not_used() {
    let world = World::new();
    world.full.store(true, Ordering::Relaxed);
    let cloud = TestCloud::new(Proof::Sound, |call| {
        ok(call, |receipt| receipt["next_token"] = json!("std_second"))
    })
    .await;
    let device = device(&cloud, &world, 100);
    device.until_told().await;
    assert!(cloud.calls().iter().all(|call| call.token == TOKEN));
}

#[tokio::test]
async fn a_token_that_is_not_known_gives_way_to_the_other_one() {
    let cloud = TestCloud::new(Proof::Sound, |call| {
        if call.token == TOKEN {
            error(401, "unknown_token", "")
        } else {
            ok(call, |_| {})
        }
    })
    .await;
    let world = World::new();
    let device = device_at(&cloud.url(), &cloud, &world, 30, Some("std_older"));
    let status = device.until_told().await;
    assert_eq!(status.standing, Standing::Connected);
    assert!(
        world.kept.lock().unwrap().is_empty(),
        "both are still in the file"
    );
}

#[tokio::test]
async fn when_no_token_is_known_both_are_tried_once_and_then_the_device_waits() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let cloud = TestCloud::new(Proof::Sound, move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
        error(401, "unknown_token", "")
    })
    .await;
    let device = device_at(&cloud.url(), &cloud, &World::new(), 5, Some("std_older"));
    let status = device
        .until(|status| matches!(status.standing, Standing::UnknownToken { .. }))
        .await;
    assert!(
        status.next_try_s > 40 && status.waiting_rows == 5,
        "{status:?}"
    );
    let tokens: Vec<String> = cloud
        .calls()
        .iter()
        .map(|call| call.token.clone())
        .collect();
    assert_eq!(tokens, [TOKEN, "std_older"]);
}
