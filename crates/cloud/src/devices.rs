//! Who may call: the credentials of all devices, in memory.
//!
//! Every call is let in or refused from here without asking a database. What changed in the registry
//! is asked for every two seconds, so a token that was revoked on one node is refused on all of them
//! well within ten.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::meta::{
    Assignment, Credential, Registry, Rotation, Standing, TokenHash,
};
use solthrive_domain::rotation::{self, CameWith, Step};
use solthrive_domain::{DeviceId, OrgId, SiteId};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::ingest::{Budgets, OrgBudget};

/// Time between two questions for changes.
pub const REFRESH: Duration = Duration::from_secs(2);
/// For an answer of the registry.
const PATIENCE: Duration = Duration::from_secs(5);

/// Without an answer of the registry for this long, this node says that it is not ready.
const STALE: Duration = Duration::from_secs(8);

/// A device that called with a token of its own.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Which one.
    pub device: DeviceId,
    /// Where it is.
    pub site: SiteId,
    /// What it has used of its share.
    pub budgets: Arc<Budgets>,
    /// What its installer's devices have used together; `None` until it is known whose it is.
    pub org: Option<Arc<OrgBudget>>,
    /// The rotation of its token that is not over.
    pub rotating: Option<Rotating>,
}

/// A rotation that is not over, as this node sees it, and a call within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotating {
    /// Which one of the device.
    pub number: i64,
    /// The token that takes over, once it is stored.
    pub next: Option<TokenHash>,
    /// How far it is.
    pub state: rotation::Rotation,
    /// Which token the call came with.
    pub came_with: CameWith,
}

impl Rotating {
    /// What the call is a reason for.
    #[must_use]
    pub fn step(&self) -> Step {
        rotation::step(Some(self.state), self.came_with)
    }
}

/// Why a token does not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotLetIn {
    /// Nobody has it.
    Unknown,
    /// Its device belongs to no site yet.
    NotRegistered,
    /// Its device was deactivated.
    Deactivated,
}

/// The credentials of all devices.
#[derive(Debug, Default)]
pub struct Devices {
    known: RwLock<Known>,
    /// When the registry answered last, in ms of the process's clock.
    heard_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    by_token: HashMap<TokenHash, DeviceId>,
    by_id: HashMap<DeviceId, Entry>,
    revision: i64,
    /// Whose each device is, and the revision that says so.
    installers: HashMap<DeviceId, (OrgId, i64)>,
    orgs: HashMap<OrgId, Arc<OrgBudget>>,
    /// Of the newest assignment that was heard of.
    assigned: i64,
}

#[derive(Debug)]
struct Entry {
    revision: i64,
    standing: Standing,
    tokens: Vec<TokenHash>,
    rotation: Option<Rotation>,
    /// When this node heard of the rotation's next token, by the process's clock.
    next_since: Option<Duration>,
    budgets: Arc<Budgets>,
}

impl Entry {
    /// Every token that lets in.
    fn all_tokens(&self) -> impl Iterator<Item = TokenHash> {
        let next = self.rotation.and_then(|rotation| rotation.next);
        self.tokens.iter().copied().chain(next)
    }

    fn rotating(&self, token: TokenHash, now: Duration) -> Option<Rotating> {
        let Rotation { number, next } = self.rotation?;
        let state = match self.next_since {
            Some(since) => rotation::Rotation::Prepared {
                known_for: now.saturating_sub(since),
            },
            None => rotation::Rotation::Asked,
        };
        let came_with = if next == Some(token) {
            CameWith::Next
        } else {
            CameWith::Current
        };
        Some(Rotating {
            number,
            next,
            state,
            came_with,
        })
    }
}

