//! What a courier knows, and what it makes of each answer. No socket here.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use solthrive_domain::Mono;
use solthrive_domain::delivery::{Delivery, Next, Pauses, Span, Tokens, Way};
use solthrive_protocol::{Failure, FailureCode, Heard, Receipt};

use crate::{Counts, Standing, Status, Trouble, Vault};

/// Between two attempts of a device that belongs to no site.
const UNREGISTERED: Duration = Duration::from_mins(5);
/// Between two attempts of a device whose token nobody knows: the first, and the longest.
const UNKNOWN: Duration = Duration::from_mins(1);
const UNKNOWN_LONGEST: Duration = Duration::from_hours(1);
/// A device that was deactivated looks whether that was taken back.
const DEACTIVATED: Duration = Duration::from_hours(6);
/// Calls may be a little closer than the cloud asked for: a row comes on its own grid.
const SLACK: Duration = Duration::from_secs(1);
/// Backfill waits this much longer than the live lane after a failure: one of both finds out.
const BEHIND: Duration = Duration::from_secs(5);

/// What is to be done next on a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Say these rows.
    Say(Vec<Span>),
    /// Nothing before this.
    Until(Mono),
    /// Nothing until something is new.
    Idle,
}

/// What became of a call, for whoever has to settle its elements.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// `ok`.
    Taken(Box<Receipt>),
    /// 413.
    TooLarge,
    /// 422.
    Unacceptable,
    /// Everything waits where it was.
    NotNow,
}

/// Numbers that nobody can foresee, from a seed (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// In `[0, 1)`.
    pub(crate) fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What a courier knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) delivery: Delivery,
    pub(crate) tokens: Tokens,
    pub(crate) dice: Dice,
    pub(crate) reports_waiting: bool,
    pub(crate) counts: Counts,
    /// Somebody watches: rows go as they come.
    pub(crate) hurried: bool,
    live: Pauses,
    backfill: Pauses,
    /// The other token was tried since the cloud last knew one.
    swapped: bool,
    outage_since: Option<Mono>,
    standing: Standing,
    since: Timestamp,
    last_contact: Option<Timestamp>,
    clock_ahead: Option<SignedDuration>,
    /// How often the cloud wants to hear from the device.
    welcome_every: Option<Duration>,
    config_version: u64,
    commands_pending: bool,
}

impl State {
    pub(crate) fn new(
        delivery: Delivery,
        tokens: Tokens,
        seed: u64,
        longest: Duration,
        wall: Timestamp,
    ) -> Self {
        Self {
            delivery,
            tokens,
            dice: Dice::new(seed),
            reports_waiting: false,
            counts: Counts::default(),
            hurried: false,
            live: Pauses::new(longest),
            backfill: Pauses::new(longest),
            swapped: false,
            outage_since: None,
            standing: Standing::Starting,
            since: wall,
            last_contact: None,
            clock_ahead: None,
            welcome_every: None,
            config_version: 0,
            commands_pending: false,
        }
    }

    /// No call on this lane before the instant, for whatever reason.
    pub(crate) fn pause(&self, way: Way) -> Mono {
        match way {
            Way::Live => self.live.until(),
            Way::Backfill if self.live.failures() > 0 => {
                self.backfill.until().max(self.live.until() + BEHIND)
            }
            Way::Backfill => self.backfill.until(),
        }
    }

    /// What a lane does next.
    pub(crate) fn plan(&mut self, way: Way, now: Mono) -> Plan {
        let pause = self.pause(way);
        if now < pause {
            return Plan::Until(pause);
        }
        match self.delivery.next(way, now) {
            Next::Say(spans) => Plan::Say(spans),
            Next::At(at) => Plan::Until(at),
            Next::Idle => Plan::Idle,
        }
    }

    /// Rows were taken: the cloud says when it would like to hear the next ones. Reports are rare, and do not
    /// make rows wait.
    pub(crate) fn rows_were_taken(&mut self, now: Mono) {
        if self.hurried {
            return;
        }
        let welcome = self.welcome_every.unwrap_or_default().saturating_sub(SLACK);
        self.live.succeeded(now, welcome);
    }

