//! Help that teaches, and exit codes.

use super::Desk;

#[test]
fn every_command_says_what_it_does() {
    let desk = Desk::new();
    let said = desk.run(&["--help"]).fine();
    for word in [
        "Examples:",
        "Exit codes",
        "backup",
        "--json",
        "provision",
        "restore",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    for command in [
        &["backup"][..],
        &["restore"],
        &["verify"],
        &["audit"],
        &["site", "new"],
        &["site", "set"],
        &["code", "new"],
        &["device", "provision"],
        &["token", "new"],
        &["token", "revoke"],
        &["token", "rotate"],
        &["chunk", "dump"],
        &["history", "import"],
    ] {
        let said = desk.run(&[command, &["--help"]].concat()).fine();
        assert!(said.contains("Example"), "{command:?}: {said}");
    }
}

#[test]
fn a_mistyped_folder_is_noticed_and_not_begun() {
    let desk = Desk::new();
    for words in [
        &["org", "list"][..],
        &["status"],
        &["backup", "b"],
        &["verify"],
    ] {
        let said = desk.run(words).failed();
        assert!(said.contains("there is no store"), "{said}");
    }
    assert!(!desk.data().exists() && !desk.path("b").exists());
    let said = desk.run(&["org", "list"]).failed();
    assert!(said.contains("--data"), "{said}");
}

#[test]
fn a_program_finds_the_reason_in_json() {
    let desk = Desk::new();
    desk.furnish();
    let said = desk.json(&["site", "show", "Elsewhere"]);
    assert_eq!(
        said["error"],
        "there is no site `Elsewhere`; `admin site list` shows them all"
    );
}

#[test]
fn a_password_in_the_environment_is_not_in_the_help() {
    let said = std::process::Command::new(env!("CARGO_BIN_EXE_solthrive-cloud"))
        .args(["admin", "--help"])
        .env("SOLTHRIVE_CLOUD_STORE", "postgres://ana:hunter2@db/s")
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.contains("SOLTHRIVE_CLOUD_STORE") && !said.contains("hunter2"),
        "{said}"
    );
}
