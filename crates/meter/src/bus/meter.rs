//! One meter on a bus: how it is read, and one poll of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use solthrive_domain::{Mono, Point, Reading};

use super::backoff;
use super::budget::PollCost;
use super::round::Round;
use super::silence::Silence;
use super::status::{BusStatus, MeterStatus, PlanStatus, RawBlock, lock};
use super::{BusFault, FaultKind, Master, MeterConfig, MeterOutcome, Pace};
use crate::decode::Registers;
use crate::frame::ReadRequest;
use crate::plan::{Block, PlanLimits, PlanMemory, UnitPlan, WireCost, plan_unit, value_alone};

/// Assumed until measured: most meters think for 5 to 50 ms.
const TURNAROUND: Duration = Duration::from_millis(30);
/// An answer is waited for at least this long unless configured: short timeouts make late answers.
const LEAST_TIMEOUT: Duration = Duration::from_millis(500);
/// Beyond the usual answer, a timeout allows this many times the usual turnaround, and a margin.
const PATIENCE: u32 = 4;
const MARGIN: Duration = Duration::from_millis(100);
/// Slow points are due this much early, so that a poll that is late itself does not put off the next.
const EARLY: Duration = Duration::from_millis(50);
/// After this many failed polls in a row a meter was gone, not just disturbed.
const AWAY: u32 = 5;
/// A turnaround that moved by this much is worth another plan.
const REPLAN_PERCENT: u32 = 30;

/// What a meter's polls need and leave behind.
pub(super) struct MeterTask {
    pub(super) config: MeterConfig,
    wanted: Vec<usize>,
    plan: UnitPlan,
    memory: PlanMemory,
    /// What the plan was made for.
    planned_for: Duration,
    cost: WireCost,
    stale_plan: bool,
    failures: u32,
    pub(super) retry_at: Mono,
    slow_due: Option<Mono>,
    silence: Silence,
    /// The blocks of the full plan have all been answered, so that it may be asked on its own.
    full_works: bool,
    /// What the last poll was: planned to take so long, sent out to read everything, ended by a
    /// fault, without fast points.
    planned: Duration,
    was_full: bool,
    fault: Option<FaultKind>,
    lacking: Option<FaultKind>,
}

/// What a meter is given for one poll.
pub(super) struct Turn<'a> {
    pub(super) pace: &'a dyn Pace,
    pub(super) status: &'a Mutex<BusStatus>,
    /// The meter's place in the status.
    pub(super) index: usize,
    /// When the bus is needed again: an answer is not waited for beyond it.
    pub(super) by: Option<Mono>,
    /// It may read its slow points if they are due.
    pub(super) full: bool,
    /// When the line was last used, whoever it was for.
    pub(super) quiet_since: &'a mut Mono,
}

impl MeterTask {
    pub(super) fn new(config: MeterConfig) -> Self {
        let chosen = |point: &Point| {
            config
                .points
                .as_ref()
                .is_none_or(|points| points.contains(point))
        };
        let points = config.profile.points.iter().enumerate();
        let wanted = points
            .filter(|(_, def)| chosen(&def.point))
            .map(|(index, _)| index)
            .collect();
        let turnaround = config.profile.bus.turnaround.unwrap_or(TURNAROUND);
        Self {
            wanted,
            plan: UnitPlan::default(),
            memory: PlanMemory::default(),
            planned_for: turnaround,
            cost: WireCost::tcp(turnaround, Duration::ZERO),
            stale_plan: true,
            failures: 0,
            retry_at: Mono::ZERO,
            slow_due: None,
            silence: Silence::default(),
            full_works: false,
            planned: Duration::ZERO,
            was_full: false,
            fault: None,
            lacking: None,
            config,
        }
    }

    /// Time of its polls.
    pub(super) fn cost(&self) -> PollCost {
        PollCost {
            fast: self.cost.of_all(&self.plan.fast),
            full: self.cost.of_all(&self.plan.full),
        }
    }

    /// What the last poll was planned to take.
    pub(super) const fn planned(&self) -> Duration {
        self.planned
    }

