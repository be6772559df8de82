//! The monotonic clock a bus thread lives by, and the grid of instants it polls at.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use solthrive_domain::Mono;

/// How long an idle bus may take to see that it should stop, where nobody can wake it.
const STOP_CHECK: Duration = Duration::from_millis(200);

/// The process's monotonic clock, and waiting on it.
pub trait Pace: Send + Sync {
    /// Now.
    fn now(&self) -> Mono;

    /// Returns at `at`, never earlier.
    fn sleep_until(&self, at: Mono);

    /// Returns at `at`, or soon after `stop` was set.
    fn idle_until(&self, at: Mono, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) && self.now() < at {
            self.sleep_until(at.min(self.now() + STOP_CHECK));
        }
    }
}

/// The machine's clock. One per process, made where the process starts.
#[derive(Debug)]
pub struct SystemPace {
    origin: Instant,
    woken: Mutex<()>,
    wake: Condvar,
}

impl SystemPace {
    /// A clock whose origin is now.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "reading the clock should be seen at the call"
    )]
    pub fn new() -> Self {
        Self::reading(Duration::ZERO)
    }

    /// A clock that shows `now` now. One that shows a little less than a whole period polls soon,
    /// where one that starts at zero would let its first period pass.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place of the process that asks the monotonic clock"
    )]
    pub fn reading(now: Duration) -> Self {
        let started = Instant::now();
        Self {
            // A machine that has not run that long yet starts at zero.
            origin: started.checked_sub(now).unwrap_or(started),
            woken: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// Ends every `idle_until` whose `stop` was set before this call. An idle bus otherwise sleeps
    /// through to its next poll: looking five times a second would cost more wake-ups than polling.
    pub fn wake(&self) {
        drop(self.woken.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_all();
    }
}

impl Pace for SystemPace {
    fn now(&self) -> Mono {
        Mono::from_origin(self.origin.elapsed())
    }

    fn sleep_until(&self, at: Mono) {
        loop {
            let left = at.since(self.now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left);
        }
    }

    fn idle_until(&self, at: Mono, stop: &AtomicBool) {
        let mut guard = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = at.since(self.now());
            if left.is_zero() || stop.load(Ordering::Acquire) {
                return;
            }
            guard = self
                .wake
                .wait_timeout(guard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// Instants `period` apart, counted from the clock's origin. Polls keep to it without drifting,
/// because every deadline is computed from the origin and none from the poll before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    period: Duration,
}

impl Grid {
    /// A grid; a period of zero is taken as a millisecond.
    #[must_use]
    pub fn new(period: Duration) -> Self {
        Self {
            period: period.max(Duration::from_millis(1)),
        }
    }

    /// Time from one instant to the next.
    #[must_use]
    pub const fn period(self) -> Duration {
        self.period
    }

    /// When tick `index` is.
    #[must_use]
    pub fn at(self, index: u64) -> Mono {
        let nanos = self.period.as_nanos().saturating_mul(u128::from(index));
        Mono::from_origin(Duration::from_nanos(
            u64::try_from(nanos).unwrap_or(u64::MAX),
        ))
    }

    /// The first tick that is not in the past.
    #[must_use]
    pub fn next(self, now: Mono) -> u64 {
        let ticks = now
            .since_origin()
            .as_nanos()
            .div_ceil(self.period.as_nanos());
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// Ticks in `span`, at least one.
    #[must_use]
    pub fn ticks(self, span: Duration) -> u64 {
        let ticks = span.as_nanos().div_ceil(self.period.as_nanos());
        u64::try_from(ticks).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_tick_is_never_in_the_past_and_never_repeated() {
        let grid = Grid::new(Duration::from_secs(1));
        let at = |ms| Mono::from_origin(Duration::from_millis(ms));
        assert_eq!(grid.next(at(0)), 0);
        assert_eq!(grid.next(at(1)), 1);
        assert_eq!(grid.next(at(1000)), 1);
        assert_eq!(grid.next(at(1001)), 2);
        assert_eq!(grid.at(2), at(2000));
    }

    #[test]
    fn the_grid_does_not_drift_in_ten_years() {
        let grid = Grid::new(Duration::from_secs(1));
        let ten_years = 10 * 365 * 86_400;
        assert_eq!(
            grid.at(ten_years).since_origin(),
            Duration::from_secs(ten_years)
        );
    }

    #[test]
    fn a_stop_ends_an_idle_wait_at_once() {
        let pace = Arc::new(SystemPace::new());
        let stop = Arc::new(AtomicBool::new(false));
        let waiter = std::thread::spawn({
            let (pace, stop) = (Arc::clone(&pace), Arc::clone(&stop));
            move || pace.idle_until(pace.now() + Duration::from_secs(60), &stop)
        });
        stop.store(true, Ordering::Release);
        pace.wake();
        waiter.join().unwrap();
        assert!(pace.now().since_origin() < Duration::from_secs(50));
    }
}
