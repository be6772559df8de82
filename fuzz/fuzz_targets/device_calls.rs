//! Whatever bytes a device sends, the cloud answers with an error or with values that keep their
//! promises, and never falls over.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_protocol::{
    Command, Dailies, HealthReport, MAX_AHEAD_MS, MAX_CHANNELS, MAX_DAYS, MAX_EVENTS, MAX_REPORT,
    MAX_SNAPSHOTS, Registration, Report, Telemetry,
};

const NOW: i64 = 1_782_043_200_000;

fuzz_target!(|bytes: &[u8]| {
    let now = UnixMillis::try_from(NOW).expect("an instant");
    if let Ok(call) = Telemetry::parse(bytes, now) {
        assert!(call.snapshots.len() + call.refused.len() <= MAX_SNAPSHOTS);
        for (_, snapshot) in &call.snapshots {
            assert!(snapshot.ts.get() <= NOW + MAX_AHEAD_MS);
            assert!(snapshot.values.known().all(|(_, value)| value.is_finite()));
            assert!(snapshot.channels.len() <= MAX_CHANNELS);
        }
    }
    if let Ok(call) = Dailies::parse(bytes) {
        assert!(call.days.len() + call.refused.len() <= MAX_DAYS);
    }
    if let Ok(call) = HealthReport::parse(bytes, now) {
        assert!(call.events.len() + call.refused.len() <= MAX_EVENTS);
    }
    let _ = Registration::parse(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(report) = Report::parse(text) {
        assert!(text.len() <= MAX_REPORT);
        assert!(report.progress.is_none_or(|share| (0.0..=1.0).contains(&share)));
        if let Ok(again) = report.to_text() {
            assert_eq!(Report::parse(&again), Ok(report));
        }
    }
    // The other way round: what a cloud of tomorrow says.
    if let Err(bad) = Command::parse(text)
        && let Some(refusal) = bad.refusal()
    {
        assert!(refusal.to_text().is_ok());
    }
});
