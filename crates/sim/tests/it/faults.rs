//! What each fault of the wire does to the bytes a client receives.

use std::time::Duration;

use solthrive_meter::frame::{FrameFault, find_reply, parse_reply};
use solthrive_sim::{FaultKind, FaultSpec, Pins, Simulation};

use crate::client::{Client, fast, input, now};

fn fault(json: &str) -> FaultSpec {
    serde_json::from_str(json).unwrap()
}

/// The bytes that come for one read under a fault; the values hold still meanwhile.
fn received(json: &str) -> (Vec<u8>, Vec<u8>) {
    let sim = Simulation::start(fast()).unwrap();
    sim.pin(Pins {
        voltage_l1: Some(121.0),
        voltage_l2: Some(119.0),
        solar_kw: Some(2.0),
        home_kw: Some(1.0),
        ..Pins::default()
    });
    let client = Client::of(&sim);
    let sound = client.ask(input(1, 0, 6));
    assert!(parse_reply(input(1, 0, 6), &sound).is_ok());
    sim.begin_fault(fault(json)).unwrap();
    let silent = json.contains("no_reply");
    let spoilt = if silent {
        assert!(client.is_met_with_silence(input(1, 0, 6)));
        Vec::new()
    } else {
        client.ask_all(input(1, 0, 6))
    };
    sim.clear_faults();
    assert_eq!(
        client.ask(input(1, 0, 6)),
        sound,
        "and it ends when it is cleared"
    );
    (sound, spoilt)
}

#[test]
fn no_reply_is_silence() {
    assert!(received(r#"{"kind":"no_reply"}"#).1.is_empty());
}

#[test]
fn a_checksum_error_is_one() {
    let (sound, spoilt) = received(r#"{"kind":"crc"}"#);
    assert_eq!(spoilt.len(), sound.len());
    assert_eq!(
        sound
            .iter()
            .zip(&spoilt)
            .map(|(a, b)| (a ^ b).count_ones())
            .sum::<u32>(),
        1
    );
}

#[test]
fn an_exception_carries_its_code() {
    let spoilt = received(r#"{"kind":"exception","code":4}"#).1;
    assert_eq!(
        parse_reply(input(1, 0, 6), &spoilt),
        Err(FrameFault::Exception(4))
    );
}

#[test]
fn garbage_stands_where_it_was_ordered() {
    let (sound, before) = received(r#"{"kind":"garbage","bytes":7}"#);
    assert!(before.len() == sound.len() + 7 && before.ends_with(&sound));
    let (sound, after) = received(r#"{"kind":"garbage","bytes":7,"place":"after"}"#);
    assert!(after.len() == sound.len() + 7 && after.starts_with(&sound));
    let (_, instead) = received(r#"{"kind":"garbage","bytes":7,"place":"instead"}"#);
    assert!(instead.len() == 7 && find_reply(input(1, 0, 6), &instead).is_none());
}

#[test]
fn another_units_reply_is_sound_but_anothers() {
    let spoilt = received(r#"{"kind":"wrong_unit"}"#).1;
    assert_eq!(parse_reply(input(1, 0, 6), &spoilt), Err(FrameFault::Wrong));
    assert!(parse_reply(input(2, 0, 6), &spoilt).is_ok());
}

#[test]
fn a_reply_of_the_wrong_length_is_sound_but_short() {
    let spoilt = received(r#"{"kind":"wrong_length"}"#).1;
    assert!(parse_reply(input(1, 0, 5), &spoilt).is_ok());
}

#[test]
fn a_truncated_reply_is_the_beginning_of_it() {
    let (sound, spoilt) = received(r#"{"kind":"truncated","bytes":6}"#);
    assert_eq!(spoilt, sound[..6]);
}

#[test]
fn a_doubled_reply_comes_twice() {
    let (sound, spoilt) = received(r#"{"kind":"doubled"}"#);
    assert_eq!(spoilt, [sound.clone(), sound].concat());
}

#[test]
fn an_echo_is_the_request_ahead_of_the_reply() {
    let (sound, spoilt) = received(r#"{"kind":"echo"}"#);
    assert_eq!(spoilt, [input(1, 0, 6).encode().to_vec(), sound].concat());
}

#[test]
fn a_late_reply_is_late_and_whole() {
    let sim = Simulation::start(fast()).unwrap();
    let client = Client::of(&sim);
    sim.begin_fault(fault(r#"{"kind":"delay","ms":120}"#))
        .unwrap();
    let began = now();
    let reply = client.ask(input(1, 0, 6));
    assert!(began.elapsed() >= Duration::from_millis(120));
    assert!(parse_reply(input(1, 0, 6), &reply).is_ok());
}

#[test]
fn a_late_reply_can_meet_the_next_request_which_is_heard_all_the_same() {
    let sim = Simulation::start(fast()).unwrap();
    let client = Client::of(&sim);
    sim.begin_fault(fault(r#"{"kind":"delay","ms":700,"count":1}"#))
        .unwrap();
    client.send(&input(1, 0, 6).encode());
    assert!(client.read(1, Duration::from_millis(40)).is_empty());
    client.send(&input(1, 6, 6).encode());
    let both = client.read(34, Duration::from_secs(5));
    let of_currents =
        parse_reply(input(1, 6, 6), &both[..17]).map(|words| words.iter().collect::<Vec<_>>());
    let of_volts =
        parse_reply(input(1, 0, 6), &both[17..]).map(|words| words.iter().collect::<Vec<_>>());
    assert!(of_currents.is_ok() && of_volts.is_ok());
    assert_eq!(
        sim.truth(Duration::from_secs(9)).replies[0].faults,
        [FaultKind::Delay]
    );
}

#[test]
fn a_probability_spoils_some_replies() {
    let sim = Simulation::start(fast()).unwrap();
    let client = Client::of(&sim);
    sim.begin_fault(fault(r#"{"kind":"exception","probability":0.5,"seed":3}"#))
        .unwrap();
    let spoilt = (0..40).filter(|_| client.is_refused()).count();
    assert!((8..32).contains(&spoilt), "{spoilt} of 40");
}

impl Client {
    /// Whether the reply to a short read is a refusal. Both have different lengths.
    fn is_refused(&self) -> bool {
        self.rest();
        self.send(&input(1, 0, 2).encode());
        let head = self.read(5, Duration::from_secs(5));
        let refused = head[1] & 0x80 != 0;
        if !refused && head.len() < 9 {
            self.read(9 - head.len(), Duration::from_secs(5));
        }
        refused
    }
}
