//! The ledger: what it adds, what it bridges, and what it never counts twice.

use std::time::Duration;

use solthrive_domain::counter::CounterEvent;
use solthrive_domain::ledger::LedgerEvent;
use solthrive_domain::{
    Cadence, Channel, CounterScope, FlowCadence, HomeModel, Input, Ledger, LedgerPlan, LedgerState,
    LedgerStep, Mono, OfferedCounter, PowerFlow, Role,
};

use crate::support::{
    amps, assert_near, channel, flow, home, ledger_id, main_meter, millis, reading, secs, seen,
    v1_home, w, wh,
};

fn offered(point: &str, scope: CounterScope) -> OfferedCounter {
    let (resolution, wrap) = (wh(10.0), None);
    OfferedCounter {
        meter: main_meter(),
        point: point.parse().unwrap(),
        scope,
        scale: 1.0,
        resolution,
        wrap,
    }
}

/// A bidirectional meter at the grid, and PV elsewhere.
fn netted_home() -> HomeModel {
    let pv = Channel {
        meter: solthrive_domain::MeterId::new("pv"),
        ..channel(Role::Pv, "pv", Input::Total)
    };
    home(vec![
        Channel {
            ct_rating: Some(amps(100.0)),
            ..channel(Role::Main, "grid", Input::Total)
        },
        pv,
    ])
}

fn netted_plan() -> LedgerPlan {
    stepped_plan(10.0)
}

/// Import and export counters with steps of this many Wh.
fn stepped_plan(resolution: f64) -> LedgerPlan {
    let netted = |point| OfferedCounter {
        resolution: wh(resolution),
        ..offered(point, CounterScope::MainsNet)
    };
    LedgerPlan::new(&netted_home(), &[netted("e_imp"), netted("e_exp")])
}

/// A ledger fed with constant power, whose import counter is read every ten seconds.
struct Bench {
    ledger: Ledger,
    kwh: f64,
    /// Steps of the counter per kWh.
    steps: f64,
    bridged: f64,
    entries: Vec<LedgerEvent>,
}

impl Bench {
    fn new() -> Self {
        Self {
            ledger: Ledger::start(ledger_id(), netted_plan()),
            kwh: 500.0,
            steps: 100.0,
            bridged: 0.0,
            entries: Vec::new(),
        }
    }

    /// Samples in `[from, to)`, with power while `sees` and the counter at every tenth second.
    fn run(&mut self, from: u64, to: u64, watts: f64, sees: bool) {
        for second in from..to {
            self.kwh += watts / 3_600_000.0;
            let at = secs(second);
            let shown = (self.kwh * self.steps).floor() / self.steps;
            let values: &[(&str, f64)] = if second % 10 == 0 {
                &[("e_imp", shown), ("e_exp", 7.0)]
            } else {
                &[]
            };
            let flow = if sees {
                flow(Some(0.0), Some(watts))
            } else {
                PowerFlow::default()
            };
            let step = self.ledger.step(at, &flow, &seen(&reading(at, values)));
            self.take(step);
        }
    }

    fn take(&mut self, step: LedgerStep) {
        self.bridged += step
            .bridged
            .import
            .map_or(0.0, solthrive_domain::units::WattHours::get);
        self.entries
            .extend(step.entries.into_iter().map(|entry| entry.what));
    }

    /// Nobody looks, the energy flows on.
    fn pass(&mut self, seconds: u64, watts: f64) {
        self.kwh += watts * Duration::from_secs(seconds).as_secs_f64() / 3_600_000.0;
    }

    fn restart(&mut self, downtime: Option<Duration>) {
        let json = serde_json::to_string(self.ledger.state()).unwrap();
        let state: LedgerState = serde_json::from_str(&json).unwrap();
        self.ledger = Ledger::restore(state, netted_plan(), Mono::ZERO, downtime);
    }

    fn import(&self) -> f64 {
        self.ledger.totals().import.unwrap().get()
    }

    fn gaps(&self) -> Vec<f64> {
        let energy = |event: &LedgerEvent| match event {
            LedgerEvent::GapBridged { energy, .. } => Some(energy.get()),
            _ => None,
        };
        self.entries.iter().filter_map(energy).collect()
    }
}

