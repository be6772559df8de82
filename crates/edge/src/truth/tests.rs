//! Promises of the pipeline, second by second.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use solthrive_domain::clock::ClockEvent;
use solthrive_domain::home::Service;
use solthrive_domain::ids::{LedgerId, RunId};
use solthrive_domain::ledger::{CounterScope, Ledger, LedgerPlan, LedgerState, OfferedCounter};
use solthrive_domain::units::{WattHours, Watts};
use solthrive_domain::{
    Channel, FlagCode, HomeModel, Input, MeterId, Mono, PowerFlow, Reading, Role,
};
use solthrive_meter::bus::{FaultKind, MeterCycle, MeterOutcome};
use uuid::Uuid;

use super::{Now, Outcome, Pipeline, Start, Tick};
use crate::live::GapCause;

const NOON: &str = "2026-06-21T19:00:00Z";

fn channel(role: Role, name: &str, input: Input, multiplier: f64) -> Channel {
    let volt_ref = if input == Input::L3 { Input::L1 } else { input };
    Channel {
        role,
        name: name.into(),
        meter: MeterId::new("main"),
        input,
        volt_ref,
        multiplier,
        scale: 1.0,
        invert: false,
        ct_rating: None,
    }
}

pub(super) fn home() -> HomeModel {
    HomeModel {
        service: Service::SplitPhase,
        channels: vec![
            channel(Role::MainL1, "main_l1", Input::L1, 1.0),
            channel(Role::MainL2, "main_l2", Input::L2, 1.0),
            channel(Role::Pv, "pv", Input::L3, 2.0),
        ],
        reference_meter: MeterId::new("main"),
        solar_nameplate: None,
    }
}

/// An answer with these powers in W.
fn sound(second: u64, l1: f64, l2: f64, pv: f64) -> MeterOutcome {
    let mut values = BTreeMap::new();
    for (input, power) in [("l1", l1), ("l2", l2), ("l3", pv / 2.0)] {
        values.insert(format!("v_{input}").parse().unwrap(), 120.0);
        values.insert(format!("i_{input}").parse().unwrap(), power.abs() / 120.0);
        values.insert(format!("p_{input}").parse().unwrap(), power);
    }
    MeterOutcome::Read(Reading {
        meter: MeterId::new("main"),
        at: at(second),
        values,
    })
}

fn at(second: u64) -> Mono {
    Mono::from_origin(Duration::from_secs(second))
}

fn tick(second: u64, outcome: MeterOutcome) -> Tick {
    let meters = vec![MeterCycle::new(MeterId::new("main"), outcome)];
    Tick {
        index: second,
        at: at(second),
        meters,
    }
}

/// A second in which 600 W were drawn.
pub(super) fn six_hundred_watts(second: u64) -> Tick {
    tick(second, sound(second, 300.0, 300.0, 0.0))
}

/// What a pipeline of [`home`] starts with.
pub(super) fn start(run: RunId, now: Now) -> Start {
    let home = home();
    let plan = LedgerPlan::new(&home, &[]);
    Start {
        zone: TimeZone::get("America/Los_Angeles").unwrap(),
        meters: vec![(MeterId::new("main"), "solthrive-v1".into())],
        poll_every: Duration::from_secs(1),
        ledger: Ledger::start(LedgerId::from_uuid(Uuid::nil()), plan),
        run,
        time_floor: "2026-01-01T00:00:00Z".parse().unwrap(),
        newest_row: None,
        ledger_at: None,
        trust_clock_after: Duration::from_secs(120),
        trust_unsynced_clock_after: Duration::from_secs(900),
        home,
        now,
    }
}

/// A pipeline with a wall clock of its own.
struct Bench {
    pipeline: Pipeline,
    wall_at_origin: Timestamp,
    synced: Option<bool>,
}

