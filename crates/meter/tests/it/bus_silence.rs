//! Meters that say nothing where others would refuse: it costs them those points and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use solthrive_domain::Point;
use solthrive_meter::bus::{FaultKind, MeterOutcome};
use solthrive_meter::frame::ReadRequest;
use solthrive_meter::line::SerialSettings;
use solthrive_meter::profile::{Catalog, Profile};

use crate::bus_virtual::{Polled, answering, meter, poll_for, reading};
use crate::random_profile::profile_with;
use crate::rtu_faults::ms;
use crate::rtu_script::{Fault, Script};
use crate::rtu_virtual::Machine;

/// Power in one block, counters in another, the second of them optional.
fn profile() -> Profile {
    profile_with(
        "  v_l1: {address: 0, k: 0.1}\n  i_l1: {address: 4}\n  p_total: {address: 6, type: s16}\n  \
         e_imp: {address: 200, type: u32, k: 0.01}\n  e_exp: {address: 202, type: u32, k: 0.01, optional: true}\n",
        60,
        false,
    )
}

fn point(name: &str) -> Point {
    name.parse().unwrap()
}

/// A meter that says nothing to a read that touches one of these registers.
fn silent_on(registers: impl IntoIterator<Item = u16>) -> Script {
    silent_while(registers, Arc::new(AtomicBool::new(true)))
}

fn silent_while(registers: impl IntoIterator<Item = u16>, silent: Arc<AtomicBool>) -> Script {
    let missing: BTreeSet<u16> = registers.into_iter().collect();
    let mut script = answering(SerialSettings::default(), 1..=1, |_, _| None);
    script.answers = Box::new(move |request: ReadRequest, _| {
        let asked = request.address..request.address + request.count;
        if silent.load(Ordering::Acquire) && missing.range(asked.clone()).next().is_some() {
            Err(None)
        } else {
            Ok(asked.map(|address| address + 1).collect())
        }
    });
    script
}

fn has(outcome: &MeterOutcome, name: &str) -> bool {
    reading(outcome).is_some_and(|reading| reading.get(point(name)).is_some())
}

fn missing(polled: &Polled) -> Vec<String> {
    let missing = polled.status.meters[0].missing.iter();
    missing.map(ToString::to_string).collect()
}

#[test]
fn a_meter_silent_on_its_counters_gives_its_power_from_the_first_poll_on() {
    let polled = poll_for(
        3600,
        silent_on(200..204),
        Machine::Quiet,
        vec![meter(1, &profile())],
    );
    assert!(polled.outcomes(0).all(|outcome| has(outcome, "p_total")));
    assert_eq!(missing(&polled), ["e_imp", "e_exp"]);
    let silences = polled.status.errors.timeout;
    println!(
        "{silences} timeouts in an hour, {} requests",
        polled.status.requests
    );
    // The hunt, and each value asked for again every ten minutes.
    assert!((3..=25).contains(&silences), "{silences}");
    let shown = polled.status.drift.shown();
    assert_eq!(shown.missed, 0, "{shown:?}");
}

#[test]
fn the_one_register_that_is_silent_is_found_and_its_neighbours_are_read() {
    let polled = poll_for(
        600,
        silent_on(202..204),
        Machine::Quiet,
        vec![meter(1, &profile())],
    );
    assert_eq!(missing(&polled), ["e_exp"]);
    let late = polled.outcomes(0).skip(300);
    let counted = late.filter(|outcome| has(outcome, "e_imp")).count();
    assert!((29..=31).contains(&counted), "{counted}");
    assert!(polled.outcomes(0).all(|outcome| has(outcome, "p_total")));
}

/// Nothing of it is answered by the first plan, so it looks like a dead meter.
#[test]
fn a_meter_of_one_block_that_is_silent_on_one_register_is_read_without_it() {
    let one = profile_with(
        "  v_l1: {address: 0, k: 0.1}\n  i_l1: {address: 4}\n  p_total: {address: 6, type: s16}\n  f: {address: 8}\n",
        60,
        false,
    );
    for (gone, name) in [(8, "f"), (0, "v_l1"), (4, "i_l1")] {
        let polled = poll_for(300, silent_on([gone]), Machine::Quiet, vec![meter(1, &one)]);
        assert_eq!(missing(&polled), [name]);
        let first = polled.outcomes(0).position(|it| has(it, "p_total"));
        println!("{name}: power from poll {first:?} on");
        assert!(polled.outcomes(0).skip(60).all(|it| has(it, "p_total")));
    }
}