    /// Whether the last poll was sent out to read everything.
    pub(super) const fn was_full(&self) -> bool {
        self.was_full
    }

    /// What ended the last poll before its end.
    pub(super) const fn fault(&self) -> Option<FaultKind> {
        self.fault
    }

    /// Why the last poll's reading lacks fast points, if one does.
    pub(super) const fn lacking(&self) -> Option<FaultKind> {
        self.lacking
    }

    fn is_slow_due(&self, at: Mono) -> bool {
        self.slow_due.is_none_or(|due| at >= due)
    }

    /// What a poll asks for, in this order. A full plan of which some block may turn out not to be
    /// answered comes after the fast blocks, which then stand whatever becomes of it.
    fn blocks(&self, full: bool) -> Vec<Block> {
        let mut blocks = match (full, self.full_works) {
            (true, true) => self.plan.full.clone(),
            (true, false) => [self.plan.fast.as_slice(), &self.plan.full].concat(),
            (false, _) => self.plan.fast.clone(),
        };
        self.silence.last_the_suspects(&mut blocks);
        let silent = self.failures > 0 && self.fault == Some(FaultKind::Timeout);
        if silent && !blocks.is_empty() && self.silence.suspects_all(&blocks) {
            blocks.splice(0..0, self.sign_of_life());
        }
        blocks
    }

    /// One value on its own, each time another one. If a meter that was silent answers that, it is the
    /// blocks that it does not answer; if not, this costs no more than asking for a block.
    fn sign_of_life(&self) -> Option<Block> {
        let profile = &self.config.profile;
        let blocks = self.plan.fast.iter().chain(&self.plan.full);
        let read: BTreeSet<usize> = blocks.flat_map(|block| &block.points).copied().collect();
        let turn = usize::try_from(self.failures - 1).unwrap_or_default();
        let index = *read.iter().nth(turn % read.len().max(1))?;
        Some(value_alone(profile, profile.points.get(index)?, index))
    }

    /// When its first request may go out.
    pub(super) fn ready_at(&self, master: &dyn Master, now: Mono, full: bool) -> Mono {
        let blocks = self.blocks(full && self.is_slow_due(now));
        let first = blocks.first();
        first.map_or(now, |block| master.ready_at(&self.request(block)).max(now))
    }

    fn request(&self, block: &Block) -> ReadRequest {
        ReadRequest {
            unit: self.config.unit,
            function: block.function,
            address: block.address,
            count: block.count,
        }
    }

    /// Whether the last poll failed: such a meter is asked after the others.
    pub(super) const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Plans anew if the meter turned out slower, quicker or smaller than thought. Returns whether it did.
    pub(super) fn replan(&mut self, master: &dyn Master) -> bool {
        let turnaround = master
            .turnaround(self.config.unit)
            .unwrap_or(self.planned_for);
        let moved = turnaround.abs_diff(self.planned_for) * 100
            > self.planned_for * REPLAN_PERCENT + Duration::from_millis(500);
        if !self.stale_plan && !moved {
            return false;
        }
        let line = master.line();
        let gap = self.config.profile.bus.gap;
        let serial = !line.char_time.is_zero();
        self.cost = if serial {
            WireCost::serial(line.char_time, line.overhead, turnaround, gap)
        } else {
            WireCost::tcp(turnaround, gap)
        };
        let limits = PlanLimits {
            distinct_lengths: serial,
            ..PlanLimits::default()
        };
        self.plan = plan_unit(
            &self.config.profile,
            &self.wanted,
            &self.cost,
            &limits,
            &self.memory,
        );
        self.silence.keep(&self.plan);
        self.full_works = false;
        (self.planned_for, self.stale_plan) = (turnaround, false);
        true
    }