impl Bench {
    fn with_clock(wall: &str, floor: &str, synced: Option<bool>) -> Self {
        let wall_at_origin: Timestamp = wall.parse().unwrap();
        let now = Now {
            mono: Mono::ZERO,
            wall: wall_at_origin,
            synced,
        };
        let pipeline = Pipeline::new(Start {
            time_floor: floor.parse().unwrap(),
            ..start(RunId::from_uuid(Uuid::nil()), now)
        });
        Self {
            pipeline,
            wall_at_origin,
            synced,
        }
    }

    fn new() -> Self {
        Self::with_clock(NOON, "2026-01-01T00:00:00Z", Some(true))
    }

    fn now(&self, second: u64) -> Now {
        let mono = Mono::from_origin(Duration::from_secs(second));
        let wall = self.wall_at_origin + SignedDuration::from_secs(i64::try_from(second).unwrap());
        Now {
            mono,
            wall,
            synced: self.synced,
        }
    }

    fn step(&mut self, second: u64, outcome: MeterOutcome) -> Outcome {
        let now = self.now(second);
        self.pipeline.step(tick(second, outcome), now)
    }

    /// A sound reading with these powers in W.
    fn read(&mut self, second: u64, l1: f64, l2: f64, pv: f64) -> Outcome {
        self.step(second, sound(second, l1, l2, pv))
    }

    fn silent(&mut self, second: u64) -> Outcome {
        self.step(
            second,
            MeterOutcome::Failed {
                fault: FaultKind::Timeout,
                failures: 1,
                retry_at: Mono::ZERO,
            },
        )
    }

    fn has(&self, code: FlagCode) -> bool {
        self.pipeline.flags().iter().any(|flag| flag.code == code)
    }
}

fn watts(value: f64) -> Option<Watts> {
    Some(Watts::try_from(value).unwrap())
}

#[test]
fn legs_are_netted_and_solar_carries_its_multiplier() {
    let mut bench = Bench::new();
    let snapshot = bench.read(1, 1500.0, -2500.0, 3000.0).snapshot.unwrap();
    assert_eq!(snapshot.flow.grid, watts(-1000.0));
    assert_eq!(snapshot.flow.solar, watts(3000.0));
    assert_eq!(snapshot.flow.home, watts(2000.0));
    assert!(snapshot.quality.is_ok(), "{:?}", snapshot.quality);
}

#[test]
fn opposite_legs_are_no_import_and_no_export() {
    let mut bench = Bench::new();
    for second in 1..=3601 {
        bench.read(second, 1500.0, -1500.0, 2000.0);
    }
    let totals = bench.pipeline.totals();
    assert_eq!(totals.import, Some(WattHours::ZERO));
    assert_eq!(totals.export, Some(WattHours::ZERO));
    assert!((totals.solar.unwrap().get() - 2000.0).abs() < 1e-6);
}

#[test]
fn a_silent_meter_brings_flags_and_no_numbers() {
    let mut bench = Bench::new();
    bench.read(1, 500.0, 500.0, 0.0);
    for second in 2..=8 {
        assert!(bench.silent(second).snapshot.is_none());
    }
    assert!(bench.has(FlagCode::MeterNotResponding));
    assert!(bench.has(FlagCode::DataStale));
}

#[test]
fn what_was_missed_is_told_with_the_first_number_after_it() {
    let mut bench = Bench::new();
    bench.read(1, 500.0, 500.0, 0.0);
    (2..=9).for_each(|second| drop(bench.silent(second)));
    let gap = bench.read(10, 500.0, 500.0, 0.0).gap.unwrap();
    assert_eq!(gap.cause, GapCause::MeterNotResponding);
    assert_eq!(
        gap.to.duration_since(gap.from),
        SignedDuration::from_secs(9)
    );
}

#[test]
fn a_second_from_before_the_newest_is_no_snapshot() {
    let mut bench = Bench::new();
    bench.read(1, 3600.0, 0.0, 0.0);
    bench.read(3, 3600.0, 0.0, 0.0);
    assert!(bench.read(2, 3600.0, 0.0, 0.0).snapshot.is_none());
    assert!(bench.read(3, 3600.0, 0.0, 0.0).snapshot.is_none());
    bench.read(4, 3600.0, 0.0, 0.0);
    assert_eq!(
        bench.pipeline.totals().import,
        WattHours::try_from(3.0).ok()
    );
}

