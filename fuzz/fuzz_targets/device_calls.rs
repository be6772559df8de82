//! Whatever bytes a device sends, the cloud answers with an error or with values that keep their
//! promises, and never falls over.
#![no_main]

use libfuzzer_sys::fuzz_target;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_protocol::{
    Dailies, HealthReport, MAX_AHEAD_MS, MAX_CHANNELS, MAX_DAYS, MAX_EVENTS, MAX_SNAPSHOTS,
    Registration, Telemetry,
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
});