    /// One poll.
    pub(super) fn poll(&mut self, master: &mut dyn Master, turn: &mut Turn<'_>) -> MeterOutcome {
        let began = turn.pace.now();
        let slow = turn.full && self.is_slow_due(began);
        let blocks = self.blocks(slow);
        (self.was_full, self.fault, self.lacking) = (slow, None, None);
        self.planned = Duration::ZERO;
        if blocks.is_empty() {
            // Nothing but slow points, and they are not due: silence is no answer.
            return MeterOutcome::Waiting;
        }
        self.planned = self.cost.of_all(&blocks);
        let round = self.ask(master, turn, &blocks);
        self.fault = round.fault.as_ref().map(|(fault, _)| *fault);
        if !round.brought_any() {
            if let Some((_, block)) = &round.fault {
                self.silence.suspect(block);
            }
            let fault = self.fault.or(round.refused).unwrap_or(FaultKind::Timeout);
            return self.failed(fault, turn.pace.now(), turn.status, turn.index);
        }
        self.judge(slow, &round, turn.pace.now());
        if slow {
            let every = self.config.slow_every;
            self.slow_due = Some(began + (every - EARLY.min(every / 20)));
            if round.fault.is_none() {
                self.ask_again(master, turn);
            }
        }
        self.failures = 0;
        let mut status = lock(turn.status);
        let status = &mut status.meters[turn.index];
        status.partial += u64::from(self.fault.is_some());
        self.show(master, &round.registers, status);
        MeterOutcome::Read(Reading {
            meter: self.config.id.clone(),
            at: round.sent_at.unwrap_or(began),
            values: self.decode(&round),
        })
    }

    /// Asks for these blocks until one is not answered. What a poll has brought by then stands; what
    /// it has not is absent, and asked for in the next one.
    fn ask(&mut self, master: &mut dyn Master, turn: &mut Turn<'_>, blocks: &[Block]) -> Round {
        let mut round = Round::default();
        for block in blocks {
            if round.has(block) {
                continue;
            }
            let answer = self.read(master, turn, block);
            round.sent_at.get_or_insert(master.last().sent_at);
            match answer {
                Ok(values) => {
                    round.take(block, values);
                    self.silence.answered(block);
                    self.stale_plan |= self.memory.worked(block);
                    // It is back: the rest of its poll is not hurried.
                    turn.by = None;
                }
                Err(fault) => match fault.kind() {
                    FaultKind::Exception(code) => {
                        self.learn(code, block);
                        round.refused = Some(fault.kind());
                    }
                    kind => {
                        round.fault = Some((kind, block.clone()));
                        break;
                    }
                },
            }
        }
        round
    }

    /// What a poll that brought something says about the blocks it asked for.
    fn judge(&mut self, slow: bool, round: &Round, now: Mono) {
        let Some((fault, block)) = &round.fault else {
            if slow && round.refused.is_none() {
                self.full_works = true;
                self.silence.whole();
            }
            return;
        };
        self.full_works = false;
        self.silence.suspect(block);
        if !self.plan.fast.iter().all(|block| round.has(block)) {
            self.lacking = Some(*fault);
        }
        if *fault != FaultKind::Timeout {
            return;
        }
        let before = self.memory.given_up();
        let profile = &self.config.profile;
        self.stale_plan |= self.silence.alone(block, profile, &mut self.memory, now);
        if self.memory.given_up() > before {
            let points: Vec<String> = self
                .memory
                .unanswered(profile)
                .map(|point| point.to_string())
                .collect();
            tracing::warn!(meter = %self.config.id, points = points.join(", "),
                "the meter does not answer for some points, though it answers for others: they are absent, and asked for again now and then");
        }
    }

    /// Once in a while, asks for one value that was given up for its silence.
    fn ask_again(&mut self, master: &mut dyn Master, turn: &mut Turn<'_>) {
        let profile = Arc::clone(&self.config.profile);
        let due = self
            .silence
            .due_again(&profile, &self.memory, turn.pace.now());
        let Some(block) = due else { return };
        let answer = self.read(master, turn, &block);
        let now = turn.pace.now();
        self.silence
            .asked_again(&block, answer.is_ok(), &mut self.memory, now);
        if answer.is_ok() {
            self.stale_plan = true;
            tracing::info!(meter = %self.config.id, address = block.address, "the meter answers again for what it was silent on");
        }
    }

