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
use solthrive_domain::home::Service;
use solthrive_domain::ids::{LedgerId, RunId};
use solthrive_domain::ledger::{Ledger, LedgerPlan};
use solthrive_domain::units::WattHours;
use solthrive_domain::{Channel, HomeModel, Input, MeterId, Mono, Reading, Role, Snapshot};
use solthrive_meter::bus::{BusCycle, MeterCycle, MeterOutcome};
use uuid::Uuid;

use super::{Assembler, Now, Pipeline, Start, Tick};

const SECOND: Duration = Duration::from_secs(1);

#[rstest]
#[case::both_in_time(100, 100)]
#[case::just_after_the_deadline(100, 950)]
#[case::over_its_second(100, 1500)]
#[case::nearly_two_seconds(100, 1900)]
#[case::two_and_a_half(100, 2500)]
fn a_bus_that_overruns_invents_no_energy(#[case] main_ms: u64, #[case] pv_ms: u64) {
    let mut play = Play::new([main_ms, pv_ms]);
    play.run(Duration::from_secs(90));
    let [from, to] = [20, 80].map(|second| play.snapshot_at(second));
    let import = |snapshot: &Snapshot| snapshot.totals.import.map_or(0.0, WattHours::get);
    let span = to.at.since(from.at).as_secs_f64();
    let expected = 1000.0 * span / 3600.0;
    let found = import(to) - import(from);
    assert!(
        (found - expected).abs() < 1e-6,
        "{found} Wh in {span} s, not {expected}"
    );
}

#[rstest]
#[case::both_in_time(100, 100)]
#[case::just_after_the_deadline(100, 950)]
#[case::over_its_second(100, 1500)]
#[case::two_and_a_half(100, 2500)]
#[case::both_over_it(1500, 2500)]
fn snapshots_never_repeat_or_turn_back_in_time(#[case] main_ms: u64, #[case] pv_ms: u64) {
    let mut play = Play::new([main_ms, pv_ms]);
    play.run(Duration::from_secs(60));
    let stamps: Vec<_> = play.snapshots.iter().map(|s| s.ts).collect();
    assert!(stamps.len() >= 18, "{} snapshots", stamps.len());
    assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
}

/// A grid connection of 1 kW on the first bus, production of 2 kW on the second.
struct Play {
    pipeline: Pipeline,
    assembler: Assembler,
    buses: Vec<Bus>,
    snapshots: Vec<Arc<Snapshot>>,
}

struct Bus {
    meter: &'static str,
    power: f64,
    /// How long each poll takes.
    takes: Duration,
    tick: u64,
}

impl Bus {
    /// When the present poll is over. Starts are a little off the grid, as threads are.
    fn done(&self) -> Duration {
        self.began() + self.takes
    }

    fn began(&self) -> Duration {
        let off = Duration::from_micros(self.tick % 7 * 90);
        SECOND * u32::try_from(self.tick).unwrap() + off
    }

    fn cycle(&self) -> BusCycle {
        let at = Mono::from_origin(self.began());
        let meter = MeterId::new(self.meter);
        let values = BTreeMap::from([("p_total".parse().unwrap(), self.power)]);
        let reading = Reading {
            meter: meter.clone(),
            at: at + Duration::from_millis(2),
            values,
        };
        BusCycle {
            bus: self.meter.into(),
            tick: self.tick,
            at,
            deviation: Duration::ZERO,
            meters: vec![MeterCycle {
                meter,
                outcome: MeterOutcome::Read(reading),
            }],
        }
    }
}

impl Play {
    fn new(takes_ms: [u64; 2]) -> Self {
        let meters = [("main", Role::Main, 1000.0), ("pv", Role::Pv, 2000.0)];
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
        let buses = meters
            .iter()
            .zip(takes_ms)
            .map(|((meter, _, power), takes)| Bus {
                meter,
                power: *power,
                takes: Duration::from_millis(takes),
                tick: 0,
            });
        Self {
            pipeline: Pipeline::new(Start {
                home,
                zone: TimeZone::UTC,
                meters: meters
                    .iter()
                    .map(|(meter, ..)| (MeterId::new(*meter), "any".into()))
                    .collect(),
                ledger,
                run: RunId::from_uuid(Uuid::nil()),
                time_floor: "2026-01-01T00:00:00Z".parse().unwrap(),
                newest_row: None,
                trust_clock_after: Duration::from_secs(120),
                today: Vec::new(),
                now: now(Duration::ZERO),
            }),
            assembler: Assembler::new(meters.map(|(meter, ..)| Arc::from(meter)), SECOND * 9 / 10),
            buses: buses.collect(),
            snapshots: Vec::new(),
        }
    }

    fn run(&mut self, until: Duration) {
        loop {
            let next = (0..self.buses.len()).min_by_key(|bus| self.buses[*bus].done());
            let next = next.unwrap();
            let done = self.buses[next].done();
            if done > until {
                return;
            }
            while let Some(deadline) = self.assembler.deadline().map(Mono::since_origin)
                && deadline < done
            {
                let overdue = self.assembler.expire(Mono::from_origin(deadline));
                self.steps(overdue, deadline);
            }
            let bus = &mut self.buses[next];
            let cycle = bus.cycle();
            bus.tick = u64::try_from(done.as_nanos() / SECOND.as_nanos()).unwrap() + 1;
            let complete = self.assembler.offer(cycle);
            self.steps(complete, done);
        }
    }

    fn steps(&mut self, ticks: Vec<Tick>, at: Duration) {
        for tick in ticks {
            let out = self.pipeline.step(tick, now(at));
            self.snapshots.extend(out.snapshot);
        }
    }

    /// The newest snapshot of the time up to `second`.
    fn snapshot_at(&self, second: u64) -> &Snapshot {
        let at = Mono::from_origin(Duration::from_secs(second));
        self.snapshots
            .iter()
            .rfind(|snapshot| snapshot.at <= at)
            .unwrap()
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
