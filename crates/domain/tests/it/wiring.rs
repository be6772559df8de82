//! Wiring faults, as a home with that fault would show them.

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;
use rstest::rstest;
use solthrive_domain::{
    Cadence, FlagBoard, FlagChange, FlagCode, HomeModel, Input, Reading, Role, Service, Severity,
    WiringWatch, grid_quality, power_flow,
};

use crate::support::{channel, home, reading, secs, seen, snapshot, ts, v1_home};

/// A home under watch, one sample every `every` seconds.
struct Bench {
    home: HomeModel,
    watch: WiringWatch,
    board: FlagBoard,
    now: u64,
    every: u64,
    raised: Vec<(u64, FlagCode, String, String)>,
}

impl Bench {
    fn new(home: HomeModel) -> Self {
        let watch = WiringWatch::new(&home);
        Self {
            home,
            watch,
            board: FlagBoard::default(),
            now: 0,
            every: 1,
            raised: Vec::new(),
        }
    }

    fn run(&mut self, seconds: u64, values: impl Fn(u64) -> Vec<(&'static str, f64)>) -> &mut Self {
        let end = self.now + seconds;
        while self.now < end {
            let reading = reading(secs(self.now), &values(self.now));
            self.look(&reading);
            self.now += self.every;
        }
        self
    }

    fn look(&mut self, reading: &Reading) {
        let readings = seen(reading);
        let (flow, channels) = power_flow(&self.home, &readings);
        let wall = ts("2026-06-01T10:00:00Z")
            + SignedDuration::from_secs(i64::try_from(self.now).unwrap());
        let mut snapshot = snapshot(secs(self.now), wall, flow);
        snapshot.channels = channels;
        snapshot.voltages = grid_quality(&self.home, &readings).voltages;
        for observation in self.watch.observe(&self.home, &snapshot, &readings) {
            if let Some(FlagChange::Raised(flag)) =
                self.board.observe(snapshot.at, wall, observation)
            {
                self.raised
                    .push((self.now, flag.code, flag.subject, flag.message));
            }
        }
    }

    /// Codes and subjects of the flags that are up.
    fn up(&self) -> Vec<(FlagCode, &str)> {
        self.board
            .current()
            .iter()
            .map(|flag| (flag.code, flag.subject.as_str()))
            .collect()
    }
}

/// Values of V1's wiring that wander as real ones do.
fn values(second: u64, l1: f64, l2: f64, pv: f64) -> Vec<(&'static str, f64)> {
    let wander = f64::from(u32::try_from(second % 7).unwrap()) * 0.1;
    vec![
        ("v_l1", 120.0 + wander),
        ("v_l2", 121.0 - wander),
        ("p_l1", l1),
        ("p_l2", l2),
        ("p_l3", pv / 2.0),
        ("i_l1", l1.abs() / 120.0),
        ("i_l2", l2.abs() / 120.0),
        ("i_l3", pv.abs() / 240.0),
    ]
}

#[test]
fn a_healthy_home_raises_nothing_in_a_day() {
    let mut bench = Bench::new(v1_home());
    bench.every = 5;
    bench.run(86_400, |second| {
        let hour = f64::from(u32::try_from(second).unwrap()) / 3600.0;
        let sun = ((hour - 6.0) / 12.0 * std::f64::consts::PI).sin().max(0.0) * 5000.0;
        let load = 250.0 + if second % 3000 < 400 { 1500.0 } else { 0.0 };
        values(second, load - sun / 2.0, 150.0 - sun / 2.0, sun - 5.0)
    });
    assert_eq!(bench.raised, []);
}

#[test]
fn production_below_zero_for_half_an_hour_is_a_reversed_pv_ct() {
    let mut bench = Bench::new(v1_home());
    bench.run(1799, |second| values(second, 2000.0, 1600.0, -3000.0));
    assert_eq!(bench.up(), []);
    bench.run(10, |second| values(second, 2000.0, 1600.0, -3000.0));
    assert_eq!(bench.up(), [(FlagCode::CtReversed, "pv")]);
    let text = &bench.raised[0].3;
    assert!(
        text.contains("pv reads -3000 W") && text.contains("reversed or on the other leg"),
        "{text}"
    );
    bench.run(301, |second| values(second, -1000.0, -1000.0, 3000.0));
    assert_eq!(bench.up(), []);
}

#[test]
fn an_inverter_that_draws_a_little_at_night_is_not_reversed() {
    let mut bench = Bench::new(v1_home());
    bench.run(7200, |second| values(second, 300.0, 200.0, -30.0));
    assert_eq!(bench.raised, []);
}

#[test]
fn a_home_that_seems_to_produce_names_the_ct_that_explains_it() {
    let mut bench = Bench::new(v1_home());
    // A load of 900 W on L1, whose CT is turned; 100 W on L2.
    bench.run(601, |second| values(second, -900.0, 100.0, 0.0));
    assert_eq!(bench.up(), [(FlagCode::CtReversed, "home")]);
    let text = &bench.raised[0].3;
    assert!(
        text.contains("The CT of main_l1 is probably reversed or on the other leg"),
        "{text}"
    );
    assert!(text.contains("-800 W"), "{text}");
}

#[test]
fn a_home_with_a_battery_may_seem_to_produce() {
    let mut model = v1_home();
    model
        .channels
        .push(channel(Role::Battery, "battery", Input::Total));
    let mut bench = Bench::new(model);
    bench.run(1800, |second| {
        let mut values = values(second, -900.0, 100.0, 0.0);
        values.push(("p_total", 0.0));
        values
    });
    assert_eq!(bench.up(), []);
}

#[test]
fn a_moment_below_zero_is_nothing() {
    let mut bench = Bench::new(v1_home());
    bench.run(3600, |second| {
        values(
            second,
            if second % 600 < 5 { -900.0 } else { 100.0 },
            100.0,
            0.0,
        )
    });
    assert_eq!(bench.raised, []);
}

/// Solar that jumps by a kilowatt each minute, loads that switch in between.
fn jumpy(second: u64, turned: bool) -> Vec<(&'static str, f64)> {
    let sun = 2000.0
        + if (second / 60).is_multiple_of(2) {
            1000.0
        } else {
            0.0
        };
    let load = if (second / 420).is_multiple_of(2) {
        3000.0
    } else {
        2700.0
    };
    let leg = load - sun / 2.0;
    values(
        second,
        if turned { -leg } else { leg },
        2000.0 - sun / 2.0,
        sun,
    )
}

#[test]
fn a_leg_that_rises_with_the_sun_is_reversed_even_while_the_home_stays_above_zero() {
    let mut bench = Bench::new(v1_home());
    bench.run(1200, |second| jumpy(second, true));
    assert!(
        bench.up().contains(&(FlagCode::CtReversed, "main_l1")),
        "{:?}",
        bench.up()
    );
    assert!(
        !bench.up().contains(&(FlagCode::CtReversed, "main_l2")),
        "{:?}",
        bench.up()
    );
    let text = &bench
        .raised
        .iter()
        .find(|raised| raised.2 == "main_l1")
        .unwrap()
        .3;
    assert!(text.contains("main_l1 rises by 5"), "{text}");
    bench.run(1800, |second| jumpy(second, false));
    assert!(
        !bench.up().contains(&(FlagCode::CtReversed, "main_l1")),
        "{:?}",
        bench.up()
    );
}

#[rstest]
#[case::version_1_at_its_slowest(5)]
#[case::every_ten_seconds(10)]
#[case::once_a_minute(60)]
fn a_reversed_leg_is_found_however_slowly_the_meter_is_asked(#[case] every: u64) {
    let mut bench = Bench::new(v1_home());
    bench.every = every;
    bench
        .watch
        .sampled_every(Cadence::every(Duration::from_secs(every)));
    // The sun jumps only as often as it can be followed.
    let slower = every.div_ceil(5);
    bench.run(1200 * slower, |second| jumpy(second / slower, true));
    assert_eq!(bench.up(), [(FlagCode::CtReversed, "main_l1")]);
}

#[test]
fn legs_that_fall_when_the_sun_comes_are_never_accused() {
    let mut bench = Bench::new(v1_home());
    bench.run(7200, |second| jumpy(second, false));
    assert_eq!(bench.raised, []);
}

#[test]
fn an_hour_without_any_current_at_full_voltage_is_an_unplugged_ct() {
    let mut bench = Bench::new(v1_home());
    bench.run(3600, |second| values(second, 500.0, 0.0, 1000.0));
    assert_eq!(bench.up(), []);
    bench.run(10, |second| values(second, 500.0, 0.0, 1000.0));
    assert_eq!(bench.up(), [(FlagCode::CtUnplugged, "main_l2")]);
    bench.run(4, |second| values(second, 500.0, 100.0, 1000.0));
    assert_eq!(bench.up(), []);
}

#[test]
fn a_pv_ct_without_current_at_night_is_not_unplugged() {
    let mut bench = Bench::new(v1_home());
    bench.run(7200, |second| values(second, 500.0, 300.0, 0.0));
    assert_eq!(bench.raised, []);
}

#[test]
fn a_leg_without_voltage_is_missing_and_neither_unplugged_nor_out_of_range() {
    let mut bench = Bench::new(v1_home());
    bench.run(7200, |second| {
        let mut values = values(second, 500.0, 0.0, 0.0);
        values[1].1 = 3.0;
        values
    });
    assert_eq!(bench.up(), [(FlagCode::VoltageMissing, "l2")]);
    assert_eq!(bench.raised[0].0, 10);
}

/// Runs a 120 V home whose first leg is at this voltage.
fn at_volts(bench: &mut Bench, seconds: u64, volts: f64) {
    bench.run(seconds, |second| {
        let mut values = values(second, 500.0, 400.0, 0.0);
        values[0].1 = volts;
        values
    });
}

#[test]
fn ten_minutes_outside_the_service_range_are_a_warning_and_farther_out_are_worse() {
    for (volts, severity) in [
        (113.0, Severity::Warning),
        (126.5, Severity::Warning),
        (109.0, Severity::High),
    ] {
        let mut bench = Bench::new(v1_home());
        at_volts(&mut bench, 400, volts);
        assert_eq!(bench.up(), [], "{volts}");
        at_volts(&mut bench, 260, volts);
        assert_eq!(bench.up(), [(FlagCode::VoltageOutOfRange, "l1")], "{volts}");
        assert_eq!(bench.board.current()[0].severity, severity, "{volts}");
    }
}

#[test]
fn too_high_is_seen_after_two_minutes_and_clears_after_ten_well_inside() {
    let mut bench = Bench::new(v1_home());
    at_volts(&mut bench, 190, 129.0);
    assert_eq!(bench.up(), [(FlagCode::VoltageOutOfRange, "l1")]);
    at_volts(&mut bench, 1000, 125.5);
    assert_eq!(bench.up(), [(FlagCode::VoltageOutOfRange, "l1")]);
    at_volts(&mut bench, 1400, 121.0);
    assert_eq!(bench.up(), []);
}

#[test]
fn a_home_at_230_volts_has_other_ranges() {
    let mut model = home(vec![channel(Role::Main, "grid", Input::L1)]);
    model.service = Service::SinglePhase;
    let at = |volts: f64| {
        let mut bench = Bench::new(model.clone());
        bench.run(700, move |second| {
            vec![
                ("v_l1", volts),
                (
                    "p_l1",
                    100.0 + f64::from(u32::try_from(second % 5).unwrap()),
                ),
            ]
        });
        bench.board.current().first().map(|flag| flag.severity)
    };
    assert_eq!(
        (at(230.0), at(205.0), at(194.0), at(254.0)),
        (
            None,
            Some(Severity::Warning),
            Some(Severity::High),
            Some(Severity::High)
        )
    );
}

#[test]
fn legs_that_drift_apart_are_a_broken_neutral_at_once() {
    let mut bench = Bench::new(v1_home());
    bench.run(3, |second| {
        let mut values = values(second, 500.0, 400.0, 0.0);
        (values[0].1, values[1].1) = (137.0, 104.0);
        values
    });
    assert_eq!(bench.up(), [(FlagCode::VoltageOutOfRange, "neutral")]);
    assert_eq!(bench.board.current()[0].severity, Severity::Critical);
    bench.run(3600, |second| values(second, 500.0, 400.0, 0.0));
    assert_eq!(bench.up(), [(FlagCode::VoltageOutOfRange, "neutral")]);
}

#[test]
fn a_meter_that_repeats_itself_under_load_for_ten_minutes_is_stuck() {
    let mut bench = Bench::new(v1_home());
    bench.run(602, |_| values(0, 500.0, 400.0, 0.0));
    assert_eq!(bench.up(), [(FlagCode::MeterStuck, "main")]);
    bench.run(1, |_| values(1, 500.0, 400.0, 0.0));
    bench.run(1, |_| values(2, 500.0, 400.0, 0.0));
    assert_eq!(bench.up(), []);
}

#[test]
fn a_meter_that_repeats_itself_without_a_load_proves_nothing() {
    let mut bench = Bench::new(v1_home());
    bench.run(3000, |_| {
        vec![("v_l1", 120.0), ("v_l2", 120.0), ("p_l1", 0.0)]
    });
    assert!(
        !bench.up().contains(&(FlagCode::MeterStuck, "main")),
        "{:?}",
        bench.up()
    );
}

#[test]
fn power_that_stands_still_in_coarse_steps_is_no_stuck_meter() {
    let mut bench = Bench::new(v1_home());
    bench.run(3000, |_| {
        vec![("p_l1", 100.0), ("p_l2", 100.0), ("p_l3", 0.0)]
    });
    assert_eq!(bench.up(), []);
}

#[test]
fn a_counter_that_stands_still_between_slow_polls_is_no_stuck_meter() {
    let mut bench = Bench::new(v1_home());
    bench.run(1200, |second| {
        let mut values = values(second, 500.0, 400.0, 0.0);
        values.push(("e_imp", 100.0));
        values
    });
    assert_eq!(bench.raised, []);
}

#[test]
fn every_message_says_who_can_do_what() {
    let mut bench = Bench::new(v1_home());
    bench
        .run(700, |_| values(0, -900.0, 0.0, -3000.0))
        .run(3700, |second| values(second, -900.0, 0.0, -3000.0));
    assert!(bench.raised.len() >= 4, "{:?}", bench.raised);
    for (_, code, _, text) in &bench.raised {
        assert!(
            text.contains("Installer:") || text.contains("Homeowner:"),
            "{code}: {text}"
        );
        assert!(text.len() < 400, "{code}: {} characters", text.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn nothing_a_meter_says_makes_the_watch_panic(said in prop::collection::vec(prop::collection::vec(-1e9..1e9, 8), 1..80)) {
        let mut bench = Bench::new(v1_home());
        bench.every = 61;
        for numbers in said {
            let names: Vec<_> = values(0, 0.0, 0.0, 0.0).into_iter().map(|(name, _)| name).collect();
            bench.run(61, |_| names.iter().copied().zip(numbers.iter().copied()).collect());
        }
        prop_assert!(bench.board.current().iter().all(|flag| !flag.message.is_empty() && !flag.message.contains("NaN")));
    }
}