/// The counters lie between the powers there, and are read with them in one block.
#[test]
fn a_silent_counter_that_is_read_together_with_power_does_not_take_it_along() {
    let mixed = profile_with(
        "  p_l1: {address: 0, type: s16}\n  e_imp: {address: 1, type: u32}\n  p_l2: {address: 40, type: s16}\n  \
         e_exp: {address: 41, type: u32}\n",
        60,
        false,
    );
    let polled = poll_for(
        600,
        silent_on(41..43),
        Machine::Quiet,
        vec![meter(1, &mixed)],
    );
    assert!(polled.outcomes(0).all(|outcome| has(outcome, "p_l1")));
    // The read of the second power is padded into the silent counter at first.
    let settled = polled.outcomes(0).skip(4);
    assert!(settled.into_iter().all(|outcome| has(outcome, "p_l2")));
    assert_eq!(missing(&polled), ["e_exp"]);
    assert!(
        polled
            .outcomes(0)
            .skip(500)
            .any(|outcome| has(outcome, "e_imp"))
    );
}

#[test]
fn a_full_meter_that_lacks_half_of_its_points_in_silence_settles_within_minutes() {
    let sdm = Catalog::embedded().get("eastron-sdm630").unwrap();
    let polled = poll_for(
        1200,
        silent_on(0x48..0x100),
        Machine::Quiet,
        vec![meter(1, &sdm)],
    );
    let lacking: Vec<String> = sdm
        .points
        .iter()
        .filter(|def| (0x48..0x100).contains(&def.address))
        .map(|def| def.point.to_string())
        .collect();
    let (mut found, mut expected) = (missing(&polled), lacking);
    found.sort();
    expected.sort();
    println!("{} timeouts, {found:?}", polled.status.errors.timeout);
    assert_eq!(found, expected);
    assert!(
        polled
            .outcomes(0)
            .skip(5)
            .all(|outcome| has(outcome, "p_l1"))
    );
}

#[test]
fn a_block_that_answers_again_is_read_again_within_minutes() {
    let silent = Arc::new(AtomicBool::new(true));
    let mut script = silent_while(200..204, Arc::clone(&silent));
    let mut answers = std::mem::replace(&mut script.answers, Box::new(|_, _| Err(None)));
    script.answers = Box::new(move |request, nth| {
        silent.store(nth < 600, Ordering::Release);
        answers(request, nth)
    });
    let polled = poll_for(1800, script, Machine::Quiet, vec![meter(1, &profile())]);
    assert!(missing(&polled).is_empty(), "{:?}", missing(&polled));
    let late = polled.outcomes(0).skip(1700);
    let counted = late.filter(|outcome| has(outcome, "e_imp") && has(outcome, "e_exp"));
    assert!(counted.count() >= 9);
}

#[test]
fn counters_that_come_damaged_cost_power_nothing_and_are_asked_for_every_ten_seconds() {
    let mut script = answering(SerialSettings::default(), 1..=1, |_, _| Some(7));
    script.answers = Box::new(|request: ReadRequest, _| {
        let wrong = usize::from(request.address >= 100);
        Ok(vec![7; usize::from(request.count) + wrong])
    });
    let polled = poll_for(300, script, Machine::Quiet, vec![meter(1, &profile())]);
    assert!(polled.outcomes(0).all(|outcome| has(outcome, "p_total")));
    let errors = polled.status.errors;
    assert!((29..=31).contains(&errors.damaged()), "{errors:?}");
    assert!(missing(&polled).is_empty(), "damage is not absence");
}

#[test]
fn a_fast_block_that_is_silent_costs_its_own_points_only_and_is_told() {
    let two = profile_with(
        "  v_l1: {address: 0, k: 0.1}\n  p_l1: {address: 300, type: s16}\n  e_imp: {address: 302, type: u32}\n",
        60,
        false,
    );
    let polled = poll_for(300, silent_on(0..10), Machine::Quiet, vec![meter(1, &two)]);
    // The silent one is asked first once; from then on it is asked last.
    assert!(
        polled
            .outcomes(0)
            .skip(1)
            .all(|outcome| has(outcome, "p_l1"))
    );
    let second = &polled.cycles[1].meters[0];
    assert_eq!(second.lacking, Some(FaultKind::Timeout), "{second:?}");
    assert_eq!(missing(&polled), ["v_l1"]);
    assert_eq!(
        polled.cycles[299].meters[0].lacking, None,
        "it is known by then"
    );
}

#[test]
fn answers_lost_at_random_give_nothing_up() {
    for fault in [Fault::Lost, Fault::Crc] {
        let script = answering(SerialSettings::default(), 1..=1, |_, _| Some(7)).with(0.05, fault);
        let polled = poll_for(
            20_000,
            script,
            Machine::Busy(ms(20)),
            vec![meter(1, &profile())],
        );
        assert!(missing(&polled).is_empty(), "{:?}", missing(&polled));
        let read = polled.readings(0).len();
        println!("{fault:?}: {read} readings, {:?}", polled.status.errors);
        assert!(read > 17_000, "{read}");
        assert_eq!(
            polled.seen(|seen| seen.violations(SerialSettings::default())),
            0
        );
    }
}
