use solthrive_domain::Severity;
use solthrive_domain::units::WattHours;
use solthrive_protocol::{
    BadRegistration, Dailies, HealthReport, RefusedCode, Registration, State,
};

use super::{HEAD, now};

#[test]
fn a_day_becomes_energies_and_nonsense_is_refused_by_name() {
    let body = format!(
        r#"{{{HEAD},"days":[{{"date":"2026-06-20","solar_kwh":31.25,"coverage":1.0}},
        {{"date":"2026-06-19","home_kwh":1e9,"coverage":1.0}},{{"date":"2026-06-18","coverage":1.5}}]}}"#
    );
    let dailies = Dailies::parse(body.as_bytes()).unwrap();
    let (index, day) = dailies.days[0];
    assert_eq!(
        (index, day.solar.map(WattHours::get), day.home),
        (0, Some(31_250.0), None)
    );
    let said: Vec<_> = dailies
        .refused
        .iter()
        .map(|it| it.detail.as_str())
        .collect();
    assert_eq!(
        said,
        [
            "home_kwh is 1000000000 kWh, which no home has in a day",
            "coverage is 1.5, not 0 to 1"
        ]
    );
}

#[test]
fn health_without_events_is_a_sign_of_life() {
    let report = HealthReport::parse(format!("{{{HEAD}}}").as_bytes(), now()).unwrap();
    assert_eq!((report.events.len(), report.system), (0, None));
}

#[test]
fn an_event_is_cleaned_of_control_characters_and_one_bad_one_sinks_nothing() {
    let event = |code: &str, message: &str| {
        format!(
            r#"{{"ts":"2026-06-21T11:00:00Z","code":"{code}","state":"raised","severity":"high","message":"{message}","details":{{"n":1}}}}"#
        )
    };
    let body = format!(
        r#"{{{HEAD},"events":[{},{{"ts":"x"}},{}],"system":{{"uptime_s":7}}}}"#,
        event("ct_unplugged", "pv\\u0000 reads 0 A\\n"),
        event("a_code_of_tomorrow", &"x".repeat(5000)),
    );
    let report = HealthReport::parse(body.as_bytes(), now()).unwrap();
    let [(0, first), (2, second)] = &report.events[..] else {
        panic!("{report:?}");
    };
    assert_eq!(first.message, "pv reads 0 A");
    assert_eq!(
        (first.state, first.severity),
        (State::Raised, Severity::High)
    );
    assert_eq!(first.details.as_deref(), Some(r#"{"n":1}"#));
    assert_eq!(
        (second.code.as_str(), second.message.len()),
        ("a_code_of_tomorrow", 1000)
    );
    assert_eq!(report.refused[0].code, RefusedCode::Malformed);
    assert_eq!(report.system.as_deref(), Some(r#"{"uptime_s":7}"#));
}

#[test]
fn an_event_from_the_future_is_refused() {
    let body = format!(
        r#"{{{HEAD},"events":[{{"ts":"2026-06-21T13:00:00Z","code":"x","state":"cleared","severity":"info"}}]}}"#
    );
    let report = HealthReport::parse(body.as_bytes(), now()).unwrap();
    assert_eq!(report.refused[0].code, RefusedCode::ClockSkew);
}

#[test]
fn a_registration_needs_every_field() {
    let body = |serial: &str| {
        format!(
            r#"{{"serial":"{serial}","device_id":"5f0c1d9e-0000-4000-8000-000000000001",
            "installer_code":" K7M2-9QXT-4D ","model":"pi-4","firmware":"2.1.0","config":{{"meters":[]}}}}"#
        )
    };
    let sound = Registration::parse(body("ST-000042").as_bytes()).unwrap();
    assert_eq!(
        (sound.code.as_str(), sound.serial.as_str()),
        ("K7M2-9QXT-4D", "ST-000042")
    );
    assert_eq!(sound.config.as_deref(), Some(r#"{"meters":[]}"#));
    for wrong in ["", "  ", &"9".repeat(65), "a\\u0007"] {
        assert_eq!(
            Registration::parse(body(wrong).as_bytes()),
            Err(BadRegistration::Field("serial")),
            "{wrong:?}"
        );
    }
    assert!(matches!(
        Registration::parse(b"{}"),
        Err(BadRegistration::Body(_))
    ));
}
