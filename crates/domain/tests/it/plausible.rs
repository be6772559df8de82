//! What a reading cannot say, and what it cannot say at once.

use proptest::prelude::*;
use solthrive_domain::ledger::{Contradiction, Line};
use solthrive_domain::plausible::{counter_disagrees, sift};
use solthrive_domain::{Channel, FlagCode, HomeModel, Input, Observation, Role};

use crate::support::{amps, channel, home, reading, secs, v1_home};

fn find<'a>(seen: &'a [Observation], subject: &str) -> &'a Observation {
    seen.iter()
        .find(|observation| observation.subject == subject)
        .unwrap()
}

/// Points that are left of these, and what was found of the meter.
fn left(model: &HomeModel, values: &[(&str, f64)]) -> (Vec<String>, Observation) {
    let (reading, seen) = sift(model, reading(secs(0), values));
    (
        reading.values.keys().map(ToString::to_string).collect(),
        find(&seen, "main").clone(),
    )
}

#[test]
fn the_inverters_wake_up_sentinel_is_dropped_and_named() {
    // The measured series holds -1000000.0 kW as the first sample after three of its nights.
    let model = home(vec![channel(Role::Pv, "pv", Input::Total)]);
    let (points, found) = left(
        &model,
        &[("p_total", -1_000_000.0 * 1000.0), ("v_l1", 240.0)],
    );
    assert_eq!(points, ["v_l1"]);
    assert_eq!(
        (found.code, found.holds),
        (FlagCode::ScalingFailure, Some(true))
    );
    assert!(
        found.message.contains("p_total = -1000000000"),
        "{}",
        found.message
    );
}

#[test]
fn values_of_a_home_are_left_alone() {
    let values = [
        ("v_l1", 121.3),
        ("v_l2", 0.0),
        ("v_l12", 243.0),
        ("i_l1", 187.0),
        ("p_l1", 22_000.0),
        ("p_l3", 6_500.0),
        ("pf_l1", -0.98),
        ("f", 59.98),
        ("e_imp", 1e6),
        ("s_total", 60_000.0),
        ("soc", 100.0),
    ];
    let (points, found) = left(&v1_home(), &values);
    assert_eq!(points.len(), values.len());
    assert_eq!(found.holds, Some(false));
}

#[test]
fn values_no_home_has_are_absent() {
    let cases = [
        ("v_l1", 1213.0),
        ("v_l1", -3.0),
        ("v_l12", 2430.0),
        ("i_l1", 301.0),
        ("i_l3", 80.0),
        ("p_l3", 20_000.0),
        ("p_l1", -70_000.0),
        ("pf_l1", 98.0),
        ("f", 0.0),
        ("f", 500.0),
        ("soc", 101.0),
        ("s_total", 1e9),
    ];
    for (point, value) in cases {
        let (points, found) = left(&v1_home(), &[(point, value)]);
        assert!(points.is_empty(), "{point} = {value}");
        assert_eq!(found.holds, Some(true), "{point} = {value}");
    }
}

#[test]
fn a_power_factor_that_rounding_carried_over_one_is_one() {
    let (reading, _) = sift(&v1_home(), reading(secs(0), &[("pf_l1", 1.004)]));
    assert_eq!(reading.get("pf_l1".parse().unwrap()), Some(1.0));
}

/// The verdict on the channel `main_l1`.
fn verdict(values: &[(&str, f64)]) -> Observation {
    let (_, seen) = sift(&v1_home(), reading(secs(0), values));
    find(&seen, "main_l1").clone()
}

#[test]
fn apparent_power_that_is_not_volts_times_amps_is_a_scaling_failure() {
    let seen = verdict(&[("v_l1", 120.0), ("i_l1", 6.0), ("s_l1", 7200.0)]);
    assert_eq!(seen.holds, Some(true));
    assert!(
        seen.message.contains("7200 VA") && seen.message.contains("720 VA (10 times as much)"),
        "{}",
        seen.message
    );
    assert_eq!(
        verdict(&[("v_l1", 120.0), ("i_l1", 60.0), ("s_l1", 7200.0)]).holds,
        Some(false)
    );
}

