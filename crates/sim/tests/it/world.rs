//! Worlds moved by hand: no thread, no clock.

use std::time::Duration;

use jiff::Timestamp;
use solthrive_domain::Point;
use solthrive_meter::frame::ReadRequest;
use solthrive_meter::profile::Function;
use solthrive_sim::home::{BatterySpec, Home, Replay};
use solthrive_sim::world::{Stamp, World};
use solthrive_sim::{FaultSpec, HomeSpec, MeterSpec, Pins};

use crate::client::{input, profile};

const START: &str = "2024-06-20T16:00:00Z";

fn world_of(spec: HomeSpec, id: &str, seed: u64, speed: f64) -> World {
    let home = Home::new(spec, Replay::default(), seed, START.parse().unwrap());
    let meter = MeterSpec {
        new_counters: true,
        ..MeterSpec::new(1, profile(id))
    };
    World::new(home, vec![meter], seed, speed)
}

fn world(id: &str) -> World {
    world_of(HomeSpec::default(), id, 1, 1.0)
}

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn at(seconds: f64) -> Stamp {
    Stamp {
        mono: secs(seconds),
        wall: Timestamp::UNIX_EPOCH,
    }
}

fn value(world: &World, point: &str) -> f64 {
    world
        .meter(1)
        .unwrap()
        .value(point.parse().unwrap())
        .unwrap()
}

fn fault(json: &str) -> FaultSpec {
    serde_json::from_str(json).unwrap()
}

/// What a read at an instant says about a point.
fn sent(world: &mut World, request: ReadRequest, point: &str, seconds: f64) -> f64 {
    world.answer(request, at(seconds)).unwrap();
    let point: Point = point.parse().unwrap();
    world.replies().next_back().unwrap().points[&point]
        .sent
        .unwrap()
}

#[test]
fn energies_are_the_integral_of_what_was_so() {
    let spec = HomeSpec {
        battery: Some(BatterySpec::default()),
        ..HomeSpec::default()
    };
    let mut world = world_of(spec, "eastron-sdm630", 5, 1.0);
    let (mut solar, mut import, mut export, mut home) = (0.0, 0.0, 0.0, 0.0);
    for step in 1..=6000 {
        let flow = world.state().flow;
        let kwh = |watts: f64| watts * 0.1 / 3.6e6;
        solar += kwh(flow.solar.unwrap());
        import += kwh(flow.grid.max(0.0));
        export += kwh((-flow.grid).max(0.0));
        home += kwh(flow.home);
        world.advance(secs(f64::from(step) * 0.1));
    }
    let energy = world.energy();
    for (integral, kept) in [
        (solar, energy.solar_kwh.unwrap()),
        (import, energy.import_kwh),
        (export, energy.export_kwh),
        (home, energy.home_kwh),
    ] {
        assert!((integral - kept).abs() < 1e-9, "{integral} {kept}");
    }
    let battery = energy.battery_discharge_kwh.unwrap() - energy.battery_charge_kwh.unwrap();
    assert!((energy.home_kwh - (solar + import - export + battery)).abs() < 1e-9);
}

#[test]
fn how_often_it_is_asked_changes_nothing() {
    let (mut often, mut once) = (world("eastron-sdm630"), world("eastron-sdm630"));
    for step in 0..900 {
        often.advance(secs(f64::from(step) * 0.333));
    }
    often.advance(secs(300.0));
    once.advance(secs(300.0));
    assert_eq!(often.energy(), once.energy());
    assert_eq!(often.state(), once.state());
    assert_eq!(value(&often, "e_imp_l1"), value(&once, "e_imp_l1"));
    let mut other = world_of(HomeSpec::default(), "eastron-sdm630", 2, 1.0);
    other.advance(secs(300.0));
    assert_ne!(other.energy(), once.energy());
}

#[test]
fn faster_time_gets_to_the_same_day() {
    let mut fast = world_of(HomeSpec::default(), "eastron-sdm630", 1, 3600.0);
    fast.advance(secs(24.0));
    assert_eq!(fast.time().to_string(), "2024-06-21T16:00:00Z");
    let energy = fast.energy();
    assert!(
        (8.0..60.0).contains(&energy.home_kwh) && energy.solar_kwh.unwrap() > 5.0,
        "{energy:?}"
    );
    assert!(
        (energy.home_kwh + energy.export_kwh - energy.import_kwh - energy.solar_kwh.unwrap()).abs()
            < 1e-6
    );
}

