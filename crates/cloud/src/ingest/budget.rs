//! How much one may send. Pure: time is an argument.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use solthrive_protocol::Lane;

/// Less than this is what adding and taking away leaves over.
const ROUNDING: f64 = 1e-6;

/// What is allowed: so many a second on average, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// A second.
    pub per_s: f64,
    /// At once, after a rest.
    pub burst: f64,
}

/// What is left of an allowance. Full at first.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TokenBucket {
    /// What was taken and did not come back yet.
    used: f64,
    /// When that was so.
    at: Duration,
}

impl TokenBucket {
    /// Takes `cost`, or says how long to wait. A call is never cut in half: one that is larger than a
    /// burst is let in when nothing is used, and paid for afterwards.
    ///
    /// # Errors
    /// Time until a call of this cost is let in.
    pub fn take(&mut self, allowed: Allowance, cost: f64, now: Duration) -> Result<(), Duration> {
        let back = now.saturating_sub(self.at).as_secs_f64() * allowed.per_s;
        self.used = (self.used - back).max(0.0);
        self.at = self.at.max(now);
        let beyond = self.used + cost.min(allowed.burst) - allowed.burst;
        if beyond > ROUNDING {
            let wait = beyond / allowed.per_s;
            return Err(Duration::from_secs_f64(wait.clamp(0.001, 3_600.0)));
        }
        self.used += cost;
        Ok(())
    }

    /// What is left now, and the time until all of it is there again.
    #[must_use]
    pub fn left(&self, allowed: Allowance, now: Duration) -> (f64, Duration) {
        let back = now.saturating_sub(self.at).as_secs_f64() * allowed.per_s;
        let used = (self.used - back).max(0.0);
        let full = Duration::from_secs_f64((used / allowed.per_s).clamp(0.0, 3_600.0));
        ((allowed.burst - used).max(0.0), full)
    }

    /// Undoes a [`TokenBucket::take`].
    pub fn give_back(&mut self, cost: f64) {
        self.used = (self.used - cost).max(0.0);
    }
}

/// What a device has used: calls, and rows by lane, so that a backfill never starves what is live.
#[derive(Debug, Default)]
pub struct Budgets {
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    calls: TokenBucket,
    live: TokenBucket,
    backfill: TokenBucket,
    messages: TokenBucket,
}

impl Budgets {
    /// Counts a call.
    ///
    /// # Errors
    /// Time to wait.
    pub fn call(&self, allowed: Allowance, now: Duration) -> Result<(), Duration> {
        self.used().calls.take(allowed, 1.0, now)
    }

    /// Counts the rows of a call.
    ///
    /// # Errors
    /// Time to wait.
    pub fn rows(
        &self,
        lane: Lane,
        allowed: Allowance,
        rows: usize,
        now: Duration,
    ) -> Result<(), Duration> {
        self.used().of(lane).take(allowed, rows as f64, now)
    }

    /// Counts a message on the device's channel.
    ///
    /// # Errors
    /// Time to wait.
    pub fn message(&self, allowed: Allowance, cost: f64, now: Duration) -> Result<(), Duration> {
        self.used().messages.take(allowed, cost, now)
    }

    /// The rows of a call that came to nothing.
    pub fn give_back(&self, lane: Lane, rows: usize) {
        self.used().of(lane).give_back(rows as f64);
    }

    fn used(&self) -> std::sync::MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    const fn of(&mut self, lane: Lane) -> &mut TokenBucket {
        match lane {
            Lane::Live => &mut self.live,
            Lane::Backfill => &mut self.backfill,
        }
    }
}

/// What all devices of an installer have used together.
#[derive(Debug, Default)]
pub struct OrgBudget(Mutex<TokenBucket>);

impl OrgBudget {
    /// Counts the rows of a call of one of its devices.
    ///
    /// # Errors
    /// Time to wait.
    pub fn rows(&self, allowed: Allowance, rows: usize, now: Duration) -> Result<(), Duration> {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.take(allowed, rows as f64, now)
    }

    /// The rows of a call that came to nothing.
    pub fn give_back(&self, rows: usize) {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.give_back(rows as f64);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALLOWED: Allowance = Allowance {
        per_s: 10.0,
        burst: 20.0,
    };

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_burst_is_let_in_and_then_the_mean() {
        let mut bucket = TokenBucket::default();
        for _ in 0..20 {
            assert_eq!(bucket.take(ALLOWED, 1.0, at(0.0)), Ok(()));
        }
        assert!(bucket.take(ALLOWED, 1.0, at(0.0)).is_err());
        assert_eq!(bucket.take(ALLOWED, 1.0, at(0.11)), Ok(()));
        assert!(bucket.take(ALLOWED, 1.0, at(0.11)).is_err());
    }

    #[test]
    fn a_large_call_is_let_in_whole_and_paid_for_later() {
        let mut bucket = TokenBucket::default();
        assert_eq!(bucket.take(ALLOWED, 520.0, at(0.0)), Ok(()));
        assert_eq!(bucket.take(ALLOWED, 1.0, at(0.0)), Err(at(50.1)));
        assert_eq!(bucket.take(ALLOWED, 1.0, at(50.1)), Ok(()));
    }

    #[test]
    fn lanes_do_not_pay_for_each_other() {
        let budgets = Budgets::default();
        budgets
            .rows(Lane::Backfill, ALLOWED, 5_000, at(0.0))
            .unwrap();
        assert!(budgets.rows(Lane::Backfill, ALLOWED, 1, at(0.0)).is_err());
        assert_eq!(budgets.rows(Lane::Live, ALLOWED, 1, at(0.0)), Ok(()));
    }

    proptest! {
        #[test]
        fn no_more_than_burst_and_mean_and_one_call_gets_through(
            calls in prop::collection::vec((0.0..5.0f64, 1.0..50.0f64), 1..200),
        ) {
            let (mut bucket, mut now, mut taken) = (TokenBucket::default(), 0.0, 0.0);
            for (pause, cost) in calls {
                now += pause;
                if bucket.take(ALLOWED, cost, at(now)).is_ok() {
                    taken += cost;
                }
                prop_assert!(taken <= ALLOWED.burst + now * ALLOWED.per_s + 50.0 + 1e-6);
            }
        }

        #[test]
        fn who_waits_as_long_as_told_is_let_in(cost in 1.0..1e5f64, start in 0.0..1e6f64) {
            let mut bucket = TokenBucket::default();
            bucket.take(ALLOWED, cost, at(start)).unwrap();
            if let Err(wait) = bucket.take(ALLOWED, 1.0, at(start)) {
                prop_assert!(wait == Duration::from_hours(1) || bucket.take(ALLOWED, 1.0, at(start) + wait + Duration::from_millis(2)).is_ok());
            }
        }
    }
}