#[test]
fn a_kilowatt_for_an_hour_is_a_kilowatt_hour() {
    let mut ledger = Ledger::start(ledger_id(), LedgerPlan::new(&v1_home(), &[]));
    for second in 0..=3600 {
        ledger.step(
            secs(second),
            &flow(Some(3000.0), Some(-2000.0)),
            &seen(&reading(secs(second), &[])),
        );
    }
    let totals = ledger.totals();
    assert_near(totals.solar.unwrap().get(), 3000.0, 1e-6);
    assert_near(totals.export.unwrap().get(), 2000.0, 1e-6);
    assert_near(totals.import.unwrap().get(), 0.0, 0.0);
    assert_near(totals.home.unwrap().get(), 1000.0, 1e-6);
    assert_eq!(
        (totals.battery_charge, totals.battery_discharge, totals.ev),
        (None, None, None)
    );
}

#[test]
fn the_first_step_of_a_new_ledger_names_it_and_a_restart_does_not() {
    let mut bench = Bench::new();
    bench.run(0, 2, 0.0, true);
    assert_eq!(
        bench.entries,
        [LedgerEvent::LedgerStarted {
            ledger: ledger_id()
        }]
    );
    bench.restart(None);
    bench.run(0, 2, 0.0, true);
    assert_eq!(bench.entries.len(), 1);
    assert_eq!(bench.ledger.state().id(), ledger_id());
}

#[test]
fn totals_taken_from_an_older_copy_go_on_in_a_ledger_of_their_own() {
    let mut bench = Bench::new();
    bench.run(0, 600, 1200.0, true);
    let (total, copy) = (bench.import(), bench.ledger.state().clone());
    let other = solthrive_domain::LedgerId::from_uuid(uuid::Uuid::from_u128(7));
    bench.ledger = Ledger::restore(copy.begin_anew(other), netted_plan(), Mono::ZERO, None);
    assert_near(bench.import(), total, 1e-9);
    bench.entries.clear();
    bench.run(0, 2, 0.0, true);
    assert_eq!(
        bench.entries,
        [LedgerEvent::LedgerStarted { ledger: other }]
    );
}

#[test]
fn import_and_export_within_one_interval_are_told_apart_where_power_crosses_zero() {
    let mut ledger = Ledger::start(ledger_id(), LedgerPlan::new(&v1_home(), &[]));
    let nothing = reading(Mono::ZERO, &[]);
    ledger.step(millis(0), &flow(Some(0.0), Some(3600.0)), &seen(&nothing));
    let step = ledger.step(
        millis(1000),
        &flow(Some(0.0), Some(-3600.0)),
        &seen(&nothing),
    );
    assert_near(step.increments.import.unwrap().get(), 0.25, 1e-9);
    assert_near(step.increments.export.unwrap().get(), 0.25, 1e-9);
    assert_near(step.increments.home.unwrap().get(), 0.0, 1e-9);
}

#[test]
fn samples_up_to_three_seconds_apart_are_one_stretch_and_farther_apart_are_not() {
    let mut ledger = Ledger::start(ledger_id(), LedgerPlan::new(&v1_home(), &[]));
    let nothing = reading(Mono::ZERO, &[]);
    let mut at = |ms, power| ledger.step(millis(ms), &flow(power, power), &seen(&nothing));
    at(0, Some(3600.0));
    assert_eq!(at(1000, None).increments.import, None);
    let step = at(3000, Some(3600.0));
    assert_eq!(
        (step.increments.import, step.covered),
        (Some(wh(3.0)), Duration::from_secs(3))
    );
    let step = at(6001, Some(3600.0));
    assert_eq!(
        (step.increments.import, step.covered),
        (None, Duration::ZERO)
    );
}

#[test]
fn a_sample_from_before_the_last_counts_no_time_twice() {
    let mut ledger = Ledger::start(ledger_id(), LedgerPlan::new(&v1_home(), &[]));
    let nothing = reading(Mono::ZERO, &[]);
    for second in [0, 1, 0, 3, 2, 4] {
        let flow = flow(Some(0.0), Some(3600.0));
        ledger.step(secs(second), &flow, &seen(&nothing));
    }
    assert_near(ledger.totals().import.unwrap().get(), 4.0, 1e-9);
}