    /// What a call with the token `used` came to. An offered token is kept before it is used.
    pub(crate) fn hear(
        &mut self,
        way: Way,
        used: &str,
        heard: Result<Heard<Receipt>, Trouble>,
        (now, wall): (Mono, Timestamp),
        vault: &dyn Vault,
    ) -> Verdict {
        if !matches!(heard, Ok(Heard::Ok(_))) {
            self.counts.failed_calls += 1;
        }
        match heard {
            Ok(Heard::Ok(receipt)) => {
                self.taken(way, &receipt, (now, wall), vault);
                Verdict::Taken(Box::new(receipt))
            }
            Ok(Heard::Error(failure, wait)) => self.refused(way, used, &failure, wait, (now, wall)),
            Ok(Heard::Stranger(message, wait)) => {
                let cause = "not_the_cloud";
                self.failed(
                    way,
                    Standing::Unreachable { cause, message },
                    wait,
                    (now, wall),
                )
            }
            Err(trouble) => {
                let (cause, message) = (trouble.code(), trouble.to_string());
                self.failed(
                    way,
                    Standing::Unreachable { cause, message },
                    None,
                    (now, wall),
                )
            }
        }
    }

    fn taken(
        &mut self,
        way: Way,
        receipt: &Receipt,
        (now, wall): (Mono, Timestamp),
        vault: &dyn Vault,
    ) {
        self.count(receipt);
        self.pauses(way).succeeded(now, Duration::ZERO);
        if way == Way::Live
            && let Some(since) = self.outage_since.take()
        {
            let chance = self.dice.roll();
            self.delivery.back_after(now, now.since(since), chance);
            self.backfill.forget();
        }
        self.swapped = false;
        self.last_contact = Some(wall);
        self.clock_ahead = Some(wall.duration_since(receipt.server_time));
        self.welcome_every = Some(Duration::from_secs(receipt.next_after_s.into()));
        self.config_version = receipt.config_version;
        self.commands_pending = receipt.commands_pending;
        self.stand(Standing::Connected, wall);
        let offered = receipt.next_token.as_ref();
        if let Some(tokens) = offered.and_then(|next| self.tokens.after_offer(next.reveal())) {
            match vault.keep(&tokens) {
                Ok(()) => {
                    tracing::info!("the cloud gave this device a new token");
                    self.tokens = tokens;
                }
                // It is offered again with the next answer.
                Err(error) => {
                    tracing::error!(%error, "a new token cannot be kept, and is not used");
                }
            }
        }
    }

    fn count(&mut self, receipt: &Receipt) {
        let counts = &mut self.counts;
        counts.accepted += u64::from(receipt.accepted);
        counts.duplicates += u64::from(receipt.duplicates);
        counts.conflicts += u64::from(receipt.conflicts);
        counts.refused += receipt.rejected.len() as u64;
        counts.calls += 1;
    }

    fn refused(
        &mut self,
        way: Way,
        used: &str,
        failure: &Failure,
        wait: Option<Duration>,
        (now, wall): (Mono, Timestamp),
    ) -> Verdict {
        let message = failure.detail.clone();
        match failure.code {
            FailureCode::TooLarge => {
                self.pauses(way).succeeded(now, Duration::ZERO);
                Verdict::TooLarge
            }
            FailureCode::NothingAcceptable => {
                self.pauses(way).succeeded(now, SLACK);
                Verdict::Unacceptable
            }
            FailureCode::UnknownToken => self.unknown(used, message, (now, wall)),
            FailureCode::WrongDevice => self.away(
                Standing::UnknownToken { message },
                UNKNOWN_LONGEST,
                (now, wall),
            ),
            FailureCode::NotRegistered
            | FailureCode::RegistrationRefused
            | FailureCode::AlreadyBound => {
                self.away(Standing::NotRegistered, UNREGISTERED, (now, wall))
            }
            FailureCode::Deactivated => self.away(Standing::Deactivated, DEACTIVATED, (now, wall)),
            FailureCode::TooManyRequests | FailureCode::Unavailable => {
                let cause = "busy";
                let message = format!("the cloud asks this device to wait: {message}");
                self.failed(
                    way,
                    Standing::Unreachable { cause, message },
                    wait,
                    (now, wall),
                )
            }
            FailureCode::UnsupportedEncoding | FailureCode::Internal | FailureCode::Other => {
                let cause = "cloud_error";
                let message = format!("the cloud could not take a call: {message}");
                self.failed(
                    way,
                    Standing::Unreachable { cause, message },
                    wait,
                    (now, wall),
                )
            }
        }
    }

