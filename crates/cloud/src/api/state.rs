//! What the API's handlers share.

use std::sync::Arc;
use std::time::Duration;

use solthrive_cloud_store::archive::Views;
use solthrive_cloud_store::meta::Registry;
use solthrive_cloud_store::people::{
    Accounts, Commands, Commissioning, Consents, Erasures, Homes, Identities, Jobs, Office, Orgs,
    Programs, Recovery, Tenancy, Transfers,
};
use solthrive_cloud_store::sql::SqlStore;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::cursor::Cursors;
use super::exports::Links;
use super::identity::Providers;
use super::password::Passwords;
use super::quota::Quota;
use super::seal::Seals;
use super::setup::Setup;
use super::signing::Keys;
use super::throttle::Throttle;
use super::watched::Watched;
use crate::clock::Clock;
use crate::mail::Mail;
use crate::present::Present;
use crate::receipts::Receipts;
use crate::recent::Recent;
use crate::secrets::Pepper;

/// Long answers that are made at the same time, so that ingest has the other processors.
const READERS: usize = 2;
/// Letters that are on their way at the same time.
const LETTERS: usize = 32;

/// What the platform asks of people.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Installers and admins must prove a second factor.
    pub second_factor_for_staff: bool,
    /// A session ends when it was not used for so long.
    pub idle: Duration,
    /// And after this, used or not.
    pub session: Duration,
    /// Calls that one session, token or program may make in a minute.
    pub calls_per_min: u32,
    /// For so long the end of a home can be taken back.
    pub erasure_grace: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            second_factor_for_staff: true,
            idle: Duration::from_hours(12),
            session: Duration::from_hours(30 * 24),
            calls_per_min: 1_200,
            erasure_grace: Duration::from_hours(7 * 24),
        }
    }
}

impl Policy {
    pub(super) fn idle_ms(&self) -> i64 {
        i64::try_from(self.idle.as_millis()).unwrap_or(i64::MAX)
    }

    pub(super) fn erasure_grace_ms(&self) -> i64 {
        i64::try_from(self.erasure_grace.as_millis()).unwrap_or(i64::MAX)
    }
}

/// What of the store the API uses.
#[derive(Clone)]
pub struct Ports {
    /// Who is who.
    pub accounts: Arc<dyn Accounts>,
    /// Which sites somebody reaches.
    pub homes: Arc<dyn Homes>,
    /// And how that changes.
    pub tenancy: Arc<dyn Tenancy>,
    /// Who belongs where.
    pub orgs: Arc<dyn Orgs>,
    /// Passwords.
    pub recovery: Arc<dyn Recovery>,
    /// Homes that change hands.
    pub transfers: Arc<dyn Transfers>,
    /// Programs of partners and apps.
    pub programs: Arc<dyn Programs>,
    /// What people let apps do.
    pub consents: Arc<dyn Consents>,
    /// Homes on their way.
    pub commissioning: Arc<dyn Commissioning>,
    /// Work that takes a while.
    pub jobs: Arc<dyn Jobs>,
    /// What appliances are asked.
    pub commands: Arc<dyn Commands>,
    /// The end of homes.
    pub erasures: Arc<dyn Erasures>,
    /// Who people are elsewhere.
    pub identities: Arc<dyn Identities>,
    /// What who runs the platform does.
    pub office: Arc<dyn Office>,
    /// Devices and orgs, for who runs the platform.
    pub registry: Arc<dyn Registry>,
    /// What is known of sites.
    pub views: Arc<dyn Views>,
    /// The newest rows.
    pub recent: Arc<Recent>,
    /// Takes letters out.
    pub mail: Mail,
}

impl Ports {
    /// All of them are one store, but for the newest rows.
    #[must_use]
    pub fn of(store: Arc<SqlStore>, recent: Arc<Recent>, mail: Mail) -> Self {
        Self {
            accounts: store.clone(),
            homes: store.clone(),
            tenancy: store.clone(),
            orgs: store.clone(),
            recovery: store.clone(),
            transfers: store.clone(),
            programs: store.clone(),
            consents: store.clone(),
            commissioning: store.clone(),
            jobs: store.clone(),
            commands: store.clone(),
            erasures: store.clone(),
            identities: store.clone(),
            office: store.clone(),
            registry: store.clone(),
            views: store,
            recent,
            mail,
        }
    }
}

