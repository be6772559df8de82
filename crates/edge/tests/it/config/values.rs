//! Layers, origins, defaults and what becomes of them.

use std::time::Duration;

use solthrive_domain::{Input, Point, Quantity, Role};
use solthrive_edge::config::{Effective, Origin, load_layers};
use solthrive_meter::bus::Link;
use solthrive_meter::line::Parity;

use super::{loaded, refused};

/// `key = value (origin)`, one a line.
fn listing(effective: &[Effective]) -> String {
    let line =
        |value: &Effective| format!("{} = {} ({})\n", value.key(), value.value, value.origin);
    effective.iter().map(line).collect()
}

fn only(effective: &[Effective], part: &str) -> String {
    let some: Vec<Effective> = effective
        .iter()
        .filter(|value| value.key().contains(part))
        .cloned()
        .collect();
    listing(&some)
}

#[test]
fn without_any_file_a_v1_home_works() {
    insta::assert_snapshot!(listing(&loaded(&[]).effective), @r#"
    base.site_name = "SolThrive" (default)
    base.timezone = "UTC" (default)
    base.language = "en" (default)
    base.trust_clock_after_s = 120 (default)
    base.trust_unsynced_clock_after_s = 900 (default)
    network.listen = "0.0.0.0:8080" (default)
    network.host_names[0] = "solthrive.local" (default)
    meter.poll_every_ms = 1000 (default)
    meter.service = "split_phase" (default)
    meter.profile_dir = "profiles" (default)
    meter.buses[0].name = "main" (default)
    meter.buses[0].meters[0].name = "main" (default)
    meter.buses[0].meters[0].profile = "solthrive-v1" (default)
    meter.buses[0].meters[0].unit = 1 (profile solthrive-v1)
    meter.buses[0].meters[0].slow_every_s = 10 (default)
    meter.buses[0].meters[0].ct_ratio = 1.0 (default)
    meter.buses[0].port = "/dev/ttyUSB0" (default)
    meter.buses[0].baud = 9600 (profile solthrive-v1)
    meter.buses[0].parity = "none" (profile solthrive-v1)
    meter.buses[0].stop_bits = 1 (profile solthrive-v1)
    meter.channels[0].role = "main_l1" (default)
    meter.channels[0].name = "main_l1" (default)
    meter.channels[0].meter = "main" (default)
    meter.channels[0].input = "l1" (default)
    meter.channels[0].volt_ref = "l1" (default)
    meter.channels[0].multiplier = 1.0 (default)
    meter.channels[0].invert = false (default)
    meter.channels[1].role = "main_l2" (default)
    meter.channels[1].name = "main_l2" (default)
    meter.channels[1].meter = "main" (default)
    meter.channels[1].input = "l2" (default)
    meter.channels[1].volt_ref = "l2" (default)
    meter.channels[1].multiplier = 1.0 (default)
    meter.channels[1].invert = false (default)
    meter.channels[2].role = "pv" (default)
    meter.channels[2].name = "pv" (default)
    meter.channels[2].meter = "main" (default)
    meter.channels[2].input = "pv" (default)
    meter.channels[2].volt_ref = "l1" (default)
    meter.channels[2].multiplier = 1.0 (default)
    meter.channels[2].invert = false (default)
    meter.reference_meter = "main" (default)
    api.token_file = "token" (default)
    api.max_ws_clients = 64 (default)
    api.max_connections = 256 (default)
    api.max_body_kb = 64 (default)
    api.session_hours = 720 (default)
    logging.level = "info" (default)
    logging.format = "json" (default)
    logging.file_mb = 5 (default)
    cloud.enabled = true (default)
    cloud.url = "https://api.solthrive.cloud" (default)
    cloud.interval_s = 15 (default)
    cloud.reconnect_spread_s = 300 (default)
    cloud.backfill_spread_s = 3600 (default)
    storage.minute_days = 30 (default)
    storage.keep_days = 365 (default)
    storage.low_space_mb = 500 (default)
    "#);
}

#[test]
fn the_defaults_are_a_v1_meter() {
    let loaded = loaded(&[]);
    let bus = &loaded.config.buses[0];
    assert_eq!(bus.link.to_string(), "/dev/ttyUSB0 at 9600 8N1");
    assert_eq!(
        (bus.meters[0].unit, bus.poll_every),
        (1, Duration::from_secs(1))
    );
    assert!(loaded.config.home.has(Role::Pv));
    assert_eq!(loaded.config.tariff, None);
}

#[test]
fn the_later_layer_wins_key_by_key() {
    let texts = [
        (
            "config.yaml",
            "network: {listen: 127.0.0.1:9001}\nlogging: {level: warn}\n",
        ),
        ("base.yaml", "site_name: From base\nlanguage: de\n"),
        (
            "network.yaml",
            "listen: 127.0.0.1:9000\nhost_names: [pi.lan]\n",
        ),
        ("storage.yaml", "minute_days: 10\n"),
    ];
    let env = [
        ("SOLTHRIVE__LOGGING__LEVEL", "error"),
        ("SOLTHRIVE__BASE__SITE_NAME", "no"),
        ("HOME", "/root"),
    ];
    let loaded = load_layers(&texts, &env).unwrap();
    let changed: Vec<Effective> = loaded
        .effective
        .into_iter()
        .filter(|value| !matches!(value.origin, Origin::Default | Origin::Profile(_)))
        .collect();
    insta::assert_snapshot!(listing(&changed), @r#"
    base.site_name = "no" (env SOLTHRIVE__BASE__SITE_NAME)
    base.language = "de" (base.yaml:2)
    network.listen = "127.0.0.1:9001" (override config.yaml:1)
    network.host_names[0] = "pi.lan" (network.yaml:2)
    logging.level = "error" (env SOLTHRIVE__LOGGING__LEVEL)
    storage.minute_days = 10 (storage.yaml:1)
    "#);
    assert_eq!(loaded.config.site.name, "no");
}

#[test]
fn a_list_is_replaced_whole() {
    let loaded = loaded(&[
        ("network.yaml", "host_names: [a.lan, b.lan]\n"),
        ("config.yaml", "network: {host_names: [c.lan]}\n"),
    ]);
    assert_eq!(loaded.config.network.host_names, ["c.lan"]);
}

#[test]
fn a_list_can_come_from_the_environment() {
    let buses = "[{tcp: '192.168.1.20', meters: [{profile: solthrive-v1, unit: 7}]}]";
    let loaded = load_layers(&[], &[("SOLTHRIVE__METER__BUSES", buses)]).unwrap();
    let Link::Tcp { host, port, .. } = &loaded.config.buses[0].link else {
        panic!("no TCP link")
    };
    assert_eq!(
        (host.as_str(), *port, loaded.config.buses[0].meters[0].unit),
        ("192.168.1.20", 502, 7)
    );
    insta::assert_snapshot!(only(&loaded.effective, "unit"), @"meter.buses[0].meters[0].unit = 7 (env SOLTHRIVE__METER__BUSES)");
}

#[test]
fn a_meter_is_spoken_to_as_it_leaves_the_factory_unless_said_otherwise() {
    let meter = |extra: &str| {
        format!(
            "buses: [{{port: /dev/ttyUSB0{extra}, meters: [{{profile: schneider-iem3155}}]}}]\nservice: three_phase\nchannels: [{{role: main, input: total}}]\n"
        )
    };
    let (plain, other) = (meter(""), meter(", parity: none, baud: 9600"));
    let settings = |text: &str| {
        let loaded = loaded(&[("meter.yaml", text)]);
        let Link::Serial { settings, .. } = loaded.config.buses[0].link else {
            panic!("no serial link")
        };
        settings
    };
    assert_eq!(
        (settings(&plain).baud, settings(&plain).parity),
        (19_200, Parity::Even)
    );
    assert_eq!(
        (settings(&other).baud, settings(&other).parity),
        (9600, Parity::None)
    );
}

#[test]
fn a_register_can_be_moved_without_a_profile_of_its_own() {
    let text = "buses: [{port: /dev/ttyUSB0, meters: [{profile: solthrive-v1, registers: {e_exp: {address: 0x0104}}}]}]\n";
    let loaded = loaded(&[("meter.yaml", text)]);
    let export = Point::new(Quantity::EnergyExport, Input::Total);
    assert_eq!(
        loaded.config.buses[0].meters[0]
            .profile
            .point(export)
            .unwrap()
            .address,
        0x0104
    );
}

#[test]
fn a_ct_profile_is_used_and_the_channel_may_still_differ() {
    let text = "
ct_profiles:
  main_200a: {rating_a: 200, scale: 0.5}
channels:
  - {role: main_l1, input: l1, ct_profile: main_200a}
  - {role: main_l2, input: l2, ct_profile: main_200a, scale: 2, invert: true}
";
    let home = loaded(&[("meter.yaml", text)]).config.home;
    let found: Vec<_> = home
        .channels
        .iter()
        .map(|c| (c.ct_rating.map(f64::from), c.power_factor()))
        .collect();
    assert_eq!(found, [(Some(200.0), 0.5), (Some(200.0), -2.0)]);
}

#[test]
fn an_adapter_can_be_named_by_its_usb_identity() {
    for (port, shown) in [
        ("usb:0403:6001", "usb 0403:6001"),
        ("usb:0403:6001:A50285BI", "usb 0403:6001 A50285BI"),
        ("/dev/serial/by-id/usb-FTDI-port0", "usb-FTDI-port0"),
    ] {
        let text = format!("buses: [{{port: '{port}', meters: [{{profile: solthrive-v1}}]}}]\n");
        let loaded = loaded(&[("meter.yaml", &text)]);
        let Link::Serial { port, .. } = &loaded.config.buses[0].link else {
            panic!("no serial link")
        };
        assert_eq!(port.to_string(), shown);
    }
}

#[test]
fn a_single_phase_home_needs_one_main() {
    let text = "service: single_phase\nbuses: [{port: /dev/ttyUSB0, meters: [{profile: eastron-sdm120, unit: 3}]}]\nchannels: [{role: main_l1, input: l1}]\nmain_breaker_a: 63\n";
    let config = loaded(&[("meter.yaml", text)]).config;
    assert_eq!(config.site.main_rating_kw, Some(14.49));
    assert_eq!(config.home.channels[0].volt_ref, Input::L1);
}

#[test]
fn a_tariff_is_complete_or_not_there() {
    let text = "currency: USD\nimport_rate: 0.32\nexport_rate: 0.08\n";
    let tariff = loaded(&[("tariff.yaml", text)]).config.tariff.unwrap();
    assert_eq!(
        (tariff.currency.as_str(), tariff.fixed_per_day),
        ("USD", 0.0)
    );
    let missing = refused(&[("tariff.yaml", "currency: USD\nimport_rate: 0.32\n")]);
    assert_eq!(
        missing.problems[0].one_line(),
        "tariff.yaml:1: tariff has no export_rate"
    );
}

#[test]
fn a_file_that_is_only_comments_changes_nothing() {
    let loaded = loaded(&[
        ("meter.yaml", "# nothing here\n#poll_every_ms: 2000\n"),
        ("cloud.yaml", ""),
        ("update.yaml", "---\n"),
    ]);
    assert!(
        loaded
            .effective
            .iter()
            .all(|value| matches!(value.origin, Origin::Default | Origin::Profile(_)))
    );
}
