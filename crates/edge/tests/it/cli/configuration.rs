//! Commands that need nothing but files: configuration, profiles, token, help.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use super::Site;

#[test]
fn a_right_configuration_is_called_right() {
    let done = Site::new().cli(&["config", "check"]);
    assert_eq!(
        (done.code, done.out.as_str()),
        (Some(0), "The configuration in SITE/etc is right.\n")
    );
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let site = Site::new();
    site.write("etc/api.yaml", "max_ws_client: 3\n");
    site.write("etc/logging.yaml", "level: loud\n");
    let done = site.cli(&["config", "check"]);
    assert_eq!(done.code, Some(1));
    insta::assert_snapshot!(done.out, @r"
    error: SITE/etc/api.yaml:1
      unknown key api.max_ws_client
        1 | max_ws_client: 3
          | ^
      did you mean max_ws_clients?

    error: SITE/etc/logging.yaml:1
      logging.level is `loud`, but only these are possible: error, warn, info, debug, trace
        1 | level: loud
          |        ^

    2 errors: solthrived would start with the last configuration that worked, if there is one.
    ");
    let json = site.cli(&["config", "check", "--json"]);
    assert_eq!((json.code, &json.json()["ok"]), (Some(1), &false.into()));
    assert_eq!(json.json()["problems"][1]["value"], "loud");
}

#[test]
fn a_value_is_shown_with_where_it_comes_from() {
    let site = Site::new();
    site.write("etc/storage.yaml", "minute_days: 20\n");
    site.write("boot/config.yaml", "storage: {keep_days: 100}\n");
    let shown = site.cli(&["config", "show", "--origin", "storage"]);
    insta::assert_snapshot!(shown.out, @r"
    KEY                   VALUE  ORIGIN
    storage.minute_days   20     SITE/etc/storage.yaml:1
    storage.keep_days     100    override SITE/boot/config.yaml:1
    storage.low_space_mb  500    default
    ");
    let json = site.cli(&["config", "show", "--json"]).json();
    assert_eq!(
        (&json["storage.keep_days"], &json["base.timezone"]),
        (&100.into(), &"America/Los_Angeles".into())
    );
    let none = site.cli(&["config", "show", "store"]);
    assert_eq!(none.code, Some(2), "{}", none.out);
}

#[test]
fn a_command_that_needs_a_configuration_says_what_is_wrong_with_it() {
    let site = Site::new();
    site.write("etc/meter.yaml", "buses: 7\n");
    let done = site.cli(&["meter", "read", "--json"]);
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("meter.buses is `7`"), "{}", done.err);
    assert_eq!(done.json()["problems"][0]["line"], 1);
}

#[test]
fn a_token_is_shown_alone_and_can_be_replaced() {
    let site = Site::new();
    let none = site.cli(&["token", "show"]);
    assert_eq!((none.code, none.out.as_str()), (Some(2), ""));
    let made = site.cli(&["token", "rotate"]);
    let shown = site.cli(&["token", "show"]);
    assert_eq!((made.code, &made.out), (Some(0), &shown.out));
    assert_eq!(shown.out.trim().len(), 64);
    assert_eq!(
        fs::metadata(site.path("etc/token"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    assert_ne!(site.cli(&["token", "rotate"]).out, made.out);
}

#[test]
fn a_token_that_everybody_can_read_is_a_problem() {
    let site = Site::new();
    site.cli(&["token", "rotate"]);
    fs::set_permissions(site.path("etc/token"), fs::Permissions::from_mode(0o644)).unwrap();
    let done = site.cli(&["token", "show"]);
    assert_eq!(done.code, Some(1));
    assert!(
        done.err.contains("chmod 600 SITE/etc/token"),
        "{}",
        done.err
    );
}

#[test]
fn profiles_are_listed_shown_and_checked() {
    let site = Site::new();
    let list = site.cli(&["meter", "profiles", "--json"]).json();
    assert!(
        list["profiles"]
            .as_array()
            .unwrap()
            .iter()
            .any(|profile| profile["id"] == "eastron-sdm630")
    );
    let shown = site.cli(&["meter", "profiles", "show", "eastron-sdm120"]);
    assert!(
        shown.out.contains("2400 8N1 unit 1") && shown.out.contains("input 0x000C"),
        "{}",
        shown.out
    );
    let unknown = site.cli(&["meter", "profiles", "show", "eastron-sdm360"]);
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown.err.contains("did you mean eastron-sdm630?"),
        "{}",
        unknown.err
    );

    site.write("etc/profiles/mine.yaml", "id: mine\nvendors: me\n");
    let refused = site.cli(&["meter", "profiles"]);
    assert_eq!(refused.code, Some(1));
    let file = site.path("etc/profiles/mine.yaml");
    let checked = site.cli(&["meter", "profiles", "check", file.to_str().unwrap()]);
    assert_eq!(checked.code, Some(1));
    assert!(
        checked
            .out
            .contains("SITE/etc/profiles/mine.yaml:2:1: unknown key `vendors`"),
        "{}",
        checked.out
    );
}

#[test]
fn help_has_examples_and_exit_codes() {
    let help = Site::new().cli(&["--help"]);
    assert_eq!(help.code, Some(0));
    assert!(
        help.out.contains("Examples:") && help.out.contains("Exit codes:"),
        "{}",
        help.out
    );
    assert_eq!(Site::new().cli(&["chek"]).code, Some(2));
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let site = Site::new();
    let mut command = site.command(env!("CARGO_BIN_EXE_solthrive-cli"));
    let mut child = command
        .args(["meter", "profiles", "show", "eastron-sdm630"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}

#[test]
fn nothing_is_coloured_where_nobody_watches() {
    let done = Site::new().cli(&["check"]);
    assert!(
        !done.out.contains('\x1b') && !done.err.contains(['\x1b', '\r']),
        "{:?}",
        done.out
    );
}
