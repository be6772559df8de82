//! The thread of one bus: wakes at each second of the grid, asks who is due, hands the answers on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use solthrive_domain::Mono;

use super::budget::{PollCost, Schedule, run_over};
use super::link::{Configured, LinkState, Opener};
use super::meter::{MeterTask, Turn};
use super::status::lock;
use super::{BusConfig, BusCycle, BusStatus, FaultKind, Grid, MeterCycle, MeterOutcome, Pace};

/// Share of the period that must be left for asking a meter that did not answer last time.
const ROOM_FOR_FAILING: u32 = 4;
/// A failing meter that found no room for this long is asked all the same.
const ASK_ANYWAY: Duration = Duration::from_mins(1);

/// Polls the meters of one bus until `stop` is set. Blocks; each poll goes to `sink`.
///
/// Deadlines are absolute on the grid of `pace`, so polls neither drift nor pile up: when one takes
/// longer than its second, the instants it ran over are counted as missed.
pub fn run_bus(
    config: BusConfig,
    pace: Arc<dyn Pace>,
    stop: &AtomicBool,
    status: Arc<Mutex<BusStatus>>,
    sink: &mut dyn FnMut(BusCycle),
) {
    let opener = Configured::new(config.clone(), Arc::clone(&pace));
    run_bus_on(Box::new(opener), config, pace, stop, status, sink);
}

/// As [`run_bus`], over links that `opener` opens instead of the one the configuration names.
pub fn run_bus_on(
    opener: Box<dyn Opener>,
    config: BusConfig,
    pace: Arc<dyn Pace>,
    stop: &AtomicBool,
    status: Arc<Mutex<BusStatus>>,
    sink: &mut dyn FnMut(BusCycle),
) {
    let link = LinkState::new(opener, Arc::clone(&pace));
    let mut bus = Bus::new(link, config, pace, status);
    let mut next = bus.grid.next(bus.pace.now());
    while !stop.load(Ordering::Acquire) {
        bus.pace.idle_until(bus.grid.at(next), stop);
        if stop.load(Ordering::Acquire) {
            break;
        }
        sink(bus.poll(next, stop));
        let following = bus.grid.next(bus.pace.now()).max(next + 1);
        let run_over = run_over(bus.planned, bus.grid.period());
        bus.skipped = (following - next - 1).saturating_sub(run_over);
        next = following;
    }
}

struct Bus {
    name: Arc<str>,
    config: BusConfig,
    pace: Arc<dyn Pace>,
    grid: Grid,
    link: LinkState,
    meters: Vec<MeterTask>,
    schedule: Schedule,
    status: Arc<Mutex<BusStatus>>,
    /// When the last exchange ended, whoever it was with.
    quiet_since: Mono,
    /// Meters read in full in this poll.
    full_reads: usize,
    /// Instants that passed during the poll before, beyond those that were planned to.
    skipped: u64,
    /// The instant of the poll before.
    asked_at: Option<u64>,
    /// What the poll was planned to take.
    planned: Duration,
}

impl Bus {
    fn new(
        link: LinkState,
        config: BusConfig,
        pace: Arc<dyn Pace>,
        status: Arc<Mutex<BusStatus>>,
    ) -> Self {
        Self {
            name: config.name.as_str().into(),
            grid: Grid::new(config.poll_every),
            link,
            meters: config.meters.iter().cloned().map(MeterTask::new).collect(),
            schedule: Schedule::new(&[], config.poll_every, Duration::ZERO),
            quiet_since: Mono::ZERO,
            full_reads: 0,
            skipped: 0,
            asked_at: None,
            planned: Duration::ZERO,
            config,
            pace,
            status,
        }
    }

    fn poll(&mut self, tick: u64, stop: &AtomicBool) -> BusCycle {
        let at = self.pace.now();
        let deviation = at.since(self.grid.at(tick));
        (self.full_reads, self.planned) = (0, Duration::ZERO);
        let mut outcomes: Vec<MeterOutcome> = vec![MeterOutcome::Waiting; self.meters.len()];
        for index in self.order(tick) {
            if stop.load(Ordering::Acquire) {
                break;
            }
            outcomes[index] = self.poll_meter(index, tick);
        }
        self.asked_at = Some(tick);
        self.after(deviation);
        let cycle = |(meter, outcome): (&MeterTask, MeterOutcome)| MeterCycle {
            every: self.config.poll_every * self.schedule.interval(),
            lacking: meter
                .lacking()
                .filter(|_| matches!(outcome, MeterOutcome::Read(_))),
            ..MeterCycle::new(meter.config.id.clone(), outcome)
        };
        let meters = self.meters.iter().zip(outcomes).map(cycle).collect();
        BusCycle {
            bus: Arc::clone(&self.name),
            tick,
            at,
            deviation,
            meters,
        }
    }

