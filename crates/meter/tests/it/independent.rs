//! The bus against a Modbus server that other people wrote: pymodbus, over a pseudo-terminal and TCP.
//! It is given each value as a number and encodes it itself.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use solthrive_domain::{MeterId, Quantity, Reading};
use solthrive_meter::bus::{BusConfig, Link, MeterConfig, MeterOutcome};
use solthrive_meter::line::{Parity, SerialSettings};
use solthrive_meter::profile::{Catalog, NumberKind, PointDef, Profile, Sign, WordOrder};

use crate::bus_tty::RunningBus;
use crate::rtu_faults::ms;

/// The server, in its own process.
pub(crate) struct IndependentMeter {
    process: Child,
    /// A TCP port, or the path of a serial port.
    pub place: String,
}

impl IndependentMeter {
    pub(crate) fn start(config: &serde_json::Value) -> Self {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/python/independent_meter.py"
        );
        let mut process = Command::new(interpreter())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{}: {error}: run `cargo xtask setup`",
                    interpreter().display()
                )
            });
        let mut input = process.stdin.take().unwrap();
        writeln!(input, "{config}").unwrap();
        process.stdin = Some(input);
        let mut place = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut place)
            .unwrap();
        assert!(
            !place.trim().is_empty(),
            "the independent server did not start (see above): run `cargo xtask setup`"
        );
        Self {
            process,
            place: place.trim().to_owned(),
        }
    }
}

impl Drop for IndependentMeter {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn interpreter() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    std::env::var_os("SOLTHRIVE_PYTHON").map_or_else(
        || home().join(".cache/solthrive/venv/bin/python"),
        PathBuf::from,
    )
}

/// What the server is told of a profile: every point, as a number before scaling.
pub(crate) fn served(profile: &Profile, transport: &str, holes: &str) -> serde_json::Value {
    let value = |def: &PointDef| {
        let kind = match def.kind {
            NumberKind::U16 => "UINT16",
            NumberKind::S16 => "INT16",
            NumberKind::U32 => "UINT32",
            NumberKind::S32 => "INT32",
            NumberKind::U64 => "UINT64",
            NumberKind::S64 => "INT64",
            NumberKind::F32 => "FLOAT32",
            NumberKind::F64 => "FLOAT64",
        };
        let number = if def.kind.is_float() {
            json!(raw(def))
        } else {
            json!(whole(raw(def)))
        };
        json!({"address": def.address, "type": kind, "lsw": def.words == WordOrder::Lsw, "value": number})
    };
    let values: Vec<_> = profile.points.iter().map(value).collect();
    json!({"transport": transport, "unit": 1, "holes": holes, "values": values})
}

#[expect(clippy::cast_possible_truncation, reason = "a few thousands")]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// A plausible number for this point, different from its neighbours', exact in its format.
fn raw(def: &PointDef) -> f64 {
    let place = f64::from(def.address % 64);
    let canonical = match def.point.quantity {
        Quantity::Voltage => 230.0 + place / 8.0,
        Quantity::Current => 5.0 + place / 8.0,
        Quantity::PowerFactor => 0.5 + place / 256.0,
        Quantity::Frequency => 50.0,
        Quantity::ActivePower | Quantity::ReactivePower => -700.0 - place,
        Quantity::PhaseAngle | Quantity::VoltageDistortion => 2.0 + place / 8.0,
        _ => 1000.0 + place,
    };
    let raw = canonical / def.k;
    if def.kind.is_float() {
        raw
    } else {
        raw.round()
    }
}

fn expected(def: &PointDef) -> f64 {
    let sign = if def.sign == Sign::Inverted {
        -1.0
    } else {
        1.0
    };
    raw(def) * def.k * sign * def.multiplier
}

#[rstest]
#[case::floats_over_rtu("eastron-sdm630", "rtu", "zero")]
#[case::floats_over_rtu_with_holes("eastron-sdm630", "rtu", "refused")]
#[case::integers_low_word_first_over_rtu("gavazzi-em24-rs485", "rtu", "zero")]
#[case::integers_low_word_first_over_tcp("gavazzi-em24-ethernet", "tcp", "zero")]
#[case::integers_over_tcp_with_holes("gavazzi-em24-ethernet", "tcp", "refused")]
#[case::floats_over_tcp("eastron-sdm630", "tcp", "zero")]
#[case::the_map_of_v1_over_rtu("solthrive-v1", "rtu", "zero")]
fn every_value_is_what_the_independent_server_was_given(
    #[case] id: &str,
    #[case] transport: &str,
    #[case] holes: &str,
) {
    let profile = Catalog::embedded().get(id).unwrap();
    let server = IndependentMeter::start(&served(&profile, transport, holes));
    let link = match transport {
        "tcp" => Link::Tcp {
            host: "127.0.0.1".into(),
            port: server.place.parse().unwrap(),
            connect_delay: Duration::ZERO,
        },
        _ => Link::serial(&server.place, LINE),
    };
    let meter = MeterConfig {
        slow_every: ms(1),
        ..MeterConfig::new(MeterId::new("main"), 1, Arc::clone(&profile))
    };
    let config = BusConfig {
        poll_every: ms(250),
        quarantine: Some(ms(100)),
        ..BusConfig::new("bus", link, vec![meter])
    };
    let bus = RunningBus::start(config);
    let complete = |reading: &Reading| reading.values.len() == profile.points.len();
    let cycle = bus.until(
        "a reading of every point",
        |outcome| matches!(outcome, MeterOutcome::Read(reading) if complete(reading)),
    );
    let MeterOutcome::Read(reading) = &cycle.meters[0].outcome else {
        panic!("{cycle:?}");
    };
    for def in &profile.points {
        let (got, given) = (reading.get(def.point).unwrap(), expected(def));
        // A single-precision float holds seven digits.
        assert!(
            (got - given).abs() <= given.abs() * 1e-6,
            "{}: {got}, given {given}",
            def.point
        );
    }
    let status = bus.status();
    assert!(
        status.meters[0].missing.is_empty(),
        "{:?}",
        status.meters[0].missing
    );
    assert_eq!(
        holes == "refused",
        status.errors.exception > 0,
        "{:?}",
        status.errors
    );
}

const LINE: SerialSettings = SerialSettings {
    baud: 19_200,
    parity: Parity::None,
    stop_bits: 1,
};
