//! Polling when meters fail: the others go on, what is refused is learned, everything is counted.

use solthrive_domain::{Mono, Point};
use solthrive_meter::bus::{FaultKind, MeterOutcome};
use solthrive_meter::line::SerialSettings;
use solthrive_meter::profile::Profile;

use crate::bus_virtual::{Polled, answering, meter, poll_for, reading};
use crate::random_profile::profile_with;
use crate::rtu_faults::ms;
use crate::rtu_script::{Fault, Script};
use crate::rtu_virtual::Machine;

fn profile() -> Profile {
    profile_with(
        "  v_l1: {address: 0, k: 0.1}\n  i_l1: {address: 4}\n  p_total: {address: 6, type: s16}\n  \
         e_imp: {address: 200, type: u32, k: 0.01}\n  e_exp: {address: 202, type: u32, optional: true}\n",
        60,
        false,
    )
}

fn point(name: &str) -> Point {
    name.parse().unwrap()
}

fn line() -> SerialSettings {
    SerialSettings::default()
}

#[test]
fn a_dead_meter_costs_its_neighbours_nothing_and_is_asked_ever_more_rarely() {
    let meters = [1, 9, 2].map(|unit| meter(unit, &profile())).to_vec();
    let polled = poll_for(
        3600,
        answering(line(), 1..=2, |_, _| Some(7)),
        Machine::Busy(ms(20)),
        meters,
    );
    for index in [0, 2] {
        // The first silence cannot be told from a late answer, so it is waited out once.
        let read = polled.readings(index).len();
        assert!(read >= 3598, "{read} of 3600");
    }
    assert!(
        polled.status.drift.shown().missed <= 1,
        "{:?}",
        polled.status.drift.shown()
    );
    let asked = polled.requests_to(9);
    println!("asked {asked} times in an hour");
    // 2 s x failures: 300 s after 150 failures, 60 within the first hour.
    assert!((40..=80).contains(&asked), "{asked}");
    let (failures, waits) = failures(&polled, 1);
    assert_eq!(
        failures,
        (1..=u32::try_from(asked).unwrap()).collect::<Vec<_>>()
    );
    assert!(waits.windows(2).all(|pair| pair[1] >= pair[0]), "{waits:?}");
    assert_eq!(polled.status.errors.timeout, asked as u64);
}

fn failures(polled: &Polled, meter: usize) -> (Vec<u32>, Vec<std::time::Duration>) {
    let failed = polled
        .cycles
        .iter()
        .filter_map(|cycle| match cycle.meters[meter].outcome {
            MeterOutcome::Failed {
                failures, retry_at, ..
            } => Some((failures, retry_at.since(cycle.at))),
            _ => None,
        });
    failed
        .map(|(failures, wait)| (failures, std::time::Duration::from_secs(wait.as_secs())))
        .unzip()
}

#[test]
fn a_meter_that_comes_back_is_read_in_full_at_once() {
    let back_at = Mono::from_origin(std::time::Duration::from_secs(20));
    let mut script = answering(line(), 1..=2, |_, _| Some(7));
    let mut healthy = std::mem::replace(&mut script.answers, Box::new(|_, _| Err(None)));
    let mut polls = 0;
    script.answers = Box::new(move |request, nth| {
        polls += u32::from(request.unit == 1);
        if request.unit == 2 && (5..30).contains(&polls) {
            Err(None)
        } else {
            healthy(request, nth)
        }
    });
    let polled = poll_for(
        60,
        script,
        Machine::Quiet,
        vec![meter(1, &profile()), meter(2, &profile())],
    );
    let after: Vec<_> = polled
        .cycles
        .iter()
        .filter(|cycle| cycle.at > back_at)
        .collect();
    let first = after
        .iter()
        .find_map(|cycle| reading(&cycle.meters[1].outcome))
        .unwrap();
    assert!(first.get(point("e_imp")).is_some(), "{first:?}");
    assert!(
        polled.readings(1).len() >= 15,
        "{}",
        polled.readings(1).len()
    );
    assert!(
        polled
            .outcomes(1)
            .any(|outcome| *outcome == MeterOutcome::Waiting)
    );
}

