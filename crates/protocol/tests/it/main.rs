//! What the cloud understands of what a device says.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly, as tests do"
)]

mod answers;
mod commands;
mod others;
mod telemetry;

use solthrive_domain::telemetry::UnixMillis;

/// 2026-06-21T12:00:00Z.
pub(crate) fn now() -> UnixMillis {
    let noon: jiff::Timestamp = "2026-06-21T12:00:00Z".parse().unwrap();
    UnixMillis::try_from(noon).unwrap()
}

/// What every body begins with.
pub(crate) const HEAD: &str = r#""device_id":"5f0c1d9e-0000-4000-8000-000000000001","firmware":"2.1.0","sent_at":"2026-06-21T12:00:00Z""#;