#[test]
fn a_slow_schedule_is_no_gap() {
    let mut ledger = Ledger::start(ledger_id(), LedgerPlan::new(&v1_home(), &[]));
    ledger.sampled_every(FlowCadence::even(Cadence::every(Duration::from_secs(5))));
    for second in (0..=3600).step_by(5) {
        let nothing = reading(secs(second), &[]);
        ledger.step(
            secs(second),
            &flow(Some(0.0), Some(1000.0)),
            &seen(&nothing),
        );
    }
    assert_near(ledger.totals().import.unwrap().get(), 1000.0, 1e-6);
    ledger.sampled_every(FlowCadence::even(Cadence::every(Duration::from_secs(1))));
    let step = ledger.step(
        secs(3604),
        &flow(Some(0.0), Some(1000.0)),
        &seen(&reading(secs(3604), &[])),
    );
    assert_eq!(step.increments.import, None);
}

#[test]
fn a_slow_meter_does_not_hide_the_outage_of_a_fast_one() {
    let mut ledger = Ledger::start(ledger_id(), LedgerPlan::new(&v1_home(), &[]));
    let [second, slow] = [1, 5].map(|s| Cadence::every(Duration::from_secs(s)));
    ledger.sampled_every(FlowCadence {
        solar: slow,
        ..FlowCadence::even(second)
    });
    let nothing = reading(Mono::ZERO, &[]);
    let power = flow(Some(3600.0), Some(3600.0));
    ledger.step(secs(0), &power, &seen(&nothing));
    let step = ledger.step(secs(5), &power, &seen(&nothing));
    assert_eq!(step.increments.solar, Some(wh(5.0)));
    assert_eq!(step.increments.import, None);
    assert_eq!(step.covered, Duration::ZERO);
}

#[test]
fn a_restart_is_bridged_by_the_counter_once_it_is_confirmed() {
    let mut bench = Bench::new();
    bench.run(0, 3600, 2000.0, true);
    let before = bench.import();
    bench.restart(Some(Duration::from_hours(2)));
    bench.pass(7200, 2000.0);
    bench.run(0, 600, 2000.0, true);
    assert_near(
        bench.import() - before,
        2000.0 * (7200.0 + 600.0) / 3600.0,
        10.0,
    );
    assert_near(bench.gaps().iter().sum(), bench.bridged, 1e-6);
    assert_near(bench.bridged, 4000.0, 10.0);
}

#[test]
fn a_lost_minute_of_state_is_not_counted_twice_and_not_lost() {
    let mut bench = Bench::new();
    bench.run(0, 3600, 2000.0, true);
    let saved = bench.ledger.state().clone();
    let before = bench.import();
    bench.run(3600, 3659, 2000.0, true);
    bench.ledger = Ledger::restore(saved, netted_plan(), Mono::ZERO, None);
    bench.run(0, 600, 2000.0, true);
    assert_near(bench.import() - before, 2000.0 * 659.0 / 3600.0, 10.0);
}

#[test]
fn counters_that_go_on_while_power_is_unknown_are_told_in_one_entry() {
    let mut bench = Bench::new();
    bench.run(0, 1800, 2000.0, true);
    let before = bench.import();
    bench.run(1800, 3600, 2000.0, false);
    bench.run(3600, 4200, 2000.0, true);
    assert_near(bench.import() - before, 2000.0 * 2400.0 / 3600.0, 10.0);
    assert!(bench.gaps().len() <= 2, "{:?}", bench.gaps());
    assert_near(bench.gaps().iter().sum(), bench.bridged, 1e-6);
}

#[test]
fn a_gap_between_two_counter_readings_adds_no_more_than_flowed() {
    let mut bench = Bench::new();
    bench.run(0, 1803, 2000.0, true);
    bench.pass(4, 2000.0);
    bench.run(1807, 2400, 2000.0, true);
    assert_near(bench.import(), 2000.0 * 2399.0 / 3600.0, 3.0);
}

#[test]
fn the_rest_of_a_gap_is_told_by_the_next_step_of_a_coarse_counter() {
    let mut bench = Bench::new();
    bench.ledger = Ledger::start(ledger_id(), stepped_plan(1000.0));
    bench.steps = 1.0;
    bench.run(0, 4000, 2000.0, true);
    bench.pass(3600 + 600, 2000.0);
    bench.run(8200, 8260, 2000.0, true);
    let truth = |end: f64| 2000.0 * end / 3600.0;
    assert!(bench.import() < truth(8260.0) - 100.0, "{}", bench.import());
    bench.run(8260, 12_000, 2000.0, true);
    assert_near(bench.import(), truth(12_000.0), 10.0);
    assert_eq!(bench.gaps().len(), 2);
}

