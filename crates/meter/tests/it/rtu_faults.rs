//! Whatever the meter and the line do, the master hands out the answer or a fault, and never talks
//! into another's frame. On a virtual line, so thousands of requests a fault, with the real timeouts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use solthrive_meter::bus::{FaultKind, Grid, Master, Pace};
use solthrive_meter::frame::{Function, ReadRequest};
use solthrive_meter::line::{Parity, SerialSettings};
use solthrive_meter::rtu::{RtuMaster, RtuOptions};

use crate::rtu_script::{Fault, Script, told};
use crate::rtu_virtual::{Machine, Virtual};

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const FAST: SerialSettings = SerialSettings {
    baud: 115_200,
    parity: Parity::None,
    stop_bits: 1,
};
const USUAL: SerialSettings = SerialSettings { baud: 9600, ..FAST };
const TIMEOUT: Duration = ms(500);
/// Later than the timeout, sooner than the quarantine's end.
const LATE: Fault = Fault::Late(ms(700));
const REQUESTS: u32 = 1000;

/// What came of one fault.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub right: u32,
    pub wrong: u32,
    pub faults: BTreeMap<FaultKind, u32>,
    pub late_replies: u32,
    pub waits: u32,
}

pub(crate) const fn block(unit: u8, address: u16, count: u16) -> ReadRequest {
    ReadRequest {
        unit,
        function: Function::Holding,
        address,
        count,
    }
}

/// Volts and amps in two blocks of one unit.
pub(crate) const DISTINCT: [ReadRequest; 2] = [block(1, 0, 6), block(1, 100, 12)];
/// The same with blocks of one length, which the planner avoids.
const TWINS: [ReadRequest; 2] = [block(1, 0, 6), block(1, 100, 6)];
/// Two meters of one kind, asked alternately.
const TWO_METERS: [ReadRequest; 4] = [
    block(1, 0, 6),
    block(2, 0, 6),
    block(1, 100, 12),
    block(2, 100, 12),
];

/// When the requests go out.
#[derive(Debug, Clone, Copy)]
enum Tempo {
    /// The whole plan at each second, as a bus does.
    EachSecond,
    /// Each as soon as the one before is done with.
    AtOnce,
}

impl Tally {
    /// One more answer, and what was right: no two requests are answered alike.
    pub(crate) fn count(
        &mut self,
        outcome: Result<Vec<u16>, solthrive_meter::bus::BusFault>,
        right: impl FnOnce() -> Vec<u16>,
    ) {
        match outcome {
            Ok(registers) if registers == right() => self.right += 1,
            Ok(_) => self.wrong += 1,
            Err(fault) => *self.faults.entry(fault.kind()).or_default() += 1,
        }
    }
}

fn poll(script: Script, machine: Machine, tempo: Tempo, plan: &[ReadRequest]) -> Tally {
    let settings = script.settings;
    let line = Virtual::new(script, machine);
    let pace: Arc<dyn Pace> = Arc::new(line.clone());
    let mut master = RtuMaster::on(
        line.clone(),
        settings,
        Arc::clone(&pace),
        RtuOptions::default(),
    );
    let mut tally = Tally::default();
    let grid = Grid::new(ms(1000));
    for (index, request) in (0..REQUESTS as usize).zip(plan.iter().cycle()) {
        if matches!(tempo, Tempo::EachSecond) && index % plan.len() == 0 {
            pace.sleep_until(grid.at(grid.next(pace.now())));
        }
        let outcome = master.read(*request, TIMEOUT);
        tally.late_replies += master.last().late_replies;
        tally.waits += master.last().waits;
        tally.count(outcome, || {
            told(*request, line.seen(|seen| seen.requests.len()) as u64 - 1)
        });
    }
    line.seen(|seen| {
        assert_eq!(seen.garbled, 0, "the master's requests are whole");
        assert_eq!(
            seen.violations(settings),
            0,
            "3.5 characters of silence are kept"
        );
    });
    tally
}

