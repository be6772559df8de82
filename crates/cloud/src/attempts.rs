//! Guessing installer codes costs time.
//!
//! Who tries needs a token first. Five wrong registrations with one token, known or not, are locked
//! for a quarter of an hour, then for twice as long each time. The lock goes by the token and not by
//! the serial, so nobody can lock a device out whose token he does not have.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use solthrive_cloud_store::meta::TokenHash;

/// Wrong registrations that are free.
const FREE: u32 = 5;
/// The first lock.
const LOCK: Duration = Duration::from_mins(15);
/// The longest lock.
const LONGEST: Duration = Duration::from_hours(24);
/// Tokens that are remembered. A flood of made-up tokens is slowed down by address.
const TOKENS: usize = 50_000;

/// Wrong registrations by token.
#[derive(Debug, Default)]
pub struct Attempts {
    failures: Mutex<HashMap<TokenHash, Failures>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    locked_until: Duration,
}

impl Attempts {
    /// Whether a registration with this token is looked at now.
    ///
    /// # Errors
    /// Time until it is.
    pub fn may_try(&self, token: TokenHash, now: Duration) -> Result<(), Duration> {
        match self.failures().get(&token) {
            Some(failures) if failures.locked_until > now => Err(failures.locked_until - now),
            _ => Ok(()),
        }
    }

    /// Counts one that was refused.
    pub fn failed(&self, token: TokenHash, now: Duration) {
        let mut all = self.failures();
        if all.len() >= TOKENS && !all.contains_key(&token) {
            all.retain(|_, failures| failures.locked_until > now);
            if all.len() >= TOKENS {
                return;
            }
        }
        let failures = all.entry(token).or_insert(Failures {
            count: 0,
            locked_until: Duration::ZERO,
        });
        failures.count = failures.count.saturating_add(1);
        if failures.count.is_multiple_of(FREE) {
            let doublings = (failures.count / FREE - 1).min(16);
            failures.locked_until = now + (LOCK * (1 << doublings)).min(LONGEST);
        }
    }

    /// Forgets what went wrong before.
    pub fn succeeded(&self, token: TokenHash) {
        self.failures().remove(&token);
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<TokenHash, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: TokenHash = TokenHash([1; 32]);

    fn minutes(n: u64) -> Duration {
        Duration::from_mins(n)
    }

    #[test]
    fn the_sixth_wrong_try_waits_and_each_lock_is_twice_as_long() {
        let attempts = Attempts::default();
        let mut now = minutes(1);
        for lock in [15, 30, 60] {
            for _ in 0..5 {
                assert_eq!(attempts.may_try(TOKEN, now), Ok(()));
                attempts.failed(TOKEN, now);
            }
            assert_eq!(attempts.may_try(TOKEN, now), Err(minutes(lock)));
            now += minutes(lock);
        }
        for _ in 0..200 {
            attempts.failed(TOKEN, now);
        }
        assert_eq!(attempts.may_try(TOKEN, now), Err(Duration::from_hours(24)));
    }

    #[test]
    fn success_forgets_and_others_are_not_locked() {
        let attempts = Attempts::default();
        for _ in 0..5 {
            attempts.failed(TOKEN, minutes(1));
        }
        assert_eq!(attempts.may_try(TokenHash([2; 32]), minutes(1)), Ok(()));
        attempts.succeeded(TOKEN);
        assert_eq!(attempts.may_try(TOKEN, minutes(1)), Ok(()));
    }

    #[test]
    fn a_flood_of_tokens_is_bounded() {
        let attempts = Attempts::default();
        for n in 0..60_000u32 {
            let mut token = [0; 32];
            token[..4].copy_from_slice(&n.to_le_bytes());
            attempts.failed(TokenHash(token), minutes(1));
        }
        assert!(attempts.failures().len() <= TOKENS);
    }
}
