//! What a meter was found to refuse, so that it is asked only once.
//!
//! Exception 2 says that some register of a read does not exist, not which. The hunt for it is a
//! bisection over polls: a wall is put into the refused read, the next plan asks for the two halves,
//! and so on. It ends with a value that is refused on its own (never asked for again), or with two
//! halves that both work (the hole between them is what the meter minds: the wall stays). Walls
//! that led there are taken down again, so that the plan is as cheap as can be.
//!
//! A meter that refuses everything, such as one that is just starting, teaches nothing: a value is
//! given up only if another read of the meter worked since the last refusal, and a wall stays only
//! if the same hole was found twice.
//!
//! Some meters stay silent where others refuse. Whoever polls tells such a read from a lost one and
//! hands it to the same hunt ([`PlanMemory::silent`]); a value given up for its silence is kept
//! apart, because it is worth asking for again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use solthrive_domain::Point;

use super::Block;
use super::span::{Span, aligned, merged};
use crate::profile::{Function, Profile};

/// Lengths that meters and gateways are known to stop at.
const USUAL_LIMITS: [u16; 15] = [120, 100, 80, 64, 60, 50, 40, 32, 20, 16, 10, 8, 4, 2, 1];

/// What one meter refuses. Goes to JSON and back; belongs to a meter, not to its profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanMemory {
    /// Refused on their own.
    bad: BTreeSet<Span>,
    /// Given up because they were not answered.
    silent: BTreeSet<Span>,
    /// Registers that no read crosses into from the one before.
    walls: BTreeSet<(Function, u32)>,
    /// Not to be read only to make a block longer.
    no_padding: BTreeSet<Span>,
    /// The longest read that was not refused as too long.
    max_registers: Option<u16>,
    /// Reads being bisected.
    #[serde(skip)]
    hunt: Vec<Cut>,
    /// Holes found once.
    #[serde(skip)]
    suspected: BTreeMap<(Function, u32), u32>,
    /// A read worked since the last refusal.
    #[serde(skip)]
    answers: bool,
}

/// A refused read cut in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    left: Span,
    right: Span,
    left_works: bool,
    right_works: bool,
}

/// What a step of a hunt came to.
enum Narrowed {
    /// It goes on; whether the plan changes for it.
    Hunting(bool),
    /// This value alone is what the meter does not give.
    Found(Span),
}

impl PlanMemory {
    /// The meter answered `block` with exception 2, illegal data address. Returns whether that
    /// changes the plan.
    pub fn refused(&mut self, profile: &Profile, block: &Block) -> bool {
        let answers = std::mem::replace(&mut self.answers, false);
        match self.narrow(profile, block) {
            Narrowed::Hunting(news) => news,
            Narrowed::Found(value) if answers => {
                self.hunt.clear();
                self.bad.insert(value)
            }
            Narrowed::Found(_) => false,
        }
    }

    /// The meter does not answer `block`, again and again, though it answers others. Returns whether
    /// that changes the plan.
    pub fn silent(&mut self, profile: &Profile, block: &Block) -> bool {
        match self.narrow(profile, block) {
            Narrowed::Hunting(news) => news,
            Narrowed::Found(value) => {
                self.hunt.clear();
                self.silent.insert(value)
            }
        }
    }

    /// As [`PlanMemory::silent`], without looking for the one value: a silence costs a timeout, and
    /// enough were spent. The optional values of the block are given up first, else all of them.
    pub fn give_up(&mut self, profile: &Profile, block: &Block) -> bool {
        let values = values_of(profile, block);
        let some = values.iter().any(|value| is_optional(profile, *value));
        let given_up = values
            .into_iter()
            .filter(|value| !some || is_optional(profile, *value));
        let before = self.silent.len();
        self.silent.extend(given_up);
        self.hunt.clear();
        self.silent.len() > before
    }

    /// How many values were given up because they were not answered.
    #[must_use]
    pub fn given_up(&self) -> usize {
        self.silent.len()
    }

    /// The read that asks for the `nth` value given up, and for nothing else.
    #[must_use]
    pub fn ask_again(&self, profile: &Profile, nth: usize) -> Option<Block> {
        let value = self.silent.iter().nth(nth)?;
        Some(aligned(profile, *value).block())
    }

    /// `block`, from [`PlanMemory::ask_again`], was answered: what it asks for is read again.
    pub fn answers_again(&mut self, block: &Block) {
        let span = block.span();
        self.silent.retain(|value| !span.contains(*value));
    }

    /// One step of the hunt for the value that spoils `block`.
    fn narrow(&mut self, profile: &Profile, block: &Block) -> Narrowed {
        let values = values_of(profile, block);
        let (Some(first), Some(last)) = (values.first().copied(), values.last().copied()) else {
            return Narrowed::Hunting(false);
        };
        let needed = aligned(profile, first.joined(last));
        if block.span() != needed {
            let mut news = false;
            for pad in around(block.span(), needed) {
                news |= self.no_padding.insert(pad);
            }
            return Narrowed::Hunting(news);
        }
        let Some(cut) = cut(profile, &values) else {
            return Narrowed::Found(first);
        };
        let known = self
            .hunt
            .iter()
            .any(|other| (other.left, other.right) == (cut.left, cut.right));
        if !known {
            self.hunt.push(cut);
        }
        Narrowed::Hunting(!known)
    }