#[test]
fn counters_that_are_read_only_while_power_is_missing_bridge_as_well() {
    let mut bench = Bench::new();
    let run = |bench: &mut Bench, from: u64, to: u64| {
        for second in from..to {
            bench.run(second, second + 1, 2000.0, !second.is_multiple_of(10));
        }
    };
    run(&mut bench, 1, 1800);
    bench.pass(1800, 2000.0);
    run(&mut bench, 3600, 4200);
    assert_near(bench.import(), 2000.0 * 4198.0 / 3600.0, 10.0);
    assert!(bench.bridged > 900.0);
}

#[test]
fn bridged_solar_does_not_count_for_the_home_before_the_export_it_became_is_known() {
    let pv = solthrive_domain::MeterId::new("pv");
    let solar = OfferedCounter {
        meter: pv.clone(),
        ..offered("e_imp", CounterScope::MainsNet)
    };
    let export = offered("e_exp", CounterScope::MainsNet);
    let mut ledger = Ledger::start(
        ledger_id(),
        LedgerPlan::new(&netted_home(), &[solar, export]),
    );
    let mut look = |second: u64, export_too: bool| {
        let at = secs(second);
        let kwh = f64::from(u32::try_from(second).unwrap()) * 3.0 / 3600.0;
        let main = reading(at, if export_too { &[("e_exp", 0.0)] } else { &[] });
        let main = solthrive_domain::Reading {
            values: main.values.keys().map(|point| (*point, kwh)).collect(),
            ..main
        };
        let mut other = reading(at, &[("e_imp", kwh)]);
        other.meter = pv.clone();
        let mut readings = seen(&main);
        readings.insert(pv.clone(), &other);
        ledger.step(at, &flow(Some(3000.0), Some(-3000.0)), &readings);
        ledger.totals()
    };
    for second in 0..600 {
        look(second, true);
    }
    let early = (4200..4260)
        .map(|second| look(second, false))
        .last()
        .unwrap();
    assert!(early.solar.unwrap().kwh() > 3.4, "{early:?}");
    assert_near(early.home.unwrap().get(), 0.0, 0.0);
    let late = (4260..4320)
        .map(|second| look(second, true))
        .last()
        .unwrap();
    assert!(late.export.unwrap().kwh() > 3.4, "{late:?}");
    assert_near(late.home.unwrap().get(), 0.0, 10.0);
}

#[test]
fn a_spike_right_after_a_gap_is_not_taken_for_the_gaps_energy() {
    let mut bench = Bench::new();
    bench.run(0, 1800, 2000.0, true);
    bench.pass(36_000, 100.0);
    let truth = bench.kwh;
    for second in [37_800, 37_810] {
        let lie = reading(secs(second), &[("e_imp", 600.0)]);
        let step = bench
            .ledger
            .step(secs(second), &flow(Some(0.0), Some(100.0)), &seen(&lie));
        bench.take(step);
    }
    bench.kwh = truth;
    bench.run(37_820, 38_400, 100.0, true);
    assert_near(bench.import(), 1000.0 + 1000.0 + 16.0, 15.0);
}

#[test]
fn a_reset_counter_bridges_nothing_and_the_total_goes_on() {
    let mut bench = Bench::new();
    bench.run(0, 1800, 2000.0, true);
    bench.kwh = 0.0;
    bench.run(1800, 3600, 2000.0, true);
    assert_near(bench.import(), 2000.0 * 3599.0 / 3600.0, 1e-6);
    let reset = |event: &LedgerEvent| {
        matches!(
            event,
            LedgerEvent::Counter {
                counter: CounterEvent::Reset { .. },
                ..
            }
        )
    };
    assert!(bench.entries.iter().any(reset), "{:?}", bench.entries);
}

