//! The one place where this process asks for the time and for chance.

use std::time::{Duration, Instant};

use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

/// What time it is, and for how long the process has run. Copies tell the same time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: fn() -> UnixMillis,
    began: Instant,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    pub fn system() -> Self {
        let wall = || {
            let now = jiff::Timestamp::now();
            UnixMillis::try_from(now).unwrap_or(UnixMillis::EPOCH)
        };
        Self {
            wall,
            began: Instant::now(),
        }
    }

    /// A clock that tells `wall`, for tests.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    pub fn telling(wall: fn() -> UnixMillis) -> Self {
        Self {
            wall,
            began: Instant::now(),
        }
    }

    /// Now, in UTC.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        (self.wall)()
    }

    /// Time since this clock was made; it never runs back.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

/// A new identity.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that makes them")]
pub fn new_id() -> Uuid {
    Uuid::new_v4()
}
