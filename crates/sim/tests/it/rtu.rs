use std::time::Duration;

use solthrive_domain::Point;
use solthrive_meter::frame::{FrameFault, parse_reply};
use solthrive_sim::{MeterSpec, Pins, SimConfig, Simulation};

use crate::client::{Client, PATIENCE, SILENCE, fast, input, now, profile, until};

fn volts(reply: &[u8]) -> f32 {
    let words: Vec<u16> = parse_reply(input(1, 0, 2), reply).unwrap().iter().collect();
    f32::from_bits(u32::from(words[0]) << 16 | u32::from(words[1]))
}

#[test]
fn a_client_reads_the_truth() {
    let sim = Simulation::start(fast()).unwrap();
    sim.pin(Pins {
        voltage_l1: Some(121.5),
        ..Pins::default()
    });
    let reply = Client::of(&sim).ask(input(1, 0, 2));
    assert_eq!(volts(&reply), 121.5);
}

#[test]
fn every_reply_is_remembered_with_the_truth_of_its_instant() {
    let sim = Simulation::start(fast()).unwrap();
    let client = Client::of(&sim);
    let reply = client.ask(input(1, 0, 4));
    let truth = sim.truth(Duration::from_secs(10));
    let [record] = &truth.replies[..] else {
        panic!("{} replies", truth.replies.len())
    };
    let point: Point = "v_l1".parse().unwrap();
    let said = record.points[&point];
    assert_eq!(
        (record.unit, record.address, record.points.len()),
        (1, 0, 2)
    );
    assert!((said.sent.unwrap() - said.value).abs() < 1e-4);
    let words: Vec<u16> = parse_reply(input(1, 0, 4), &reply)
        .unwrap()
        .iter()
        .collect();
    assert_eq!(
        f64::from(f32::from_bits(
            u32::from(words[0]) << 16 | u32::from(words[1])
        )),
        said.sent.unwrap()
    );
}

#[test]
fn a_reply_takes_the_time_its_baud_rate_needs() {
    let config = SimConfig::on_pty(profile("eastron-sdm630")).baud(9600);
    let sim = Simulation::start(config).unwrap();
    let client = Client::open(&sim.pty(), 9600);
    let began = now();
    assert_eq!(client.ask(input(1, 0, 36)).len(), 77);
    // 8 + 77 characters of 1.04 ms and 5 ms of thinking.
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(93) && took < Duration::from_millis(500),
        "{took:?}"
    );
}

#[test]
fn several_meters_share_a_bus_and_strangers_stay_silent() {
    let mut config = fast();
    config
        .meters
        .push(MeterSpec::new(9, profile("eastron-sdm120")));
    let sim = Simulation::start(config).unwrap();
    let client = Client::of(&sim);
    for unit in [1, 9, 1] {
        let reply = client.ask(input(unit, 0, 2));
        assert!(
            parse_reply(input(unit, 0, 2), &reply).is_ok(),
            "{unit}: {reply:?}"
        );
    }
    assert!(client.is_met_with_silence(input(5, 0, 2)));
    assert_eq!(sim.stats().unanswered, 1);
}

#[test]
fn a_damaged_request_is_not_answered_and_does_no_harm() {
    let sim = Simulation::start(fast()).unwrap();
    let client = Client::of(&sim);
    let mut damaged = input(1, 0, 2).encode();
    damaged[7] ^= 0x10;
    for bytes in [
        &damaged[..],
        &damaged[..5],
        b"\x01",
        b"hello meter, how are you?",
    ] {
        client.send(bytes);
        assert!(client.read(1, SILENCE).is_empty(), "{bytes:?}");
    }
    until("the fourth", || (sim.stats().bad_frames == 4).then_some(()));
    assert_eq!(sim.stats().requests, 0);
    assert!(parse_reply(input(1, 0, 2), &client.ask(input(1, 0, 2))).is_ok());
}