#[test]
fn a_counter_that_contradicts_the_power_is_named_and_bridges_nothing() {
    let mut bench = Bench::new();
    for second in 0..7200 {
        bench.kwh += 10.0 * 2000.0 / 3_600_000.0;
        let at = secs(second);
        let values = [("e_imp", (bench.kwh * 100.0).floor() / 100.0)];
        bench.ledger.step(
            at,
            &flow(Some(0.0), Some(2000.0)),
            &seen(&reading(at, &values)),
        );
    }
    let found = bench.ledger.contradictions();
    assert_eq!(found.len(), 1);
    assert_near(found[0].counter_wh / found[0].power_wh, 10.0, 0.5);
    bench.pass(3600, 20_000.0);
    bench.run(10_800, 11_400, 2000.0, true);
    assert_near(bench.bridged, 0.0, 0.0);
}

#[test]
fn a_home_below_zero_by_noise_is_set_off_and_by_a_fault_is_forgotten() {
    let mut ledger = Ledger::start(ledger_id(), LedgerPlan::new(&v1_home(), &[]));
    let mut run = |from: u64, solar: f64, grid: f64| {
        for second in from..from + 3600 {
            ledger.step(
                secs(second),
                &flow(Some(solar), Some(grid)),
                &seen(&reading(secs(second), &[])),
            );
        }
        ledger.totals().home.unwrap().get()
    };
    assert_near(run(0, 1000.0, -1005.0), 0.0, 0.0);
    assert_near(run(3600, 0.0, 100.0), 95.0, 0.5);
    assert_near(run(7200, 1000.0, -6000.0), 95.0, 0.5);
    assert_near(run(10_800, 0.0, 100.0), 185.0, 1.0);
}

#[test]
fn a_battery_that_charges_is_not_used_by_the_home() {
    let model = home(vec![
        channel(Role::Main, "grid", Input::Total),
        channel(Role::Pv, "pv", Input::L1),
        channel(Role::Battery, "battery", Input::L2),
    ]);
    let mut ledger = Ledger::start(ledger_id(), LedgerPlan::new(&model, &[]));
    for second in 0..=3600 {
        let flow = PowerFlow {
            battery: Some(w(-2000.0)),
            ..flow(Some(3000.0), Some(0.0))
        };
        ledger.step(secs(second), &flow, &seen(&reading(secs(second), &[])));
    }
    let totals = ledger.totals();
    assert_near(totals.battery_charge.unwrap().get(), 2000.0, 1e-6);
    assert_near(totals.battery_discharge.unwrap().get(), 0.0, 0.0);
    assert_near(totals.home.unwrap().get(), 1000.0, 1e-6);
}

#[test]
fn other_meters_after_a_restart_do_not_bridge_with_what_old_ones_counted() {
    let mut bench = Bench::new();
    bench.run(0, 1800, 2000.0, true);
    let state = bench.ledger.state().clone();
    let without = LedgerPlan::new(&netted_home(), &[]);
    bench.ledger = Ledger::restore(state, without, Mono::ZERO, Some(Duration::from_secs(60)));
    bench.restart(Some(Duration::from_secs(60)));
    bench.kwh = 9_000.0;
    let before = bench.import();
    bench.run(0, 600, 2000.0, true);
    assert_near(bench.import() - before, 2000.0 * 599.0 / 3600.0, 1e-6);
}

mod scope {
    //! Which counters may stand for which totals.

    use super::*;

    fn used(home: &HomeModel, offered: &[OfferedCounter]) -> Vec<String> {
        let plan = LedgerPlan::new(home, offered);
        plan.counters
            .iter()
            .map(|counter| format!("{} -> {}", counter.point, counter.line.name()))
            .collect()
    }

    #[test]
    fn totals_of_a_meter_that_adds_pv_to_the_mains_are_never_used() {
        for scope in [CounterScope::MainsNet, CounterScope::AllInputs] {
            assert!(
                used(
                    &v1_home(),
                    &[offered("e_imp", scope), offered("e_exp", scope)]
                )
                .is_empty()
            );
        }
    }

    #[test]
    fn counters_of_single_legs_do_not_stand_for_the_net_of_both() {
        let legs =
            ["e_imp_l1", "e_imp_l2", "e_imp_l3"].map(|point| offered(point, CounterScope::Leg));
        assert_eq!(used(&v1_home(), &legs), ["e_imp_l3 -> solar"]);
    }

    #[test]
    fn a_netted_total_over_nothing_but_the_mains_is_used() {
        let mains = home(vec![
            channel(Role::MainL1, "main_l1", Input::L1),
            channel(Role::MainL2, "main_l2", Input::L2),
        ]);
        let both = |scope| [offered("e_imp", scope), offered("e_exp", scope)];
        assert_eq!(
            used(&mains, &both(CounterScope::MainsNet)),
            ["e_imp -> import", "e_exp -> export"]
        );
        assert!(used(&mains, &both(CounterScope::AllInputs)).is_empty());
    }