    fn read(
        &mut self,
        master: &mut dyn Master,
        turn: &mut Turn<'_>,
        block: &Block,
    ) -> Result<Vec<u16>, BusFault> {
        let gap = self.config.profile.bus.gap;
        if !gap.is_zero() {
            turn.pace.sleep_until(*turn.quiet_since + gap);
        }
        let request = self.request(block);
        let usual = self.timeout(master, block.count);
        let timeout = turn.by.map_or(usual, |by| {
            by.since(turn.pace.now().max(master.ready_at(&request)))
                .min(usual)
        });
        let outcome = master.read(request, timeout);
        *turn.quiet_since = turn.pace.now();
        lock(turn.status).note(&request, master.last(), outcome.as_ref().err());
        outcome
    }

    fn timeout(&self, master: &dyn Master, count: u16) -> Duration {
        let wire = master.line().of(count);
        let usual =
            wire + master.turnaround(self.config.unit).unwrap_or(TURNAROUND) * PATIENCE + MARGIN;
        let least = LEAST_TIMEOUT.max(self.config.profile.bus.min_timeout);
        // A configured timeout is for the meter; what the wire takes comes on top.
        self.config
            .timeout
            .map_or_else(|| usual.max(least), |timeout| timeout.max(wire + MARGIN))
    }

    fn learn(&mut self, code: u8, block: &Block) {
        self.stale_plan |= match code {
            2 => self.memory.refused(&self.config.profile, block),
            3 => self.memory.too_long(block.count),
            _ => false,
        };
    }

    /// A poll that brought nothing, through no fault of the bus's other meters.
    pub(super) fn failed(
        &mut self,
        fault: FaultKind,
        now: Mono,
        status: &Mutex<BusStatus>,
        index: usize,
    ) -> MeterOutcome {
        self.failures = self.failures.saturating_add(1);
        let mut status = lock(status);
        let alone = status.meters.len() == 1;
        // A meter that refuses everything is being learned: leaving it alone would teach nothing.
        let learning = matches!(fault, FaultKind::Exception(_)) && self.memory.is_hunting();
        let pause = if learning {
            Duration::ZERO
        } else {
            backoff::pause(fault, self.failures, alone)
        };
        self.retry_at = now + pause;
        // What it counts may have changed meanwhile: the first good poll reads everything.
        self.slow_due = None;
        self.full_works = false;
        if self.failures >= AWAY {
            self.silence.gone(now);
        }
        status.meters[index].failures = self.failures;
        MeterOutcome::Failed {
            fault,
            failures: self.failures,
            retry_at: self.retry_at,
        }
    }

    /// An optional point without a value is absent, and so is every other.
    fn decode(&self, round: &Round) -> BTreeMap<Point, f64> {
        let points = round.points.iter();
        let defs = points.filter_map(|index| self.config.profile.points.get(*index));
        defs.filter_map(|def| {
            let value = def.decode_from(&round.registers, self.config.ct_ratio);
            Some((def.point, value.ok()?))
        })
        .collect()
    }

    fn show(&self, master: &dyn Master, registers: &Registers, status: &mut MeterStatus) {
        status.failures = 0;
        status.turnaround_ms = master
            .turnaround(self.config.unit)
            .map(|span| (span.as_secs_f64() * 1e5).round() / 1e2);
        status.registers.clear();
        let raw = |(function, address, values): (crate::profile::Function, u16, &[u16])| RawBlock {
            function: function.code(),
            address,
            values: values.to_vec(),
        };
        status.registers.extend(registers.blocks().map(raw));
    }

    /// The figures of the plan, after it changed.
    pub(super) fn show_plan(&self, status: &mut MeterStatus) {
        let points = self
            .wanted
            .iter()
            .filter_map(|index| self.config.profile.points.get(*index));
        status.plan = PlanStatus::of(&self.plan, &self.cost, points.map(|def| def.kind.width()));
        status.missing = self.memory.missing(&self.config.profile).collect();
        status.unanswered = self.memory.unanswered(&self.config.profile).collect();
    }
}
