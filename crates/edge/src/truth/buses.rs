//! Promises about homes on several buses, of which some take longer than their period.
//!
//! The buses and the core thread's loop are played on a pretended clock: a cycle is offered when its
//! poll is over, and a tick goes when it is complete or its deadline has come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use solthrive_domain::flagboard::FlagChange;
use solthrive_domain::home::Service;
use solthrive_domain::ids::{LedgerId, RunId};
use solthrive_domain::ledger::{Ledger, LedgerPlan};
use solthrive_domain::units::{WattHours, Watts};
use solthrive_domain::{
    Channel, FlagCode, HomeModel, Input, MeterId, Mono, Quality, Reading, Role, Snapshot,
};
use solthrive_meter::bus::{BusCycle, FaultKind, MeterCycle, MeterOutcome};
use uuid::Uuid;

use super::{Assembler, Now, Outcome, Pipeline, Start, Tick};
use crate::live::Gap;
use crate::truth::tests::start;

const SECOND: Duration = Duration::from_secs(1);
const MAIN: Meter = ("main", Role::Main, 1000.0);
const PV: Meter = ("pv", Role::Pv, 2000.0);

/// By this second even a slow bus is known for what it is.
const KNOWN_BY: u64 = 40;

#[rstest]
fn energy_is_right_however_long_the_polls_take(
    #[values(&[100], &[950], &[1900], &[2500], &[4200], &[800, 800, 800, 3600])]
    main: &'static [u64],
    #[values(&[100], &[950], &[1500], &[2500], &[800, 800, 800, 3600])] pv: &'static [u64],
) {
    let mut play = Play::new(vec![Bus::new(&[MAIN], main), Bus::new(&[PV], pv)]);
    play.run(KNOWN_BY + 70);
    play.assert_right();
}

#[rstest]
#[case::in_time(&[100])]
#[case::a_little_over_two_seconds(&[2100, 2150, 2050])]
#[case::nearly_three_seconds(&[2950, 2990, 2900])]
#[case::at_1200_baud(&[3700])]
#[case::slow_only_with_counters(&[700, 700, 700, 700, 700, 700, 3500])]
fn a_bus_that_needs_more_than_its_second_loses_no_energy(#[case] takes: &'static [u64]) {
    let mut play = Play::new(vec![Bus::new(&[MAIN, PV], takes)]);
    play.run(KNOWN_BY + 70);
    play.assert_right();
}

#[rstest]
#[case::of_two(2)]
#[case::of_four(4)]
#[case::of_seven(7)]
#[case::of_twelve(12)]
fn meters_that_take_turns_are_all_known_all_the_time(#[case] turns: u64) {
    let bus = Bus {
        turns,
        ..Bus::new(&[MAIN, PV], &[800])
    };
    let mut play = Play::new(vec![bus]);
    play.run(KNOWN_BY + 70);
    play.assert_right();
}

#[rstest]
#[case::version_1_at_its_slowest(5)]
#[case::every_ten_seconds(10)]
#[case::once_a_minute(60)]
fn slow_polls_are_neither_stale_nor_full_of_gaps(#[case] seconds: u64) {
    let buses = vec![Bus::new(&[MAIN], &[100]), Bus::new(&[PV], &[2500])];
    let mut play = Play::polled_every(Duration::from_secs(seconds), buses);
    play.run(KNOWN_BY + 70.max(10 * seconds));
    play.assert_right();
}

#[test]
fn snapshots_never_repeat_or_turn_back_in_time() {
    for (main, pv) in [(100, 950), (100, 1500), (100, 2500), (1500, 2500)] {
        let buses = [(MAIN, main), (PV, pv)].map(|(meter, ms)| Bus::new(&[meter], &[ms]));
        let mut play = Play::new(buses.into());
        play.run(60);
        let stamps: Vec<_> = play.snapshots.iter().map(|s| s.ts).collect();
        assert!(stamps.len() >= 18, "{} snapshots", stamps.len());
        assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
    }
}

#[test]
fn silence_is_a_gap_on_a_slow_bus_too() {
    let mut play = Play::new(vec![Bus::new(&[MAIN], &[2500])]);
    play.run(60);
    play.buses[0].silent = true;
    play.run(75);
    assert!(play.has(FlagCode::DataStale));
    assert!(play.has(FlagCode::MeterNotResponding));
    play.buses[0].silent = false;
    play.run(90);
    assert_eq!(play.gaps.len(), 1);
    let seen = 90.0 - 15.0;
    let import = play.newest().totals.import.map_or(0.0, WattHours::get);
    assert!(import < 1000.0 * seen / 3600.0, "{import} Wh in {seen} s");
}

