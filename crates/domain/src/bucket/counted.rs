//! One total of a ledger as the cloud follows it: where it grew, and when it cannot have.
//!
//! The total is a curve through the samples at which it moved, straight between them. That is
//! exact for the fine totals of an appliance, and keeps a counter with steps of 0.1 kWh from
//! putting all of a step into the quarter in which it happened to move.
//!
//! After a gap the appliance's ledger first goes on by power alone, and adds what flowed in the gap
//! once its meter's counter has confirmed itself. Such a rise belongs to the gap, not to the
//! fifteen seconds in which it was booked.

use serde::{Deserialize, Serialize};

use super::RollupRules;
use super::certain::Unsure;
use super::rules::ms;
use super::slices::{Ramp, Span};
use crate::telemetry::UnixMillis;

/// Why a total is followed anew. What it jumped by is never counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Break {
    /// It fell: a reset, or another meter, under the same ledger id.
    Fell,
    /// It rose by more than could have flowed.
    Leapt,
    /// The samples lie too far apart to say anything.
    TooFarApart,
}

/// What a total knows of itself between samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counted {
    /// Where the curve stands: energy up to here is told.
    at: i64,
    total: i64,
    /// The gap that a catch-up would belong to.
    hull: Option<Hull>,
    /// Since when the total lies a little below what it was.
    low_since: Option<i64>,
    unsure: Unsure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Hull {
    from: i64,
    to: i64,
}

/// What a pair of samples tells about a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Motion {
    /// It grew.
    Grew {
        /// In this span, by this much; by zero, so far, where it stood still.
        here: (Span, i64),
        /// In an earlier gap, by this much.
        earlier: Option<(Span, i64)>,
        /// `here` was not measured.
        bridged: bool,
    },
    /// It cannot be the same count.
    Broke(Break),
}

impl Counted {
    /// Follows a total from here on; what was before is unknown.
    pub(super) fn from(at: UnixMillis, total: i64, first_ever: bool) -> Self {
        let at = at.get();
        Self {
            at,
            total,
            hull: None,
            low_since: None,
            unsure: if first_ever {
                Unsure::at_first(at)
            } else {
                Unsure::default()
            },
        }
    }

    /// Nothing that comes later reaches farther back than this.
    pub(super) fn reach(&self) -> i64 {
        self.hull.map_or(self.at, |hull| hull.from.min(self.at))
    }

    /// Whether all that came before the first sample has lost its influence.
    pub(super) const fn is_sure(&self) -> bool {
        self.unsure.is_over()
    }

    /// Whether both do the same from here on.
    pub(super) fn goes_on_like(&self, other: &Self) -> bool {
        let unsure = other.unsure;
        Self { unsure, ..*self } == *other
    }

    /// Energy before this instant is told already.
    pub(super) fn start_at(&mut self, at: i64) {
        self.at = self.at.max(at);
    }

    /// Takes the total at the end of a span; `flow` is the line's power where that is known.
    pub(super) fn step(
        &mut self,
        rules: &RollupRules,
        span: Span,
        total: i64,
        flow: Option<Ramp>,
    ) -> Motion {
        if span.len() > ms(rules.longest_gap) {
            *self = Self::from(UnixMillis::clamped(span.to), total, false);
            return Motion::Broke(Break::TooFarApart);
        }
        self.remember_gap(rules, span, flow.is_some());
        self.unsure.pass(rules, span.from, span.to, flow.is_some());
        let gained = total.saturating_sub(self.total);
        self.unsure.read(rules, span.to, gained < 0);
        if gained < 0 {
            return self.fall(rules, span, total, flow);
        }
        self.low_since = None;
        if gained == 0 {
            return self.stand_still(rules, span, flow);
        }
        self.rise(rules, span, total, flow)
    }

    /// A gap grows the hull; a hull that ended long enough ago is forgotten.
    fn remember_gap(&mut self, rules: &RollupRules, span: Span, is_measured: bool) {
        let settling = ms(rules.settling);
        let here = if is_measured { span.to } else { span.from };
        self.hull = self.hull.filter(|hull| here - hull.to <= settling);
        if is_measured {
            return;
        }
        let oldest = span.from.min(span.to - ms(rules.longest_hull));
        self.hull = Some(Hull {
            from: self.hull.map_or(span.from, |hull| hull.from.max(oldest)),
            to: span.to,
        });
    }

    fn rise(&mut self, rules: &RollupRules, span: Span, total: i64, flow: Option<Ramp>) -> Motion {
        let gained = total - self.total;
        let own = Span {
            from: self.at,
            to: span.to,
        };
        let earlier = self.catch_up(rules, own, gained, flow);
        (self.at, self.total) = (span.to, total);
        let room = earlier.map_or(own.len(), |(hull, _)| span.to - hull.from.min(own.from));
        if gained > rules.allowed(room) {
            return Motion::Broke(Break::Leapt);
        }
        Motion::Grew {
            here: (own, gained - earlier.map_or(0, |(_, energy)| energy)),
            earlier,
            bridged: flow.is_none(),
        }
    }

    /// The part of a rise that belongs to the gap before.
    fn catch_up(
        &self,
        rules: &RollupRules,
        own: Span,
        gained: i64,
        flow: Option<Ramp>,
    ) -> Option<(Span, i64)> {
        let hull = self.hull?;
        let hull_span = Span {
            from: hull.from,
            to: hull.to,
        };
        let late = match flow {
            Some(flow) => gained - flow.positive_energy(flow.len).min(gained),
            // Two gaps in a row: more than the second could have brought is from both.
            None if gained > rules.allowed(own.len()) => gained,
            None => return None,
        };
        (late >= rules.catch_up.get()).then_some((hull_span, late))
    }

    /// No growth: nothing flowed, or the next step of the counter is still to come.
    fn stand_still(&mut self, rules: &RollupRules, span: Span, flow: Option<Ramp>) -> Motion {
        let flows = flow.is_some_and(|flow| flow.a > 0 || flow.b > 0);
        self.at = if flows {
            self.at.max(span.to - ms(rules.longest_wait))
        } else {
            span.to
        };
        Motion::Grew {
            here: (span, 0),
            earlier: None,
            bridged: false,
        }
    }

    /// A little lower, as after a crash that took the ledger's last minute: what was told already is
    /// not told again. Much lower, or low for long: another count.
    fn fall(&mut self, rules: &RollupRules, span: Span, total: i64, flow: Option<Ramp>) -> Motion {
        let since = *self.low_since.get_or_insert(span.to);
        let is_small = self.total.saturating_sub(total) <= rules.slack.get();
        if is_small && span.to - since <= ms(rules.longest_wait) {
            return self.stand_still(rules, span, flow);
        }
        self.low_since = None;
        (self.at, self.total) = (span.to, total);
        Motion::Broke(Break::Fell)
    }
}
