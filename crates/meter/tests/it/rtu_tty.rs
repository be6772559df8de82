//! The master on a real pseudo-terminal and the real clock: what `rtu_faults` shows on a virtual line
//! holds with the kernel between.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use solthrive_meter::bus::{BusFault, FaultKind, Master, Pace, SystemPace};
use solthrive_meter::line::{Parity, SerialSettings};
use solthrive_meter::rtu::{RtuMaster, RtuOptions};

use crate::rtu_faults::{DISTINCT, MIXED, Tally, block, ms};
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
/// Later than the timeout, sooner than the quarantine's end.
const LATE: Fault = Fault::Late(ms(250));
const REQUESTS: usize = 30;

/// What a fault is tried with, `probability` and all.
type Faults<'a> = &'a [(f64, Fault)];

/// Polls ten blocks of one unit in turn, so that none comes again before its time; the meter saw
/// every request.
fn poll(faults: Faults<'_>, requests: usize) -> (Tally, ScriptedMeter) {
    let pace: Arc<dyn Pace> = Arc::new(SystemPace::new());
    let mut script = Script::new(LINE, 42);
    script.faults.extend(faults);
    let meter = ScriptedMeter::start(script, Arc::clone(&pace));
    let mut master = RtuMaster::open(&meter.path, LINE, pace, OPTIONS).unwrap();
    let mut tally = Tally::default();
    for count in (1..=10).cycle().take(requests) {
        let request = block(1, 10 * count, 2 * count);
        let outcome = master.read(request, TIMEOUT);
        tally.waits += master.last().waits;
        tally.late_replies += master.last().late_replies;
        tally.count(outcome, || told(request, meter.requests() as u64 - 1));
    }
    println!("{faults:?}: {tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
    assert_eq!(meter.seen(|seen| seen.garbled), 0, "requests are whole");
    (tally, meter)
}

#[rstest]
#[case::nothing(&[], 25)]
#[case::doubled(&[(0.2, Fault::Twice { pause: Duration::ZERO })], 10)]
#[case::doubled_after_a_pause(&[(0.2, Fault::Twice { pause: ms(6) })], 8)]
#[case::now_and_then_late(&[(0.1, LATE)], 10)]
#[case::lost(&[(0.1, Fault::Lost)], 10)]
#[case::damaged(&[(0.1, Fault::Crc)], 10)]
#[case::cut_short(&[(0.1, Fault::Truncated)], 10)]
#[case::garbage_before(&[(0.3, Fault::GarbageBefore)], 10)]
#[case::garbage_after(&[(0.3, Fault::GarbageAfter)], 10)]
#[case::echo(&[(1.0, Fault::Echo)], 25)]
#[case::in_pieces(&[(1.0, Fault::Pieces(ms(5)))], 20)]
#[case::wrong_unit(&[(0.1, Fault::WrongUnit)], 10)]
#[case::refused(&[(0.3, Fault::Exception(4))], 10)]
fn a_fault_on_a_tty_makes_no_wrong_value_and_leaves_the_silence_alone(
    #[case] faults: Faults<'_>,
    #[case] right_at_least: u32,
) {
    let (tally, meter) = poll(faults, REQUESTS);
    assert!(tally.right >= right_at_least, "{tally:?}");
    assert_eq!(
        meter.seen(|seen| seen.violations(LINE)),
        0,
        "3.5 characters"
    );
}

#[test]
fn a_meter_on_a_tty_that_always_answers_too_late_is_never_believed() {
    let (tally, meter) = poll(&[(1.0, LATE)], 10);
    assert_eq!(tally.right, 0, "{tally:?}");
    // A machine that stalls loses some answers instead.
    assert!(tally.late_replies >= 5, "{tally:?}");
    assert_eq!(meter.seen(|seen| seen.violations(LINE)), 0);
}

/// Noise may begin in the very instant in which the master begins to send. No listening prevents
/// that on a real line, so here the silence is not counted; `rtu_faults` does.
#[test]
fn noise_and_all_faults_mixed_on_a_tty_make_no_wrong_value() {
    poll(&[(0.5, Fault::Stray(ms(20)))], REQUESTS);
    let in_time = MIXED
        .into_iter()
        .filter(|fault| !matches!(fault, Fault::Late(_)));
    let mixed: Vec<(f64, Fault)> = in_time.chain([LATE]).map(|fault| (0.05, fault)).collect();
    let (tally, _) = poll(&mixed, 2 * REQUESTS);
    assert!(tally.right >= 10, "{tally:?}");
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