#[test]
fn a_minute_row_comes_with_the_first_sample_of_the_next_minute() {
    let mut bench = Bench::new();
    let rows: Vec<_> = (1..=60)
        .flat_map(|second| bench.read(second, 600.0, 0.0, 0.0).rows)
        .collect();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].start, NOON.parse().unwrap());
    assert_eq!(rows[0].samples, 59);
    assert!((rows[0].grid.unwrap().mean - 600.0).abs() < 1e-9);
}

#[test]
fn rows_wait_until_the_clock_is_known_and_are_then_stamped_right() {
    let mut bench = Bench::with_clock("1970-01-01T00:00:00Z", "2026-01-01T00:00:00Z", Some(false));
    let before: Vec<_> = (1..=150)
        .flat_map(|second| bench.read(second, 600.0, 0.0, 0.0).rows)
        .collect();
    assert!(before.is_empty());
    assert_eq!(bench.pipeline.held().0, 2);
    assert!(bench.has(FlagCode::ClockUnsynced));

    bench.wall_at_origin = NOON.parse().unwrap();
    bench.synced = Some(true);
    let out = bench.read(151, 600.0, 0.0, 0.0);
    assert!(out.clock.contains(&ClockEvent::BecamePlausible));
    let starts: Vec<_> = out.rows.iter().map(|row| row.start.to_string()).collect();
    assert_eq!(
        starts,
        [
            "2026-06-21T19:00:00Z",
            "2026-06-21T19:01:00Z",
            "2026-06-21T19:02:00Z"
        ]
    );
    assert!(!bench.has(FlagCode::ClockUnsynced));
}

#[test]
fn a_clock_set_back_loses_no_row_and_overwrites_none() {
    let mut bench = Bench::new();
    let mut rows = Vec::new();
    rows.extend((1..=90).flat_map(|second| bench.read(second, 600.0, 0.0, 0.0).rows));
    bench.wall_at_origin -= SignedDuration::from_mins(1);
    rows.extend((91..=200).flat_map(|second| bench.read(second, 600.0, 0.0, 0.0).rows));
    rows.extend(bench.pipeline.finish().rows);
    let mut keys: Vec<_> = rows.iter().map(|row| (row.start, row.part)).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), rows.len());
    assert_eq!(
        rows.iter().map(|row| u32::from(row.samples)).sum::<u32>(),
        200
    );
    assert!(bench.has(FlagCode::ClockStepped));
}

#[test]
fn a_value_that_cannot_be_is_absent_and_reported() {
    let mut bench = Bench::new();
    for second in 1..=15 {
        let out = bench.read(second, 300.0, 300.0, -1_000_000_000.0);
        let snapshot = out.snapshot.unwrap();
        assert_eq!(snapshot.flow.solar, None);
        assert_eq!(snapshot.flow.home, None);
        assert_eq!(snapshot.flow.grid, watts(600.0));
        assert_eq!(snapshot.quality.reasons(), [FlagCode::ScalingFailure]);
    }
    assert!(bench.has(FlagCode::ScalingFailure));
}

#[test]
fn one_moment_of_a_flag_is_over_after_an_hour() {
    let mut bench = Bench::new();
    let now = bench.now(1);
    bench
        .pipeline
        .happened(now, FlagCode::ServiceCrash, "bus", "it crashed".into());
    assert!(bench.has(FlagCode::ServiceCrash));
    bench.read(3700, 0.0, 0.0, 0.0);
    assert!(!bench.has(FlagCode::ServiceCrash));
}

/// Import of the local day so far, Wh.
fn imported(out: &Outcome) -> f64 {
    let today = out.today.as_ref().unwrap();
    today.summary.energy.import.map_or(0.0, WattHours::get)
}

