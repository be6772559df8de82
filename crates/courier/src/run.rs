//! The two lanes at work.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use solthrive_domain::delivery::{Budget, Delivery, Numbers, Outcome, Span, Taken, Tokens, Way};
use solthrive_domain::{DeviceId, Mono};
use solthrive_protocol::{
    DailyBody, Failure, FailureCode, HealthBody, Heard, Lane, Receipt, RefusedCode, Registered,
    RegistrationBody, TelemetryBody,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::state::{Plan, State, Verdict};
use crate::{
    Answer, Clock, CloudAddress, Counts, Line, Report, Reports, Row, Shelf, Status, Trouble, Trust,
    Vault,
};

/// Between two looks for reports while nothing else is new.
const LOOK: Duration = Duration::from_secs(30);
/// A report that is refused so often is let go.
const TRIES: u32 = 3;
/// Rows that cannot be read now are tried again after this.
const UNREADABLE: Duration = Duration::from_secs(10);
const TELEMETRY: &str = "/v1/ingest/telemetry";
const DAILY: &str = "/v1/ingest/daily";
const HEALTH: &str = "/v1/ingest/health";
const REGISTER: &str = "/v1/device/register";

/// Who calls.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The device.
    pub device: DeviceId,
    /// Version of its software.
    pub firmware: String,
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
    address: CloudAddress,
    trust: Trust,
    identity: Identity,
    shelf: Arc<dyn Shelf>,
    reports: Arc<dyn Reports>,
    vault: Arc<dyn Vault>,
    clock: Arc<dyn Clock>,
    patience: Duration,
    state: Mutex<State>,
    news: Notify,
    backlog: Notify,
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
    /// A courier that has said nothing yet: rows `known` are on the shelf, of which the cloud has `told`.
    #[must_use]
    pub fn new(
        (address, trust): (CloudAddress, Trust),
        identity: Identity,
        (tokens, known, told): (Tokens, Option<Span>, Numbers),
        (shelf, reports, vault, clock): (
            Arc<dyn Shelf>,
            Arc<dyn Reports>,
            Arc<dyn Vault>,
            Arc<dyn Clock>,
        ),
        settings: Settings,
    ) -> Arc<Self> {
        let delivery = Delivery::new(settings.budget, known, told);
        let state = State::new(
            delivery,
            tokens,
            settings.seed,
            settings.longest_pause,
            clock.wall(),
        );
        Arc::new(Self {
            address,
            trust,
            identity,
            shelf,
            reports,
            vault,
            clock,
            patience: settings.patience,
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

    /// Rows before this one are gone from the shelf.
    pub fn gone_before(&self, number: u64) {
        self.lock().delivery.gone_before(number);
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
        self.lock().status(self.clock.mono())
    }

    /// What became of everything that was said.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.lock().counts
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
        let answer = line.post(REGISTER, &token, json(body)).await?;
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

    fn line(&self) -> Line {
        Line::new(self.address.clone(), self.trust.clone()).waiting(self.patience)
    }

    async fn live(&self) {
        let mut line = self.line();
        let (mut look_at, mut refusals) = (Mono::ZERO, 0);
        loop {
            let now = self.clock.mono();
            let (pause, waiting) = {
                let state = self.lock();
                (state.pause(Way::Live), state.reports_waiting)
            };
            if now >= pause && (waiting || now >= look_at) {
                let more = self.report(&mut line, &mut refusals).await;
                self.lock().reports_waiting = more;
                look_at = self.clock.mono() + LOOK;
            }
            let plan = self.lock().plan(Way::Live, self.clock.mono());
            match plan {
                Plan::Say(spans) => self.say(Way::Live, &mut line, spans).await,
                Plan::Until(at) => self.wait(at, &self.news).await,
                Plan::Idle => self.wait(look_at, &self.news).await,
            }
        }
    }

    async fn backfill(&self) {
        let mut line = self.line();
        loop {
            let plan = self.lock().plan(Way::Backfill, self.clock.mono());
            match plan {
                Plan::Say(spans) => self.say(Way::Backfill, &mut line, spans).await,
                Plan::Until(at) => self.wait(at, &self.backlog).await,
                Plan::Idle => {
                    line.close();
                    self.backlog.notified().await;
                }
            }
        }
    }

    async fn wait(&self, at: Mono, news: &Notify) {
        let pause = at.since(self.clock.mono());
        // News matter only where they can change what comes next; a pause is kept in any case.
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = news.notified() => {}
        }
    }

    /// Says rows, and settles what came of it.
    async fn say(&self, way: Way, line: &mut Line, spans: Vec<Span>) {
        let read: Result<Vec<_>, _> = spans.iter().map(|span| self.shelf.rows(*span)).collect();
        let mut rows: Vec<(u64, Row)> = match read {
            Ok(rows) => rows.into_iter().flatten().collect(),
            Err(error) => {
                tracing::warn!(%error, "what is to be told cannot be read");
                self.lock().delivery.not_said(way);
                tokio::time::sleep(UNREADABLE).await;
                return;
            }
        };
        if way == Way::Live {
            rows.sort_by(|(a, _), (b, _)| b.cmp(a));
        }
        // A call is about one ledger; rows of another one go with the next.
        if let Some(ledger) = rows.first().map(|(_, row)| row.ledger) {
            let (these, others): (Vec<_>, Vec<_>) =
                rows.into_iter().partition(|(_, row)| row.ledger == ledger);
            rows = these;
            let mut state = self.lock();
            others
                .iter()
                .for_each(|(number, _)| state.delivery.put_back(way, *number));
        }
        let numbers: Vec<u64> = rows.iter().map(|(number, _)| *number).collect();
        let outcome = match rows.first() {
            Some((_, first)) => {
                let body = TelemetryBody {
                    device_id: self.identity.device,
                    firmware: self.identity.firmware.clone(),
                    sent_at: self.clock.wall(),
                    ledger_id: first.ledger,
                    lane: match way {
                        Way::Live => Lane::Live,
                        Way::Backfill => Lane::Backfill,
                    },
                    snapshots: rows.into_iter().map(|(_, row)| row.body).collect(),
                };
                let verdict = self.call(way, line, TELEMETRY, &body, numbers.len()).await;
                outcome_of(&verdict, &numbers, &body)
            }
            None => Outcome::NotNow,
        };
        let now = self.clock.mono();
        let taken = matches!(outcome, Outcome::Taken(_));
        {
            let mut state = self.lock();
            state.delivery.came_of(way, &numbers, &outcome, now);
            if way == Way::Live && taken {
                state.rows_were_taken(now);
            }
        }
        if way == Way::Live {
            self.backlog.notify_one();
        }
    }

    /// Says the next report; whether another one may be waiting.
    async fn report(&self, line: &mut Line, refusals: &mut u32) -> bool {
        let Some((number, report)) = self.reports.next() else {
            return false;
        };
        let elements = report.elements();
        let verdict = match report {
            Report::Days(days) => {
                let body = DailyBody {
                    device_id: self.identity.device,
                    firmware: self.identity.firmware.clone(),
                    sent_at: self.clock.wall(),
                    days,
                };
                self.call(Way::Live, line, DAILY, &body, elements).await
            }
            Report::Health(events, system) => {
                let body = HealthBody {
                    device_id: self.identity.device,
                    firmware: self.identity.firmware.clone(),
                    sent_at: self.clock.wall(),
                    events,
                    system,
                };
                self.call(Way::Live, line, HEALTH, &body, elements).await
            }
        };
        *refusals = match verdict {
            Verdict::TooLarge | Verdict::Unacceptable => *refusals + 1,
            Verdict::Taken(_) | Verdict::NotNow => 0,
        };
        let taken = matches!(verdict, Verdict::Taken(_));
        if taken || *refusals >= TRIES {
            if !taken {
                tracing::error!(number, "the cloud will not take a report; it is let go");
            }
            *refusals = 0;
            self.reports.told(number);
            return true;
        }
        false
    }

    async fn call(
        &self,
        way: Way,
        line: &mut Line,
        path: &str,
        body: &impl Serialize,
        elements: usize,
    ) -> Verdict {
        let token = self.lock().tokens.current().to_owned();
        let answered = line.post(path, &token, json(body)).await;
        let heard = answered.map(|answer| heard(&answer, elements));
        let at = (self.clock.mono(), self.clock.wall());
        self.lock().hear(way, &token, heard, at, &*self.vault)
    }

    /// A task that panicked left nothing half done: every change is one call of a plain function.
    fn lock(&self) -> MutexGuard<'_, State> {
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

fn heard(answer: &Answer, elements: usize) -> Heard<Receipt> {
    Heard::receipt(
        answer.status,
        answer.retry_after.as_deref(),
        &answer.body,
        elements,
    )
}

/// Every body of this protocol is JSON by its type.
fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

/// What a verdict says of the rows that were said, in the order in which they were.
fn outcome_of(verdict: &Verdict, numbers: &[u64], body: &TelemetryBody) -> Outcome {
    let receipt = match verdict {
        Verdict::Taken(receipt) => receipt,
        Verdict::TooLarge => return Outcome::TooLarge,
        Verdict::Unacceptable => return Outcome::Unacceptable,
        Verdict::NotNow => return Outcome::NotNow,
    };
    let mut taken = Taken {
        backfill_per_s: receipt.backfill_rows_per_s,
        ..Taken::default()
    };
    for refused in &receipt.rejected {
        let place = refused.index as usize;
        let (Some(number), Some(row)) = (numbers.get(place), body.snapshots.get(place)) else {
            continue;
        };
        if refused.code == RefusedCode::ClockSkew {
            let ahead = row.ts.duration_since(receipt.server_time);
            taken
                .ahead
                .push((*number, Duration::try_from(ahead).unwrap_or_default()));
        } else {
            tracing::warn!(row = %row.ts, code = ?refused.code, detail = %refused.detail, "the cloud does not take a row");
            taken.refused.push(*number);
        }
    }
    Outcome::Taken(taken)
}
