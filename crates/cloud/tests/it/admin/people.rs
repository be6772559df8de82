//! Orgs, sites, codes.

use serde_json::json;

use super::Desk;

#[test]
fn a_home_is_added_changed_and_shown() {
    let desk = Desk::new();
    desk.furnish();
    let words = [
        "site",
        "set",
        "Home",
        "--name",
        "Casa",
        "--size-kw",
        "7.6",
        "--latitude",
        "34.05",
    ];
    desk.run(&[&words[..], &["--longitude", "-118.24", "--raw-days", "90"]].concat())
        .fine();
    let site = desk.json(&["site", "show", "Casa"]);
    let told = json!([
        site["size_kw"],
        site["latitude"],
        site["longitude"],
        site["raw_days"]
    ]);
    assert_eq!(told, json!([7.6, 34.1, -118.2, 90]));
    let said = desk.run(&["site", "list"]).fine();
    assert!(said.contains("Casa  Europe/Berlin  7.6 kW"), "{said}");
    desk.run(&["site", "set", "Casa", "--raw-days", "default"])
        .fine();
    assert!(desk.json(&["site", "show", "Casa"])["raw_days"].is_null());
    assert!(
        desk.run(&["site", "set", "Casa"])
            .failed()
            .contains("nothing to change")
    );
}

#[test]
fn what_cannot_be_is_refused_with_a_hint() {
    let desk = Desk::new();
    desk.furnish();
    let site = |zone, more: &[&str]| {
        let words = ["site", "new", "X", "--owner", "Ana", "--zone", zone];
        desk.run(&[&words[..], more].concat()).failed()
    };
    assert!(site("Los Angeles", &[]).contains("did you mean America/Los_Angeles?"));
    assert!(site("UTC", &["--latitude", "91", "--longitude", "0"]).contains("from -90 to 90"));
    assert!(site("UTC", &["--latitude", "9"]).contains("--longitude"));
    assert!(site("UTC", &["--size-kw", "lots"]).contains("7.6"));
    let said = desk
        .run(&["site", "new", "X", "--owner", "Nobody", "--zone", "UTC"])
        .failed();
    assert!(said.contains("there is no org `Nobody`"), "{said}");
    desk.run(&["org", "new", "Ana"]).fine();
    let said = desk
        .run(&["site", "new", "X", "--owner", "Ana", "--zone", "UTC"])
        .failed();
    assert!(said.contains("more than one org"), "{said}");
}

#[test]
fn a_code_is_shown_once_listed_without_itself_and_revoked() {
    let desk = Desk::new();
    desk.furnish();
    let words = [
        "code",
        "new",
        "--site",
        "Home",
        "--installer",
        "Sunrise",
        "--hours",
        "5",
        "--uses",
        "2",
    ];
    let made = desk.json(&words);
    let (code, id) = (made["code"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert_eq!((code.len(), code.find('-')), (11, Some(5)));
    let listed = desk.json(&["code", "list"]);
    assert!(!listed.to_string().contains(code));
    assert_eq!(
        json!([listed[0]["state"], listed[0]["uses_left"]]),
        json!(["good", 2])
    );
    desk.run(&["code", "revoke", id]).fine();
    assert_eq!(desk.json(&["code", "list"])[0]["state"], "revoked");
    assert!(
        desk.run(&["code", "revoke", &uuid::Uuid::nil().to_string()])
            .failed()
            .contains("code list")
    );
    assert_eq!(super::mode(&desk.data().join("pepper")), 0o600);
}

#[test]
fn everything_that_was_done_is_in_the_audit_log() {
    let desk = Desk::new();
    desk.furnish();
    desk.code();
    let done = desk.json(&["audit"]);
    let done: Vec<&str> = done
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["action"].as_str().unwrap())
        .collect();
    assert_eq!(done, ["org.added", "org.added", "site.added", "code.added"]);
    assert_eq!(desk.json(&["audit", "--check"])["rows"], 4);
    let db = rusqlite::Connection::open(desk.data().join("solthrive.db")).unwrap();
    db.execute_batch("DROP TRIGGER audit_is_kept").unwrap();
    db.execute("UPDATE audit SET action = 'org.changed' WHERE seq = 2", [])
        .unwrap();
    let said = desk.run(&["audit", "--check"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out.contains("BROKEN") && said.out.contains("row 2"),
        "{said:?}"
    );
}
