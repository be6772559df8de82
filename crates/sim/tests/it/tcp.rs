use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use solthrive_sim::{SimConfig, Simulation};

use crate::client::{PATIENCE, SILENCE, profile, until};

fn start() -> Simulation {
    let config = SimConfig {
        max_tcp_clients: 2,
        ..SimConfig::on_tcp(profile("gavazzi-em24-rs485"))
    };
    Simulation::start(config).unwrap()
}

fn connect(sim: &Simulation) -> TcpStream {
    let stream = TcpStream::connect(sim.tcp().unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

const fn ask(transaction: u8, unit: u8, address: u8, count: u8) -> [u8; 12] {
    [0, transaction, 0, 0, 0, 6, unit, 4, 0, address, 0, count]
}

fn reply(stream: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    stream.read_exact(&mut buffer).unwrap();
    buffer
}

#[test]
fn a_request_is_answered_under_its_transaction() {
    let sim = start();
    let mut stream = connect(&sim);
    stream.write_all(&ask(7, 1, 0, 2)).unwrap();
    let answer = reply(&mut stream, 13);
    assert_eq!(answer[..9], [0, 7, 0, 0, 0, 7, 1, 4, 4]);
    // s32, low word first, tenths of a volt.
    let volts = f64::from(u16::from_be_bytes([answer[9], answer[10]])) / 10.0;
    assert!((110.0..130.0).contains(&volts), "{volts}");
}

#[test]
fn requests_in_one_packet_are_answered_in_turn() {
    let sim = start();
    let mut stream = connect(&sim);
    stream
        .write_all(&[ask(1, 1, 0, 2), ask(2, 1, 2, 2)].concat())
        .unwrap();
    let answers = reply(&mut stream, 26);
    assert_eq!((answers[1], answers[14]), (1, 2));
}

#[test]
fn a_unit_nobody_has_is_refused_as_a_gateway_does() {
    let sim = start();
    let mut stream = connect(&sim);
    stream.write_all(&ask(1, 99, 0, 2)).unwrap();
    assert_eq!(reply(&mut stream, 9)[6..], [99, 0x84, 0x0B]);
}

#[test]
fn bytes_that_are_no_modbus_end_the_connection() {
    let sim = start();
    let mut stream = connect(&sim);
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(!matches!(stream.read(&mut [0; 16]), Ok(count) if count > 0));
    assert_eq!(sim.stats().bad_frames, 1);
}

#[test]
fn a_late_reply_does_not_hold_up_the_next() {
    let sim = start();
    let mut stream = connect(&sim);
    sim.begin_fault(serde_json::from_str(r#"{"kind":"delay","ms":700,"count":1}"#).unwrap())
        .unwrap();
    stream.write_all(&ask(1, 1, 0, 2)).unwrap();
    until("the first request", || {
        (sim.stats().requests == 1).then_some(())
    });
    stream.write_all(&ask(2, 1, 0, 2)).unwrap();
    assert_eq!(reply(&mut stream, 13)[1], 2);
    assert_eq!(reply(&mut stream, 13)[1], 1);
}

#[test]
fn more_clients_than_it_serves_are_turned_away() {
    let sim = start();
    let mut served = [connect(&sim), connect(&sim)];
    for stream in &mut served {
        stream.write_all(&ask(1, 1, 0, 2)).unwrap();
        reply(stream, 13);
    }
    let mut third = connect(&sim);
    let refused = third.read(&mut [0; 1]);
    assert!(
        matches!(refused, Ok(0))
            || refused.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
    );
}

#[test]
fn unplugged_it_drops_its_clients_and_returns_at_the_same_address() {
    let sim = start();
    let mut stream = connect(&sim);
    stream.write_all(&ask(1, 1, 0, 2)).unwrap();
    reply(&mut stream, 13);
    sim.begin_fault(serde_json::from_str(r#"{"kind":"unplug","seconds":0.3}"#).unwrap())
        .unwrap();
    assert!(!matches!(stream.read(&mut [0; 1]), Ok(count) if count > 0));
    let mut again = until("the listener", || {
        let stream = TcpStream::connect(sim.tcp().unwrap()).ok()?;
        stream.set_read_timeout(Some(SILENCE)).ok()?;
        (&stream).write_all(&ask(3, 1, 0, 2)).ok()?;
        (&stream).read_exact(&mut [0; 13]).ok().map(|()| stream)
    });
    again
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    again.write_all(&ask(4, 1, 0, 2)).unwrap();
    assert_eq!(reply(&mut again, 13)[1], 4);
}
