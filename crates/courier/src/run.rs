//! The two lanes at work.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use solthrive_domain::DeviceId;
use solthrive_domain::delivery::{Budget, Delivery, Numbers, Span, Tokens, Way};
use solthrive_protocol::{Failure, FailureCode, Heard, Registered, RegistrationBody};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::lanes::json;
use crate::state::State;
use crate::{Clock, CloudAddress, Counts, Line, Reports, Shelf, Status, Trouble, Trust, Vault};

/// For a registration as a whole: the appliance's own page answers within 15 s.
const PERSON: Duration = Duration::from_secs(12);
const REGISTER: &str = "/v1/device/register";

/// Who calls, and how far it had got when it was switched off.
#[derive(Debug, Clone)]
pub struct Device {
    /// The device.
    pub id: DeviceId,
    /// Version of its software.
    pub firmware: String,
    /// Its tokens.
    pub tokens: Tokens,
    /// Numbers of the oldest and the newest row on its shelf.
    pub known: Option<Span>,
    /// Rows that the cloud has.
    pub told: Numbers,
}

/// What a courier carries, and where it keeps what it is given.
#[derive(Clone)]
pub struct Cargo {
    /// Rows by number.
    pub shelf: Arc<dyn Shelf>,
    /// Whatever else there is to say.
    pub reports: Arc<dyn Reports>,
    /// Where tokens are kept.
    pub vault: Arc<dyn Vault>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// How a courier goes about it.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How much goes at once.
    pub budget: Budget,
    /// The longest pause after failures, which is what a fleet's reconnect spreads over.
    pub longest_pause: Duration,
    /// For an answer; what a slow line needs for the largest call.
    pub patience: Duration,
    /// For what is left to chance.
    pub seed: u64,
}

/// Everything a courier works with.
pub struct Courier {
    pub(crate) address: CloudAddress,
    pub(crate) trust: Trust,
    pub(crate) seed: u64,
    pub(crate) device: DeviceId,
    pub(crate) firmware: String,
    pub(crate) cargo: Cargo,
    patience: Duration,
    state: Mutex<State>,
    pub(crate) news: Notify,
    pub(crate) backlog: Notify,
}

/// Why a device was not registered.
#[derive(Debug, thiserror::Error)]
pub enum NotRegistered {
    /// The cloud says no.
    #[error("{}", said(.0))]
    Refused(Failure),
    /// Somebody else answered.
    #[error("{0}")]
    Stranger(String),
    /// Nobody did.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// What a person does about it.
fn said(failure: &Failure) -> String {
    match failure.code {
        FailureCode::RegistrationRefused | FailureCode::UnknownToken => "serial number, device id, token and installer code do not go together: is the code typed right, and still valid?".to_owned(),
        FailureCode::AlreadyBound => "this device belongs to another home already: its installer or owner has to release it first".to_owned(),
        FailureCode::Deactivated => "this device was deactivated: ask support".to_owned(),
        FailureCode::TooManyRequests => "too many attempts: wait a few minutes and try again".to_owned(),
        _ => failure.detail.clone(),
    }
}

impl Courier {
    /// A courier that has said nothing yet.
    #[must_use]
    pub fn new(
        address: CloudAddress,
        trust: Trust,
        device: Device,
        cargo: Cargo,
        settings: Settings,
    ) -> Arc<Self> {
        let delivery = Delivery::new(settings.budget, device.known, device.told);
        let wall = cargo.clock.wall();
        let state = State::new(
            delivery,
            device.tokens,
            settings.seed,
            settings.longest_pause,
            wall,
        );
        Arc::new(Self {
            address,
            trust,
            device: device.id,
            firmware: device.firmware,
            cargo,
            patience: settings.patience,
            seed: settings.seed,
            state: Mutex::new(state),
            news: Notify::new(),
            backlog: Notify::new(),
        })
    }

    /// Works until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = async { tokio::join!(self.live(), self.backfill()); } => {}
        }
    }

    /// There is one more row on the shelf.
    pub fn made(&self, number: u64) {
        self.lock().delivery.made(number);
        self.news.notify_one();
        self.backlog.notify_one();
    }

    /// The task that worked was stopped in the middle: what it had in hand waits again.
    pub fn came_back(&self) {
        let mut state = self.lock();
        for way in [Way::Live, Way::Backfill] {
            state.delivery.not_said(way);
        }
    }

    /// There is something new to report.
    pub fn look(&self) {
        self.lock().reports_waiting = true;
        self.news.notify_one();
    }

    /// Rows that need not be told any more, to be kept with the rows.
    #[must_use]
    pub fn told(&self) -> Numbers {
        self.lock().delivery.told().clone()
    }

    /// The cloud has every row before this one.
    #[must_use]
    pub fn settled_before(&self) -> u64 {
        self.lock().delivery.settled_before()
    }

    /// Somebody watches, or not any more: rows go as they come, without the pause that the cloud asks for.
    pub fn hurry(&self, hurried: bool) {
        self.lock().hurried = hurried;
        if hurried {
            self.news.notify_one();
        }
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self) -> Status {
        self.lock().status(self.cargo.clock.mono())
    }

    /// What became of everything that was said.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Asks the cloud for news, and waits until it has given the device another token.
    pub async fn until_another_token(&self) {
        let before = self.lock().tokens.current().to_owned();
        self.look();
        while self.lock().tokens.current() == before {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Where the cloud is.
    #[must_use]
    pub const fn address(&self) -> &CloudAddress {
        &self.address
    }

    /// Registers the device. What waited because it was not registered goes at once then.
    ///
    /// # Errors
    /// [`NotRegistered`], with a message for the person who typed the code.
    pub async fn register(&self, body: &RegistrationBody) -> Result<Registered, NotRegistered> {
        let token = self.lock().tokens.current().to_owned();
        let mut line = self.line();
        // Somebody sits in front of it and waits.
        let answered = tokio::time::timeout(PERSON, line.post(REGISTER, &token, json(body))).await;
        let late = |_| Trouble::Late(self.address.host().to_owned());
        let answer = answered.map_err(late)??;
        let retry_after = answer.retry_after.as_deref();
        match Heard::registered(answer.status, retry_after, &answer.body) {
            Heard::Ok(registered) => {
                self.lock().try_now();
                self.news.notify_one();
                self.backlog.notify_one();
                Ok(registered)
            }
            Heard::Error(failure, _) => Err(NotRegistered::Refused(failure)),
            Heard::Stranger(why, _) => Err(NotRegistered::Stranger(why)),
        }
    }

    pub(crate) fn line(&self) -> Line {
        Line::new(self.address.clone(), self.trust.clone()).waiting(self.patience)
    }

    /// A task that panicked left nothing half done: every change is one call of a plain function.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
