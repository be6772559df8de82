//! The messages, as a person reads them. Judge them by reading: each must say where, what and how to mend it.

use solthrive_edge::config::{Problem, load_layers};

use super::{loaded, refused};

/// A meter.yaml with one bus whose first meter has these settings.
fn meter(settings: &str) -> String {
    format!("buses:\n  - port: /dev/ttyUSB0\n    meters:\n      - {settings}\n")
}

#[test]
fn a_page_full_of_mistakes_is_answered_all_at_once() {
    let errors = refused(&[
        (
            "base.yaml",
            "site_name: no\ntimezone: America/Los_Angles\nlanguage: english\n",
        ),
        ("network.yaml", "listen: 8080\nhostnames: [pi.local]\n"),
        ("logging.yaml", "level: on\nlisten: 0.0.0.0:80\n"),
    ]);
    insta::assert_snapshot!(errors, @r#"
    7 errors in the configuration

    base.yaml:1
      base.site_name is `no`, but a site name is expected, and YAML readers take this word for true or false
        1 | site_name: no
          |            ^
      put it in quotes: "no"

    base.yaml:2
      base.timezone is `America/Los_Angles`, but there is no such time zone; IANA names look like America/Los_Angeles
        2 | timezone: America/Los_Angles
          |           ^
      did you mean America/Los_Angeles?

    base.yaml:3
      base.language is `english`, but only these are possible: en, es, de, fr
        3 | language: english
          |           ^

    logging.yaml:1
      logging.level is `on`, but only these are possible: error, warn, info, debug, trace
        1 | level: on
          |        ^

    logging.yaml:2
      unknown key logging.listen
        2 | listen: 0.0.0.0:80
          | ^
      listen belongs in network (file network.yaml)

    network.yaml:1
      network.listen is `8080`, but an address and a port are expected, such as 0.0.0.0:8080 or [::]:8080
        1 | listen: 8080
          |         ^
      did you mean 0.0.0.0:8080?

    network.yaml:2
      unknown key network.hostnames
        2 | hostnames: [pi.local]
          | ^
      did you mean host_names?
    "#);
}

#[test]
fn a_wrong_value_hides_none_beside_it() {
    let text = "
pol_every_ms: 1000
service: splitphase
buses:
  - port: ttyUSB0
    baud: 9601
    meters:
      - name: main
        unit: 0
        profile: solthrive-v2
";
    insta::assert_snapshot!(refused(&[("meter.yaml", text)]), @r"
    6 errors in the configuration

    meter.yaml:2
      unknown key meter.pol_every_ms
        2 | pol_every_ms: 1000
          | ^
      did you mean poll_every_ms?

    meter.yaml:3
      meter.service is `splitphase`, but only these are possible: split_phase, single_phase, three_phase
        3 | service: splitphase
          |          ^
      did you mean split_phase?

    meter.yaml:5
      meter.buses[0].port is `ttyUSB0`, but a device is expected: its path (/dev/ttyUSB0, /dev/serial/by-id/…) or usb:VID:PID
        5 |   - port: ttyUSB0
          |           ^
      did you mean /dev/ttyUSB0?

    meter.yaml:6
      meter.buses[0].baud is `9601`, but only these are possible: 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200
        6 |     baud: 9601
          |           ^

    meter.yaml:9
      meter.buses[0].meters[0].unit is `0`, but Modbus addresses run from 1 to 247
        9 |         unit: 0
          |               ^

    meter.yaml:10
      meter.buses[0].meters[0].profile is `solthrive-v2`, but there is no such meter profile
        10 |         profile: solthrive-v2
           |                  ^
      did you mean solthrive-v1?

    warning: default
      base.timezone is not set, so days and months are those of UTC
      write the site's zone in base.yaml, such as `timezone: America/Los_Angeles`
    ");
}

#[test]
fn yaml_that_is_none_says_where() {
    let broken = [
        ("base.yaml", "site_name: Home\n\ttimezone: UTC\n"),
        ("network.yaml", "listen: [1, 2\n"),
        ("api.yaml", "max_ws_clients: 5\nmax_ws_clients: 6\n"),
        ("logging.yaml", "level: info\n---\nlevel: warn\n"),
        ("storage.yaml", "minute_days: &days 30\nkeep_days: *days\n"),
        ("tariff.yaml", "- currency\n- USD\n"),
        ("meter.yaml", "meter:\n  poll_every_ms: 1000\n"),
        ("config.yaml", "meter:\nnetwork: {listen: 127.0.0.1:1}\n"),
    ];
    insta::assert_snapshot!(refused(&broken), @r"
    9 errors in the configuration

    api.yaml:2
      max_ws_clients is given a second time; the first is on line 1
        2 | max_ws_clients: 6
          | ^

    base.yaml:2
      this is not valid YAML: while scanning a plain scalar, found a tab
        2 |  timezone: UTC
          | ^
      the line is indented with a tab; YAML wants spaces

    logging.yaml:2
      a second YAML document begins here, but a file holds one; remove the `---`
        2 | ---
          | ^

    meter.yaml:1
      meter.yaml is the section `meter` already, so its settings stand at the left edge
        1 | meter:
          | ^
      remove the line `meter:` and the indentation below it

    network.yaml:1
      this is not valid YAML: unclosed bracket '['
        1 | listen: [1, 2
          |         ^

    storage.yaml:1
      anchors (`&name`) are not used in the configuration; write the value where it belongs
        1 | minute_days: &days 30
          |                    ^

    storage.yaml:2
      aliases (`*name`) are not used in the configuration; write the value itself
        2 | keep_days: *days
          |            ^

    tariff.yaml:1
      tariff is a list, but settings are expected below it (`key: value`, indented)
        1 | - currency
          | ^
      write them, or remove the line so that the defaults apply

    override config.yaml:1
      meter is empty, but settings are expected below it (`key: value`, indented)
        1 | meter:
          |      ^
      write them, or remove the line so that the defaults apply

    warning: default
      base.timezone is not set, so days and months are those of UTC
      write the site's zone in base.yaml, such as `timezone: America/Los_Angeles`
    ");
}

#[test]
fn what_yaml_versions_read_differently_is_refused() {
    let errors = refused(&[
        ("base.yaml", "site_name: 12:30\n"),
        (
            "meter.yaml",
            "poll_every_ms: 1_000\nchannels:\n  - {role: main, input: total, invert: yes}\n",
        ),
        (
            "storage.yaml",
            "minute_days: 030\nkeep_days: 3.65e2\nlow_space_mb: ~\n",
        ),
    ]);
    insta::assert_snapshot!(errors, @r#"
    6 errors in the configuration

    base.yaml:1
      base.site_name is `12:30`, but a site name is expected, and YAML readers take this for a number
        1 | site_name: 12:30
          |            ^
      put it in quotes: "12:30"

    meter.yaml:1
      meter.poll_every_ms is `1_000`, but YAML readers do not agree on what number that is
        1 | poll_every_ms: 1_000
          |                ^
      write 1000

    meter.yaml:3
      meter.channels[0].invert is `yes`, but true or false is expected
        3 |   - {role: main, input: total, invert: yes}
          |                                        ^
      write true

    storage.yaml:1
      storage.minute_days is `030`, but YAML readers do not agree on what number that is
        1 | minute_days: 030
          |              ^
      write 30

    storage.yaml:2
      storage.keep_days is `3.65e2`, but summaries are kept from 1 to 36500, in whole numbers
        2 | keep_days: 3.65e2
          |            ^

    storage.yaml:3
      storage.low_space_mb is `~`, but a whole number from 10 to 1000000 is expected
        3 | low_space_mb: ~
          |               ^
      write a value, or remove the line so that the default applies

    warning: default
      base.timezone is not set, so days and months are those of UTC
      write the site's zone in base.yaml, such as `timezone: America/Los_Angeles`
    "#);
}

#[test]
fn meters_and_channels_must_fit_together() {
    let text = "
buses:
  - name: shed
    port: /dev/ttyUSB0
    meters:
      - {name: grid, unit: 1, profile: eastron-sdm630}
      - {name: solar, unit: 1, profile: eastron-sdm120}
  - name: cellar
    port: /dev/ttyUSB0
    meters: [{name: grid, profile: solthrive-v1, points: [v_l1, volts]}]
channels:
  - {role: main_l1, meter: gird, input: l1}
  - {role: main_l1, meter: grid, input: l2, volt_ref: pv}
  - {role: pv, meter: solar, input: l2, ct_profile: pv_50a}
";
    insta::assert_snapshot!(refused(&[("meter.yaml", text)]), @r"
    8 errors in the configuration

    meter.yaml:3
      meter.buses[0] has no baud, and its meters leave the factory with different ones (eastron-sdm120: 2400, eastron-sdm630: 9600)
        3 |   - name: shed
          |     ^
      set all meters of the bus alike and write `baud: …`

    meter.yaml:7
      meter.buses[0].meters[1].unit is 1, but `grid` on the same bus has that address too; both would answer at once
        7 |       - {name: solar, unit: 1, profile: eastron-sdm120}
          |                             ^

    meter.yaml:10
      meter.buses[1].meters[0].name is `grid`, but another meter has that name; give each one its own
        10 |     meters: [{name: grid, profile: solthrive-v1, points: [v_l1, volts]}]
           |                     ^

    meter.yaml:10
      meter.buses[1].meters[0].points[1] is `volts`, but that is no measurement; they look like v_l1, p_total or e_imp
        10 |     meters: [{name: grid, profile: solthrive-v1, points: [v_l1, volts]}]
           |                                                                 ^

    meter.yaml:12
      meter.channels[0].meter is `gird`, but no meter has that name; there is grid, solar
        12 |   - {role: main_l1, meter: gird, input: l1}
           |                            ^
      did you mean grid?

    meter.yaml:13
      meter.channels[1].volt_ref is `pv`, but the meter gives no voltage there
        13 |   - {role: main_l1, meter: grid, input: l2, volt_ref: pv}
           |                                                       ^

    meter.yaml:14
      meter.channels[2].input is `l2`, but meter `solar` (eastron-sdm120) gives power only at: l1
        14 |   - {role: pv, meter: solar, input: l2, ct_profile: pv_50a}
           |                                     ^

    meter.yaml:14
      meter.channels[2].ct_profile is `pv_50a`, but ct_profiles has no such name
        14 |   - {role: pv, meter: solar, input: l2, ct_profile: pv_50a}
           |                                                     ^
      write it there: `ct_profiles: {main_200a: {rating_a: 200}}`

    warning: default
      base.timezone is not set, so days and months are those of UTC
      write the site's zone in base.yaml, such as `timezone: America/Los_Angeles`

    warning: default
      the reference meter `solar` gives no v_l2, so that voltage is not watched
    ");
}

#[test]
fn what_exists_once_is_named_once() {
    let text = "
buses:
  - {name: a, port: /dev/ttyUSB0, meters: [{name: grid, profile: solthrive-v1}]}
  - {name: a, port: /dev/ttyUSB0, meters: [{name: sun, profile: eastron-sdm120}]}
channels:
  - {role: main_l1, input: l1}
  - {role: main_l1, input: l2}
  - {role: main_l2, input: l1, name: left}
  - {role: pv, meter: sun, input: l1, name: left}
";
    let messages: Vec<String> = refused(&[("meter.yaml", text)])
        .problems
        .iter()
        .map(Problem::one_line)
        .collect();
    insta::assert_snapshot!(messages.join("\n"), @r"
    meter.yaml:4: meter.buses[1].name is `a`, but another bus has that name; give each one its own
    meter.yaml:4: meter.buses[1].port is `/dev/ttyUSB0`, but bus `a` uses it already; put both buses' meters on one
    meter.yaml:7: meter.channels[1].role is main_l1, but a home has that role only once
    meter.yaml:8: meter.channels[2].input is `l1`, but another channel uses that input of meter `grid` already
    meter.yaml:9: meter.channels[3].name is `left`, but another channel has that name; give each one its own with `name: …`
    ");
}

#[test]
fn more_mistakes_than_anybody_reads_end_early() {
    let errors = refused(&[("base.yaml", &"language: en\n".repeat(2000))]);
    assert!(errors.problems.len() < 30, "{}", errors.problems.len());
}

#[test]
fn a_leg_too_many_or_too_few_is_an_error() {
    let single = "service: single_phase\n";
    let one_leg = "channels: [{role: main_l1, input: l1}]\n";
    let both = "channels: [{role: main_l1, input: l1}, {role: main_l2, input: l2}, {role: main, input: total}]\n";
    let messages: Vec<String> = [single, one_leg, both]
        .iter()
        .flat_map(|text| refused(&[("meter.yaml", text)]).problems)
        .map(|problem| problem.one_line())
        .collect();
    insta::assert_snapshot!(messages.join("\n"), @r"
    default: meter.channels[1].role is main_l2, but a single_phase service has no such leg
    meter.yaml:1: meter.channels[0].role is main_l1, but a split_phase service also has main_l2, without which the grid's power is unknown; add the channel, or use `role: main` for a meter that measures the whole connection
    meter.yaml:1: meter.channels[2].role is main, but `main_l1` measures the grid connection already; use one or the other
    ");
}

#[test]
fn a_bus_is_reached_in_one_way() {
    let text = "
buses:
  - {name: a, meters: [{name: a, profile: solthrive-v1}]}
  - {name: b, port: /dev/ttyUSB1, tcp: 10.0.0.1, meters: [{name: b, profile: solthrive-v1}]}
  - {name: c, tcp: 10.0.0.1, baud: 9600, meters: [{name: c, profile: solthrive-v1}]}
  - {name: d, tcp: 'http://10.0.0.1', meters: []}
  - {name: e, port: /dev/ttyUSB2, meters: [{name: e, profile: eastron-sdm630}, {name: f, profile: schneider-iem3155, unit: 2}]}
";
    let messages: Vec<String> = refused(&[("meter.yaml", text)])
        .problems
        .iter()
        .map(Problem::one_line)
        .collect();
    insta::assert_snapshot!(messages.join("\n"), @r"
    meter.yaml:3: meter.buses[0] has neither port nor tcp; write `port: /dev/ttyUSB0` for an RS-485 adapter, or `tcp: 192.168.1.20:502`
    meter.yaml:4: meter.buses[1] has both port and tcp, but a bus is reached in one way; write `port: /dev/ttyUSB0` for an RS-485 adapter, or `tcp: 192.168.1.20:502`
    meter.yaml:5: meter.buses[2].baud is set, but this bus is a tcp one and has no serial line; remove it
    meter.yaml:6: meter.buses[3] has no meters; write at least `meters: [{profile: solthrive-v1}]`
    meter.yaml:6: meter.buses[3].tcp is `http://10.0.0.1`, but a host is expected, with a port where it is not 502: 192.168.1.20 or gateway.local:1502
    meter.yaml:7: meter.buses[4] has no baud, and its meters leave the factory with different ones (schneider-iem3155: 19200, eastron-sdm630: 9600); set all meters of the bus alike and write `baud: …`
    meter.yaml:7: meter.buses[4] has no parity, and its meters leave the factory with different ones (schneider-iem3155: even, eastron-sdm630: none); set all meters of the bus alike and write `parity: …`
    ");
}

#[test]
fn overrides_of_registers_are_checked_against_the_profile() {
    let text = meter(
        "{profile: solthrive-v1, registers: {e_xp: {address: 1}, e_exp: {address: 0xFFFF}, e_imp: {adress: 3}}}",
    );
    let messages: Vec<String> = refused(&[("meter.yaml", &text)])
        .problems
        .iter()
        .map(Problem::one_line)
        .collect();
    insta::assert_snapshot!(messages.join("\n"), @r"
    meter.yaml:4: meter.buses[0].meters[0].registers.e_xp names `e_xp`, but that is no measurement; they look like v_l1, p_total or e_imp; did you mean e_exp?
    meter.yaml:4: meter.buses[0].meters[0].registers.e_exp does not fit the profile solthrive-v1: a u32 at 0xFFFF would end past register 0xFFFF
    meter.yaml:4: unknown key meter.buses[0].meters[0].registers.e_imp.adress; did you mean address?
    ");
}

#[test]
fn the_environment_is_checked_as_strictly_as_the_files() {
    let env = [
        ("SOLTHRIVE__LISTEN", "0.0.0.0:1"),
        ("SOLTHRIVE__NETWORK__LISTN", "0.0.0.0:1"),
        ("SOLTHRIVE__API__TOKEN", "very-secret-indeed"),
        ("SOLTHRIVE__METER__BUSES", "[{port"),
        ("SOLTHRIVE__METRE__POLL_EVERY_MS", "1000"),
        ("SOLTHRIVE__METER__POLL_EVERY_MS", "fast"),
    ];
    let errors = load_layers(&[], &env).unwrap_err();
    insta::assert_snapshot!(errors, @r"
    6 errors in the configuration

    env SOLTHRIVE__API__TOKEN
      unknown key api.token
      known here: max_body_kb, max_connections, max_ws_clients, session_hours, token_file

    env SOLTHRIVE__LISTEN
      SOLTHRIVE__LISTEN names no setting; expected SOLTHRIVE__SECTION__KEY, such as SOLTHRIVE__NETWORK__LISTEN

    env SOLTHRIVE__METER__BUSES
      this is not valid YAML: unclosed bracket '{'

    env SOLTHRIVE__METER__POLL_EVERY_MS
      meter.poll_every_ms is `fast`, but a whole number from 1000 to 60000 is expected

    env SOLTHRIVE__METRE__POLL_EVERY_MS
      unknown key metre
      did you mean meter?

    env SOLTHRIVE__NETWORK__LISTN
      unknown key network.listn
      did you mean listen?

    warning: default
      base.timezone is not set, so days and months are those of UTC
      write the site's zone in base.yaml, such as `timezone: America/Los_Angeles`
    ");
}

#[test]
fn a_secret_is_in_no_message() {
    let errors = refused(&[
        ("api.yaml", "token: hunter2-hunter2\npassword: [hunter2]\n"),
        ("config.yaml", "api: {secret: {of: hunter2}}\n"),
    ]);
    let (text, json) = (errors.to_string(), serde_json::to_string(&errors).unwrap());
    assert_eq!(errors.problems.len(), 3, "{text}");
    assert!(
        !text.contains("hunter2") && !json.contains("hunter2"),
        "{text}\n{json}"
    );
}

#[test]
fn a_file_that_is_no_section_is_a_warning() {
    let loaded = loaded(&[
        ("metre.yaml", "poll_every_ms: 0\n"),
        ("base.yaml", "timezone: Europe/Berlin\n"),
    ]);
    let lines: Vec<String> = loaded.warnings.iter().map(Problem::one_line).collect();
    insta::assert_snapshot!(lines.join("\n"), @"metre.yaml: metre.yaml is no file of the configuration and is ignored; did you mean meter.yaml?");
}

#[test]
fn a_wrong_value_that_a_later_layer_replaces_is_a_warning() {
    let loaded = loaded(&[
        ("base.yaml", "timezone: Mars\n"),
        ("config.yaml", "base: {timezone: Europe/Berlin}\n"),
    ]);
    let lines: Vec<String> = loaded.warnings.iter().map(Problem::one_line).collect();
    insta::assert_snapshot!(lines.join("\n"), @"base.yaml:1: base.timezone is `Mars`, but there is no such time zone; IANA names look like America/Los_Angeles; override config.yaml:1 has another value, which counts; mend or remove this one");
}

#[test]
fn a_finding_as_json_has_stable_names() {
    let errors = refused(&[("meter.yaml", &meter("{profile: solthrive-v1, unit: 300}"))]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&errors.problems).unwrap(), @r#"
    [
      {
        "origin": "meter.yaml:4",
        "file": "meter.yaml",
        "line": 4,
        "column": 39,
        "key": "meter.buses[0].meters[0].unit",
        "value": "300",
        "message": "meter.buses[0].meters[0].unit is `300`, but Modbus addresses run from 1 to 247"
      }
    ]
    "#);
}
