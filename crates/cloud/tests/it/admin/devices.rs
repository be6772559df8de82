//! Devices and their tokens.

use std::fs;

use super::{Desk, mode};
use crate::service::{Client, run};

#[test]
fn the_factorys_list_twice_is_once() {
    let desk = Desk::new();
    let hash = |digit: &str| digit.repeat(64);
    let id = |n| uuid::Uuid::from_u128(n);
    let list = format!(
        "serial,device_id,token_hash\nST-1,{},{}\nST-2,{},{}\n",
        id(1),
        hash("a"),
        id(2),
        hash("b")
    );
    fs::write(desk.path("list.csv"), &list).unwrap();
    let words = ["device", "provision", "list.csv", "--out"];
    let first = desk.json(&[&words[..], &["one.csv"]].concat());
    assert_eq!(
        (&first["new"], &first["known_before"]),
        (&2.into(), &0.into())
    );
    let again = desk.json(&[&words[..], &["two.csv"]].concat());
    assert_eq!(
        (&again["new"], &again["known_before"]),
        (&0.into(), &2.into())
    );
    assert_eq!(desk.json(&["device", "list"]).as_array().unwrap().len(), 2);
    // Another token for a known serial: nothing of the list is taken, and no file is left.
    let other = format!("{list}ST-3,{},{}\n", id(3), hash("c")).replace(&hash("b"), &hash("d"));
    fs::write(desk.path("list.csv"), other).unwrap();
    let said = desk.run(&[&words[..], &["three.csv"]].concat()).failed();
    assert!(
        said.contains("line 3: ST-2") && !said.contains("line 2"),
        "{said}"
    );
    assert_eq!(desk.json(&["device", "list"]).as_array().unwrap().len(), 2);
    assert!(!desk.path("three.csv").exists() && !desk.path("three.csv.partial").exists());
}

#[test]
fn serials_alone_get_ids_and_tokens_in_a_file_for_its_owner() {
    let desk = Desk::new();
    fs::write(desk.path("list.csv"), "serial\nST-1\nST-2\n").unwrap();
    let words = ["device", "provision", "list.csv", "--out", "labels.csv"];
    let said = desk.run(&words).fine();
    let file = fs::read_to_string(desk.path("labels.csv")).unwrap();
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!((lines[0], lines.len()), ("serial,device_id,token,label", 3));
    let fields: Vec<&str> = lines[1].split(',').collect();
    assert!(
        fields[2].starts_with("std_") && !fields[3].contains("std_"),
        "{file}"
    );
    assert!(
        fields[3].contains(fields[1]) && !said.contains("std_"),
        "{file} {said}"
    );
    assert_eq!(mode(&desk.path("labels.csv")), 0o600);
    assert!(desk.run(&words).failed().contains("there already"));
    let drawn = desk
        .told(&["device", "provision", "-", "--qr"], "serial\nST-9\n")
        .fine();
    assert!(drawn.contains('█') && drawn.contains("std_"), "{drawn}");
}

#[test]
fn bad_lines_are_named_and_nothing_is_taken() {
    let desk = Desk::new();
    let list = "serial\nST-1\n\"\"\nST-1\nST-2,extra\n";
    let said = desk.told(&["device", "provision", "-"], list).failed();
    for line in [
        "line 3: a serial has",
        "line 4: the serial ST-1",
        "line 5: it has 2 fields",
    ] {
        assert!(said.contains(line), "{said}");
    }
    assert_eq!(desk.json(&["device", "list"]), serde_json::json!([]));
    assert!(
        desk.run(&["device", "provision", "none.csv"])
            .failed()
            .contains("none.csv")
    );
}

#[test]
fn a_second_token_is_given_and_the_last_one_is_not_taken_by_accident() {
    run(async {
        let desk = Desk::new();
        desk.furnish();
        let service = desk.serve();
        let client = Client::plain(service.address);
        let device = desk.at_home(&client).await;
        let new = desk.json(&["token", "new", "ST-1"]);
        let hashes = desk.json(&["device", "show", "ST-1"])["token_hashes"].clone();
        assert_eq!(hashes[1], new["token_hash"]);
        let (old, second) = (hashes[0].as_str().unwrap(), new["token"].as_str().unwrap());
        desk.run(&["token", "revoke", "ST-1", "--hash", &old[..8]])
            .fine();
        let said = desk
            .told(&["token", "revoke", "ST-1", "--token-stdin"], second)
            .failed();
        assert!(
            said.contains("only token") && !said.contains(second),
            "{said}"
        );
        // Nodes hear of it within seconds.
        let mut status = 0;
        for _ in 0..100 {
            status = device.deliver(&client, &[]).await.status;
            if status == 401 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(status, 401);
        let mine = format!("std_{}\n", "7".repeat(64));
        let said = desk
            .told(&["token", "new", "ST-1", "--token-stdin"], &mine)
            .fine();
        assert!(!said.contains(mine.trim()), "{said}");
        desk.told(&["token", "revoke", "ST-1", "--token-stdin"], &mine)
            .fine();
        assert!(
            desk.told(&["token", "new", "ST-1", "--token-stdin"], "short")
                .failed()
                .contains("32")
        );
    });
}

#[test]
fn a_device_takes_the_place_of_another() {
    run(async {
        let desk = Desk::new();
        desk.furnish();
        let service = desk.serve();
        desk.at_home(&Client::plain(service.address)).await;
        desk.provision(&["ST-2", "ST-3"]);
        assert!(
            desk.run(&["device", "replace", "ST-2", "ST-3"])
                .failed()
                .contains("at no site")
        );
        desk.run(&["device", "deactivate", "ST-3"]).fine();
        assert!(
            desk.run(&["device", "replace", "ST-1", "ST-3"])
                .failed()
                .contains("deactivated")
        );
        desk.run(&["device", "replace", "ST-1", "ST-2"]).fine();
        let places = desk.json(&["device", "show", "ST-1"])["places"].clone();
        assert!(places[0]["to"].is_string(), "{places}");
        let site = desk.json(&["site", "show", "Home"]);
        assert_eq!(site["devices"][0]["serial"], "ST-2");
        assert!(desk.run(&["device", "list"]).fine().contains("deactivated"));
    });
}
