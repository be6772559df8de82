//! Which rows go into the next call of each lane.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answer::spans;
use super::{Chance, Numbers, Outcome, Span, Taken};
use crate::Mono;

/// A row that the cloud refuses this often is given up: it must not stand in the way of the others.
const TRIES: u8 = 3;
/// Spans of acknowledged rows that are remembered; what is forgotten is said again.
const MOST_SPANS: usize = 64;
/// Calls grow again by this share with each that was taken, after they had to be cut.
const GROWTH: usize = 4;

/// One of the two ways that rows go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// What is new, the newest first.
    Live,
    /// What was kept, the oldest first.
    Backfill,
}

/// How much goes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// How many of the newest rows count as live.
    pub live_rows: u64,
    /// Rows of one live call.
    pub live_call: usize,
    /// Rows of one backfill call.
    pub backfill_call: usize,
    /// The start of a backfill after an outage is spread over as long as that lasted, but at most this.
    pub spread: Duration,
}

/// What a lane does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Say these rows, in this order of spans; rows within a span newest first on the live lane. Their
    /// outcome is owed to [`Delivery::came_of`].
    Say(Vec<Span>),
    /// Nothing before this.
    At(Mono),
    /// Nothing until there is a new row, or an outcome.
    Idle,
}

/// The rows of a device that the cloud has not acknowledged.
#[derive(Debug, Clone)]
pub struct Delivery {
    budget: Budget,
    /// The rows that there are; `None` before the first.
    known: Option<Span>,
    /// Acknowledged, or given up, or gone.
    told: Numbers,
    flying: BTreeMap<Way, Numbers>,
    /// Rows ahead of the cloud's clock, and when one of them may be tried again.
    ahead: Numbers,
    ahead_until: Mono,
    tries: BTreeMap<u64, u8>,
    calls: BTreeMap<Way, usize>,
    backfill_at: Mono,
    backfill_per_s: u32,
    given_up: u64,
    lost: u64,
}

impl Delivery {
    /// What is still to be told: rows `known` are there, and `told` of them are known to the cloud.
    #[must_use]
    pub fn new(budget: Budget, known: Option<Span>, told: Numbers) -> Self {
        let mut delivery = Self {
            budget,
            known,
            told: told.up_to(known.map(|known| known.last)),
            flying: BTreeMap::new(),
            ahead: Numbers::default(),
            ahead_until: Mono::ZERO,
            tries: BTreeMap::new(),
            calls: BTreeMap::from([
                (Way::Live, budget.live_call.max(1)),
                (Way::Backfill, budget.backfill_call.max(1)),
            ]),
            backfill_at: Mono::ZERO,
            backfill_per_s: 0,
            given_up: 0,
            lost: 0,
        };
        if let Some(known) = known {
            delivery.told.fill_below(known.first);
        }
        delivery
    }

    /// There is one more row; numbers only grow.
    pub fn made(&mut self, number: u64) {
        let first = self.known.map_or(number, |known| known.first);
        let last = self.known.map_or(number, |known| known.last.max(number));
        if self.known.is_none() {
            // What was before it is gone, and is not asked for.
            self.told.fill_below(number);
        }
        self.known = Some(Span { first, last });
    }

    /// The connection is back after `outage`: the other lane begins within that time, so that a fleet
    /// spreads.
    pub fn back_after(&mut self, now: Mono, outage: Duration, chance: Chance) {
        let wait = outage.min(self.budget.spread).mul_f64(chance);
        self.backfill_at = self.backfill_at.max(now + wait);
    }

    /// What a lane does next. Rows that are handed out are in no other call until their outcome is known.
    pub fn next(&mut self, way: Way, now: Mono) -> Next {
        let Some(known) = self.known else {
            return Next::Idle;
        };
        let live_from = known
            .last
            .saturating_sub(self.budget.live_rows.saturating_sub(1));
        let within = match way {
            Way::Live => Span::new(live_from.max(known.first), known.last),
            Way::Backfill => live_from
                .checked_sub(1)
                .and_then(|last| Span::new(known.first, last)),
        };
        let Some(within) = within else {
            return Next::Idle;
        };
        let held = self.held(now);
        let open: Vec<Span> = held.gaps(within).collect();
        if open.is_empty() {
            return self.later(way, within, now);
        }
        if way == Way::Backfill && now < self.backfill_at {
            return Next::At(self.backfill_at);
        }
        let spans = self.pick(way, open);
        let flying = self.flying.entry(way).or_default();
        spans.iter().for_each(|span| flying.insert(*span));
        Next::Say(spans)
    }

    /// What no lane may take now.
    fn held(&self, now: Mono) -> Numbers {
        let mut held = self.told.clone();
        let flying = self.flying.values().flat_map(Numbers::spans);
        let ahead = self.ahead.spans().iter().filter(|_| now < self.ahead_until);
        flying.chain(ahead).for_each(|span| held.insert(*span));
        held
    }

    /// Nothing is open now: perhaps rows wait for the cloud's clock.
    fn later(&self, way: Way, within: Span, now: Mono) -> Next {
        let waits = self
            .ahead
            .spans()
            .iter()
            .any(|span| span.and(within).is_some());
        if waits && now < self.ahead_until {
            return match way {
                Way::Live => Next::At(self.ahead_until),
                Way::Backfill => Next::At(self.ahead_until.max(self.backfill_at)),
            };
        }
        Next::Idle
    }

    /// As many of the open rows as one call carries.
    fn pick(&self, way: Way, mut open: Vec<Span>) -> Vec<Span> {
        let mut left = self.calls.get(&way).copied().unwrap_or(1) as u64;
        if way == Way::Live {
            open.reverse();
        }
        let mut spans = Vec::new();
        for span in open {
            let count = span.count().min(left);
            if count == 0 {
                break;
            }
            left -= count;
            spans.push(match way {
                Way::Live => Span {
                    first: span.last - (count - 1),
                    ..span
                },
                Way::Backfill => Span {
                    last: span.first + (count - 1),
                    ..span
                },
            });
        }
        spans
    }

