//! One meter on a bus: how it is read, and one poll of it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use solthrive_domain::{Mono, Point, Reading};

use super::backoff;
use super::budget::PollCost;
use super::status::{BusStatus, MeterStatus, PlanStatus, RawBlock, lock};
use super::{BusFault, FaultKind, Master, MeterConfig, MeterOutcome, Pace};
use crate::decode::Registers;
use crate::frame::ReadRequest;
use crate::plan::{Block, PlanLimits, PlanMemory, UnitPlan, WireCost, plan_unit};

/// Assumed until measured: most meters think for 5 to 50 ms.
const TURNAROUND: Duration = Duration::from_millis(30);
/// An answer is waited for at least this long unless configured: short timeouts make late answers.
const LEAST_TIMEOUT: Duration = Duration::from_millis(500);
/// Beyond the usual answer, a timeout allows this many times the usual turnaround, and a margin.
const PATIENCE: u32 = 4;
const MARGIN: Duration = Duration::from_millis(100);
/// Slow points are due this much early, so that a poll that is late itself does not put off the next.
const EARLY: Duration = Duration::from_millis(50);
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
    /// The last poll read everything.
    was_full: bool,
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
            was_full: false,
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

    /// Whether the last poll was sent out to read everything.
    pub(super) const fn was_full(&self) -> bool {
        self.was_full
    }

    fn is_slow_due(&self, at: Mono) -> bool {
        self.slow_due.is_none_or(|due| at >= due)
    }

    fn blocks(&self, full: bool) -> &[Block] {
        if full {
            &self.plan.full
        } else {
            &self.plan.fast
        }
    }

    /// When its first request may go out.
    pub(super) fn ready_at(&self, master: &dyn Master, now: Mono, full: bool) -> Mono {
        let first = self.blocks(full && self.is_slow_due(now)).first();
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
        (self.planned_for, self.stale_plan) = (turnaround, false);
        true
    }

    /// One poll.
    pub(super) fn poll(&mut self, master: &mut dyn Master, turn: &mut Turn<'_>) -> MeterOutcome {
        let began = turn.pace.now();
        let slow = turn.full && self.is_slow_due(began);
        self.was_full = slow;
        let blocks = self.blocks(slow).to_vec();
        if blocks.is_empty() {
            // Nothing but slow points, and they are not due: silence is no answer.
            return MeterOutcome::Waiting;
        }
        let mut registers = Registers::new();
        let (mut refused, mut sent_at) = (None, None);
        for block in &blocks {
            let answer = self.read(master, turn, block);
            sent_at.get_or_insert(master.last().sent_at);
            match answer {
                Ok(values) => {
                    registers.push(block.function, block.address, values);
                    self.stale_plan |= self.memory.worked(block);
                    // It is back: the rest of its poll is not hurried.
                    turn.by = None;
                }
                Err(fault) => match fault.kind() {
                    FaultKind::Exception(code) => {
                        self.learn(code, block);
                        refused = Some(fault.kind());
                    }
                    kind => return self.failed(kind, turn.pace.now(), turn.status, turn.index),
                },
            }
        }
        let read_any = registers.blocks().next().is_some();
        if let (Some(fault), false) = (refused, read_any) {
            return self.failed(fault, turn.pace.now(), turn.status, turn.index);
        }
        if slow {
            let every = self.config.slow_every;
            self.slow_due = Some(began + (every - EARLY.min(every / 20)));
        }
        self.failures = 0;
        self.show(
            master,
            &registers,
            &mut lock(turn.status).meters[turn.index],
        );
        MeterOutcome::Read(Reading {
            meter: self.config.id.clone(),
            at: sent_at.unwrap_or(began),
            values: self.decode(&blocks, &registers),
        })
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
        status.meters[index].failures = self.failures;
        MeterOutcome::Failed {
            fault,
            failures: self.failures,
            retry_at: self.retry_at,
        }
    }

    /// An optional point without a value is absent, and so is every other.
    fn decode(&self, blocks: &[Block], registers: &Registers) -> BTreeMap<Point, f64> {
        let defs = blocks
            .iter()
            .flat_map(|block| &block.points)
            .filter_map(|index| self.config.profile.points.get(*index));
        defs.filter_map(|def| {
            Some((
                def.point,
                def.decode_from(registers, self.config.ct_ratio).ok()?,
            ))
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
    }
}
