//! Lines that do not lead to the cloud: each is told from the others, and nothing is believed told.

use std::time::Duration;

use rstest::rstest;
use solthrive_courier::{Standing, Status};

use crate::cloud::{Proof, TestCloud, ok};
use crate::device::{Device, World, device, device_at};

async fn unreachable(device: &Device) -> (&'static str, String, Status) {
    let status = device.until(|status| status.failures > 1).await;
    let Standing::Unreachable { cause, message } = status.standing.clone() else {
        panic!("{status:?}")
    };
    (cause, message, status)
}

#[rstest]
#[case::expired(Proof::Expired, "certificate_time", "is the clock right")]
#[case::for_another_name(Proof::AnotherName, "certificate", "another name")]
#[case::of_nobody(Proof::OfNobody, "certificate", "nobody that is trusted")]
#[case::no_tls(Proof::Plain, "tls", "captive portal")]
#[tokio::test]
async fn who_cannot_prove_to_be_the_cloud_is_told_nothing(
    #[case] proof: Proof,
    #[case] cause: &str,
    #[case] message: &str,
) {
    let cloud = TestCloud::new(proof, |call| ok(call, |_| {})).await;
    let device = device(&cloud, &World::new(), 5);
    let (said, text, status) = unreachable(&device).await;
    assert_eq!((said, status.waiting_rows), (cause, 5), "{text}");
    assert!(text.contains(message), "{text}");
    assert!(cloud.calls().is_empty(), "not even a token was said");
}

#[tokio::test]
async fn a_name_that_is_not_found_and_a_port_where_nobody_is_are_told_apart() {
    let cloud = TestCloud::new(Proof::Sound, |call| ok(call, |_| {})).await;
    let world = World::new();
    let away = device_at("https://no-such-host.invalid", &cloud, &world, 5, None);
    let (cause, text, _) = unreachable(&away).await;
    assert_eq!(cause, "name_not_found", "{text}");
    let free = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let away = device_at(
        &format!("https://localhost:{}", free.port()),
        &cloud,
        &world,
        5,
        None,
    );
    let (cause, text, status) = unreachable(&away).await;
    assert_eq!((cause, status.waiting_rows), ("unreachable", 5), "{text}");
}

#[tokio::test]
async fn a_cloud_that_never_answers_is_not_waited_for_for_ever() {
    let cloud = TestCloud::new(Proof::Sound, |_| Some((0, String::new(), String::new()))).await;
    let device = device(&cloud, &World::new(), 5);
    let (cause, text, status) = unreachable(&device).await;
    assert_eq!((cause, status.waiting_rows), ("timeout", 5), "{text}");
}

#[tokio::test]
async fn when_the_cloud_comes_back_everything_goes_as_if_it_had_never_been_away() {
    let away = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let seen = std::sync::Arc::clone(&away);
    let cloud = TestCloud::new(Proof::Sound, move |call| {
        if seen.load(std::sync::atomic::Ordering::Relaxed) {
            None
        } else {
            ok(call, |_| {})
        }
    })
    .await;
    let device = device(&cloud, &World::new(), 30);
    device.until(|status| status.failures > 3).await;
    for number in 30..60 {
        device.courier.made(number);
    }
    away.store(false, std::sync::atomic::Ordering::Relaxed);
    let status = device.until_told().await;
    assert_eq!(
        (status.standing, status.lost_rows),
        (Standing::Connected, 0)
    );
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(device.courier.counts().accepted, 60);
}
