//! What time it is, and whether to believe it: a Raspberry Pi has no clock battery.
//!
//! Samples carry monotonic time. Wall time is that plus an offset, which follows the system's clock
//! gently and jumps only when that clock steps. Before the clock is plausible rows are held; a step
//! moves the held ones along, so that each ends up where it belongs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Mono;

/// A difference of more than this between two observations is a step, not a drift.
const STEP: SignedDuration = SignedDuration::from_secs(2);
/// The offset follows a drift by at most this much per observation, so that stamps of samples a
/// second apart never run backwards.
const SLEW: SignedDuration = SignedDuration::from_millis(100);
/// A clock more than this ahead of the newest thing known is another step waiting to happen.
const FAR_FUTURE: SignedDuration = SignedDuration::from_hours(20 * 8766);
/// How long a clock of which nobody says anything must run before it is believed ...
const TRUST_AFTER: Duration = Duration::from_mins(2);
/// ... and one that is said not to be set yet: it may be hours behind until the network is there.
const TRUST_UNSYNCED_AFTER: Duration = Duration::from_mins(15);
/// After this long it is the stored row that is doubted, if the two cannot both be right. Only where
/// nobody says anything: a clock that is said not to be set has been asked for already.
const OVERRULES_ROWS_AFTER: Duration = Duration::from_hours(1);

/// What the watch noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ClockEvent {
    /// The wall clock jumped.
    Stepped {
        /// What it would have shown.
        from: Timestamp,
        /// What it showed.
        to: Timestamp,
        /// The clock was not believed: what was stamped and held since then moves by `to - from`.
        moves_held: bool,
    },
    /// From now on the clock is believed: held rows may be stored.
    BecamePlausible,
    /// The clock went below what is certainly past: rows are held again.
    BecameImplausible,
}

/// Follows the system's wall clock.
#[derive(Debug, Clone)]
pub struct ClockWatch {
    floor: Timestamp,
    /// The newest stored row: what nobody confirms is not believed before it.
    newest: Timestamp,
    trust_after: Duration,
    trust_unsynced_after: Duration,
    /// Wall time at the monotonic origin, in nanoseconds since 1970.
    offset: i128,
    /// Since when the clock has run above the floor without a step.
    steady_since: Option<Mono>,
    plausible: bool,
    synced: Option<bool>,
    last_step: Option<(Timestamp, Timestamp)>,
}

impl ClockWatch {
    /// A watch that begins at `mono`, when the clock showed `wall`, and believes nothing before
    /// `floor`, such as the time of the build.
    #[must_use]
    pub fn new(floor: Timestamp, mono: Mono, wall: Timestamp) -> Self {
        Self {
            floor,
            newest: floor,
            trust_after: TRUST_AFTER,
            trust_unsynced_after: TRUST_UNSYNCED_AFTER,
            offset: wall.as_nanosecond() - nanos_of(mono),
            steady_since: None,
            plausible: false,
            synced: None,
            last_step: None,
        }
    }

    /// The same, believing a clock of which nobody says anything after the first time instead of two
    /// minutes, and one that is said not to be set yet after the second instead of fifteen.
    #[must_use]
    pub fn trusting_after(self, wait: Duration, unsynced: Duration) -> Self {
        Self {
            trust_after: wait,
            trust_unsynced_after: unsynced,
            ..self
        }
    }

    /// The same, with a row stored at `newest`. A clock that nobody confirms must be past it too, or
    /// run for an hour where there is nobody to confirm it. One that the system confirms need not: the
    /// row may be the work of a clock that ran far ahead, and would otherwise make the right time
    /// unbelievable for good.
    #[must_use]
    pub fn after(self, newest: Timestamp) -> Self {
        Self {
            newest: newest.max(self.floor),
            ..self
        }
    }

    /// Looks at the clock: at `mono` it showed `wall`. `synced` is what the system says about its
    /// synchronisation, if it says anything.
    pub fn observe(
        &mut self,
        mono: Mono,
        wall: Timestamp,
        synced: Option<bool>,
    ) -> Vec<ClockEvent> {
        let mut events = Vec::new();
        self.synced = synced;
        self.follow(mono, wall, &mut events);
        let possible = wall >= self.floor && wall.duration_since(self.floor) <= FAR_FUTURE;
        let (past_rows, confirmed) = (wall >= self.newest, synced == Some(true));
        if !possible || (synced == Some(false) && !past_rows) {
            self.steady_since = None;
        }
        let steady = if possible {
            mono.since(*self.steady_since.get_or_insert(mono))
        } else {
            Duration::ZERO
        };
        let overruled = synced.is_none() && steady >= OVERRULES_ROWS_AFTER;
        let credible = possible && (confirmed || past_rows || overruled);
        let wait = match synced {
            Some(false) => self.trust_unsynced_after,
            _ => self.trust_after,
        };
        let believed = credible && (confirmed || steady >= wait);
        if believed && !self.plausible {
            self.plausible = true;
            events.push(ClockEvent::BecamePlausible);
        } else if self.plausible && !credible {
            self.plausible = false;
            events.push(ClockEvent::BecameImplausible);
        }
        events
    }

    /// Whether rows may be stored with the present time.
    #[must_use]
    pub fn plausible(&self) -> bool {
        self.plausible
    }

    /// What the system said last about its synchronisation.
    #[must_use]
    pub fn synced(&self) -> Option<bool> {
        self.synced
    }

    /// The last step, from and to.
    #[must_use]
    pub fn last_step(&self) -> Option<(Timestamp, Timestamp)> {
        self.last_step
    }

    /// It cannot be earlier now, unless a stored row is from the future.
    #[must_use]
    pub fn earliest(&self) -> Timestamp {
        self.newest
    }

    /// Wall time of a monotonic instant, to the millisecond.
    #[must_use]
    pub fn stamp(&self, mono: Mono) -> Timestamp {
        let millis = (self.offset + nanos_of(mono)).div_euclid(1_000_000);
        i64::try_from(millis)
            .ok()
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .unwrap_or(self.floor)
    }

    fn follow(&mut self, mono: Mono, wall: Timestamp, events: &mut Vec<ClockEvent>) {
        let seen = wall.as_nanosecond() - nanos_of(mono);
        let drift = SignedDuration::from_nanos_i128(seen - self.offset);
        if drift.abs() <= STEP {
            self.offset += drift.clamp(-SLEW, SLEW).as_nanos();
            return;
        }
        let (from, to) = (self.stamp(mono), wall);
        self.offset = seen;
        self.steady_since = None;
        self.last_step = Some((from, to));
        events.push(ClockEvent::Stepped {
            from,
            to,
            moves_held: !self.plausible,
        });
    }
}

/// A stamp from the time before a step of a clock that was not believed, set right. One nearer to
/// the new time is right already.
#[must_use]
pub fn restamped(at: Timestamp, from: Timestamp, to: Timestamp) -> Timestamp {
    if at.duration_since(from).abs() < at.duration_since(to).abs() {
        at.checked_add(to.duration_since(from)).unwrap_or(at)
    } else {
        at
    }
}

fn nanos_of(mono: Mono) -> i128 {
    i128::try_from(mono.since_origin().as_nanos()).unwrap_or(i128::MAX)
}
