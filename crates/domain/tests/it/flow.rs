//! From raw values to the home's power flow.

use solthrive_domain::{Channel, Input, Point, Role, grid_quality, power_flow};

use crate::support::{amps, assert_near, channel, home, reading, secs, seen, v1_home, volts, w};

#[test]
fn solar_home_and_grid_come_from_legs_multiplier_and_sign() {
    let reading = reading(
        secs(0),
        &[
            ("p_l1", -1500.0),
            ("p_l2", -580.0),
            ("p_l3", 1760.0),
            ("i_l3", -14.7),
        ],
    );
    let (flow, channels) = power_flow(&v1_home(), &seen(&reading));
    assert_eq!(
        (flow.solar, flow.grid, flow.home),
        (Some(w(3520.0)), Some(w(-2080.0)), Some(w(1440.0)))
    );
    assert_eq!((flow.battery, flow.ev), (None, None));
    assert_eq!(channels["pv"].current, Some(amps(14.7)));
    assert_eq!(channels["pv"].power, Some(w(3520.0)));
}

#[test]
fn an_inverted_and_scaled_channel_is_turned_and_scaled() {
    let model = home(vec![Channel {
        invert: true,
        scale: 1.5,
        ..channel(Role::Main, "grid", Input::Total)
    }]);
    let (flow, channels) = power_flow(
        &model,
        &seen(&reading(secs(0), &[("p_total", 1000.0), ("i_total", 4.0)])),
    );
    assert_eq!(flow.grid, Some(w(-1500.0)));
    assert_eq!(channels["grid"].current, Some(amps(6.0)));
}

#[test]
fn one_unknown_leg_makes_grid_and_home_unknown_but_not_solar() {
    let (flow, _) = power_flow(
        &v1_home(),
        &seen(&reading(secs(0), &[("p_l1", 100.0), ("p_l3", 500.0)])),
    );
    assert_eq!(
        (flow.solar, flow.grid, flow.home),
        (Some(w(1000.0)), None, None)
    );
}

#[test]
fn unknown_solar_makes_the_home_unknown() {
    let (flow, _) = power_flow(
        &v1_home(),
        &seen(&reading(secs(0), &[("p_l1", 100.0), ("p_l2", 500.0)])),
    );
    assert_eq!(
        (flow.solar, flow.grid, flow.home),
        (None, Some(w(600.0)), None)
    );
}

#[test]
fn without_pv_the_home_is_the_grid_and_the_battery() {
    let model = home(vec![
        channel(Role::Main, "grid", Input::Total),
        channel(Role::Battery, "battery", Input::L2),
    ]);
    let (flow, _) = power_flow(
        &model,
        &seen(&reading(secs(0), &[("p_total", 700.0), ("p_l2", 300.0)])),
    );
    assert_eq!(
        (flow.solar, flow.home, flow.battery),
        (None, Some(w(1000.0)), Some(w(300.0)))
    );
}

#[test]
fn a_home_below_zero_is_shown_as_it_is() {
    let (flow, _) = power_flow(
        &v1_home(),
        &seen(&reading(
            secs(0),
            &[("p_l1", -900.0), ("p_l2", 0.0), ("p_l3", 100.0)],
        )),
    );
    assert_eq!(flow.home, Some(w(-700.0)));
}

#[test]
fn a_measured_home_gives_the_grid_where_no_main_is_measured() {
    let model = home(vec![
        channel(Role::Home, "home", Input::L1),
        channel(Role::Pv, "pv", Input::L2),
    ]);
    let (flow, _) = power_flow(
        &model,
        &seen(&reading(secs(0), &[("p_l1", 800.0), ("p_l2", 3000.0)])),
    );
    assert_eq!((flow.home, flow.grid), (Some(w(800.0)), Some(w(-2200.0))));
    let (flow, _) = power_flow(&model, &seen(&reading(secs(0), &[("p_l1", 800.0)])));
    assert_eq!((flow.home, flow.grid), (Some(w(800.0)), None));
}

