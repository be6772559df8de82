//! From an empty place to a home that sends, and to a copy of it, on both engines.

use serde_json::json;
use solthrive_testkit::Database;

use super::Desk;
use crate::service::{Client, run, snapshot_at};

const JUNE: i64 = 1_780_000_000_000;

/// A platform is set up, devices come and go; returns what a copy has to say alike.
async fn set_up(desk: &Desk) -> [serde_json::Value; 5] {
    desk.furnish();
    let service = desk.serve();
    let client = Client::plain(service.address);
    let devices = desk.provision(&["ST-1", "ST-2"]);
    let (one, two) = (&devices[0], &devices[1]);
    let code = desk.code();
    // The code has one use. Asking again with it is no second use.
    assert_eq!(one.register(&client, &code).await.status, 200);
    assert_eq!(one.register(&client, &code).await.status, 200);
    assert_eq!(two.register(&client, &code).await.status, 403);
    assert_eq!(desk.json(&["code", "list"])[0]["state"], "used up");
    let snapshots = [snapshot_at(JUNE), snapshot_at(JUNE + 15_000)];
    assert_eq!(one.deliver(&client, &snapshots).await.counts(), [2, 0, 0]);
    assert_eq!(desk.json(&["status"])["devices"]["bound"], 1);
    assert_eq!(desk.json(&["notices", "Sunrise"]), json!([]));
    desk.run(&["device", "deactivate", "ST-1"]).fine();
    let mut status = 0;
    for _ in 0..100 {
        status = one.deliver(&client, &snapshots).await.status;
        if status == 410 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(status, 410);
    told(desk)
}

fn told(desk: &Desk) -> [serde_json::Value; 5] {
    let words = [
        ["org", "list"],
        ["site", "list"],
        ["code", "list"],
        ["device", "list"],
    ];
    let [orgs, sites, codes, devices] = words.map(|words| desk.json(&words));
    // When it was heard of last is known to the second at most, and may not be folded yet.
    let states: Vec<_> = devices
        .as_array()
        .unwrap()
        .iter()
        .map(|device| &device["state"])
        .collect();
    [orgs, sites, codes, json!(states), desk.json(&["audit"])]
}

/// A backup of `desk` comes back as `copy`.
fn brought_back(desk: &Desk, copy: &Desk, before: &[serde_json::Value; 5]) {
    let made = desk.json(&["backup", "b"]);
    assert_eq!(made["manifest"]["counts"]["devices"], 2, "{made}");
    let backup = desk.path("b");
    let backup = backup.to_str().unwrap();
    desk.run(&["verify", backup]).fine();
    copy.run(&["restore", backup]).fine();
    assert_eq!(&told(copy), before);
    copy.run(&["verify"]).fine();
    copy.run(&["audit", "--check"]).fine();
    let said = copy.run(&["restore", backup]).failed();
    assert!(said.contains("--force"), "{said}");
    // What was there is set aside, the pepper of another too.
    std::fs::write(copy.data().join("pepper"), [7; 32]).unwrap();
    let aside = copy.json(&["restore", backup, "--force"])["set_aside"].to_string();
    assert!(aside.contains("before-restore-"), "{aside}");
    assert_eq!(&told(copy), before);
}

/// What was acknowledged is known in the copy, and codes that were given out work there.
async fn goes_on(copy: &Desk) {
    let device = copy.provision(&["ST-3"]).remove(0);
    let service = copy.serve();
    let client = Client::plain(service.address);
    let answer = device.register(&client, &copy.code()).await;
    // The site has no device since ST-1 was deactivated.
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = device.deliver(&client, &[snapshot_at(JUNE)]).await;
    assert_eq!(answer.counts(), [1, 0, 0]);
    copy.run(&["verify"]).fine();
}

#[test]
fn a_platform_is_set_up_copied_and_goes_on_elsewhere() {
    run(async {
        let (desk, copy) = (Desk::new(), Desk::new());
        let before = set_up(&desk).await;
        brought_back(&desk, &copy, &before);
        goes_on(&copy).await;
    });
}

#[test]
fn the_same_on_postgresql() {
    run(async {
        let (here, there) = (Database::fresh().unwrap(), Database::fresh().unwrap());
        let (desk, copy) = (Desk::on(here.url()), Desk::on(there.url()));
        let before = set_up(&desk).await;
        brought_back(&desk, &copy, &before);
        goes_on(&copy).await;
        let backup = desk.path("b");
        let embedded = Desk::new();
        let said = embedded
            .run(&["restore", backup.to_str().unwrap()])
            .failed();
        assert!(said.contains("--store"), "{said}");
        let service = copy.serve();
        let said = copy
            .run(&["restore", backup.to_str().unwrap(), "--force"])
            .failed();
        assert!(said.contains("stop every service"), "{said}");
        drop(service);
    });
}
