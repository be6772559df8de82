//! Polling as it should be: on the grid, everybody in turn, within the second.

use std::time::Duration;

use solthrive_domain::{Mono, Point};
use solthrive_meter::bus::{Grid, MeterOutcome};
use solthrive_meter::line::SerialSettings;
use solthrive_meter::profile::{Catalog, Profile};

use crate::bus_virtual::{Polled, answering, meter, poll_for, reading};
use crate::random_profile::profile_with;
use crate::rtu_faults::ms;
use crate::rtu_virtual::Machine;

const LINE: SerialSettings = SerialSettings {
    baud: 9600,
    parity: solthrive_meter::line::Parity::None,
    stop_bits: 1,
};

/// Volts, watts and a counter, far enough apart for two reads.
fn small() -> Profile {
    profile_with(
        "  v_l1: {address: 0, k: 0.1}\n  p_total: {address: 1, type: s16}\n  e_imp: {address: 200, type: u32, k: 0.01}\n",
        60,
        false,
    )
}

/// Each register says whose it is and which.
fn named(unit: u8, address: u16) -> Option<u16> {
    Some(u16::from(unit) * 1000 + address)
}

fn point(name: &str) -> Point {
    name.parse().unwrap()
}

fn has_counter(outcome: &MeterOutcome) -> bool {
    reading(outcome).is_some_and(|reading| reading.get(point("e_imp")).is_some())
}

#[test]
fn polls_keep_to_the_grid_and_no_tick_repeats() {
    let polled = poll_for(
        600,
        answering(LINE, 1..=1, named),
        Machine::Quiet,
        vec![meter(1, &small())],
    );
    let grid = Grid::new(Duration::from_secs(1));
    for (cycle, next) in polled.cycles.iter().zip(&polled.cycles[1..]) {
        assert_eq!(next.tick, cycle.tick + 1, "none is missed");
        assert_eq!(cycle.deviation, cycle.at.since(grid.at(cycle.tick)));
        assert!(cycle.deviation < ms(1), "{cycle:?}");
    }
    assert_eq!(polled.status.drift.shown().missed, 0);
    assert_eq!(polled.readings(0).len(), 600);
    assert_eq!(polled.seen(|seen| seen.violations(LINE)), 0);
}

#[test]
fn a_poll_that_runs_over_is_counted_as_missed_and_the_grid_is_found_again() {
    let polled = poll_for(
        100,
        answering(LINE, 1..=1, named),
        Machine::Busy(ms(3000)),
        vec![meter(1, &small())],
    );
    let ticks: Vec<u64> = polled.cycles.iter().map(|cycle| cycle.tick).collect();
    assert!(ticks.windows(2).all(|pair| pair[1] > pair[0]), "{ticks:?}");
    let left_out = ticks.last().unwrap() - ticks[0] + 1 - ticks.len() as u64;
    assert!(left_out > 0);
    let counted = polled.status.drift.shown().missed;
    assert_eq!(counted, left_out);
}

/// A meter that takes half a second to answer.
fn slow_line() -> crate::rtu_script::Script {
    let mut script = answering(LINE, 1..=1, named);
    script.turnaround = ms(480);
    script
}

#[test]
fn a_meter_that_takes_longer_than_the_period_is_asked_as_often_as_it_can_and_nothing_is_missed() {
    let two = profile_with(
        "  v_l1: {address: 0, k: 0.1}\n  p_l1: {address: 300, type: s16}\n",
        60,
        false,
    );
    let polled = poll_for(120, slow_line(), Machine::Quiet, vec![meter(1, &two)]);
    let settled = &polled.cycles[20..];
    for cycle in settled {
        assert_eq!(cycle.meters[0].every, Duration::from_secs(2));
    }
    let read = settled
        .iter()
        .filter(|it| reading(&it.meters[0].outcome).is_some());
    let at: Vec<u64> = read.map(|cycle| cycle.tick).collect();
    assert!(
        at.len() > 40 && at.windows(2).all(|pair| pair[1] - pair[0] == 2),
        "{at:?}"
    );
    let budget = polled.status.budget;
    assert_eq!(budget.every, 2, "{budget:?}");
    let missed = polled.status.drift.shown().missed;
    assert!(missed <= 3, "{missed}: only until its slowness was known");
}

#[test]
fn a_poll_that_is_too_long_with_its_counters_only_does_not_halve_the_rate_of_power() {
    let polled = poll_for(200, slow_line(), Machine::Quiet, vec![meter(1, &small())]);
    let settled = &polled.cycles[20..];
    let apart: Vec<u64> = settled
        .windows(2)
        .map(|pair| pair[1].tick - pair[0].tick)
        .collect();
    assert!(apart.iter().all(|ticks| *ticks <= 2), "{apart:?}");
    let long = apart.iter().filter(|ticks| **ticks == 2).count();
    assert!((15..=21).contains(&long), "one in ten: {long}");
    assert_eq!(polled.status.budget.every, 2);
    let missed = polled.status.drift.shown().missed;
    assert!(missed <= 3, "{missed}: only until its slowness was known");
}

#[test]
fn every_meter_of_a_bus_brings_its_own_values() {
    let meters = (1..=3).map(|unit| meter(unit, &small())).collect();
    let polled = poll_for(
        30,
        answering(LINE, 1..=3, named),
        Machine::Busy(ms(20)),
        meters,
    );
    for index in 0..3 {
        let unit = f64::from(u32::try_from(index + 1).unwrap());
        let readings = polled.readings(index);
        assert_eq!(readings.len(), 30);
        for reading in readings {
            assert_eq!(reading.meter.as_str(), format!("m{unit}"));
            assert_eq!(reading.get(point("v_l1")), Some(unit * 100.0));
            assert_eq!(reading.get(point("p_total")), Some(unit * 1000.0 + 1.0));
        }
    }
}