#[test]
fn a_clock_that_goes_to_another_day_and_comes_back_finds_the_day_as_it_was() {
    let mut bench = Bench::new();
    let right = bench.wall_at_origin;
    (1..=120).for_each(|second| drop(bench.read(second, 1800.0, 1800.0, 0.0)));
    for (hours, second) in [(30, 121), (-30, 123)] {
        bench.wall_at_origin = right + SignedDuration::from_hours(hours);
        assert!(imported(&bench.read(second, 1800.0, 1800.0, 0.0)) < 2.0);
        bench.wall_at_origin = right;
        assert!(imported(&bench.read(second + 1, 1800.0, 1800.0, 0.0)) > 118.0);
    }
}

#[test]
fn minutes_from_before_the_time_was_known_count_for_the_day_they_belong_to() {
    let mut bench = Bench::with_clock("1970-01-01T00:00:00Z", "2026-01-01T00:00:00Z", Some(false));
    (1..=120).for_each(|second| drop(bench.read(second, 1800.0, 1800.0, 0.0)));
    bench.wall_at_origin = NOON.parse().unwrap();
    bench.synced = Some(true);
    let today = imported(&bench.read(121, 1800.0, 1800.0, 0.0));
    assert!(today > 119.0, "{today}");
}

/// The totals of a home whose PV counter stands at 400 kWh, half of what was produced.
fn followed_from_400_kwh(plan: &LedgerPlan) -> LedgerState {
    let mut ledger = Ledger::start(LedgerId::from_uuid(Uuid::nil()), plan.clone());
    for second in 0..60 {
        let MeterOutcome::Read(reading) = counted(second, 400.0) else {
            unreachable!()
        };
        let readings = BTreeMap::from([(MeterId::new("main"), &reading)]);
        ledger.step(at(second), &PowerFlow::default(), &readings);
    }
    ledger.state().clone()
}

/// A dark second in which the PV counter says this.
fn counted(second: u64, kwh: f64) -> MeterOutcome {
    let MeterOutcome::Read(mut reading) = sound(second, 0.0, 0.0, 0.0) else {
        unreachable!()
    };
    reading.values.insert("e_imp_l3".parse().unwrap(), kwh);
    MeterOutcome::Read(reading)
}

/// A clean stop, three hours off, and a clock that says twenty seconds: 15 kWh in 20 s would be
/// another meter.
#[test]
fn how_long_it_was_off_is_asked_of_a_clock_that_is_believed() {
    let counter = OfferedCounter {
        meter: MeterId::new("main"),
        point: "e_imp_l3".parse().unwrap(),
        scope: CounterScope::Leg,
        scale: 1.0,
        resolution: WattHours::try_from(10.0).unwrap(),
        wrap: None,
    };
    let plan = LedgerPlan::new(&home(), &[counter]);
    let stopped: Timestamp = NOON.parse().unwrap();
    let mut bench = Bench::with_clock(NOON, "2026-01-01T00:00:00Z", Some(false));
    bench.wall_at_origin = stopped + SignedDuration::from_secs(20);
    let state = followed_from_400_kwh(&plan);
    bench.pipeline = Pipeline::new(Start {
        ledger: Ledger::restore(state, plan, Mono::ZERO, None),
        ledger_at: Some(stopped),
        ..start(RunId::from_uuid(Uuid::nil()), bench.now(0))
    });
    (1..=80).for_each(|second| drop(bench.step(second, counted(second, 407.5))));
    assert_eq!(bench.pipeline.ledger_at(at(80)), Some(stopped));
    bench.wall_at_origin = stopped + SignedDuration::from_hours(3);
    bench.synced = Some(true);
    (81..=100).for_each(|second| drop(bench.step(second, counted(second, 407.5))));
    assert!(!bench.has(FlagCode::CounterReset));
    let solar = bench.pipeline.totals().solar.unwrap().get();
    assert!((solar - 15_000.0).abs() < 1.0, "{solar}");
    let known = bench.pipeline.ledger_at(at(100)).unwrap();
    assert_eq!(known, bench.now(100).wall);
}
