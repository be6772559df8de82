//! Meters without a daemon: read, found, and missing.

use std::time::Duration;

use serde_json::Value;
use solthrive_domain::Point;
use solthrive_meter::line::SerialSettings;
use solthrive_meter::rtu::Port;
use solthrive_sim::{SimConfig, Simulation};

use super::{Site, bus, profile, state};

fn point(name: &str) -> Point {
    name.parse().unwrap()
}

#[test]
fn every_value_is_read_and_is_the_meters() {
    let sim = Simulation::start(SimConfig::on_pty(profile("eastron-sdm630"))).unwrap();
    let site = Site::new();
    let channels =
        "channels: [{role: main_l1, input: l1}, {role: main_l2, input: l2}, {role: pv, input: l3}]";
    site.write(
        "etc/meter.yaml",
        &format!(
            "{channels}\nbuses: [{{{}}}]\n",
            bus(&sim.pty(), "eastron-sdm630")
        ),
    );
    let done = site.cli(&["meter", "read", "--json"]);
    assert_eq!(done.code, Some(0), "{}", done.err);
    let json = done.json();
    assert_eq!(json["read_by"], "solthrive-cli");
    let read = json["meters"][0]["values"].as_object().unwrap();
    let truth = &sim.truth(Duration::ZERO).meters[0].points;
    assert!(read.len() > 30, "{json:#}");
    for name in ["v_l1", "p_l1", "e_imp", "f"] {
        let (read, truth) = (read[name].as_f64().unwrap(), truth[&point(name)]);
        assert!(
            (read - truth).abs() <= 0.05 * truth.abs() + 1.0,
            "{name}: {read} instead of {truth}"
        );
    }
}

#[test]
fn a_healthy_meter_is_no_problem_but_a_missing_daemon_is() {
    let sim = Simulation::start(SimConfig::on_pty(profile("solthrive-v1"))).unwrap();
    let site = Site::with_bus(&bus(&sim.pty(), "solthrive-v1"));
    let done = site.cli(&["check", "--json"]);
    let json = done.json();
    assert_eq!((done.code, &json["ok"]), (Some(1), &Value::Bool(false)));
    let states = [
        "configuration",
        "bus main",
        "meter main",
        "daemon",
        "history",
    ]
    .map(|name| state(&json, name));
    assert_eq!(states, ["ok", "ok", "ok", "problem", "note"]);
    let table = site.cli(&["meter", "read", "main"]).out;
    assert!(
        table.contains("v_l1")
            && table.contains("holding 0x0000")
            && table.contains("Read directly"),
        "{table}"
    );
}

#[test]
fn a_meter_that_stays_silent_is_told_with_what_to_do() {
    let sim = Simulation::start(SimConfig::on_pty(profile("solthrive-v1"))).unwrap();
    let port = sim.pty();
    let site = Site::with_bus(&format!(
        "port: {}, meters: [{{profile: solthrive-v1, unit: 9}}]",
        port.display()
    ));
    let done = site.cli(&["meter", "read"]);
    assert_eq!(done.code, Some(1));
    assert!(
        done.out.contains("does not answer") && done.out.contains("meter scan"),
        "{}",
        done.out
    );
    assert_eq!(
        state(&site.cli(&["check", "--json"]).json(), "meter main"),
        "problem"
    );
}

#[test]
fn a_port_that_another_program_uses_is_left_alone() {
    let sim = Simulation::start(SimConfig::on_pty(profile("solthrive-v1"))).unwrap();
    let taken = Port::open(&sim.pty(), SerialSettings::default()).unwrap();
    let site = Site::with_bus(&bus(&sim.pty(), "solthrive-v1"));
    let read = site.cli(&["meter", "read", "--json"]);
    assert_eq!(
        (read.code, &read.json()["meters"][0]["fault"]),
        (Some(1), &"port_busy".into())
    );
    assert_eq!(
        state(&site.cli(&["check", "--json"]).json(), "bus main"),
        "problem"
    );
    let scan = site.cli(&["meter", "scan"]);
    assert_eq!(scan.code, Some(2));
    assert!(
        scan.err.contains(&format!("(pid {})", std::process::id())),
        "{}",
        scan.err
    );
    drop(taken);
    assert_eq!(site.cli(&["meter", "read"]).code, Some(0));
}

#[test]
fn a_port_that_is_not_there_says_so() {
    let site = Site::with_bus("port: /dev/ttyNOWHERE9, meters: [{profile: solthrive-v1}]");
    assert_eq!(
        state(&site.cli(&["check", "--json"]).json(), "bus main"),
        "problem"
    );
    let read = site.cli(&["meter", "read"]);
    assert_eq!(read.code, Some(1));
    assert!(
        read.out.contains("the port cannot be opened"),
        "{}",
        read.out
    );
}

#[test]
fn a_meter_on_the_network_is_read_like_any_other() {
    let sim = Simulation::start(SimConfig::on_tcp(profile("gavazzi-em24-ethernet"))).unwrap();
    let address = sim.tcp().unwrap();
    let site = Site::new();
    let text = "service: split_phase\nchannels: [{role: main_l1, input: l1}, {role: main_l2, input: l2}]\n";
    site.write(
        "etc/meter.yaml",
        &format!(
            "{text}buses: [{{tcp: '{address}', meters: [{{profile: gavazzi-em24-ethernet}}]}}]\n"
        ),
    );
    let done = site.cli(&["meter", "read", "--json"]);
    assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
    assert!(done.json()["meters"][0]["values"]["v_l1"].is_f64());
}

#[test]
fn a_meter_with_other_settings_is_found_and_can_be_pasted() {
    let mut config = SimConfig::on_pty(profile("eastron-sdm120"));
    config.meters[0].unit = 3;
    let sim = Simulation::start(config).unwrap();
    let port = sim.pty().display().to_string();
    let site = Site::new();
    let args = [
        "meter",
        "scan",
        "--port",
        &port,
        "--units",
        "1-3",
        "--profile",
        "eastron-sdm120",
        "--profile",
        "eastron-sdm630",
        "--timeout-ms",
        "100",
    ];
    let done = site.cli(&args);
    assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
    assert!(done.out.contains("2400 8N1, unit 3"), "{}", done.out);
    let snippet: String = done
        .out
        .lines()
        .skip_while(|line| *line != "For meter.yaml:")
        .skip(1)
        .take(6)
        .map(|line| format!("{}\n", &line[2..]))
        .collect();
    site.write(
        "etc/meter.yaml",
        &format!("{snippet}service: single_phase\nchannels: [{{role: main_l1, input: l1}}]\n"),
    );
    let read = site.cli(&["meter", "read"]);
    assert_eq!(read.code, Some(0), "{snippet}\n{}{}", read.out, read.err);
}

#[test]
fn nobody_on_the_cable_is_told_as_such() {
    let sim = Simulation::start(SimConfig::on_pty(profile("eastron-sdm120"))).unwrap();
    let port = sim.pty().display().to_string();
    let done = Site::new().cli(&[
        "meter",
        "scan",
        "--port",
        &port,
        "--units",
        "9",
        "--profile",
        "eastron-sdm120",
        "--timeout-ms",
        "50",
    ]);
    assert_eq!(done.code, Some(1));
    assert!(
        done.out.contains("No meter was found.") && done.out.contains("Swap the A and B wires"),
        "{}",
        done.out
    );
}