    /// Who is asked in this poll: those that answer first, so that one that does not costs them nothing.
    fn order(&self, tick: u64) -> Vec<usize> {
        let now = self.pace.now();
        let every = u64::from(self.schedule.every());
        let due = |index: &usize| {
            let meter = &self.meters[*index];
            if meter.is_failing() {
                now >= meter.retry_at
            } else {
                // A turn that passed during a poll that ran over is not lost.
                let passed = self.asked_at.map_or(tick, |last| last + 1);
                let since = passed.max(tick.saturating_sub(every - 1));
                (since..=tick).any(|tick| self.schedule.is_turn(*index, tick))
            }
        };
        let mut order: Vec<usize> = (0..self.meters.len()).filter(due).collect();
        order.sort_by_key(|index| self.meters[*index].is_failing());
        order
    }

    fn poll_meter(&mut self, index: usize, tick: u64) -> MeterOutcome {
        let alone = self.meters.len() == 1;
        let room = self.grid.period() / ROOM_FOR_FAILING;
        let meter = &mut self.meters[index];
        let now = self.pace.now();
        let overdue = now.since(meter.retry_at) >= ASK_ANYWAY;
        let by = (meter.is_failing() && !alone && !overdue).then(|| self.grid.at(tick + 1));
        let master = match self.link.master(&self.config) {
            Ok(master) => master,
            Err(fault) => {
                if self.link.tried {
                    lock(&self.status).errors.count(fault);
                }
                return meter.failed(fault, now, &self.status, index);
            }
        };
        let replanned = meter.replan(master);
        let full = self.full_reads < self.schedule.full_at_once();
        if by.is_some_and(|by| by.since(meter.ready_at(master, now, full)) < room) {
            return MeterOutcome::Waiting;
        }
        let mut turn = Turn {
            pace: self.pace.as_ref(),
            status: &self.status,
            index,
            by,
            full,
            quiet_since: &mut self.quiet_since,
        };
        let outcome = meter.poll(master, &mut turn);
        let lost = !master.is_open();
        self.full_reads += usize::from(meter.was_full());
        self.planned += meter.planned();
        if replanned {
            meter.show_plan(&mut lock(&self.status).meters[index]);
        }
        if lost {
            self.link.lost(meter.fault().unwrap_or(FaultKind::PortGone));
        }
        if replanned {
            self.fit();
        }
        outcome
    }

    /// Computes the bus's budget, and says so when the schedule has to be stretched.
    fn fit(&mut self) {
        let costs: Vec<PollCost> = self.meters.iter().map(MeterTask::cost).collect();
        let slow_every = self
            .config
            .meters
            .iter()
            .map(|meter| meter.slow_every)
            .min();
        let schedule = Schedule::new(
            &costs,
            self.config.poll_every,
            slow_every.unwrap_or_default(),
        );
        if schedule.interval() != self.schedule.interval() {
            let (needed, period) = (
                schedule.needed().as_millis(),
                self.config.poll_every.as_millis(),
            );
            if schedule.interval() > 1 {
                tracing::warn!(bus = %self.name, needed_ms = needed, period_ms = period, every = schedule.interval(),
                    "the meters of this bus do not fit into its period: their numbers may be this many polls apart");
            } else {
                tracing::info!(bus = %self.name, needed_ms = needed, period_ms = period, "the meters of this bus fit into its period");
            }
        }
        self.schedule = schedule;
        let mut status = lock(&self.status);
        status.budget.needed_ms = self.schedule.needed().as_secs_f64() * 1e3;
        status.budget.every = self.schedule.interval();
    }

    fn after(&mut self, deviation: Duration) {
        let mut status = lock(&self.status);
        status
            .drift
            .note(deviation, std::mem::take(&mut self.skipped));
        status.open = self.link.is_open();
        status.reopened = self.link.opened.saturating_sub(1);
    }
}