    /// The outcome of the lane's call. `said` are the rows that were really in it, in the order in which
    /// they were said; rows that were handed out and are not among them are gone from the store.
    pub fn came_of(&mut self, way: Way, said: &[u64], outcome: &Outcome, now: Mono) {
        let handed_out = self.flying.remove(&way).unwrap_or_default();
        let said_set: Numbers = spans(said).collect();
        for gone in handed_out
            .spans()
            .iter()
            .flat_map(|span| said_set.gaps(*span))
        {
            self.lost = self.lost.saturating_add(gone.count());
            self.told.insert(gone);
        }
        match outcome {
            Outcome::Taken(taken) => self.taken(way, said, taken, now),
            Outcome::TooLarge if said.len() > 1 => self.cut(way, said.len() / 2),
            // A row that is too large by itself.
            Outcome::TooLarge => self.refused(said),
            Outcome::Unacceptable if said.len() > 1 => self.cut(way, said.len() / 8),
            Outcome::Unacceptable => self.refused(said),
            Outcome::NotNow => {}
        }
        self.told.forget_to(MOST_SPANS);
    }

    /// A row that was handed out does not go with this call, but with a later one.
    pub fn put_back(&mut self, way: Way, number: u64) {
        if let Some(flying) = self.flying.get_mut(&way) {
            flying.remove(Span::one(number));
        }
    }

    /// A call was never made: its rows could not be read just now.
    pub fn not_said(&mut self, way: Way) {
        self.flying.remove(&way);
    }

    fn taken(&mut self, way: Way, said: &[u64], taken: &Taken, now: Mono) {
        let mut done: Numbers = spans(said).collect();
        for (number, _) in &taken.ahead {
            done.remove(Span::one(*number));
        }
        taken
            .refused
            .iter()
            .for_each(|number| done.remove(Span::one(*number)));
        for span in done.spans() {
            self.told.insert(*span);
            self.ahead.remove(*span);
        }
        self.tries.retain(|number, _| !done.contains(*number));
        self.refused(&taken.refused);
        self.wait_for_the_clock(&taken.ahead, now);
        let most = match way {
            Way::Live => self.budget.live_call,
            Way::Backfill => self.budget.backfill_call,
        };
        if let Some(call) = self.calls.get_mut(&way) {
            *call = (*call + *call / GROWTH + 1).min(most.max(1));
        }
        self.backfill_per_s = taken.backfill_per_s;
        if way == Way::Backfill {
            let rate = f64::from(taken.backfill_per_s.max(1));
            let pause = Duration::try_from_secs_f64(said.len() as f64 / rate).unwrap_or_default();
            self.backfill_at = now + pause;
        }
    }

    fn wait_for_the_clock(&mut self, ahead: &[(u64, Duration)], now: Mono) {
        if ahead.is_empty() {
            return;
        }
        spans(&ahead.iter().map(|(number, _)| *number).collect::<Vec<_>>())
            .for_each(|span| self.ahead.insert(span));
        // The first of them that may be taken; the others are told to wait again.
        let least = ahead.iter().map(|(_, by)| *by).min().unwrap_or_default();
        self.ahead_until = now + least.clamp(Duration::from_secs(10), Duration::from_hours(1));
    }

    fn refused(&mut self, numbers: &[u64]) {
        for number in numbers {
            let tries = self.tries.entry(*number).or_default();
            *tries += 1;
            if *tries >= TRIES {
                self.tries.remove(number);
                self.told.insert(Span::one(*number));
                self.given_up = self.given_up.saturating_add(1);
            }
        }
    }

    fn cut(&mut self, way: Way, to: usize) {
        self.calls.insert(way, to.max(1));
    }

    /// Rows before this number are gone: the store needed their space, or their time was over. Those that
    /// the cloud does not have are counted as lost.
    pub fn gone_before(&mut self, number: u64) {
        let (Some(known), Some(last)) = (self.known, number.checked_sub(1)) else {
            return;
        };
        if let Some(gone) = Span::new(known.first, last.min(known.last)) {
            let open: u64 = self.told.gaps(gone).map(Span::count).sum();
            self.lost = self.lost.saturating_add(open);
            self.told.insert(gone);
        }
        self.known = Span::new(known.first.max(number), known.last).or(Some(Span::one(known.last)));
        self.told.fill_below(number);
    }

    /// Rows that the cloud has or will never have.
    #[must_use]
    pub const fn told(&self) -> &Numbers {
        &self.told
    }

    /// Whether the cloud has everything up to this row, which it never has to be asked for again.
    #[must_use]
    pub fn settled_before(&self) -> u64 {
        match self.told.spans().first() {
            Some(span) if span.first == 0 => span.last.saturating_add(1),
            _ => 0,
        }
    }

    /// How many rows wait.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.known
            .map_or(0, |known| self.told.gaps(known).map(Span::count).sum())
    }

    /// The oldest row that waits.
    #[must_use]
    pub fn oldest_waiting(&self) -> Option<u64> {
        self.known
            .and_then(|known| Some(self.told.gaps(known).next()?.first))
    }

    /// Rows that the cloud would not take after several tries.
    #[must_use]
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Rows that went before the cloud had them.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Rows that wait until the cloud's clock has reached them.
    #[must_use]
    pub fn ahead(&self) -> u64 {
        self.ahead.count()
    }

    /// The pace that the cloud gave the other lane, rows a second.
    #[must_use]
    pub const fn backfill_per_s(&self) -> u32 {
        self.backfill_per_s
    }
}