/// Shared by all handlers.
pub struct Api {
    /// Who is who.
    pub accounts: Arc<dyn Accounts>,
    /// Which sites somebody reaches.
    pub homes: Arc<dyn Homes>,
    /// And how that changes.
    pub tenancy: Arc<dyn Tenancy>,
    /// Who belongs where.
    pub orgs: Arc<dyn Orgs>,
    /// Passwords.
    pub recovery: Arc<dyn Recovery>,
    /// Homes that change hands.
    pub transfers: Arc<dyn Transfers>,
    /// Programs of partners and apps.
    pub programs: Arc<dyn Programs>,
    /// What people let apps do.
    pub consents: Arc<dyn Consents>,
    /// Homes on their way.
    pub commissioning: Arc<dyn Commissioning>,
    /// Work that takes a while.
    pub jobs: Arc<dyn Jobs>,
    /// What appliances are asked.
    pub commands: Arc<dyn Commands>,
    /// The end of homes.
    pub erasures: Arc<dyn Erasures>,
    /// Who people are elsewhere.
    pub identities: Arc<dyn Identities>,
    /// What who runs the platform does.
    pub office: Arc<dyn Office>,
    /// Devices and orgs, for who runs the platform.
    pub registry: Arc<dyn Registry>,
    /// What is known of sites.
    pub views: Arc<dyn Views>,
    /// The newest rows.
    pub recent: Arc<Recent>,
    /// Takes letters out.
    pub mail: Mail,
    /// Cancelled when the service ends: answers that go on end with it.
    pub ending: CancellationToken,
    /// What time it is.
    pub clock: Clock,
    /// What the platform asks of people.
    pub policy: Policy,
    pub(super) passwords: Passwords,
    pub(super) throttle: Throttle,
    pub(super) quota: Quota,
    pub(super) cursors: Cursors,
    pub(super) seals: Seals,
    /// What installers' codes are hashed with.
    pub(super) pepper: Pepper,
    pub(super) links: Links,
    pub(super) providers: Providers,
    pub(super) receipts: Receipts,
    /// Told when an export was asked for.
    pub(super) exports_wait: Notify,
    pub(super) watched: Arc<Watched>,
    /// Told when a command was asked for, or somebody begins to look at a home.
    pub(crate) commands_wait: Arc<Notify>,
    /// Devices with a channel at this node.
    pub(crate) present: Arc<Present>,
    pub(super) setup: Setup,
    pub(super) keys: Keys,
    pub(super) readers: Semaphore,
    pub(super) letters: Arc<Semaphore>,
}

impl Api {
    /// The API over these ports; `key` is what cursors are signed and secrets sealed with, the same on every node.
    ///
    /// # Errors
    /// When there is no key to be made of it.
    pub fn new(
        ports: Ports,
        clock: Clock,
        policy: Policy,
        passwords: Passwords,
        providers: Providers,
        key: &[u8; Pepper::LEN],
        ending: CancellationToken,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            accounts: ports.accounts,
            homes: ports.homes,
            tenancy: ports.tenancy,
            orgs: ports.orgs,
            recovery: ports.recovery,
            transfers: ports.transfers,
            programs: ports.programs,
            consents: ports.consents,
            commissioning: ports.commissioning,
            jobs: ports.jobs,
            commands: ports.commands,
            erasures: ports.erasures,
            identities: ports.identities,
            office: ports.office,
            registry: ports.registry,
            mail: ports.mail,
            views: ports.views,
            recent: ports.recent,
            ending,
            clock,
            policy,
            passwords,
            throttle: Throttle::default(),
            quota: Quota::new(policy.calls_per_min),
            cursors: Cursors::new(key),
            seals: Seals::new(key)?,
            pepper: Pepper::new(key),
            links: Links::new(key),
            providers,
            receipts: Receipts::new(key)?,
            exports_wait: Notify::new(),
            watched: Arc::default(),
            commands_wait: Arc::default(),
            present: Arc::default(),
            setup: Setup::default(),
            keys: Keys::default(),
            readers: Semaphore::new(READERS),
            letters: Arc::new(Semaphore::new(LETTERS)),
        })
    }
}
