//! Blocks that stay unanswered while the rest of their meter answers.
//!
//! Many meters do not refuse an address that they lack: they say nothing. One such block must cost
//! its own points only, and not for ever a timeout: what failed last is asked last, and what is
//! silent again and again while its neighbours answer is hunted down by the [`PlanMemory`], within a
//! bound, and then asked for rarely. A single lost answer, or a meter that is silent altogether,
//! teaches nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use solthrive_domain::Mono;

use crate::plan::{Block, PlanMemory, Span, UnitPlan};
use crate::profile::Profile;

/// Silences in a row, of one block only, that are no accident: at one lost answer in twenty, three
/// happen to some block about twice a day, and the hunt that follows asks for as many again.
const NO_ACCIDENT: u32 = 3;
/// The same while a hunt is on.
const NO_ACCIDENT_HUNTING: u32 = 2;
/// Silences that a hunt may cost; each takes a timeout and the quarantine after it.
const AFFORDABLE: u32 = 12;
/// When a value that was given up is asked for again, first and at most: each time later.
const FIRST_AGAIN: Duration = Duration::from_mins(1);
const LATEST_AGAIN: Duration = Duration::from_mins(10);

/// What one meter stayed silent on.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// Not answered, or not soundly, when last asked.
    suspects: BTreeSet<Span>,
    /// The only block that is silent, and how often in a row.
    in_a_row: Option<(Span, u32)>,
    /// Silences since everything was answered.
    spent: u32,
    /// When to ask again for what was given up, and the pause before that.
    again: Option<(Mono, Duration)>,
    /// Which of those is next.
    turn: usize,
}

impl Silence {
    /// Puts the blocks that failed last behind all others.
    pub(super) fn last_the_suspects(&self, blocks: &mut [Block]) {
        blocks.sort_by_key(|block| self.suspects.contains(&block.span()));
    }

    /// Whether none of these is left that may still be answered.
    pub(super) fn suspects_all(&self, blocks: &[Block]) -> bool {
        blocks
            .iter()
            .all(|block| self.suspects.contains(&block.span()))
    }

    /// `block` was answered.
    pub(super) fn answered(&mut self, block: &Block) {
        let span = block.span();
        self.suspects.remove(&span);
        self.in_a_row = self.in_a_row.filter(|(other, _)| *other != span);
    }

    /// `block` was not answered, or not soundly.
    pub(super) fn suspect(&mut self, block: &Block) {
        self.suspects.insert(block.span());
    }

    /// Everything was answered that there is to ask.
    pub(super) fn whole(&mut self) {
        self.spent = 0;
    }

    /// Forgets blocks that are not asked for any more.
    pub(super) fn keep(&mut self, plan: &UnitPlan) {
        let asked = |span: &Span| {
            plan.fast
                .iter()
                .chain(&plan.full)
                .any(|it| it.span() == *span)
        };
        self.suspects.retain(asked);
    }

    /// `block` was silent in a poll in which others were answered. Returns whether that changes the
    /// plan.
    pub(super) fn alone(
        &mut self,
        block: &Block,
        profile: &Profile,
        memory: &mut PlanMemory,
        now: Mono,
    ) -> bool {
        let span = block.span();
        let before = self.in_a_row.filter(|(other, _)| *other == span);
        let times = before.map_or(1, |(_, times)| times + 1);
        self.in_a_row = Some((span, times));
        self.spent += 1;
        let accident = if memory.is_hunting() {
            times < NO_ACCIDENT_HUNTING
        } else {
            times < NO_ACCIDENT
        };
        if accident {
            return false;
        }
        self.in_a_row = None;
        let given_up = memory.given_up();
        let changed = if self.spent > AFFORDABLE {
            memory.give_up(profile, block)
        } else {
            memory.silent(profile, block)
        };
        if memory.given_up() > given_up {
            self.again = Some((now + FIRST_AGAIN, FIRST_AGAIN));
        }
        changed
    }

    /// The meter was gone for a while: what it gives may be different now.
    pub(super) fn gone(&mut self, now: Mono) {
        self.again = self.again.map(|_| (now, FIRST_AGAIN));
    }

    /// What to ask again, if it is time for that.
    pub(super) fn due_again(
        &self,
        profile: &Profile,
        memory: &PlanMemory,
        now: Mono,
    ) -> Option<Block> {
        self.again.filter(|(at, _)| now >= *at)?;
        memory.ask_again(profile, self.turn % memory.given_up().max(1))
    }

    /// What came of asking again. One value that is there again makes the others worth asking soon.
    pub(super) fn asked_again(
        &mut self,
        block: &Block,
        answered: bool,
        memory: &mut PlanMemory,
        now: Mono,
    ) {
        let pause = self.again.map_or(FIRST_AGAIN, |(_, pause)| pause);
        if answered {
            memory.answers_again(block);
            self.again = (memory.given_up() > 0).then_some((now, FIRST_AGAIN));
        } else {
            self.turn = (self.turn + 1) % memory.given_up().max(1);
            let pause = if self.turn == 0 { pause * 2 } else { pause };
            let pause = pause.min(LATEST_AGAIN);
            self.again = Some((now + pause, pause));
        }
    }
}
