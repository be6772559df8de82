//! The one place of this process that asks what time it is.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The process's clock: real time since it was made, and wall time.
///
/// Everything else takes what it says as an argument.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that starts at zero.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the simulator asks the system's clock here and nowhere else"
    )]
    pub fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// Real time since the start, monotonic.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Wall time, as the machine believes it to be.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the simulator asks the system's clock here and nowhere else"
    )]
    pub fn wall(&self) -> Timestamp {
        Timestamp::now()
    }
}
