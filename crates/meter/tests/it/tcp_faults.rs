//! Modbus TCP when the device or the network misbehaves: a fault and a new connection, never a wrong value.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use solthrive_meter::bus::{BusConfig, FaultKind, Link, Master, MeterOutcome, SystemPace};
use solthrive_meter::frame::ReadRequest;
use solthrive_meter::tcp::TcpMaster;

use crate::bus_tty::{RunningBus, is_read};
use crate::bus_virtual::meter;
use crate::random_profile::profile_with;
use crate::rtu_faults::{Tally, block, ms};
use crate::rtu_script::{Rng, told};
use crate::tcp_server::{Doing, TcpDevice};

/// Long for a loopback connection, also on a busy machine.
const TIMEOUT: Duration = ms(400);
const LATE: Doing = Doing::Late(ms(500));
/// Same length, other registers: only the transaction tells their answers apart.
const TWINS: [ReadRequest; 2] = [block(1, 0, 6), block(1, 100, 6)];

fn connect(device: &TcpDevice) -> TcpMaster {
    let (host, port) = (device.address.ip().to_string(), device.address.port());
    TcpMaster::open(&host, port, Duration::ZERO, Arc::new(SystemPace::new())).unwrap()
}

fn ask(master: &mut TcpMaster, device: &TcpDevice, requests: usize) -> Tally {
    let mut tally = Tally::default();
    for request in TWINS.iter().cycle().take(requests) {
        let outcome = master.read(*request, TIMEOUT);
        tally.count(outcome, || {
            told(*request, device.seen(|seen| seen.requests.len()) as u64 - 1)
        });
    }
    tally
}

#[rstest]
#[case::late(LATE, FaultKind::Timeout)]
#[case::silent(Doing::Silent, FaultKind::Timeout)]
#[case::reset(Doing::Reset, FaultKind::PortGone)]
#[case::closed(Doing::Close, FaultKind::PortGone)]
#[case::one_register_too_few(Doing::Registers(5), FaultKind::WrongReply)]
#[case::one_register_too_many(Doing::Registers(7), FaultKind::WrongReply)]
#[case::another_unit(Doing::OtherUnit, FaultKind::WrongReply)]
#[case::another_transaction(Doing::OtherTransaction, FaultKind::WrongReply)]
#[case::another_function(Doing::OtherFunction, FaultKind::WrongReply)]
#[case::no_modbus(Doing::Noise, FaultKind::Crc)]
#[case::half(Doing::Half, FaultKind::Timeout)]
fn one_bad_answer_costs_one_read_and_the_connection(#[case] bad: Doing, #[case] kind: FaultKind) {
    let device = TcpDevice::start(move |nth, _| if nth == 3 { bad } else { Doing::Answer });
    let mut master = connect(&device);
    let tally = ask(&mut master, &device, 10);
    println!("{bad:?}: {tally:?}");
    assert_eq!((tally.right, tally.wrong), (9, 0), "{tally:?}");
    assert_eq!(tally.faults.into_iter().collect::<Vec<_>>(), [(kind, 1)]);
    assert_eq!(
        device.seen(|seen| seen.connections),
        2,
        "one before, one after"
    );
}

#[test]
fn a_refusal_is_the_meters_word_and_keeps_the_connection() {
    let device = TcpDevice::start(|nth, _| {
        if nth % 2 == 1 {
            Doing::Refuse(2)
        } else {
            Doing::Answer
        }
    });
    let mut master = connect(&device);
    let tally = ask(&mut master, &device, 10);
    assert_eq!((tally.right, tally.wrong), (5, 0));
    assert_eq!(tally.faults[&FaultKind::Exception(2)], 5);
    assert_eq!(device.seen(|seen| seen.connections), 1);
}

#[test]
fn an_answer_sent_twice_is_not_taken_for_the_next_one() {
    let device = TcpDevice::start(|nth, _| {
        if nth == 3 {
            Doing::Twice
        } else {
            Doing::Answer
        }
    });
    let mut master = connect(&device);
    let tally = ask(&mut master, &device, 10);
    // The copy is either thrown away before the next request or refused by its transaction.
    assert!(tally.right >= 9 && tally.wrong == 0, "{tally:?}");
}

#[rstest]
fn all_faults_mixed_make_no_wrong_value(#[values(1, 2)] seed: u64) {
    const BAD: [Doing; 9] = [
        Doing::Late(ms(450)),
        Doing::Reset,
        Doing::Close,
        Doing::Registers(5),
        Doing::Refuse(4),
        Doing::Twice,
        Doing::OtherUnit,
        Doing::OtherTransaction,
        Doing::Noise,
    ];
    let mut rng = Rng::new(seed);
    let device = TcpDevice::start(move |_, _| {
        let one = usize::try_from(rng.below(BAD.len() as u64)).unwrap();
        if rng.chance(0.3) {
            BAD[one]
        } else {
            Doing::Answer
        }
    });
    let mut master = connect(&device);
    let tally = ask(&mut master, &device, 150);
    println!("mixed: {tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
    assert!(tally.right > 75, "{tally:?}");
}

fn config(device: &TcpDevice, connect_delay: Duration) -> BusConfig {
    let profile = profile_with("  v_l1: {address: 0}\n  p_l1: {address: 1}\n", 60, false);
    let link = Link::Tcp {
        host: "127.0.0.1".into(),
        port: device.address.port(),
        connect_delay,
    };
    BusConfig {
        poll_every: ms(100),
        ..BusConfig::new("bus", link, vec![meter(1, &profile)])
    }
}

#[test]
fn a_device_that_restarts_is_polled_on() {
    let device = TcpDevice::start(|_, _| Doing::Answer);
    let address = device.address;
    let bus = RunningBus::start(config(&device, Duration::ZERO));
    bus.until("the first reading", is_read);
    drop(device);
    bus.until("the loss", |outcome| {
        matches!(
            outcome,
            MeterOutcome::Failed {
                fault: FaultKind::PortGone,
                ..
            }
        )
    });
    let _back = TcpDevice::on(address, |_, _| Doing::Answer);
    bus.until("a reading after the restart", is_read);
    let status = bus.status();
    assert!(status.open && status.reopened >= 1, "{status:?}");
    assert!(status.errors.port_gone >= 1, "{:?}", status.errors);
}

#[test]
fn a_device_that_ignores_what_comes_too_soon_is_given_its_time() {
    let device = TcpDevice::start(|nth, _| {
        if nth == 2 {
            Doing::Close
        } else {
            Doing::Answer
        }
    });
    let bus = RunningBus::start(config(&device, ms(150)));
    bus.until("the loss", |outcome| {
        matches!(outcome, MeterOutcome::Failed { .. })
    });
    bus.until("a reading on the second connection", is_read);
    let pauses = device.seen(|seen| seen.pauses.clone());
    // The device may see the connection a moment after it was made.
    assert!(
        pauses.len() >= 2 && pauses.iter().all(|pause| *pause >= ms(100)),
        "{pauses:?}"
    );
}

#[test]
fn a_closed_port_is_a_link_that_is_gone() {
    let device = TcpDevice::start(|_, _| Doing::Answer);
    let port = device.address.port();
    drop(device);
    let pace = Arc::new(SystemPace::new());
    let refused = TcpMaster::open("127.0.0.1", port, Duration::ZERO, pace).unwrap_err();
    assert_eq!(refused.kind(), FaultKind::PortGone);
    assert!(
        refused.to_string().contains(&format!("127.0.0.1:{port}")),
        "{refused}"
    );
}
