//! The one place where this process asks for the time and for chance.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

/// What time it is, and for how long the process has run. Copies tell the same time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// So many ms before the system's clock: nothing but in tests.
    ahead: &'static AtomicI64,
    began: Instant,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        static NOTHING: AtomicI64 = AtomicI64::new(0);
        Self::ahead(&NOTHING)
    }

    /// A clock that is so many ms ahead of the system's as `ahead` says at the time: for tests in which hours pass.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    pub fn ahead(ahead: &'static AtomicI64) -> Self {
        Self {
            ahead,
            began: Instant::now(),
        }
    }

    /// Now, in UTC.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks")]
    pub fn now(&self) -> UnixMillis {
        let now = jiff::Timestamp::now().as_millisecond();
        let told = now.saturating_add(self.ahead.load(Ordering::Relaxed));
        UnixMillis::try_from(told).unwrap_or(UnixMillis::EPOCH)
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
