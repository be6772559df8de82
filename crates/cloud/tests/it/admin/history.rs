//! A past comes in by the console, and the service goes on from there.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use solthrive_sim::clock::Clock;
use solthrive_sim::fleet::history::{Span, write};
use solthrive_sim::fleet::{Entry, read_roster};
use solthrive_testkit::Database;

use super::Desk;
use crate::service::{Client, run};

/// A home that is furnished, a roster with it, and a file with its past.
fn past(desk: &Desk) -> Entry {
    desk.furnish();
    let device = desk.provision(&["ST-1"]).remove(0);
    let entry = Entry {
        serial: device.serial.clone(),
        device_id: device.id,
        token: device.token.clone(),
        installer_code: desk.code(),
        time_zone: "Europe/Berlin".to_owned(),
        latitude: 48.1,
        longitude: 11.6,
        size_kw: 6.0,
    };
    let roster = [entry.clone()];
    fs::write(
        desk.path("roster.json"),
        serde_json::to_vec(&roster).unwrap(),
    )
    .unwrap();
    let roster = read_roster(&desk.path("roster.json")).unwrap();
    let minute = Duration::from_secs(60);
    let span = Span::until(Clock::start().wall(), 20, 2, minute).unwrap();
    let file = fs::File::create(desk.path("past.sthist")).unwrap();
    write(&roster, 3, &span, file, |_| {}).unwrap();
    entry
}

const IMPORT: [&str; 3] = ["history", "import", "past.sthist"];

async fn comes_in_and_goes_on(desk: &Desk) {
    let entry = past(desk);
    let unbound = desk.run(&IMPORT).failed();
    assert!(unbound.contains("ST-1 is at no site"), "{unbound}");
    let with_roster = [&IMPORT[..], &["--roster", "roster.json"]].concat();
    let said = desk.json(&with_roster);
    let count = |name: &str| said[name].as_u64().unwrap_or_else(|| panic!("{said}"));
    assert_eq!(
        (count("homes"), count("bound"), count("already")),
        (1, 1, 0)
    );
    assert_eq!(count("samples"), 18 * 96 + 1);
    assert!((2 * 1_440..=3 * 1_440).contains(&count("rows")));
    assert!(said["home_kwh"].as_f64().unwrap() > 100.0, "{said}");
    let again = desk.json(&with_roster);
    assert_eq!((&again["homes"], &again["already"]), (&0.into(), &1.into()));
    let text = desk.run(&with_roster).fine();
    assert!(text.starts_with("0 homes (1 were there already)"), "{text}");
    desk.run(&["chunk", "check"]).fine();
    let device = desk.json(&["device", "show", "ST-1"]);
    assert_eq!(device["state"], "bound", "{device}");

    // Its first call binds nothing anew, and the service takes what it says.
    let service = desk.serve();
    let client = Client::plain(service.address);
    let device = crate::service::Device {
        id: entry.device_id,
        serial: entry.serial.clone(),
        token: entry.token.clone(),
    };
    let registered = device.register(&client, &entry.installer_code).await;
    assert_eq!(registered.status, 200);
    let busy = desk.run(&with_roster).failed();
    assert!(busy.contains("stop"), "{busy}");
    service.terminate();
}

#[test]
fn a_past_comes_in_beside_no_service_and_the_device_goes_on() {
    run(async {
        comes_in_and_goes_on(&Desk::new()).await;
    });
}

#[test]
fn on_postgresql_too() {
    run(async {
        let database = Database::fresh().unwrap();
        comes_in_and_goes_on(&Desk::on(database.url())).await;
    });
}

#[test]
fn what_is_no_history_is_said_to_be_none() {
    let desk = Desk::new();
    desk.furnish();
    fs::write(desk.path("past.sthist"), "ts,solar_kw\n").unwrap();
    let said = desk.run(&IMPORT).failed();
    assert!(said.contains("this is no history of a fleet"), "{said}");
    let said: Value = desk.json(&["history", "import", "elsewhere"]);
    assert!(said["error"].as_str().unwrap().contains("elsewhere"));
}
