use solthrive_domain::home::Service;

use super::*;

fn midsummer() -> Timestamp {
    "2024-06-21T05:00:00Z".parse().unwrap()
}

fn home(spec: HomeSpec, seed: u64) -> Home {
    Home::new(spec, Replay::default(), seed, midsummer())
}

fn at(home: &mut Home, seconds: u64) -> HomeState {
    home.step(
        Duration::from_secs(seconds),
        1.0,
        &Disturbance::default(),
        &Pins::default(),
    )
}

#[test]
fn what_flows_in_is_what_is_used_in_every_kind_of_home() {
    let split = HomeSpec {
        battery: Some(BatterySpec::default()),
        ev: Some(EvSpec::default()),
        ..HomeSpec::default()
    };
    let single = HomeSpec::european(Service::SinglePhase);
    let three = HomeSpec {
        ev: Some(EvSpec { power_kw: 11.0 }),
        ..HomeSpec::european(Service::ThreePhase)
    };
    for spec in [split, single, three] {
        let mut home = home(spec, 3);
        for second in (0..86_400).step_by(60) {
            let flow = at(&mut home, second).flow;
            let sum = flow.grid + flow.solar.unwrap() + flow.battery.unwrap_or(0.0);
            assert!((sum - flow.home).abs() < 1e-6, "{flow:?}");
            assert!(
                flow.home > 0.0 && flow.ev.unwrap_or(0.0) <= flow.home + 1e-6,
                "{flow:?}"
            );
        }
    }
}

#[test]
fn a_seed_and_an_instant_decide_everything() {
    let (mut one, mut other) = (home(HomeSpec::default(), 7), home(HomeSpec::default(), 7));
    let _ = at(&mut other, 1);
    assert_eq!(at(&mut one, 50_000), at(&mut other, 50_000));
    let mut stranger = home(HomeSpec::default(), 8);
    assert_ne!(at(&mut one, 50_000).flow, at(&mut stranger, 50_000).flow);
}

#[test]
fn the_array_sleeps_at_night_and_peaks_near_its_nameplate() {
    let mut home = home(
        HomeSpec {
            sky: weather::Sky::Clear,
            ..HomeSpec::default()
        },
        1,
    );
    // The home's day began at 05:00 UTC.
    let solar: Vec<f64> = (0..24)
        .map(|hour| at(&mut home, hour * 3600).flow.solar.unwrap())
        .collect();
    assert_eq!((solar[0], solar[3], solar[23]), (0.0, 0.0, 0.0));
    let peak = solar.iter().copied().fold(0.0, f64::max);
    assert!((5000.0..7000.0).contains(&peak), "{peak} W of 7 kW");
}

#[test]
fn voltages_are_those_of_the_service() {
    for (spec, nominal, hertz) in [
        (HomeSpec::default(), 120.0, 60.0),
        (HomeSpec::european(Service::SinglePhase), 230.0, 50.0),
        (HomeSpec::european(Service::ThreePhase), 230.0, 50.0),
    ] {
        let legs = leg_count(spec.service);
        let mut home = home(spec, 1);
        for second in (0..86_400).step_by(600) {
            let state = at(&mut home, second);
            assert!((state.frequency - hertz).abs() < 0.05);
            for (leg, volts) in state.volts.iter().enumerate() {
                let expected = if leg < legs { nominal } else { 0.0 };
                assert!(
                    (volts.magnitude() - expected).abs() <= nominal * 0.05,
                    "{volts:?}"
                );
            }
        }
    }
}

#[test]
fn a_home_without_an_array_has_no_solar_and_not_zero() {
    let mut home = home(
        HomeSpec {
            pv: None,
            ..HomeSpec::default()
        },
        1,
    );
    let flow = at(&mut home, 40_000).flow;
    assert_eq!((flow.solar, flow.battery, flow.ev), (None, None, None));
    assert!((flow.grid - flow.home).abs() < 1e-9);
}

#[test]
fn fixed_values_are_what_is_measured() {
    let pins = Pins {
        solar_kw: Some(3.0),
        home_kw: Some(1.2),
        battery_kw: Some(-0.5),
        voltage_l1: Some(121.5),
        frequency: Some(60.01),
        ..Pins::default()
    };
    let state = home(HomeSpec::default(), 1).step(
        Duration::from_secs(5),
        0.1,
        &Disturbance::default(),
        &pins,
    );
    assert!(
        (state.flow.grid + 1300.0).abs() < 1e-6 && (state.flow.home - 1200.0).abs() < 1e-6,
        "{:?}",
        state.flow
    );
    assert!((state.volts[0].magnitude() - 121.5).abs() < 1e-9 && state.frequency == 60.01);
}

#[test]
fn a_replayed_day_uses_exactly_what_its_file_says() {
    let rows: String = (0..1440)
        .map(|minute| {
            format!(
                "2007-06-01 {:02}:{:02}:00,{}\n",
                minute / 60,
                minute % 60,
                f64::from(minute % 7) * 0.3
            )
        })
        .collect();
    let file = format!("timestamp,load_kw\n{rows}");
    let series = Series::from_bytes(std::path::Path::new("day.csv"), file.as_bytes()).unwrap();
    let replay = Replay {
        load: Some(Arc::new(series)),
        ..Replay::default()
    };
    let mut home = Home::new(HomeSpec::default(), replay, 1, midsummer());
    let kwh: f64 = (0..8640)
        .map(|step| at(&mut home, step * 10).flow.home * 10.0 / 3.6e6)
        .sum();
    let expected: f64 = (0..1440)
        .map(|minute| f64::from(minute % 7) * 0.3 / 60.0)
        .sum();
    assert!((kwh - expected).abs() < 1e-6, "{kwh} {expected}");
}