#[test]
fn a_read_that_makes_no_sense_is_refused_by_the_book() {
    let sim = Simulation::start(fast()).unwrap();
    let client = Client::of(&sim);
    let refusal = |request, frame: &[u8]| match parse_reply(request, frame) {
        Err(FrameFault::Exception(code)) => code,
        other => panic!("{other:?}"),
    };
    let absent = input(1, 0x2000, 2);
    assert_eq!(refusal(absent, &client.ask_all(absent)), 2);
    let none = input(1, 0, 0);
    assert_eq!(refusal(none, &client.ask_all(none)), 3);
    assert_eq!(sim.stats().exceptions, 2);
    // Function 6 writes; these meters only read.
    let write = [1, 6, 0, 0, 0, 1, 0x48, 0x0a];
    client.rest();
    client.send(&write);
    let reply = client.read(5, PATIENCE);
    assert_eq!(reply[..3], [1, 0x86, 1]);
}

#[test]
fn a_client_that_does_not_wait_is_counted() {
    let sim = Simulation::start(fast()).unwrap();
    let client = Client::of(&sim);
    // A busy machine may make it wait now and then.
    let hasty = (0..200).any(|_| {
        client.send(&input(1, 0, 2).encode());
        assert_eq!(client.read(9, PATIENCE).len(), 9);
        sim.stats().gap_violations > 0
    });
    assert!(hasty && sim.stats().shortest_gap_ms.unwrap() < 1.75);
}

#[test]
fn a_client_at_another_speed_is_not_heard() {
    let sim = Simulation::start(fast()).unwrap();
    let client = Client::open(&sim.pty(), 9600);
    assert!(client.is_met_with_silence(input(1, 0, 2)));
    assert_eq!(sim.stats().wrong_speed, 1);
}

#[test]
fn clients_come_and_go() {
    let sim = Simulation::start(fast()).unwrap();
    for _ in 0..3 {
        assert_eq!(Client::of(&sim).ask(input(1, 0, 2)).len(), 9);
    }
}

#[test]
fn the_link_points_at_the_port_and_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("dev/meter");
    let sim = Simulation::start(SimConfig {
        pty_link: Some(link.clone()),
        ..fast()
    })
    .unwrap();
    assert_eq!(
        std::fs::read_link(&link).unwrap(),
        sim.pty_device().unwrap()
    );
    assert_eq!(Client::open(&link, 115_200).ask(input(1, 0, 2)).len(), 9);
    drop(sim);
    assert!(link.symlink_metadata().is_err());
    std::fs::write(&link, "somebody's").unwrap();
    let refused = Simulation::start(SimConfig {
        pty_link: Some(link.clone()),
        ..fast()
    })
    .unwrap_err();
    assert!(
        refused.to_string().contains("is no symbolic link"),
        "{refused}"
    );
}

#[test]
fn an_unplugged_adapter_comes_back_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("meter");
    let sim = Simulation::start(SimConfig {
        pty_link: Some(link.clone()),
        ..fast()
    })
    .unwrap();
    let client = Client::of(&sim);
    let before = sim.pty_device().unwrap();
    sim.begin_fault(serde_json::from_str(r#"{"kind":"unplug","seconds":1}"#).unwrap())
        .unwrap();
    assert!(client.hangs_up());
    assert!(link.symlink_metadata().is_err() && sim.pty_device().is_none());
    let after = until("the adapter", || sim.pty_device());
    assert_ne!(before, after);
    assert_eq!(std::fs::read_link(&link).unwrap(), after);
    assert_eq!(Client::of(&sim).ask(input(1, 0, 2)).len(), 9);
    assert_eq!(sim.stats().unplugged, 1);
}

#[test]
fn two_meters_of_one_unit_are_refused() {
    let mut config = fast();
    config
        .meters
        .push(MeterSpec::new(1, profile("eastron-sdm120")));
    assert_eq!(
        Simulation::start(config).unwrap_err().to_string(),
        "two meters have unit 1"
    );
}

#[test]
fn a_clamp_on_a_leg_that_is_not_there_is_refused() {
    let mut config = fast();
    config.meters[0].wiring = Some("l1=main_l1,l3=main_l3".parse().unwrap());
    let error = Simulation::start(config).unwrap_err().to_string();
    assert_eq!(
        error,
        "the clamp l3 of unit 1 is on a leg that this home does not have"
    );
}