#[test]
fn counters_are_read_every_ten_seconds_and_not_all_in_the_same_one() {
    let meters = (1..=4).map(|unit| meter(unit, &small())).collect();
    let polled = poll_for(100, answering(LINE, 1..=4, named), Machine::Quiet, meters);
    for cycle in &polled.cycles {
        let full = cycle
            .meters
            .iter()
            .filter(|meter| has_counter(&meter.outcome))
            .count();
        assert!(full <= 1, "{cycle:?}");
    }
    for index in 0..4 {
        let full: Vec<usize> = polled
            .outcomes(index)
            .enumerate()
            .filter(|(_, outcome)| has_counter(outcome))
            .map(|(at, _)| at)
            .collect();
        assert!((9..=10).contains(&full.len()), "{full:?}");
        assert!(
            full.windows(2).all(|pair| pair[1] - pair[0] == 10),
            "{full:?}"
        );
        assert!(full[0] < 4, "the first counters come at once: {full:?}");
    }
}

#[test]
fn a_meter_with_nothing_but_counters_is_waiting_in_between_and_not_read() {
    let counters = profile_with("  e_imp: {address: 200, type: u32}\n", 60, false);
    let polled = poll_for(
        21,
        answering(LINE, 1..=1, named),
        Machine::Quiet,
        vec![meter(1, &counters)],
    );
    assert_eq!(polled.readings(0).len(), 3);
    let waiting = polled
        .outcomes(0)
        .filter(|outcome| **outcome == MeterOutcome::Waiting);
    assert_eq!(waiting.count(), 18);
    assert_eq!(polled.requests_to(1), 3);
}

#[test]
fn two_wake_ups_a_request_and_one_a_second_are_enough() {
    let sdm = Catalog::embedded().get("eastron-sdm630").unwrap();
    let polled = poll_for(
        600,
        answering(LINE, 1..=1, |_, _| Some(0x42)),
        Machine::Quiet,
        vec![meter(1, &sdm)],
    );
    let (waits, requests) = (polled.line.sleeps(), polled.status.requests);
    println!(
        "{waits} sleeps for {requests} requests in {} polls",
        polled.cycles.len()
    );
    let polls = polled.cycles.len() as u64;
    assert!(waits <= 2 * requests + polls, "{waits} {requests}");
}

#[test]
fn a_schedule_that_does_not_fit_is_stretched_and_says_so() {
    let sdm = Catalog::embedded().get("eastron-sdm630").unwrap();
    let meters: Vec<_> = (1..=4).map(|unit| meter(unit, &sdm)).collect();
    let polled = poll_for(
        100,
        answering(LINE, 1..=4, |_, _| Some(0x42)),
        Machine::Quiet,
        meters,
    );
    let budget = polled.status.budget;
    println!("{budget:?} {:?}", polled.status.meters[0].plan);
    assert!(budget.needed_ms > budget.period_ms * 0.9, "{budget:?}");
    assert!(budget.every > 1, "{budget:?}");
    // Once the plan stands, nobody is forgotten and no instant is missed.
    let settled = &polled.cycles[20..];
    let turns = settled.len() / usize::try_from(budget.every).unwrap();
    for index in 0..4 {
        let read = settled
            .iter()
            .filter(|cycle| reading(&cycle.meters[index].outcome).is_some());
        assert!(read.count().abs_diff(turns) <= 1);
    }
    assert!(
        settled
            .windows(2)
            .all(|pair| pair[1].tick == pair[0].tick + 1)
    );
}

/// An SDM630 wants 100 ms between requests, also when it was another meter that was asked.
#[test]
fn a_meter_that_needs_quiet_has_it_whoever_was_asked_before() {
    let sdm = Catalog::embedded().get("eastron-sdm630").unwrap();
    let polled = poll_for(
        30,
        answering(LINE, 1..=2, |_, _| Some(0x42)),
        Machine::Quiet,
        vec![meter(1, &sdm), meter(2, &small())],
    );
    let shortest = shortest_silence_before(&polled, 1);
    assert!(shortest >= ms(100), "{shortest:?}");
    assert!(
        shortest_silence_before(&polled, 2) < ms(10),
        "its neighbour needs none"
    );
}

/// The second meter waits for the first one's exchange and for the silence it wants; its reading is
/// from when it was asked, not from when its turn began.
#[test]
fn a_reading_carries_the_instant_its_first_request_went_out() {
    let sdm = Catalog::embedded().get("eastron-sdm630").unwrap();
    let polled = poll_for(
        30,
        answering(LINE, 1..=2, |_, _| Some(0x42)),
        Machine::Quiet,
        vec![meter(1, &small()), meter(2, &sdm)],
    );
    let asked: Vec<Mono> = polled.seen(|seen| {
        let units = seen.requests.iter().map(|request| request.unit);
        let firsts = std::iter::once(0).chain(units.clone()).zip(units);
        let firsts = firsts.zip(&seen.heard_at);
        firsts
            .filter(|((before, unit), _)| before != unit && *unit == 2)
            .map(|(_, at)| *at)
            .collect()
    });
    let read: Vec<Mono> = polled.readings(1).iter().map(|it| it.at).collect();
    assert_eq!(read, asked);
}

fn shortest_silence_before(polled: &Polled, unit: u8) -> Duration {
    polled.seen(|seen| {
        let asked = seen.requests.iter().zip(&seen.silences).skip(1);
        asked
            .filter(|(request, _)| request.unit == unit)
            .map(|(_, silence)| *silence)
            .min()
            .unwrap()
    })
}