impl Devices {
    /// Whose token this is, if it lets in; `now` by the process's clock.
    ///
    /// # Errors
    /// [`NotLetIn`].
    pub fn caller(&self, token: TokenHash, now: Duration) -> Result<Caller, NotLetIn> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let device = *known.by_token.get(&token).ok_or(NotLetIn::Unknown)?;
        let entry = known.by_id.get(&device).ok_or(NotLetIn::Unknown)?;
        match entry.standing {
            Standing::Bound(site) => Ok(Caller {
                device,
                site,
                budgets: Arc::clone(&entry.budgets),
                org: known.org_of(device),
                rotating: entry.rotating(token, now),
            }),
            Standing::Waiting => Err(NotLetIn::NotRegistered),
            Standing::Deactivated => Err(NotLetIn::Deactivated),
        }
    }

    /// How many devices are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .by_id
            .len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in what changed in the registry since the last time.
    ///
    /// # Errors
    /// [`StoreError`]; what was known stays.
    pub async fn refresh(&self, registry: &dyn Registry, now: Duration) -> Result<(), StoreError> {
        let (since, assigned) = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            (known.revision, known.assigned)
        };
        let changed = registry.credentials(since).await?;
        let moved = registry.assignments(assigned).await?;
        if !changed.is_empty() || !moved.is_empty() {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            changed
                .into_iter()
                .for_each(|credential| known.take(credential, now));
            moved.iter().for_each(|stay| known.assign(stay));
        }
        let ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.heard_ms.fetch_max(ms, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the registry has answered lately: what is let in here is let in everywhere.
    #[must_use]
    pub fn is_fresh(&self, now: Duration) -> bool {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        now.saturating_sub(heard) < STALE
    }

    /// Refreshes until `stop`.
    pub async fn keep_fresh(&self, registry: &dyn Registry, clock: Clock, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(REFRESH) => {}
                () = stop.cancelled() => return,
            }
            let asked = tokio::time::timeout(PATIENCE, self.refresh(registry, clock.elapsed()));
            match asked.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "changes of devices could not be asked for");
                }
                // The next try has a connection of its own.
                Err(_) => tracing::warn!("changes of devices were not told in time"),
            }
        }
    }
}

impl Known {
    fn org_of(&self, device: DeviceId) -> Option<Arc<OrgBudget>> {
        let (org, _) = self.installers.get(&device)?;
        self.orgs.get(org).cloned()
    }

    fn assign(&mut self, stay: &Assignment) {
        self.assigned = self.assigned.max(stay.revision);
        let known = self.installers.get(&stay.device);
        let is_newer = known.is_none_or(|(_, revision)| *revision <= stay.revision);
        if stay.to_at.is_none() && is_newer {
            let of = (stay.installer, stay.revision);
            self.installers.insert(stay.device, of);
            self.orgs.entry(stay.installer).or_default();
        }
    }

