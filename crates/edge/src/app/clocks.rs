//! The one place of the process that asks what time it is, and makes identities.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use solthrive_domain::Mono;
use solthrive_domain::ids::{LedgerId, RunId};
use solthrive_meter::bus::{Pace, SystemPace};
use uuid::Uuid;

use crate::http::Clock;

/// Nothing that this version of the software sees can be older. Moved along with releases.
const RELEASED: &str = "2026-11-01T00:00:00Z";

/// The earliest time that can be now.
pub(crate) fn released() -> Timestamp {
    RELEASED.parse().unwrap_or(Timestamp::UNIX_EPOCH)
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
