//! A device finds its site, and nobody else's.

use serde_json::Value;
use solthrive_domain::access::Operator;

use super::fleet::{now, snapshot};
use super::{World, run};

#[test]
fn a_device_registers_and_a_lost_answer_is_given_again() {
    run(async {
        let world = World::new().await;
        let (device, home) = (world.fleet.device().await, world.fleet.home().await);
        let mut before = device.deliver(&world.client, &[snapshot(60, 2.0)]).await;
        for _ in 0..50 {
            // A device that was made a moment ago is heard of within two seconds.
            if before.status != 401 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            before = device.deliver(&world.client, &[snapshot(60, 2.0)]).await;
        }
        assert_eq!(
            (before.status, before.code().as_str()),
            (403, "not_registered")
        );
        for _ in 0..3 {
            let answer = device
                .register(&world.client, &home.code.to_lowercase())
                .await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let body = answer.json();
            assert_eq!(body["site_id"], home.site.to_string());
            assert_eq!(body["time_zone"], "Europe/Berlin");
        }
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
fn every_wrong_cause_has_the_same_answer() {
    run(async {
        let world = World::new().await;
        let device = world.fleet.device().await;
        let good = world.fleet.home().await;
        let over = world.fleet.home_with(-1, 1).await;
        let used_up = world.fleet.home_with(3_600_000, 1).await;
        assert_eq!(
            world
                .fleet
                .device()
                .await
                .register(&world.client, &used_up.code)
                .await
                .status,
            200
        );
        let mut wrong_serial = device.clone();
        wrong_serial.serial = "ST-999".to_owned();
        let mut wrong_id = device.clone();
        wrong_id.id = world.fleet.device().await.id;
        let mut stranger = device.clone();
        stranger.token = "std_nobody".to_owned();
        let unknown = solthrive_cloud::secrets::InstallerCode::draw()
            .unwrap()
            .to_string();
        let answers = [
            device.register(&world.client, &over.code).await,
            device.register(&world.client, &used_up.code).await,
            device.register(&world.client, &unknown).await,
            wrong_serial.register(&world.client, &good.code).await,
            wrong_id.register(&world.client, &good.code).await,
            stranger.register(&world.client, &good.code).await,
        ];
        for answer in &answers {
            assert_eq!((answer.status, &answer.text), (403, &answers[0].text));
        }
        assert_eq!(answers[0].code(), "registration_refused");
        world.running.stop().await;
    });
}

#[test]
fn a_second_claim_is_refused_and_both_installers_are_told() {
    run(async {
        let world = World::new().await;
        let (device, first, second) = (
            world.fleet.device().await,
            world.fleet.home().await,
            world.fleet.home().await,
        );
        assert_eq!(
            device.register(&world.client, &first.code).await.status,
            200
        );
        let answer = device.register(&world.client, &second.code).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (409, "already_bound")
        );
        for org in [first.org, second.org] {
            let notices = world
                .fleet
                .registry
                .notices(&Operator::at_the_console(), org)
                .await
                .unwrap();
            assert!(
                notices
                    .iter()
                    .any(|notice| notice.code == "device_claimed_elsewhere"
                        && notice.device == device.id)
            );
        }
        world.running.stop().await;
    });
}

#[test]
fn guessing_codes_is_locked_after_five_and_the_right_code_too() {
    run(async {
        let world = World::new().await;
        let (device, home) = (world.fleet.device().await, world.fleet.home().await);
        for _ in 0..5 {
            let guess = solthrive_cloud::secrets::InstallerCode::draw().unwrap();
            assert_eq!(
                device
                    .register(&world.client, &guess.to_string())
                    .await
                    .status,
                403
            );
        }
        let answer = device.register(&world.client, &home.code).await;
        assert_eq!(answer.status, 429);
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((800..=900).contains(&wait), "{wait}");
        // Another device is not locked out by that.
        assert_eq!(
            world
                .fleet
                .device()
                .await
                .register(&world.client, &home.code)
                .await
                .status,
            200
        );
        world.running.stop().await;
    });
}

#[test]
fn a_replaced_device_is_out_and_the_new_one_goes_on_at_the_site() {
    run(async {
        let world = World::new().await;
        let (old, new, home) = (
            world.fleet.device().await,
            world.fleet.device().await,
            world.fleet.home().await,
        );
        assert_eq!(old.register(&world.client, &home.code).await.status, 200);
        let by = Operator::at_the_console();
        let site = world
            .fleet
            .registry
            .replace(&by, old.id, new.id, now())
            .await
            .unwrap();
        assert_eq!(site, Some(home.site));
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        assert_eq!(
            old.deliver(&world.client, &[snapshot(60, 2.0)])
                .await
                .status,
            403
        );
        assert_eq!(
            new.deliver(&world.client, &[snapshot(60, 2.0)])
                .await
                .counts(),
            [1, 0, 0]
        );
        world.running.stop().await;
    });
}

#[test]
fn a_mistyped_code_is_told_as_such() {
    run(async {
        let world = World::new().await;
        let (device, home) = (world.fleet.device().await, world.fleet.home().await);
        let wrong: String = home.code.chars().rev().collect();
        if solthrive_cloud::secrets::InstallerCode::parse(&wrong).is_err() {
            let answer = device.register(&world.client, &wrong).await;
            assert_eq!(answer.status, 422);
            assert!(
                matches!(&answer.json()["detail"], Value::String(text) if text.contains("mistyped")),
                "{answer:?}"
            );
        }
        world.running.stop().await;
    });
}
