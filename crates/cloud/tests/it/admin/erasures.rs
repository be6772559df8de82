//! Homes that were erased, and backups that hold them.

use std::fs;

use serde_json::json;
use solthrive_cloud::config::Place;
use solthrive_cloud::receipts::{Receipt, Receipts};
use solthrive_cloud_store::people::{Backup, Closing, Erasures as _, Passed};
use solthrive_cloud_store::sql::SqlStore;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_testkit::Database;
use uuid::Uuid;

use super::Desk;
use crate::service::{Client, now, run};

async fn store(desk: &Desk) -> SqlStore {
    if desk.store == "sqlite:" {
        SqlStore::sqlite_beside(&Place::database(&desk.data()))
            .await
            .unwrap()
    } else {
        SqlStore::postgres(&desk.store).await.unwrap()
    }
}

/// The home of a desk that is furnished, as if its owner had asked for it and the time had come.
async fn erase(desk: &Desk) -> Uuid {
    let site = desk.json(&["site", "list"])[0]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let store = store(desk).await;
    let passed = Passed {
        id: Uuid::from_u128(7),
        site,
        closed_at: now().into(),
    };
    assert!(store.erase_again(&passed, now()).await.unwrap());
    let closing = store.close_due(now()).await.unwrap();
    assert!(matches!(closing, Some(Closing::Closed(_))));
    store.close().await;
    site
}

async fn a_home_stays_erased(desk: Desk, fresh: Desk) {
    desk.furnish();
    let service = desk.serve();
    let _device = desk.at_home(&Client::plain(service.address)).await;
    drop(service);
    let (path, list) = (desk.path("b1"), desk.path("erased.json"));
    desk.run(&["backup", path.to_str().unwrap()]).fine();
    let site = erase(&desk).await;
    assert_eq!(desk.json(&["site", "list"]), json!([]));
    fs::write(&list, desk.json(&["erasure", "list"]).to_string()).unwrap();

    let told = desk.json(&["restore", path.to_str().unwrap(), "--force"]);
    assert_eq!(
        (&told["erased_again"], &told["erasures_known"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(
        desk.json(&["site", "list"]),
        json!([]),
        "not even for a moment"
    );
    let known = desk.json(&["backups", "list"]);
    let places: Vec<&str> = known
        .as_array()
        .unwrap()
        .iter()
        .map(|backup| backup["place"].as_str().unwrap())
        .collect();
    assert_eq!(places.len(), 2, "{known}");
    assert!(
        places.iter().any(|place| place.contains("before")),
        "what was set aside holds it, too: {known}"
    );

    // Elsewhere nobody knows; with the list somebody does.
    let told = fresh.json(&["restore", path.to_str().unwrap()]);
    assert_eq!(told["erasures_known"], json!(false));
    let said = desk.run(&["restore", path.to_str().unwrap()]);
    assert!(said.failed().contains("--force"));
    let back = fresh.json(&["site", "list"]);
    assert_eq!(back[0]["id"], json!(site), "as the operator was told");
    let told = fresh.json(&[
        "restore",
        path.to_str().unwrap(),
        "--force",
        "--erasures",
        list.to_str().unwrap(),
    ]);
    assert_eq!(told["erased_again"], json!(1));
    assert_eq!(fresh.json(&["site", "list"]), json!([]));
    fresh.run(&["audit", "--check"]).fine();
}

#[test]
fn a_home_that_was_erased_stays_erased_when_an_older_backup_is_put_back() {
    run(a_home_stays_erased(Desk::new(), Desk::new()));
}

#[test]
fn and_with_postgresql() {
    let (one, other) = (Database::fresh().unwrap(), Database::fresh().unwrap());
    run(a_home_stays_erased(
        Desk::on(one.url()),
        Desk::on(other.url()),
    ));
}

#[test]
fn a_backup_is_deleted_when_its_time_is_over_and_nothing_else() {
    run(async {
        let desk = Desk::new();
        desk.furnish();
        let paths = ["b1", "b2", "b3"].map(|name| desk.path(name));
        for path in &paths {
            desk.run(&["backup", path.to_str().unwrap(), "--keep-days", "1"])
                .fine();
        }
        assert_eq!(
            desk.json(&["backups", "prune"]),
            json!([]),
            "a day is not over"
        );
        let known = desk.json(&["backups", "list"]);
        let id = |n: usize| -> Uuid { known[n]["id"].as_str().unwrap().parse().unwrap() };
        let store = store(&desk).await;
        for n in [0, 1] {
            let over = Backup {
                id: id(n),
                began_at: UnixMillis::EPOCH,
                ended_at: Some(UnixMillis::EPOCH),
                place: paths[n].display().to_string(),
                keep_until: UnixMillis::EPOCH,
                deleted_at: None,
            };
            store.backup_began(&over).await.unwrap();
        }
        store.close().await;
        // Somebody put another one in the second's place, and something of his own into the first.
        fs::remove_dir_all(&paths[1]).unwrap();
        fs::rename(&paths[2], &paths[1]).unwrap();
        fs::write(paths[0].join("notes.txt"), "mine").unwrap();
        let said = desk.run(&["backups", "prune", "--json"]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains("another backup lies there"), "{said:?}");
        assert!(paths[1].join("manifest.json").exists());
        assert!(paths[0].join("notes.txt").exists() && !paths[0].join("solthrive.db").exists());
        desk.run(&["backups", "gone", &id(0).to_string()]).fine();
        desk.run(&["backups", "gone", &id(0).to_string()]).failed();
        let states = desk.json(&["backups", "list"]);
        let states = [0, 1, 2].map(|n| {
            let mut all = states.as_array().unwrap().iter();
            all.find(|backup| backup["id"] == json!(id(n))).unwrap()["state"].clone()
        });
        assert_eq!(states, ["deleted", "over its time", "kept"]);
    });
}

#[test]
fn a_receipt_is_told_from_a_forged_one() {
    run(async {
        let desk = Desk::new();
        desk.furnish();
        let service = desk.serve();
        drop(service);
        let pepper: [u8; 32] = fs::read(desk.data().join("pepper"))
            .unwrap()
            .try_into()
            .unwrap();
        let receipt = Receipt {
            issuer: "https://solthrive.example".to_owned(),
            erasure: Uuid::from_u128(7),
            site: Uuid::from_u128(8),
            asked_at: now().into(),
            closed_at: now().into(),
            searched_at: now().into(),
            deleted: [("chunk".to_owned(), 3)].into(),
            kept: Vec::new(),
            backups: Vec::new(),
        };
        let text = Receipts::new(&pepper).unwrap().write(&receipt).unwrap();
        let said = desk
            .told(&["erasure", "verify", "-"], &format!("{text}\n"))
            .fine();
        assert!(
            said.contains("genuine") && said.contains("3 rows"),
            "{said}"
        );
        assert!(
            said.contains("put back since"),
            "this store never wrote it: {said}"
        );
        let forged = Receipts::new(&[1; 32]).unwrap().write(&receipt).unwrap();
        let said = desk.told(&["erasure", "verify", "-"], &forged);
        assert_eq!(said.code, 1);
        assert!(said.out.contains("NOT OURS"), "{said:?}");
        let path = desk.path("nothing.txt");
        desk.run(&["erasure", "verify", path.to_str().unwrap()])
            .failed();
    });
}