    #[test]
    fn an_inverted_channel_counts_the_other_way_round() {
        let turned = home(vec![Channel {
            invert: true,
            ..channel(Role::Main, "grid", Input::Total)
        }]);
        let both = [
            offered("e_imp", CounterScope::MainsNet),
            offered("e_exp", CounterScope::MainsNet),
        ];
        assert_eq!(used(&turned, &both), ["e_exp -> import", "e_imp -> export"]);
    }

    #[test]
    fn mains_that_are_read_with_different_factors_have_no_common_counter() {
        let mains = home(vec![
            channel(Role::MainL1, "main_l1", Input::L1),
            Channel {
                invert: true,
                ..channel(Role::MainL2, "main_l2", Input::L2)
            },
        ]);
        assert!(used(&mains, &[offered("e_imp", CounterScope::MainsNet)]).is_empty());
    }

    #[test]
    fn a_multiplier_scales_the_counter_too() {
        let plan = LedgerPlan::new(&v1_home(), &[offered("e_imp_l3", CounterScope::Leg)]);
        assert_near(plan.counters[0].factor, 2.0, 0.0);
        assert_eq!(plan.counters[0].rules.resolution, wh(20.0));
    }
}

#[test]
fn what_a_counter_counted_over_a_stop_is_judged_when_the_time_is_known() {
    let mut bench = Bench::new();
    bench.run(0, 600, 2000.0, true);
    bench.pass(3 * 3600, 5000.0);
    let state = bench.ledger.state().clone();
    bench.ledger = Ledger::restore(state, netted_plan(), Mono::ZERO, None).waiting_for_time();
    bench.entries.clear();
    bench.run(0, 1000, 2000.0, true);
    assert!(bench.ledger.waits());
    assert_eq!(
        bench.entries,
        [],
        "nothing is said before the time is known"
    );
    let before = bench.import();
    bench
        .ledger
        .resume(Mono::ZERO, Some(Duration::from_hours(3)));
    bench.run(1000, 1200, 2000.0, true);
    assert_near(bench.bridged, 15_000.0, 11.0);
    assert_near(bench.import() - before, 15_000.0 + 111.0, 11.0);
    let [LedgerEvent::GapBridged { gap, .. }, ..] = bench.entries[..] else {
        panic!("{:?}", bench.entries)
    };
    assert_eq!(gap, Some(Duration::from_hours(3)));
}

/// Somebody corrects a factor of the configuration: 5000 kWh do not become 10000.
#[test]
fn a_counter_of_another_scale_is_followed_anew() {
    let plan = |scale: f64| {
        let counter = OfferedCounter {
            scale,
            ..offered("e_imp", CounterScope::MainsNet)
        };
        LedgerPlan::new(&netted_home(), &[counter])
    };
    let step = |ledger: &mut Ledger, second: u64, kwh: f64| {
        let at = secs(second);
        let reading = reading(at, &[("e_imp", kwh)]);
        ledger.step(at, &flow(Some(0.0), Some(0.0)), &seen(&reading))
    };
    let mut ledger = Ledger::start(ledger_id(), plan(1.0));
    (0..30).for_each(|second| drop(step(&mut ledger, second, 5000.0)));
    for (scale, kwh) in [(1.0, 5000.0), (2.0, 10_000.0)] {
        let state = ledger.state().clone();
        ledger = Ledger::restore(state, plan(scale), Mono::ZERO, None);
        (0..30).for_each(|second| drop(step(&mut ledger, second, kwh)));
        assert_near(ledger.totals().import.unwrap().get(), 0.0, 0.0);
    }
    // A state from before scales were written down.
    let json = serde_json::to_string(ledger.state()).unwrap();
    let older = json.replace(r#""scale":2.0,"#, "");
    assert_ne!(older, json);
    let state: LedgerState = serde_json::from_str(&older).unwrap();
    ledger = Ledger::restore(state, plan(1.0), Mono::ZERO, None);
    (0..30).for_each(|second| drop(step(&mut ledger, second, 12_000.0)));
    assert_near(ledger.totals().import.unwrap().get(), 0.0, 0.0);
}