#[test]
fn a_netting_meters_total_is_the_grids_and_a_mixing_ones_is_not() {
    let mains = "l1=main_l1,l2=main_l2";
    let spec = |id: &str, wiring: Option<&str>| MeterSpec {
        new_counters: true,
        wiring: wiring.map(|text| text.parse().unwrap()),
        ..MeterSpec::new(if id.starts_with("wattnode") { 1 } else { 2 }, profile(id))
    };
    let home = Home::new(
        HomeSpec::default(),
        Replay::default(),
        1,
        START.parse().unwrap(),
    );
    let mut world = World::new(
        home,
        vec![
            spec("wattnode-wnc-modbus", Some(mains)),
            spec("eastron-sdm630", None),
        ],
        1,
        60.0,
    );
    world.advance(secs(120.0));
    let (energy, of) = (*world.energy(), |unit: u8, point: &str| {
        world
            .meter(unit)
            .unwrap()
            .value(point.parse().unwrap())
            .unwrap()
    });
    assert!(energy.export_kwh > 0.5, "{energy:?}");
    assert!(
        (of(1, "e_imp") - energy.import_kwh).abs() < 1e-9
            && (of(1, "e_exp") - energy.export_kwh).abs() < 1e-9
    );
    // The other counts each clamp by itself, the array's import too.
    let sum = of(2, "e_imp_l1") + of(2, "e_imp_l2") + of(2, "e_imp_l3");
    assert!((of(2, "e_imp") - sum).abs() < 1e-9);
    assert!(of(2, "e_imp") > energy.import_kwh + 0.4 * energy.solar_kwh.unwrap());
}

