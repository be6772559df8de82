//! The master on a real pseudo-terminal and the real clock: what `rtu_faults` shows on a virtual line
//! holds with the kernel between.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use solthrive_meter::bus::{BusFault, FaultKind, Master, Pace, SystemPace};
use solthrive_meter::line::{Parity, SerialSettings};
use solthrive_meter::rtu::{RtuMaster, RtuOptions};

use crate::rtu_faults::{DISTINCT, Tally, block, ms};
use crate::rtu_line::ScriptedMeter;
use crate::rtu_script::{Fault, Script, told};

const LINE: SerialSettings = SerialSettings {
    baud: 115_200,
    parity: Parity::None,
    stop_bits: 1,
};
const TIMEOUT: Duration = ms(150);
/// Longer by far than what the scripted meter takes back because it comes too late.
const OPTIONS: RtuOptions = RtuOptions {
    quarantine: ms(350),
};
const REQUESTS: usize = 30;

#[rstest]
#[case::nothing(None, 25)]
#[case::doubled(Some((0.2, Fault::Twice { pause: Duration::ZERO })), 10)]
#[case::late(Some((0.1, Fault::Late(ms(250)))), 10)]
#[case::damaged(Some((0.1, Fault::Crc)), 10)]
#[case::echo(Some((1.0, Fault::Echo)), 25)]
#[case::in_pieces(Some((1.0, Fault::Pieces(ms(5)))), 20)]
fn a_fault_on_a_tty_makes_no_wrong_value(
    #[case] fault: Option<(f64, Fault)>,
    #[case] right_at_least: u32,
) {
    let pace: Arc<dyn Pace> = Arc::new(SystemPace::new());
    let mut script = Script::new(LINE, 42);
    script.faults.extend(fault);
    let meter = ScriptedMeter::start(script, Arc::clone(&pace));
    let mut master = RtuMaster::open(&meter.path, LINE, pace, OPTIONS).unwrap();
    let mut tally = Tally::default();
    for request in DISTINCT.iter().cycle().take(REQUESTS) {
        let outcome = master.read(*request, TIMEOUT);
        tally.waits += master.last().waits;
        tally.count(outcome, || told(*request, meter.requests() as u64 - 1));
    }
    println!("{fault:?}: {tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
    assert!(tally.right >= right_at_least, "{tally:?}");
    assert_eq!(
        meter.seen(|seen| seen.violations(LINE)),
        0,
        "3.5 characters"
    );
    assert_eq!(meter.seen(|seen| seen.garbled), 0, "requests are whole");
}

#[test]
fn a_second_master_on_the_same_port_is_told_that_it_is_busy() {
    let pace: Arc<dyn Pace> = Arc::new(SystemPace::new());
    let meter = ScriptedMeter::start(Script::new(LINE, 1), Arc::clone(&pace));
    let first = RtuMaster::open(&meter.path, LINE, Arc::clone(&pace), OPTIONS).unwrap();
    let second = RtuMaster::open(&meter.path, LINE, Arc::clone(&pace), OPTIONS);
    let refusal = second.unwrap_err();
    assert_eq!(refusal.kind(), FaultKind::PortBusy);
    let path = meter.path.display().to_string();
    assert!(refusal.to_string().contains(&path), "{refusal}");
    drop(first);
    RtuMaster::open(&meter.path, LINE, pace, OPTIONS).expect("free again");
}

#[test]
fn an_adapter_pulled_out_is_a_port_that_is_gone_and_no_timeout() {
    let pace: Arc<dyn Pace> = Arc::new(SystemPace::new());
    let meter = ScriptedMeter::start(Script::new(LINE, 1), Arc::clone(&pace));
    let mut master = RtuMaster::open(&meter.path, LINE, pace, OPTIONS).unwrap();
    master.read(DISTINCT[0], ms(2000)).unwrap();
    drop(meter);
    let fault = master.read(block(1, 0, 6), ms(2000)).unwrap_err();
    assert!(matches!(fault, BusFault::PortGone(_)), "{fault}");
}

#[test]
fn a_file_that_is_no_serial_port_is_refused() {
    let pace: Arc<dyn Pace> = Arc::new(SystemPace::new());
    let file = tempfile::NamedTempFile::new().unwrap();
    let refusal = RtuMaster::open(file.path(), LINE, pace, OPTIONS).unwrap_err();
    assert!(matches!(refusal, BusFault::PortGone(_)), "{refusal}");
    assert!(
        refusal.to_string().contains("is no serial port"),
        "{refusal}"
    );
}
