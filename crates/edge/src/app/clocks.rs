//! The one place of the process that asks what time it is, and makes identities.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use solthrive_domain::Mono;
use solthrive_domain::ids::{LedgerId, RunId};
use solthrive_meter::bus::{Pace, SystemPace};
use uuid::Uuid;

use crate::http::Clock;

/// Nothing that this software sees can be older.
const FIRST: &str = "2026-11-01T00:00:00Z";
/// When the sources of this build were committed, in seconds, as `cargo xtask build` and packagers say
/// it: the same for each build of the same sources.
const BUILT_FROM: Option<&str> = option_env!("SOURCE_DATE_EPOCH");

/// The earliest time that can be now.
pub(crate) fn released() -> Timestamp {
    floor(BUILT_FROM)
}

fn floor(built_from: Option<&str>) -> Timestamp {
    let first = FIRST.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let committed = built_from
        .and_then(|seconds| seconds.trim().parse().ok())
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    committed.map_or(first, |committed| first.max(committed))
}

/// The wall clock, right or wrong.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of the process that asks the wall clock"
)]
pub(crate) fn wall() -> Timestamp {
    Timestamp::now()
}

/// Whether systemd-timesyncd has set the clock; `None` where it does not run.
pub(crate) fn synced() -> Option<bool> {
    let folder = Path::new("/run/systemd/timesync");
    folder
        .exists()
        .then(|| folder.join("synchronized").exists())
}

/// A new identity for this start.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of the process that makes identities"
)]
pub(super) fn new_run() -> RunId {
    RunId::from_uuid(Uuid::new_v4())
}

/// A new identity for a ledger.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of the process that makes identities"
)]
pub(super) fn new_ledger() -> LedgerId {
    LedgerId::from_uuid(Uuid::new_v4())
}

/// The clocks as the web server asks them.
pub(super) struct WebClock(pub(super) Arc<SystemPace>);

impl Clock for WebClock {
    fn now(&self) -> Timestamp {
        wall()
    }

    fn mono(&self) -> Mono {
        self.0.now()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_build_by_hand(None, FIRST)]
    #[case::a_release(Some("1800000000\n"), "2027-01-15T08:00:00Z")]
    #[case::sources_older_than_the_program(Some("1"), FIRST)]
    #[case::no_number(Some("yesterday"), FIRST)]
    fn nothing_is_older_than_the_sources(#[case] built_from: Option<&str>, #[case] expected: &str) {
        assert_eq!(floor(built_from).to_string(), expected);
    }
}