    /// The meter answered `block` as it should. Returns whether that changes the plan.
    pub fn worked(&mut self, block: &Block) -> bool {
        self.answers = true;
        if self.hunt.is_empty() {
            return false;
        }
        let span = block.span();
        for cut in &mut self.hunt {
            cut.left_works |= span.contains(cut.left);
            cut.right_works |= span.contains(cut.right);
        }
        let Some(found) = self
            .hunt
            .iter()
            .find(|cut| cut.left_works && cut.right_works)
            .copied()
        else {
            return false;
        };
        let whole = found.left.joined(found.right);
        self.hunt
            .retain(|cut| !cut.left.joined(cut.right).contains(whole));
        let wall = (found.right.function, found.right.from);
        let times = self.suspected.entry(wall).or_default();
        *times += 1;
        if *times > 1 {
            self.walls.insert(wall);
        }
        true
    }

    /// The meter answered a read of `count` registers with exception 3, illegal data value: that is
    /// more than it can. Returns whether that changes the plan.
    pub fn too_long(&mut self, count: u16) -> bool {
        let lower = USUAL_LIMITS.into_iter().find(|limit| *limit < count);
        let changed =
            lower.is_some_and(|lower| self.max_registers.is_none_or(|known| lower < known));
        if changed {
            self.max_registers = lower;
        }
        changed
    }

    /// Starts anew, as for another meter at the same address.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether a hunt is on: plans change from poll to poll.
    #[must_use]
    pub fn is_hunting(&self) -> bool {
        !self.hunt.is_empty()
    }

    /// The points of `profile` that this meter does not have, by its own word or its silence.
    pub fn missing<'a>(&'a self, profile: &'a Profile) -> impl Iterator<Item = Point> + 'a {
        points_in(profile, |span| self.is_bad(span))
    }

    /// Those among them that it does not answer for.
    pub fn unanswered<'a>(&'a self, profile: &'a Profile) -> impl Iterator<Item = Point> + 'a {
        points_in(profile, |span| self.is_silent(span))
    }

    pub(super) fn max_registers(&self) -> Option<u16> {
        self.max_registers
    }

    pub(super) fn is_bad(&self, span: Span) -> bool {
        self.bad.iter().any(|bad| bad.touches(span)) || self.is_silent(span)
    }

    fn is_silent(&self, span: Span) -> bool {
        self.silent.iter().any(|silent| silent.touches(span))
    }

    pub(super) fn allows(&self, span: Span) -> bool {
        let crosses = |(function, at): (Function, u32)| {
            function == span.function && span.from < at && at < span.to
        };
        let cuts = self
            .hunt
            .iter()
            .map(|cut| (cut.right.function, cut.right.from));
        !self.is_bad(span) && !self.walls.iter().copied().chain(cuts).any(crosses)
    }

    /// Whether `span` may be made longer to `read`.
    pub(super) fn may_pad(&self, span: Span, read: Span) -> bool {
        let refused = |pad: Span| self.no_padding.iter().any(|bad| bad.touches(pad));
        !around(read, span).any(refused)
    }
}

/// What `outer` has before and after `inner`.
fn around(outer: Span, inner: Span) -> impl Iterator<Item = Span> {
    let before = Span::new(outer.function, outer.from, inner.from);
    let after = Span::new(outer.function, inner.to, outer.to);
    [before, after].into_iter().filter(|span| span.len() > 0)
}

/// What a block is asked for: its points, and scale registers that any point needs.
fn values_of(profile: &Profile, block: &Block) -> Vec<Span> {
    let points = block
        .points
        .iter()
        .filter_map(|index| profile.points.get(*index))
        .map(Span::of_point);
    let scales = profile
        .points
        .iter()
        .filter_map(Span::of_scale)
        .filter(|scale| block.span().contains(*scale));
    merged(points.chain(scales).collect())
}

/// Points whose own registers, or whose scale's, are among those that `gone` tells.
fn points_in<'a>(
    profile: &'a Profile,
    gone: impl Fn(Span) -> bool + 'a,
) -> impl Iterator<Item = Point> + 'a {
    let points = profile
        .points
        .iter()
        .filter(move |def| gone(Span::of_point(def)) || Span::of_scale(def).is_some_and(&gone));
    points.map(|def| def.point)
}

fn is_optional(profile: &Profile, value: Span) -> bool {
    let points = profile.points.iter();
    points
        .filter(|def| def.optional)
        .any(|def| value.contains(Span::of_point(def)))
}

/// Where to cut refused values: beside an optional one, at the widest hole, or in the middle.
fn cut(profile: &Profile, values: &[Span]) -> Option<Cut> {
    let optional = |span: &Span| is_optional(profile, *span);
    let hole = |at: usize| match (values.get(at - 1), values.get(at)) {
        (Some(left), Some(right)) => right.from - left.to,
        _ => 0,
    };
    let middle = values.len() / 2;
    let beside = |at: &usize| {
        values.get(at - 1).is_some_and(optional) || values.get(*at).is_some_and(optional)
    };
    let widest =
        (1..values.len()).max_by_key(|at| (hole(*at), std::cmp::Reverse(at.abs_diff(middle))));
    let at = (1..values.len()).find(beside).or(widest)?;
    let join = |part: &[Span]| Some(part.first()?.joined(*part.last()?));
    let (left, right) = values.split_at(at);
    Some(Cut {
        left: join(left)?,
        right: join(right)?,
        left_works: false,
        right_works: false,
    })
}