#[test]
fn a_measured_home_beside_mains_is_a_channel_only() {
    let mut model = v1_home();
    model
        .channels
        .push(channel(Role::Home, "home", Input::Total));
    let values = [
        ("p_l1", 100.0),
        ("p_l2", 200.0),
        ("p_l3", 0.0),
        ("p_total", 333.0),
    ];
    let (flow, channels) = power_flow(&model, &seen(&reading(secs(0), &values)));
    assert_eq!(flow.home, Some(w(300.0)));
    assert_eq!(channels["home"].power, Some(w(333.0)));
}

#[test]
fn a_car_is_a_part_of_the_home_and_a_sub_panel_is_in_no_sum() {
    let mut model = v1_home();
    model.channels.push(channel(Role::Ev, "car", Input::Pv));
    model
        .channels
        .push(channel(Role::SubPanel, "garage", Input::Total));
    let values = [
        ("p_l1", 4000.0),
        ("p_l2", 3500.0),
        ("p_l3", 0.0),
        ("p_pv", 7200.0),
        ("p_total", 99.0),
    ];
    let (flow, _) = power_flow(&model, &seen(&reading(secs(0), &values)));
    assert_eq!((flow.home, flow.ev), (Some(w(7500.0)), Some(w(7200.0))));
}

#[test]
fn an_impossible_number_is_unknown() {
    let (flow, _) = power_flow(
        &v1_home(),
        &seen(&reading(
            secs(0),
            &[("p_l1", 9e12), ("p_l2", 1.0), ("p_l3", 1.0)],
        )),
    );
    assert_eq!(flow.grid, None);
}

#[test]
fn a_meter_that_did_not_answer_leaves_its_channels_unknown() {
    let (flow, channels) = power_flow(&v1_home(), &solthrive_domain::Readings::new());
    assert_eq!((flow.solar, flow.grid, flow.home), (None, None, None));
    assert_eq!(channels.len(), 3);
}

#[test]
fn the_power_factor_is_the_netted_power_over_the_mains_apparent_power() {
    let values = [
        ("p_l1", 900.0),
        ("p_l2", 450.0),
        ("v_l1", 120.0),
        ("v_l2", 121.0),
        ("i_l1", 10.0),
        ("s_l2", 600.0),
        ("f", 60.02),
    ];
    let quality = grid_quality(&v1_home(), &seen(&reading(secs(0), &values)));
    assert_near(quality.pf.unwrap().get(), 1350.0 / 1800.0, 1e-9);
    assert_eq!(quality.voltages.get(&Input::L2), Some(&volts(121.0)));
    assert_near(quality.frequency.unwrap().get(), 60.02, 1e-9);
}

#[test]
fn a_few_watts_have_no_power_factor_and_more_than_one_is_none() {
    let pf = |p: f64, i: f64| {
        let values = [
            ("p_l1", p),
            ("p_l2", 0.0),
            ("v_l1", 120.0),
            ("v_l2", 120.0),
            ("i_l1", i),
            ("i_l2", 0.0),
        ];
        grid_quality(&v1_home(), &seen(&reading(secs(0), &values))).pf
    };
    assert_eq!(pf(10.0, 0.1), None);
    assert_eq!(pf(2400.0, 10.0), None);
    assert_near(pf(1210.0, 10.0).unwrap().get(), 1.0, 0.0);
    assert_near(pf(-1200.0, 10.0).unwrap().get(), -1.0, 0.0);
}

#[test]
fn an_input_reads_the_same_in_json_and_in_point_names() {
    let point: Point = "v_l12".parse().unwrap();
    assert_eq!(serde_json::to_string(&point.input).unwrap(), "\"l12\"");
    assert_eq!(
        serde_json::from_str::<Input>("\"l12\"").unwrap(),
        Input::L12
    );
}