#[test]
fn a_stuck_meter_repeats_itself_and_goes_on_inside() {
    let mut world = world("eastron-sdm630");
    world.advance(secs(10.0));
    world
        .begin_fault(fault(r#"{"kind":"stuck","seconds":60}"#), secs(10.0))
        .unwrap();
    let first = world.answer(input(1, 0, 36), at(11.0)).unwrap().registers;
    let later = world.answer(input(1, 0, 36), at(60.0)).unwrap().registers;
    assert_eq!(first, later);
    let after = world.answer(input(1, 0, 36), at(72.0)).unwrap().registers;
    assert_ne!(first, after);
}

#[test]
fn a_reversed_clamp_turns_power_and_counting_round() {
    let mut world = world("eastron-sdm630");
    world.pin(
        Pins {
            solar_kw: Some(0.0),
            home_l1_kw: Some(1.0),
            home_l2_kw: Some(1.0),
            ..Pins::default()
        },
        secs(0.0),
    );
    world
        .begin_fault(fault(r#"{"kind":"ct_reversed","leg":"l1"}"#), secs(0.0))
        .unwrap();
    world.advance(secs(3600.0));
    assert!(
        (value(&world, "p_l1") + 1000.0).abs() < 1e-6
            && (value(&world, "p_l2") - 1000.0).abs() < 1e-6
    );
    assert!((value(&world, "e_exp_l1") - 1.0).abs() < 1e-6 && value(&world, "e_imp_l1") == 0.0);
    assert!((value(&world, "e_imp_l2") - 1.0).abs() < 1e-6);
    assert!(
        (world.energy().import_kwh - 2.0).abs() < 1e-6,
        "the truth is not fooled"
    );
}

#[test]
fn a_sag_and_a_lost_neutral_are_seen_by_the_meter() {
    let mut world = world("eastron-sdm630");
    world.pin(
        Pins {
            solar_kw: Some(0.0),
            home_l1_kw: Some(1.5),
            home_l2_kw: Some(0.5),
            ..Pins::default()
        },
        secs(0.0),
    );
    world
        .begin_fault(
            fault(r#"{"kind":"voltage_sag","depth":0.25,"seconds":5}"#),
            secs(0.0),
        )
        .unwrap();
    world.advance(secs(1.0));
    assert!((85.0..95.0).contains(&value(&world, "v_l1")));
    world.advance(secs(10.0));
    assert!((115.0..125.0).contains(&value(&world, "v_l1")));
    world
        .begin_fault(fault(r#"{"kind":"open_neutral","seconds":5}"#), secs(10.0))
        .unwrap();
    world.advance(secs(11.0));
    let (l1, l2) = (value(&world, "v_l1"), value(&world, "v_l2"));
    assert!(
        l1 < 80.0 && l2 > 160.0 && (l1 + l2 - 240.0).abs() < 4.0,
        "{l1} {l2}"
    );
}

#[test]
fn counters_glitch_start_again_and_turn_over() {
    let id = "eastron-sdm630";
    let import = input(1, 0x48, 2);
    let home = Home::new(
        HomeSpec::default(),
        Replay::default(),
        1,
        START.parse().unwrap(),
    );
    let mut world = World::new(home, vec![MeterSpec::new(1, profile(id))], 1, 1.0);
    let before = sent(&mut world, import, "e_imp", 1.0);
    assert!(before > 100.0);
    world
        .begin_fault(fault(r#"{"kind":"counter_glitch","count":1}"#), secs(1.0))
        .unwrap();
    assert_eq!(sent(&mut world, import, "e_imp", 2.0), 0.0);
    assert!((sent(&mut world, import, "e_imp", 3.0) - before).abs() < 0.1);
    world
        .begin_fault(
            fault(r#"{"kind":"counter_glitch","mode":"dip","count":1}"#),
            secs(3.0),
        )
        .unwrap();
    assert!((before - sent(&mut world, import, "e_imp", 4.0) - 0.1).abs() < 0.01);
    world
        .begin_fault(fault(r#"{"kind":"counter_reset"}"#), secs(4.0))
        .unwrap();
    assert!(sent(&mut world, import, "e_imp", 5.0) < 0.1);
    assert!(
        world.faults(secs(5.0)).is_empty(),
        "a reset is an instant, not a state"
    );
}

#[test]
fn an_integer_counter_turns_over_at_its_end() {
    // V1's counters hold whole kWh in 32 bits; the EM340's tenths in 31.
    let mut world = world("gavazzi-em340");
    let pins = Pins {
        solar_kw: Some(0.0),
        home_kw: Some(36.0),
        ..Pins::default()
    };
    world.pin(pins, secs(0.0));
    world
        .begin_fault(fault(r#"{"kind":"counter_rollover","kwh":0.5}"#), secs(0.0))
        .unwrap();
    let import = ReadRequest {
        unit: 1,
        function: Function::Input,
        address: 0x34,
        count: 2,
    };
    let end = 2f64.powi(31) / 10.0;
    let high = sent(&mut world, import, "e_imp", 10.0);
    assert!((end - high - 0.4).abs() < 0.11, "{high}");
    let low = sent(&mut world, import, "e_imp", 100.0);
    assert!((low - 0.5).abs() < 0.11, "{low}");
}

#[test]
fn a_pinned_point_says_what_it_was_told() {
    let mut world = world("eastron-sdm630");
    let frequency: Point = "f".parse().unwrap();
    world.meter_mut(1).unwrap().pin(frequency, Some(61.25));
    assert_eq!(sent(&mut world, input(1, 0x46, 2), "f", 1.0), 61.25);
    world.meter_mut(1).unwrap().pin(frequency, None);
    assert!(sent(&mut world, input(1, 0x46, 2), "f", 2.0) < 60.1);
}

#[test]
fn a_measured_wake_up_value_reaches_the_registers_only_if_asked_for() {
    use solthrive_sim::home::Series;
    let (_, pv) = Series::samples().unwrap();
    let pv = std::sync::Arc::new(pv);
    // Half past five in the morning of the series' second day, in the home's time.
    let start: Timestamp = "2024-06-20T05:00:00Z".parse().unwrap();
    for asked in [false, true] {
        let replay = Replay {
            pv: Some(pv.clone()),
            sentinels: asked,
            ..Replay::default()
        };
        let home = Home::new(HomeSpec::default(), replay, 1, start);
        let mut world = World::new(
            home,
            vec![MeterSpec::new(1, profile("solthrive-v1"))],
            1,
            3600.0,
        );
        world.advance(secs(24.0 + 5.51));
        let watts = value(&world, "p_pv");
        assert_eq!(watts < -1e6, asked, "{watts}");
        assert_eq!(
            world.state().flow.solar,
            Some(0.0),
            "the truth stays a gap at dawn"
        );
    }
}

#[test]
fn a_fault_for_a_meter_that_is_not_there_is_refused() {
    let error = world("eastron-sdm630")
        .begin_fault(fault(r#"{"kind":"stuck","unit":9}"#), secs(0.0))
        .unwrap_err();
    assert!(error.to_string().contains("there is no meter at unit 9"));
}