#[test]
fn more_active_than_apparent_power_is_a_scaling_failure() {
    let seen = verdict(&[("v_l1", 120.0), ("i_l1", 0.5), ("p_l1", 600.0)]);
    assert_eq!(seen.holds, Some(true), "{}", seen.message);
    assert_eq!(
        verdict(&[("v_l1", 120.0), ("i_l1", 0.0), ("p_l1", 6000.0)]).holds,
        Some(true)
    );
}

#[test]
fn a_power_factor_that_contradicts_the_powers_is_a_scaling_failure() {
    let values = |pf: f64| [("p_l1", -500.0), ("s_l1", 1000.0), ("pf_l1", pf)];
    assert_eq!(verdict(&values(0.95)).holds, Some(true));
    assert_eq!(verdict(&values(-0.5)).holds, Some(false));
    assert_eq!(verdict(&values(0.5)).holds, Some(false));
}

#[test]
fn a_voltage_reference_on_another_leg_is_honoured() {
    let model = home(vec![Channel {
        volt_ref: Input::L2,
        ..channel(Role::Pv, "pv", Input::L3)
    }]);
    let values = [
        ("v_l1", 10.0),
        ("v_l2", 120.0),
        ("v_l3", 10.0),
        ("i_l3", 10.0),
        ("s_l3", 1200.0),
    ];
    let (_, seen) = sift(&model, reading(secs(0), &values));
    assert_eq!(find(&seen, "pv").holds, Some(false));
}

#[test]
fn of_what_is_missing_nothing_is_said() {
    assert_eq!(verdict(&[("p_l1", 5000.0)]).holds, None);
    assert_eq!(verdict(&[("v_l1", 120.0), ("i_l1", 60.0)]).holds, None);
    assert_eq!(verdict(&[]).holds, None);
}

#[test]
fn a_counter_that_disagrees_is_told_with_both_numbers() {
    let seen = counter_disagrees(&Contradiction {
        line: Line::Solar,
        power_wh: 1500.0,
        counter_wh: 15_000.0,
    });
    assert!(
        seen.message.contains("1.50 kWh") && seen.message.contains("15.00 kWh"),
        "{}",
        seen.message
    );
}

proptest! {
    /// A meter with coarse registers (0.1 A, 1 W, 1 VA, 0.01) that measures truthfully.
    #[test]
    fn an_honest_meter_is_never_accused(
        volts in 110.0..128.0, amps in 0.0..180.0, pf in -1.0..1.0_f64, gain in 0.99..1.01, step in prop_oneof![Just(0.01), Just(0.1)],
    ) {
        let apparent: f64 = volts * amps;
        let round = |value: f64, step: f64| (value / step).round() * step;
        let values = [
            ("v_l1", round(volts, 0.1)), ("i_l1", round(amps, step)), ("s_l1", round(apparent * gain, 1.0)),
            ("p_l1", round(apparent * pf, 1.0)), ("pf_l1", round(pf, 0.01)),
        ];
        let seen = verdict(&values);
        prop_assert!(seen.holds != Some(true), "{}", seen.message);
    }

    #[test]
    fn whatever_a_meter_says_the_rest_is_within_bounds(values in prop::collection::vec(-1e12..1e12, 4)) {
        let names = ["v_l1", "i_l1", "p_l1", "f"];
        let said: Vec<_> = names.into_iter().zip(values).collect();
        let (reading, _) = sift(&v1_home(), reading(secs(0), &said));
        for (point, value) in reading.values {
            prop_assert!(value.abs() <= 200.0 * 1.5 * 150.0, "{point} = {value}");
        }
    }
}

#[test]
fn a_ct_ratio_correction_moves_the_bound_with_it() {
    let model = home(vec![Channel {
        ct_rating: Some(amps(200.0)),
        scale: 2.0,
        ..channel(Role::MainL1, "main_l1", Input::L1)
    }]);
    assert_eq!(left(&model, &[("i_l1", 140.0)]).0, ["i_l1"]);
    assert!(left(&model, &[("i_l1", 160.0)]).0.is_empty());
}