/// Right answers in a hundred are stated for plans as the planner makes them, asked each second.
#[rstest]
#[case::nothing(None, 100..=100)]
#[case::reply_sent_twice(Some((0.2, Fault::Twice { pause: Duration::ZERO })), 99..=100)]
#[case::a_copy_after_a_pause(Some((0.2, Fault::Twice { pause: ms(6) })), 70..=100)]
#[case::a_copy_after_a_long_pause(Some((0.2, Fault::Twice { pause: ms(40) })), 60..=100)]
#[case::a_copy_just_before_the_next_poll(Some((0.2, Fault::Twice { pause: ms(440) })), 60..=100)]
#[case::now_and_then_late(Some((0.1, LATE)), 70..=95)]
#[case::lost(Some((0.1, Fault::Lost)), 80..=95)]
#[case::damaged(Some((0.1, Fault::Crc)), 80..=95)]
#[case::cut_short(Some((0.1, Fault::Truncated)), 80..=95)]
#[case::garbage_before(Some((0.3, Fault::GarbageBefore)), 60..=100)]
#[case::garbage_after(Some((0.3, Fault::GarbageAfter)), 60..=100)]
#[case::echo(Some((1.0, Fault::Echo)), 99..=100)]
#[case::stray_bytes(Some((0.5, Fault::Stray(ms(40)))), 50..=100)]
#[case::in_pieces(Some((1.0, Fault::Pieces(ms(16)))), 99..=100)]
#[case::wrong_unit(Some((0.1, Fault::WrongUnit)), 80..=95)]
#[case::refused(Some((0.3, Fault::Exception(4))), 60..=80)]
fn a_fault_costs_answers_but_never_makes_a_wrong_one(
    #[case] fault: Option<(f64, Fault)>,
    #[case] right: std::ops::RangeInclusive<u32>,
    #[values(&DISTINCT, &TWINS, &TWO_METERS)] plan: &[ReadRequest],
    #[values(Machine::Quiet, Machine::Busy(ms(80)))] machine: Machine,
    #[values(Tempo::EachSecond, Tempo::AtOnce)] tempo: Tempo,
    #[values(FAST, USUAL)] settings: SerialSettings,
) {
    let mut script = Script::new(settings, 42);
    script.faults.extend(fault);
    let tally = poll(script, machine, tempo, plan);
    println!("{fault:?} {tempo:?} {machine:?} {settings}: {tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
    if matches!(
        fault,
        None | Some((
            _,
            Fault::GarbageBefore | Fault::GarbageAfter | Fault::Lost | Fault::Crc
        ))
    ) {
        assert_eq!(tally.late_replies, 0, "nothing was late: {tally:?}");
    }
    if let (Tempo::EachSecond, Machine::Quiet) = (tempo, machine)
        && plan != TWINS
    {
        let percent = tally.right * 100 / REQUESTS;
        assert!(
            right.contains(&percent),
            "{right:?} percent expected: {tally:?}"
        );
    }
}

#[rstest]
#[case::same_length(&TWINS)]
#[case::different_length(&DISTINCT)]
#[case::the_same_block_each_time(&TWINS[..1])]
#[case::two_meters(&TWO_METERS)]
fn a_meter_that_always_answers_too_late_is_never_believed(
    #[case] plan: &[ReadRequest],
    #[values(ms(550), ms(700), ms(900))] late: Duration,
    #[values(Tempo::EachSecond, Tempo::AtOnce)] tempo: Tempo,
) {
    let script = Script::new(FAST, 7).with(1.0, Fault::Late(late));
    let tally = poll(script, Machine::Quiet, tempo, plan);
    println!("always {late:?} late: {tally:?}");
    assert_eq!((tally.right, tally.wrong), (0, 0), "{tally:?}");
    assert!(
        tally.late_replies >= REQUESTS * 9 / 10,
        "late answers are recognised as such: {tally:?}"
    );
}

/// Everything that can go wrong, often several things at once.
pub(crate) const MIXED: [Fault; 13] = [
    Fault::Lost,
    LATE,
    Fault::Twice { pause: ms(0) },
    Fault::Twice { pause: ms(15) },
    Fault::Crc,
    Fault::Truncated,
    Fault::GarbageBefore,
    Fault::GarbageAfter,
    Fault::Echo,
    Fault::Pieces(ms(1)),
    Fault::WrongUnit,
    Fault::Exception(4),
    Fault::Stray(ms(10)),
];

fn mixed(seed: u64) -> Script {
    let faults = MIXED.into_iter();
    faults.fold(Script::new(FAST, seed), |script, fault| {
        script.with(0.05, fault)
    })
}

#[rstest]
fn all_faults_mixed_make_no_wrong_value(
    #[values(&DISTINCT, &TWINS, &TWO_METERS)] plan: &[ReadRequest],
    #[values(Machine::Quiet, Machine::Busy(ms(80)))] machine: Machine,
    #[values(Tempo::EachSecond, Tempo::AtOnce)] tempo: Tempo,
    #[values(1, 2, 3, 4, 5)] seed: u64,
) {
    let tally = poll(mixed(seed), machine, tempo, plan);
    println!("mixed: {tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
    assert!(tally.right >= REQUESTS / 3, "{tally:?}");
}

/// A byte of noise ends the waiting early; the answer may come all the same, as late as ever.
#[rstest]
fn noise_before_a_late_answer_does_not_hide_that_it_may_come(
    #[values(&DISTINCT, &TWINS, &TWO_METERS)] plan: &[ReadRequest],
    #[values(Tempo::EachSecond, Tempo::AtOnce)] tempo: Tempo,
    #[values(ms(550), ms(700), ms(900))] late: Duration,
) {
    let script = Script::new(FAST, 3).with(0.2, Fault::NoisyAndLate(late));
    let script = script.with(0.2, Fault::Lost);
    let tally = poll(script, Machine::Quiet, tempo, plan);
    println!("late behind noise: {tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
    assert!(tally.right >= REQUESTS / 3, "{tally:?}");
}

/// What a long run once found: a doubled refusal hid an answer that came late, and so did another
/// unit's answer that came twice.
#[rstest]
#[case::a_copy_of_a_refusal(&DISTINCT, ms(60), 129)]
#[case::a_copy_of_a_neighbours_answer(&TWO_METERS, ms(30), 125)]
fn what_is_taken_for_the_answer_does_not_hide_that_it_may_come(
    #[case] plan: &[ReadRequest],
    #[case] pause: Duration,
    #[case] seed: u64,
) {
    let script = mixed(seed).with(0.1, Fault::Twice { pause });
    let tally = poll(script, Machine::Busy(ms(80)), Tempo::AtOnce, plan);
    assert_eq!(tally.wrong, 0, "{tally:?}");
}

/// A copy that comes later than the silence after unexpected bytes, and the answer it is taken for
/// lost: nothing of that shape is asked before its time.
#[rstest]
fn copies_long_after_the_answer_and_all_faults_mixed_make_no_wrong_value(
    #[values(&DISTINCT, &TWINS, &TWO_METERS)] plan: &[ReadRequest],
    #[values(ms(30), ms(60), ms(250))] pause: Duration,
    #[values(1, 2, 3, 4, 5)] seed: u64,
) {
    let script = mixed(seed).with(0.1, Fault::Twice { pause });
    let tally = poll(script, Machine::Busy(ms(80)), Tempo::EachSecond, plan);
    println!("mixed: {tally:?}");
    assert_eq!(tally.wrong, 0, "{tally:?}");
    assert!(tally.right >= REQUESTS / 3, "{tally:?}");
}