#[test]
fn a_refused_block_is_bisected_and_what_was_learned_is_kept() {
    // Register 3, which nobody asked for, and the optional counter do not exist.
    let registers = |_, address| (!matches!(address, 3 | 202 | 203)).then_some(address + 1);
    let polled = poll_for(
        300,
        answering(line(), 1..=1, registers),
        Machine::Quiet,
        vec![meter(1, &profile())],
    );
    let last = polled
        .readings(0)
        .into_iter()
        .rev()
        .find(|reading| reading.get(point("e_imp")).is_some())
        .unwrap();
    assert_eq!(last.get(point("v_l1")), Some(0.1));
    assert_eq!(last.get(point("i_l1")), Some(5.0));
    assert_eq!(last.get(point("p_total")), Some(7.0));
    assert!((last.get(point("e_imp")).unwrap() - f64::from((201 << 16) | 202) * 0.01).abs() < 1e-6);
    assert_eq!(last.get(point("e_exp")), None, "absent, not 0");
    assert_eq!(polled.status.meters[0].missing, [point("e_exp")]);
    let refusals = polled.status.errors.exception;
    println!("{refusals} refusals in {} requests", polled.status.requests);
    assert!(
        (1..=12).contains(&refusals),
        "found and remembered: {refusals}"
    );
    let late = polled
        .status
        .trace
        .iter()
        .filter(|exchange| exchange.outcome != "ok");
    assert_eq!(late.count(), 0, "none among the last exchanges");
}

#[test]
fn a_meter_that_refuses_everything_fails_and_teaches_nothing() {
    let mut healthy_after = 40;
    let mut script = Script::new(line(), 1);
    script.answers = Box::new(move |request, _| {
        healthy_after -= 1;
        if healthy_after > 0 {
            Err(Some(2))
        } else {
            Ok(vec![1; usize::from(request.count)])
        }
    });
    let polled = poll_for(600, script, Machine::Quiet, vec![meter(1, &profile())]);
    assert!(polled.outcomes(0).any(|outcome| matches!(
        outcome,
        MeterOutcome::Failed {
            fault: FaultKind::Exception(2),
            ..
        }
    )));
    let last = polled
        .readings(0)
        .into_iter()
        .rev()
        .find(|reading| reading.get(point("e_imp")).is_some());
    assert_eq!(last.expect("it is read in the end").values.len(), 5);
    assert!(polled.status.meters[0].missing.is_empty());
}

#[test]
fn every_kind_of_error_has_its_counter() {
    let count = |fault: Fault| {
        let script = answering(line(), 1..=1, |_, _| Some(7)).with(0.3, fault);
        poll_for(120, script, Machine::Quiet, vec![meter(1, &profile())]).status
    };
    let lost = count(Fault::Lost);
    assert!(lost.errors.timeout > 10, "{:?}", lost.errors);
    let damaged = count(Fault::Crc);
    assert!(damaged.errors.crc > 10, "{:?}", damaged.errors);
    let cut = count(Fault::Truncated);
    assert!(cut.errors.short_frame > 10, "{:?}", cut.errors);
    let refused = count(Fault::Exception(6));
    assert!(refused.errors.exception > 10, "{:?}", refused.errors);
    let other = count(Fault::WrongUnit);
    assert!(other.errors.wrong_reply > 10, "{:?}", other.errors);
    let late = count(Fault::Late(ms(700)));
    assert!(late.late_replies > 10, "{late:?}");
    for status in [lost, damaged, cut, refused, other, late] {
        let errors = status.errors;
        let sum = errors.timeout + errors.exception + errors.damaged();
        assert_eq!(status.requests, status.replies + sum, "{errors:?}");
    }
}
