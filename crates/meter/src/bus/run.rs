//! The thread of one bus: wakes at each second of the grid, asks who is due, hands the answers on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::budget::Schedule;
use super::link::LinkState;
use super::meter::MeterTask;
use super::status::lock;
use super::{BusConfig, BusCycle, BusStatus, Grid, MeterCycle, MeterOutcome, Pace};

/// Time that must be left in the second for asking a meter that did not answer last time.
const ROOM_FOR_FAILING: Duration = Duration::from_millis(250);
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
    let mut bus = Bus::new(config, pace, status);
    let mut next = bus.grid.next(bus.pace.now());
    while !stop.load(Ordering::Acquire) {
        bus.pace.idle_until(bus.grid.at(next), stop);
        if stop.load(Ordering::Acquire) {
            break;
        }
        sink(bus.poll(next));
        let following = bus.grid.next(bus.pace.now()).max(next + 1);
        bus.skipped = following - next - 1;
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
    /// Instants that passed during the poll before.
    skipped: u64,
}

impl Bus {
    fn new(config: BusConfig, pace: Arc<dyn Pace>, status: Arc<Mutex<BusStatus>>) -> Self {
        Self {
            name: config.name.as_str().into(),
            grid: Grid::new(config.poll_every),
            link: LinkState::new(Arc::clone(&pace)),
            meters: config.meters.iter().cloned().map(MeterTask::new).collect(),
            schedule: Schedule::new(&[], config.poll_every),
            skipped: 0,
            config,
            pace,
            status,
        }
    }

    fn poll(&mut self, tick: u64) -> BusCycle {
        let at = self.pace.now();
        let deviation = at.since(self.grid.at(tick));
        let mut outcomes: Vec<MeterOutcome> = vec![MeterOutcome::Waiting; self.meters.len()];
        for index in self.order(tick) {
            outcomes[index] = self.poll_meter(index, tick);
        }
        self.after(deviation);
        let meters = self.config.meters.iter().zip(outcomes);
        let meters = meters
            .map(|(meter, outcome)| MeterCycle {
                meter: meter.id.clone(),
                outcome,
            })
            .collect();
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
        let due = |index: &usize| {
            let meter = &self.meters[*index];
            if meter.is_failing() {
                now >= meter.retry_at
            } else {
                self.schedule.is_turn(*index, tick)
            }
        };
        let mut order: Vec<usize> = (0..self.meters.len()).filter(due).collect();
        order.sort_by_key(|index| self.meters[*index].is_failing());
        order
    }

    fn poll_meter(&mut self, index: usize, tick: u64) -> MeterOutcome {
        let meter = &mut self.meters[index];
        let now = self.pace.now();
        let end = self.grid.at(tick + 1);
        let mut by = None;
        if meter.is_failing() && self.config.meters.len() > 1 {
            let overdue = now.since(meter.retry_at) >= ASK_ANYWAY;
            if !overdue && end.since(now) < ROOM_FOR_FAILING {
                return MeterOutcome::Waiting;
            }
            by = (!overdue).then_some(end);
        }
        let master = match self.link.master(&self.config) {
            Ok(master) => master,
            Err(fault) => {
                lock(&self.status).errors.count(fault);
                return meter.failed(fault, now, &self.status, index);
            }
        };
        let replanned = meter.replan(master);
        let outcome = meter.poll(master, self.pace.as_ref(), by, &self.status, index);
        if replanned {
            meter.show_plan(&mut lock(&self.status).meters[index]);
        }
        if let MeterOutcome::Failed { fault, .. } = outcome
            && fault.is_link()
        {
            self.link.lost(fault);
        }
        if replanned {
            self.fit();
        }
        outcome
    }

    /// Computes the bus's budget, and says so when the schedule has to be stretched.
    fn fit(&mut self) {
        let costs: Vec<Duration> = self.meters.iter().map(MeterTask::longest).collect();
        let schedule = Schedule::new(&costs, self.config.poll_every);
        if schedule.every() != self.schedule.every() {
            let (needed, period) = (
                schedule.needed().as_millis(),
                self.config.poll_every.as_millis(),
            );
            if schedule.every() > 1 {
                tracing::warn!(bus = %self.name, needed_ms = needed, period_ms = period, every = schedule.every(),
                    "the meters of this bus do not fit into its period: each is asked in one of so many polls");
            } else {
                tracing::info!(bus = %self.name, needed_ms = needed, period_ms = period, "the meters of this bus fit into its period");
            }
        }
        self.schedule = schedule;
        let mut status = lock(&self.status);
        status.budget.needed_ms = self.schedule.needed().as_secs_f64() * 1e3;
        status.budget.every = self.schedule.every();
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