#[test]
fn a_bus_that_hangs_is_a_gap_although_nothing_failed() {
    let mut takes = [100; 60];
    takes[40] = 9500;
    let mut play = Play::new(vec![Bus::new(&[MAIN], Vec::leak(takes.to_vec()))]);
    play.run(60);
    assert_eq!(play.gaps.len(), 1);
    let import = play.newest().totals.import.map_or(0.0, WattHours::get);
    assert!(
        (import - 1000.0 * (59.0 - 10.0) / 3600.0).abs() < 0.01,
        "{import}"
    );
}

#[test]
fn what_is_absent_has_its_reason_in_the_same_snapshot() {
    let mut play = Play::new(vec![Bus::new(&[MAIN], &[100]), Bus::new(&[PV], &[100])]);
    play.run(10);
    assert!(play.newest().quality.is_ok());
    play.buses[1].silent = true;
    play.run(12);
    assert!(!play.has(FlagCode::MeterNotResponding));
    assert_eq!(play.newest().flow.solar, None);
    let reason = Quality::new(vec![FlagCode::MeterNotResponding]);
    assert_eq!(play.newest().quality, reason);
    play.buses[1].silent = false;
    play.run(14);
    assert!(play.newest().quality.is_ok());
}

/// Name, role and power in W.
type Meter = (&'static str, Role, f64);

/// A home of these buses, second by second.
struct Play {
    pipeline: Pipeline,
    assembler: Assembler,
    period: Duration,
    buses: Vec<Bus>,
    snapshots: Vec<Arc<Snapshot>>,
    gaps: Vec<Gap>,
    /// When the core thread last had something to do.
    heard: Duration,
    /// Flags that went up since the buses are known.
    raised: Vec<FlagCode>,
}

struct Bus {
    meters: &'static [Meter],
    /// How long its polls take, in ms, over and over.
    takes: &'static [u64],
    /// Each meter is asked in one of so many polls.
    turns: u64,
    silent: bool,
    polls: usize,
    tick: u64,
}

impl Bus {
    fn new(meters: &[Meter], takes: &[u64]) -> Self {
        Self {
            meters: Vec::leak(meters.to_vec()),
            takes: Vec::leak(takes.to_vec()),
            turns: 1,
            silent: false,
            polls: 0,
            tick: 0,
        }
    }

    /// Starts are a little off the grid, as threads are.
    fn began(&self, period: Duration) -> Duration {
        period * u32::try_from(self.tick).unwrap() + Duration::from_micros(self.tick % 7 * 90)
    }

    /// When the present poll is over.
    fn done(&self, period: Duration) -> Duration {
        let takes = self.takes[self.polls % self.takes.len()];
        self.began(period) + Duration::from_millis(takes)
    }

    fn cycle(&self, period: Duration) -> BusCycle {
        let at = Mono::from_origin(self.began(period));
        let meters = self.meters.iter().enumerate();
        BusCycle {
            bus: self.meters[0].0.into(),
            tick: self.tick,
            at,
            deviation: Duration::ZERO,
            meters: meters
                .map(|(index, (meter, _, power))| {
                    let outcome = self.outcome(index, meter, *power, at);
                    MeterCycle::new(MeterId::new(*meter), outcome)
                })
                .collect(),
        }
    }

    fn outcome(&self, index: usize, meter: &str, power: f64, at: Mono) -> MeterOutcome {
        if self.silent {
            return MeterOutcome::Failed {
                fault: FaultKind::Timeout,
                failures: 1,
                retry_at: at,
            };
        }
        if !(self.tick + u64::try_from(index).unwrap()).is_multiple_of(self.turns) {
            return MeterOutcome::Waiting;
        }
        MeterOutcome::Read(Reading {
            meter: MeterId::new(meter),
            at: at + Duration::from_millis(2),
            values: BTreeMap::from([("p_total".parse().unwrap(), power)]),
        })
    }
}

impl Play {
    fn new(buses: Vec<Bus>) -> Self {
        Self::polled_every(SECOND, buses)
    }

    fn polled_every(period: Duration, buses: Vec<Bus>) -> Self {
        let meters: Vec<Meter> = buses.iter().flat_map(|bus| bus.meters).copied().collect();
        let home = HomeModel {
            service: Service::SplitPhase,
            channels: meters
                .iter()
                .map(|(meter, role, _)| channel(*role, meter))
                .collect(),
            reference_meter: MeterId::new("main"),
            solar_nameplate: None,
        };
        let ledger = Ledger::start(
            LedgerId::from_uuid(Uuid::nil()),
            LedgerPlan::new(&home, &[]),
        );
        let names = buses.iter().map(|bus| Arc::from(bus.meters[0].0));
        Self {
            assembler: Assembler::new(names, period * 9 / 10),
            pipeline: Pipeline::new(Start {
                home,
                zone: TimeZone::UTC,
                meters: meters
                    .iter()
                    .map(|(meter, ..)| (MeterId::new(*meter), "any".into()))
                    .collect(),
                poll_every: period,
                ledger,
                ..start(RunId::from_uuid(Uuid::nil()), now(Duration::ZERO))
            }),
            period,
            buses,
            snapshots: Vec::new(),
            gaps: Vec::new(),
            heard: Duration::ZERO,
            raised: Vec::new(),
        }
    }

    /// Until this second.
    fn run(&mut self, until: u64) {
        loop {
            let period = self.period;
            let next = (0..self.buses.len()).min_by_key(|bus| self.buses[*bus].done(period));
            let next = next.unwrap();
            let done = self.buses[next].done(period);
            if done > Duration::from_secs(until) {
                return;
            }
            self.pass(done);
            let bus = &mut self.buses[next];
            let cycle = bus.cycle(period);
            bus.polls += 1;
            bus.tick = u64::try_from(done.as_nanos() / period.as_nanos()).unwrap() + 1;
            let complete = self.assembler.offer(cycle);
            self.steps(complete, done);
        }
    }

    /// No bus says anything until then.
    fn pass(&mut self, until: Duration) {
        loop {
            let silence = self.heard + 2 * SECOND;
            let deadline = self.assembler.deadline().map(Mono::since_origin);
            let wakes = deadline.map_or(silence, |deadline| deadline.min(silence));
            if wakes >= until {
                return;
            }
            let overdue = self.assembler.expire(Mono::from_origin(wakes));
            if overdue.is_empty() {
                let out = self.pipeline.idle(now(wakes));
                self.note(out);
            }
            self.steps(overdue, wakes);
        }
    }

    fn steps(&mut self, ticks: Vec<Tick>, at: Duration) {
        self.heard = at;
        for tick in ticks {
            let out = self.pipeline.step(tick, now(at));
            self.note(out);
        }
    }

    fn note(&mut self, out: Outcome) {
        self.snapshots.extend(out.snapshot);
        self.gaps.extend(out.gap);
        let raised = out.flags.iter().filter_map(|change| match change {
            FlagChange::Raised(flag) => Some(flag.code),
            FlagChange::Changed(_) | FlagChange::Cleared(_) => None,
        });
        let known = self.heard >= Duration::from_secs(KNOWN_BY);
        self.raised.extend(raised.filter(|_| known));
    }

    fn newest(&self) -> &Snapshot {
        self.snapshots.last().unwrap()
    }

    fn has(&self, code: FlagCode) -> bool {
        self.pipeline.flags().iter().any(|flag| flag.code == code)
    }

    /// Once the buses are known everything is known all the time, and energy is power times time.
    fn assert_right(&self) {
        let known_by = Mono::from_origin(Duration::from_secs(KNOWN_BY));
        let settled: Vec<_> = self.snapshots.iter().filter(|s| s.at >= known_by).collect();
        let (from, to) = (settled[0], settled[settled.len() - 1]);
        let span = to.at.since(from.at).as_secs_f64();
        assert!(span >= 55.0, "{span} s");
        for (name, power, of) in [
            (
                "import",
                1000.0,
                (|s| s.totals.import) as fn(&Snapshot) -> _,
            ),
            ("solar", 2000.0, |s| s.totals.solar),
            ("home", 3000.0, |s| s.totals.home),
        ] {
            let [begin, end] = [from, to].map(|s| of(s).map_or(0.0, WattHours::get));
            let (found, expected) = (end - begin, power * span / 3600.0);
            assert!(
                (found - expected).abs() < 1e-6,
                "{name}: {found}, not {expected} Wh in {span} s"
            );
            assert!(
                end <= power * self.heard.as_secs_f64() / 3600.0,
                "{name}: {end} Wh in all"
            );
        }
        for snapshot in settled {
            assert_eq!(
                snapshot.flow.home.map(Watts::get),
                Some(3000.0),
                "{:?}",
                snapshot.at
            );
            assert!(snapshot.quality.is_ok(), "{:?}", snapshot.quality);
        }
        let late: Vec<_> = self.gaps.iter().filter(|gap| gap.to > from.ts).collect();
        assert!(late.is_empty(), "{late:?}");
        assert_eq!(self.raised, []);
    }
}

fn channel(role: Role, meter: &str) -> Channel {
    Channel {
        role,
        name: meter.to_owned(),
        meter: MeterId::new(meter),
        input: Input::Total,
        volt_ref: Input::L1,
        multiplier: 1.0,
        scale: 1.0,
        invert: false,
        ct_rating: None,
    }
}

fn now(at: Duration) -> Now {
    let noon: Timestamp = "2026-06-21T19:00:00Z".parse().unwrap();
    Now {
        mono: Mono::from_origin(at),
        wall: noon + SignedDuration::try_from(at).unwrap(),
        synced: Some(true),
    }
}