    /// The token is not known there: the other one may be, at once, but only once.
    fn unknown(&mut self, used: &str, message: String, at: (Mono, Timestamp)) -> Verdict {
        if used != self.tokens.current() {
            // The other lane's call was begun before the change: it says nothing of the token in use.
            return Verdict::NotNow;
        }
        if let Some(tokens) = self.tokens.after_refusal(used)
            && !self.swapped
        {
            tracing::warn!("the cloud does not know this device's token; the other one is tried");
            self.swapped = true;
            self.tokens = tokens;
            return Verdict::NotNow;
        }
        let doubled = UNKNOWN.saturating_mul(2_u32.saturating_pow(self.live.failures().min(10)));
        let verdict = self.away(
            Standing::UnknownToken { message },
            doubled.min(UNKNOWN_LONGEST),
            at,
        );
        if let Some(tokens) = self.tokens.after_refusal(used) {
            self.tokens = tokens;
        }
        verdict
    }

    /// Both lanes wait: who calls is not known there, or not wanted.
    fn away(
        &mut self,
        standing: Standing,
        least: Duration,
        (now, wall): (Mono, Timestamp),
    ) -> Verdict {
        let chance = self.dice.roll();
        self.live.turned_away(now, least, chance);
        self.backfill.turned_away(now, least, chance);
        self.outage_since.get_or_insert(now);
        self.stand(standing, wall);
        Verdict::NotNow
    }

    fn failed(
        &mut self,
        way: Way,
        standing: Standing,
        wait: Option<Duration>,
        (now, wall): (Mono, Timestamp),
    ) -> Verdict {
        let chance = self.dice.roll();
        self.pauses(way).failed(now, wait, chance);
        if way == Way::Live {
            self.outage_since.get_or_insert(now);
            self.stand(standing, wall);
        }
        Verdict::NotNow
    }

    fn stand(&mut self, standing: Standing, wall: Timestamp) {
        if std::mem::discriminant(&self.standing) != std::mem::discriminant(&standing) {
            self.since = wall;
            match &standing {
                Standing::Connected => tracing::info!("the cloud answers"),
                other => {
                    tracing::warn!(standing = ?other, "the cloud does not take what this device says; everything waits");
                }
            }
        }
        self.standing = standing;
    }

    /// Somebody registered the device, or gave it another token: it is tried at once.
    pub(crate) const fn try_now(&mut self) {
        self.live.forget();
        self.backfill.forget();
        self.swapped = false;
    }

    const fn pauses(&mut self, way: Way) -> &mut Pauses {
        match way {
            Way::Live => &mut self.live,
            Way::Backfill => &mut self.backfill,
        }
    }

    pub(crate) fn status(&self, now: Mono) -> Status {
        Status {
            standing: self.standing.clone(),
            since: self.since,
            last_contact: self.last_contact,
            waiting_rows: self.delivery.waiting(),
            given_up_rows: self.delivery.given_up(),
            lost_rows: self.delivery.lost(),
            ahead_rows: self.delivery.ahead(),
            reports_waiting: self.reports_waiting,
            failures: self.live.failures(),
            next_try_s: if self.live.failures() > 0 {
                self.live.until().since(now).as_secs()
            } else {
                0
            },
            clock_ahead: self.clock_ahead,
            welcome_every: self.welcome_every,
            config_version: self.config_version,
            commands_pending: self.commands_pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use solthrive_domain::delivery::{Budget, Numbers};

    use super::*;

    struct Safe;

    impl Vault for Safe {
        fn keep(&self, _: &Tokens) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_call_that_was_begun_with_the_token_before_says_nothing_of_the_one_in_use() {
        let budget = Budget {
            live_rows: 1,
            live_call: 1,
            backfill_call: 1,
            spread: Duration::ZERO,
        };
        let tokens = Tokens::new("new".to_owned(), Some("old".to_owned()));
        let delivery = Delivery::new(budget, None, Numbers::default());
        let epoch = Timestamp::UNIX_EPOCH;
        let mut state = State::new(delivery, tokens, 1, UNKNOWN, epoch);
        let failure = Failure {
            code: FailureCode::UnknownToken,
            detail: String::new(),
        };
        // Both lanes call at once, and both are refused.
        for way in [Way::Live, Way::Backfill] {
            let heard = Ok(Heard::Error(failure.clone(), None));
            state.hear(way, "new", heard, (Mono::ZERO, epoch), &Safe);
        }
        assert_eq!(state.tokens.current(), "old");
        let pauses = [Way::Live, Way::Backfill].map(|way| state.pause(way));
        assert_eq!(pauses, [Mono::ZERO; 2], "the other token is tried at once");
    }
}