    fn take(&mut self, credential: Credential, now: Duration) {
        self.revision = self.revision.max(credential.revision);
        // Questions overlap, so an older answer can come after a newer one.
        let known = self.by_id.get(&credential.device);
        if known.is_some_and(|entry| entry.revision > credential.revision) {
            return;
        }
        let before = self.by_id.remove(&credential.device);
        for token in before.iter().flat_map(Entry::all_tokens) {
            self.by_token.remove(&token);
        }
        let next = |rotation: Option<Rotation>| rotation.and_then(|rotation| rotation.next);
        let known_since = before
            .as_ref()
            .filter(|entry| next(entry.rotation) == next(credential.rotation))
            .and_then(|entry| entry.next_since);
        let entry = Entry {
            revision: credential.revision,
            standing: credential.standing,
            tokens: credential.tokens,
            rotation: credential.rotation,
            next_since: next(credential.rotation).map(|_| known_since.unwrap_or(now)),
            budgets: before.map_or_else(Arc::default, |entry| entry.budgets),
        };
        for token in entry.all_tokens() {
            self.by_token.insert(token, credential.device);
        }
        self.by_id.insert(credential.device, entry);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn device(n: u128) -> DeviceId {
        DeviceId::from_uuid(Uuid::from_u128(n))
    }
    fn token(n: u8) -> TokenHash {
        TokenHash([n; 32])
    }
    fn credential(tokens: &[u8], standing: Standing, revision: i64) -> Credential {
        let tokens = tokens.iter().map(|n| token(*n)).collect();
        Credential {
            device: device(1),
            standing,
            tokens,
            rotation: None,
            revision,
        }
    }
    fn heard(credentials: Vec<Credential>) -> Known {
        let mut known = Known::default();
        credentials
            .into_iter()
            .for_each(|credential| known.take(credential, at(0)));
        known
    }
    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
    fn let_in(known: Known, by: u8) -> Result<DeviceId, NotLetIn> {
        let devices = Devices {
            known: RwLock::new(known),
            ..Devices::default()
        };
        devices.caller(token(by), at(0)).map(|caller| caller.device)
    }

    const HOME: Standing = Standing::Bound(SiteId::from_uuid(Uuid::from_u128(7)));

    #[test]
    fn both_tokens_of_a_device_let_in_and_a_strangers_does_not() {
        for by in [1, 2] {
            assert_eq!(
                let_in(heard(vec![credential(&[1, 2], HOME, 1)]), by),
                Ok(device(1))
            );
        }
        assert_eq!(
            let_in(heard(vec![credential(&[1], HOME, 1)]), 3),
            Err(NotLetIn::Unknown)
        );
    }

    #[test]
    fn a_revoked_token_does_not_let_in_any_more() {
        let known = heard(vec![
            credential(&[1, 2], HOME, 1),
            credential(&[2], HOME, 2),
        ]);
        assert_eq!(known.revision, 2);
        assert_eq!(let_in(known, 1), Err(NotLetIn::Unknown));
    }

    /// A registration and the usual question can both be under way, and be answered the other way round.
    #[test]
    fn an_answer_that_comes_late_does_not_bring_a_revoked_token_back() {
        let known = heard(vec![
            credential(&[1, 2], HOME, 1),
            credential(&[2], HOME, 3),
            credential(&[1, 2], HOME, 2),
        ]);
        assert_eq!(let_in(known, 1), Err(NotLetIn::Unknown));
    }

    #[test]
    fn an_answer_that_comes_late_does_not_bring_a_former_installer_back() {
        let org = |n| OrgId::from_uuid(Uuid::from_u128(n));
        let stay = |installer, revision| Assignment {
            device: device(1),
            site: SiteId::from_uuid(Uuid::from_u128(7)),
            installer: org(installer),
            time_zone: "UTC".to_owned(),
            from_at: solthrive_domain::telemetry::UnixMillis::EPOCH,
            to_at: None,
            revision,
            is_erased: false,
        };
        let mut known = Known::default();
        known.assign(&stay(1, 5));
        known.assign(&stay(2, 6));
        known.assign(&stay(1, 5));
        assert_eq!(known.installers[&device(1)].0, org(2));
    }

    fn rotating(next: Option<u8>, revision: i64) -> Credential {
        Credential {
            rotation: Some(Rotation {
                number: 1,
                next: next.map(token),
            }),
            ..credential(&[1], HOME, revision)
        }
    }

    #[test]
    fn a_next_token_lets_in_at_once_and_is_offered_when_all_nodes_know_it() {
        let mut known = heard(vec![rotating(None, 1)]);
        known.take(rotating(Some(2), 2), at(100));
        // Something else about the device changed: the time goes on.
        known.take(rotating(Some(2), 3), at(105));
        let devices = Devices {
            known: RwLock::new(known),
            ..Devices::default()
        };
        let step = |by, now| {
            let caller = devices.caller(token(by), at(now)).unwrap();
            caller.rotating.unwrap().step()
        };
        assert_eq!((step(1, 109), step(1, 110)), (Step::Rest, Step::Offer));
        assert_eq!(step(2, 101), Step::Complete);
    }

    #[test]
    fn a_token_that_was_taken_back_does_not_let_in_any_more_and_another_one_waits_anew() {
        let mut known = heard(vec![rotating(Some(2), 1), rotating(Some(3), 2)]);
        assert!(!known.by_token.contains_key(&token(2)));
        known.take(rotating(Some(4), 3), at(50));
        assert_eq!(known.by_id[&device(1)].next_since, Some(at(50)));
        known.take(credential(&[1], HOME, 4), at(60));
        assert_eq!(known.by_token.len(), 1);
        assert_eq!(let_in(known, 4), Err(NotLetIn::Unknown));
    }

    #[test]
    fn once_the_next_token_was_used_the_old_one_does_not_let_in() {
        let over = Credential {
            rotation: None,
            ..credential(&[2], HOME, 2)
        };
        let known = heard(vec![rotating(Some(2), 1), over]);
        assert_eq!(let_in(known, 1), Err(NotLetIn::Unknown));
    }

    #[test]
    fn who_belongs_nowhere_or_was_shut_out_is_told_so() {
        let waiting = heard(vec![credential(&[1], Standing::Waiting, 1)]);
        assert_eq!(let_in(waiting, 1), Err(NotLetIn::NotRegistered));
        let gone = heard(vec![
            credential(&[1], HOME, 1),
            credential(&[1], Standing::Deactivated, 2),
        ]);
        assert_eq!(let_in(gone, 1), Err(NotLetIn::Deactivated));
    }
}
