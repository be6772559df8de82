//! Tokens that change: asked for at the console, told to the device, written down nowhere.

use std::fs::{self, File};
use std::time::Duration;

use serde_json::json;

use super::Desk;
use crate::kill::Process;
use crate::service::{Client, Device, run};

#[test]
fn a_rotation_is_asked_for_and_followed() {
    let desk = Desk::new();
    desk.provision(&["ST-1", "ST-2", "ST-3"]);
    desk.run(&["device", "deactivate", "ST-3"]).fine();
    let none = desk.json(&["token", "rotate", "--all", "--older-than", "90d"]);
    assert_eq!((&none["asked"], &none["left"]), (&0.into(), &json!([])));
    assert_eq!(desk.json(&["token", "rotate", "ST-1"])["asked"], 1);
    let all = desk.json(&["token", "rotate", "--all"]);
    assert_eq!((&all["asked"], &all["open_before"]), (&1.into(), &1.into()));
    let open = desk.json(&["token", "rotations"]);
    assert_eq!(
        (&open[0]["serial"], &open[1]["serial"]),
        (&"ST-1".into(), &"ST-2".into())
    );
    assert!(open[0]["prepared_at"].is_null());
    assert!(
        desk.run(&["token", "rotations"])
            .fine()
            .contains("has not called since")
    );
    // By hand is by hand: a second token ends the rotation, and then there is no free slot for another.
    desk.run(&["token", "new", "ST-1"]).fine();
    let said = desk.run(&["token", "rotate", "ST-1"]);
    assert!(
        said.code == 1 && said.out.contains("two tokens"),
        "{said:?}"
    );
    assert_eq!(
        desk.json(&["token", "rotations"]).as_array().unwrap().len(),
        1
    );
    for wrong in [
        &["token", "rotate"][..],
        &["token", "rotate", "ST-1", "--all"],
    ] {
        assert_eq!(desk.run(wrong).code, 2);
    }
    let audit = desk.run(&["audit"]).fine();
    assert!(audit.contains("device.token_rotation_asked"), "{audit}");
}

/// The service, logging into a file of the desk; each start goes on with it.
fn logging(desk: &Desk) -> Process {
    let log = File::options()
        .create(true)
        .append(true)
        .open(desk.path("log"));
    Process::start_logging(&desk.data(), &desk.store, log.unwrap())
}

/// Says that it is alive until it is offered a token.
async fn until_offered(device: &Device, client: &Client) -> String {
    for _ in 0..240 {
        let answer = alive(device, client).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        if let Some(token) = answer.json()["next_token"].as_str() {
            return token.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("no token was offered");
}

async fn alive(device: &Device, client: &Client) -> crate::service::Answer {
    let body = json!({
        "device_id": device.id, "firmware": "2.0.0", "sent_at": "2026-11-26T12:00:00Z", "events": [],
    });
    client
        .post("/v1/ingest/health", &device.token, body.to_string())
        .await
}

#[test]
fn a_rotation_outlives_the_service_and_no_token_is_in_its_log() {
    run(async {
        let desk = Desk::new();
        desk.furnish();
        let service = logging(&desk);
        let old = desk.at_home(&Client::plain(service.address)).await;
        desk.run(&["token", "rotate", "ST-1"]).fine();
        let next = until_offered(&old, &Client::plain(service.address)).await;
        let shown = desk.run(&["device", "show", "ST-1"]).fine();
        assert!(
            shown.contains("next token") && !shown.contains("std_"),
            "{shown}"
        );
        // Killed after the device kept the token, and before it used it.
        service.kill();
        let service = logging(&desk);
        let client = Client::plain(service.address);
        let new = Device {
            token: next.clone(),
            ..old.clone()
        };
        assert_eq!(alive(&new, &client).await.status, 200);
        let mut status = 200;
        for _ in 0..100 {
            status = alive(&old, &client).await.status;
            if status == 401 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(status, 401);
        assert_eq!(desk.json(&["token", "rotations"]), json!([]));
        let audit = desk.run(&["audit", "--check"]).fine();
        service.kill();
        let log = fs::read_to_string(desk.path("log")).unwrap();
        assert!(log.contains("token was rotated"), "{log}");
        for secret in [&old.token, &next] {
            let bare = secret.strip_prefix("std_").unwrap();
            assert!(!log.contains(bare) && !audit.contains(bare));
        }
    });
}
