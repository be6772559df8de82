//! Guessing passwords costs time.
//!
//! Counted are wrong tries for an account from an address, and from an address for all accounts. Nobody
//! can lock an owner out from elsewhere: only whoever guesses waits.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use solthrive_cloud_store::people::EmailKey;
use solthrive_domain::{ClientId, UserId};

/// Wrong tries for one account from one address that are free.
const FREE: u32 = 5;
/// Wrong tries from one address that are free: a company can sit behind it.
const FREE_OF_ADDRESS: u32 = 50;
/// After the free ones, the first pause; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(15);
/// What was wrong is forgotten after this long.
const FORGOTTEN: Duration = Duration::from_hours(1);
/// Entries that are kept; beyond, those that are free again are thrown away.
const KEPT: usize = 50_000;

/// Letters that one address or person may have sent in a row.
const LETTERS: u32 = 20;

/// Wrong tries.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    pairs: Counts<(EmailKey, IpAddr)>,
    addresses: Counts<IpAddr>,
    /// Of second factors: whoever guesses has the password already.
    codes: Counts<UserId>,
    /// Of programs' secrets.
    clients: Counts<(ClientId, IpAddr)>,
    /// Apart from people's: a program that was set up wrongly keeps nobody at its address out.
    addresses_of_clients: Counts<IpAddr>,
    letters: Counts<IpAddr>,
    letters_by: Counts<UserId>,
    trips: Counts<IpAddr>,
}

impl Throttle {
    /// Whether a try is looked at now; the time until it is, if not.
    pub(super) fn may_try(
        &self,
        who: &EmailKey,
        from: IpAddr,
        now: Duration,
    ) -> Result<(), Duration> {
        self.pairs.may_try(&(who.clone(), from), now)?;
        self.addresses.may_try(&from, now)
    }

    /// Counts a wrong one.
    pub(super) fn failed(&self, who: &EmailKey, from: IpAddr, now: Duration) {
        self.pairs.failed((who.clone(), from), FREE, now);
        self.addresses.failed(from, FREE_OF_ADDRESS, now);
    }

    /// Forgets what went wrong for this account from here.
    pub(super) fn succeeded(&self, who: &EmailKey, from: IpAddr) {
        self.pairs.forget(&(who.clone(), from));
    }

    /// Whether a program's secret is looked at now.
    pub(super) fn may_call(
        &self,
        who: ClientId,
        from: IpAddr,
        now: Duration,
    ) -> Result<(), Duration> {
        self.clients.may_try(&(who, from), now)?;
        self.addresses_of_clients.may_try(&from, now)
    }

    /// Counts a wrong one.
    pub(super) fn wrong_secret(&self, who: ClientId, from: IpAddr, now: Duration) {
        self.clients.failed((who, from), FREE, now);
        self.addresses_of_clients.failed(from, FREE_OF_ADDRESS, now);
    }

    /// Forgets what went wrong for this program from here.
    pub(super) fn called(&self, who: ClientId, from: IpAddr) {
        self.clients.forget(&(who, from));
    }

    /// Counts a letter that somebody at this address wants to be sent; the time until it may be, if not now.
    pub(super) fn letter(&self, from: IpAddr, now: Duration) -> Result<(), Duration> {
        self.letters.may_try(&from, now)?;
        self.letters.failed(from, LETTERS, now);
        Ok(())
    }

    /// The same for a person who is signed in.
    pub(super) fn letter_by(&self, who: UserId, now: Duration) -> Result<(), Duration> {
        self.letters_by.may_try(&who, now)?;
        self.letters_by.failed(who, LETTERS, now);
        Ok(())
    }

    /// Counts a sign-in that leaves for a provider; the time until it may, if not now.
    pub(super) fn trip(&self, from: IpAddr, now: Duration) -> Result<(), Duration> {
        self.trips.may_try(&from, now)?;
        self.trips.failed(from, FREE_OF_ADDRESS, now);
        Ok(())
    }

    /// One came back as it should: whoever shares the address does not wait for it.
    pub(super) fn trip_ended(&self, from: IpAddr) {
        self.trips.forget(&from);
    }

    /// Whether a code of this person is looked at now.
    pub(super) fn may_prove(&self, who: UserId, now: Duration) -> Result<(), Duration> {
        self.codes.may_try(&who, now)
    }

    /// Counts a wrong code.
    pub(super) fn wrong_code(&self, who: UserId, now: Duration) {
        self.codes.failed(who, FREE, now);
    }

    /// Forgets the wrong ones.
    pub(super) fn right_code(&self, who: UserId) {
        self.codes.forget(&who);
    }
}

#[derive(Debug)]
struct Counts<K>(Mutex<HashMap<K, Count>>);

#[derive(Debug, Clone, Copy)]
struct Count {
    wrong: u32,
    last: Duration,
    free_at: Duration,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Counts<K> {
    fn may_try(&self, key: &K, now: Duration) -> Result<(), Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(key) {
            Some(count) if count.free_at > now => Err(count.free_at - now),
            _ => Ok(()),
        }
    }

    fn failed(&self, key: K, free: u32, now: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT && !all.contains_key(&key) {
            all.retain(|_, count| count.free_at > now);
        }
        let count = all.entry(key).or_insert(Count {
            wrong: 0,
            last: now,
            free_at: now,
        });
        if now.saturating_sub(count.last) > FORGOTTEN {
            count.wrong = 0;
        }
        (count.wrong, count.last) = (count.wrong.saturating_add(1), now);
        if let Some(beyond) = count.wrong.checked_sub(free) {
            let pause = PAUSE * 2_u32.saturating_pow(beyond.min(12));
            count.free_at = now + pause.min(LONGEST);
        }
    }

    fn forget(&self, key: &K) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn ada() -> EmailKey {
        EmailKey::of("ada@example.org").unwrap()
    }

    #[test]
    fn who_guesses_waits_longer_each_time_and_nobody_else_does() {
        let (throttle, now) = (Throttle::default(), Duration::from_secs(1));
        for _ in 0..FREE {
            assert_eq!(throttle.may_try(&ada(), HERE, now), Ok(()));
            throttle.failed(&ada(), HERE, now);
        }
        assert_eq!(throttle.may_try(&ada(), HERE, now), Err(PAUSE));
        assert_eq!(throttle.may_try(&ada(), THERE, now), Ok(()));
        let later = now + PAUSE;
        assert_eq!(throttle.may_try(&ada(), HERE, later), Ok(()));
        throttle.failed(&ada(), HERE, later);
        assert_eq!(throttle.may_try(&ada(), HERE, later), Err(PAUSE * 2));
        throttle.succeeded(&ada(), HERE);
        assert_eq!(throttle.may_try(&ada(), HERE, later), Ok(()));
    }

    #[test]
    fn an_address_that_tries_many_accounts_waits_too() {
        let (throttle, now) = (Throttle::default(), Duration::from_secs(1));
        for n in 0..FREE_OF_ADDRESS {
            let who = EmailKey::of(&format!("n{n}@example.org")).unwrap();
            assert_eq!(throttle.may_try(&who, HERE, now), Ok(()));
            throttle.failed(&who, HERE, now);
        }
        assert!(throttle.may_try(&ada(), HERE, now).is_err());
        assert_eq!(throttle.may_try(&ada(), THERE, now), Ok(()));
    }

    #[test]
    fn a_flood_does_not_fill_the_memory() {
        let counts = Counts::default();
        for n in 0..KEPT * 2 {
            counts.failed(n, FREE, Duration::ZERO);
        }
        assert!(counts.0.lock().unwrap().len() <= KEPT + 1);
    }
}
