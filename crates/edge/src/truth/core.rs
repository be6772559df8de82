//! The core thread: hears the buses, lets the pipeline decide, and carries it out.
//!
//! It wakes once per poll. What it passes on never blocks it: the hub takes a short lock, the store
//! a queue that is bounded on the other side.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use solthrive_domain::clock::ClockEvent;
use solthrive_domain::flagboard::{FlagChange, Observation};
use solthrive_domain::{FlagCode, Mono};
use solthrive_meter::bus::Pace;

use super::recall::{self, Recalled};
use super::restart::Restart;
use super::waiting::Waiting;
use super::{Assembler, Now, Outcome, Pipeline, Tick};
use crate::http::{ClockFacts, Facts, History};
use crate::live::Live;
use crate::poller::Heard;
use crate::store::{Batch, Event, Happening, Numbered, Progress, Store};

/// With no word from any bus for this long, time alone has something to say.
const SILENCE: Duration = Duration::from_secs(2);
/// Events wait at most this long for a minute row to be stored with.
const FLUSH_AFTER: Duration = Duration::from_secs(60);

/// Asks the clocks.
pub trait Clocks: Send {
    /// Both, now.
    fn now(&self) -> Now;
}

/// What others know that becomes a flag; looked at once a minute.
pub trait Outside: Send {
    /// What is to be said now.
    fn observations(&mut self) -> Vec<Observation>;
}

/// What is done on the core thread's turns beside the truth; never waits.
pub trait Aside: Send {
    /// A bus has finished a poll.
    fn heard(&mut self, bus: &str, at: Mono);

    /// A turn is over.
    fn turned(&mut self, now: Mono);
}

/// Talks to the cloud; never waits.
pub trait Teller: Send {
    /// There is one more sample.
    fn made(&mut self, sample: &Numbered);

    /// How much of everything the cloud has, to be stored.
    fn progress(&self) -> Progress;

    /// How the machine is, once an hour, to be stored and told.
    fn system(&mut self, now: Mono) -> Option<serde_json::Value>;
}

/// Everything the core thread works with.
pub struct Core {
    /// Decides.
    pub pipeline: Pipeline,
    /// Puts buses together.
    pub assembler: Assembler,
    /// Cycles of the buses, and the word to stop.
    pub heard: Receiver<Heard>,
    /// Who watches.
    pub live: Arc<Live>,
    /// Who asks.
    pub facts: Arc<Facts>,
    /// Who remembers.
    pub store: Store,
    /// What is remembered.
    pub history: Box<dyn History>,
    /// Time.
    pub clocks: Box<dyn Clocks>,
    /// Storage, buses, configuration: whoever has a flag to raise.
    pub outside: Box<dyn Outside>,
    /// What there is to tell about the time before this start.
    pub at_start: Vec<(FlagCode, String)>,
    /// The gap that it left.
    pub restart: Restart,
    /// Who tells the cloud, where there is one, and the number of the next sample.
    pub teller: Option<(Box<dyn Teller>, u64)>,
    /// Signs of life, and whatever else goes with the turns.
    pub aside: Box<dyn Aside>,
}

/// The state of the loop.
struct Turn {
    pending: Batch,
    /// What is not pending yet, because its time is not known.
    waiting: Waiting,
    /// Whether the store knows when this start was.
    dated: bool,
    /// The totals moved since they were stored.
    moved: bool,
    flushed: Mono,
    looked: Option<Mono>,
    /// The history could not be read.
    unread: Option<Mono>,
}

impl Core {
    /// Runs until told to stop; then hands the last minute to the store.
    pub fn run(mut self) {
        let mut turn = self.begin();
        loop {
            match self.heard.recv_timeout(self.patience()) {
                Ok(Heard::Cycle(cycle)) => {
                    self.facts.note_cycle(&cycle);
                    self.aside.heard(&cycle.bus, cycle.at);
                    let ticks = self.assembler.offer(cycle);
                    self.steps(ticks, &mut turn);
                }
                Ok(Heard::BusCrashed(bus)) => self.bus_crashed(&bus, &mut turn),
                Err(RecvTimeoutError::Timeout) => self.quiet(&mut turn),
                Ok(Heard::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.aside.turned(self.clocks.now().mono);
        }
        self.end(turn);
    }

    fn begin(&mut self) -> Turn {
        let now = self.clocks.now();
        let mut turn = Turn {
            pending: Batch::default(),
            waiting: Waiting::default(),
            dated: false,
            moved: false,
            flushed: now.mono,
            looked: None,
            unread: None,
        };
        recall::chart(&self.live, &*self.history, now.wall, &[]);
        self.tell_start(now, &mut turn);
        turn
    }

    fn end(mut self, mut turn: Turn) {
        let now = self.clocks.now();
        let out = self.pipeline.finish();
        self.file(out, now, &mut turn);
        if !self.pipeline.clock().plausible() {
            // The time never came: at least it is not from before everything that is known.
            let earliest = self.pipeline.clock().earliest();
            self.release(&mut turn);
            for event in &mut turn.pending.events {
                event.at = event.at.max(earliest);
            }
            let started = &mut turn.pending.started;
            *started = started.map(|at| at.max(earliest));
        }
        self.flush(&mut turn);
    }

    fn tell_start(&mut self, now: Now, turn: &mut Turn) {
        let tell = std::mem::take(&mut self.at_start);
        let flags = tell
            .into_iter()
            .filter_map(|(code, message)| self.pipeline.happened(now, code, "", message))
            .collect();
        self.carry_out(
            Outcome {
                flags,
                ..Outcome::default()
            },
            now,
            turn,
        );
    }

    fn patience(&self) -> Duration {
        let now = self.clocks.now().mono;
        self.assembler
            .deadline()
            .map_or(SILENCE, |deadline| deadline.since(now))
            .min(SILENCE)
    }

    fn steps(&mut self, ticks: Vec<Tick>, turn: &mut Turn) {
        for tick in ticks {
            let now = self.clocks.now();
            let out = self.pipeline.step(tick, now);
            self.carry_out(out, now, turn);
        }
    }

    fn quiet(&mut self, turn: &mut Turn) {
        let now = self.clocks.now();
        let overdue = self.assembler.expire(now.mono);
        if overdue.is_empty() {
            let out = self.pipeline.idle(now);
            self.carry_out(out, now, turn);
        } else {
            self.steps(overdue, turn);
        }
    }

    fn bus_crashed(&mut self, bus: &str, turn: &mut Turn) {
        let now = self.clocks.now();
        let message = format!(
            "The part that polls bus {bus} crashed and was started again. Please send the log to support."
        );
        let change = self
            .pipeline
            .happened(now, FlagCode::ServiceCrash, bus, message);
        self.carry_out(
            Outcome {
                flags: change.into_iter().collect(),
                ..Outcome::default()
            },
            now,
            turn,
        );
    }

    fn carry_out(&mut self, mut out: Outcome, now: Now, turn: &mut Turn) {
        out.flags.extend(self.look_outside(now, turn));
        self.note_clock(&out.clock);
        self.remember(&mut out, now, turn);
        self.tell(&mut out, now, turn);
        if let Some(gap) = out.gap {
            self.live.note_gap(gap);
        }
        let clock = self.pipeline.clock();
        let time = |at| clock.plausible().then(|| clock.stamp(at));
        let sampled = out.snapshot.as_ref().map(|snapshot| snapshot.at);
        if let Some(gap) = self.restart.gap(sampled, time) {
            self.live.note_gap(gap);
        }
        self.live.expect_every(self.pipeline.cadence());
        if let (Some(snapshot), Some(today)) = (out.snapshot.take(), out.today.take()) {
            self.live.publish(snapshot, today);
            turn.moved = true;
        }
        if !out.flags.is_empty() {
            self.live
                .set_flags(self.pipeline.flags(), self.pipeline.clock().stamp(now.mono));
        }
        self.file(out, now, turn);
        let pending = &turn.pending;
        let waited = now.mono.since(turn.flushed) >= FLUSH_AFTER;
        if !pending.minutes.is_empty() || (waited && (turn.moved || !pending.is_empty())) {
            self.flush(turn);
            turn.flushed = now.mono;
            turn.moved = false;
        }
    }

    /// Numbers what the cloud is to be told.
    fn tell(&mut self, out: &mut Outcome, now: Now, turn: &mut Turn) {
        let Some((teller, next)) = &mut self.teller else {
            return;
        };
        for told in out.samples.drain(..) {
            let sample = Numbered {
                number: *next,
                told,
            };
            *next += 1;
            teller.made(&sample);
            turn.pending.samples.push(sample);
        }
        if self.pipeline.clock().plausible()
            && let Some(state) = teller.system(now.mono)
        {
            let at = self.pipeline.clock().stamp(now.mono);
            let what = Happening::System { state };
            turn.pending.events.push(Event { at, what });
        }
    }

    /// What the history has to add, before anything of this outcome is on its way there.
    fn remember(&mut self, out: &mut Outcome, now: Now, turn: &mut Turn) {
        for event in &out.clock {
            if let ClockEvent::Stepped {
                from,
                to,
                moves_held: true,
            } = event
            {
                self.live.clock_stepped(*from, *to);
                turn.waiting.clock_stepped(*from, *to);
            }
        }
        let moved = |event: &ClockEvent| !matches!(event, ClockEvent::BecameImplausible);
        if out.clock.iter().any(moved) {
            let wall = self.pipeline.clock().stamp(now.mono);
            recall::chart(&self.live, &*self.history, wall, &out.rows);
        }
        if let (Some(snapshot), true) = (&out.snapshot, turn.may_read(now.mono)) {
            match recall::today(&mut self.pipeline, &*self.history) {
                Recalled::Nothing => {}
                Recalled::Something => out.today = Some(self.pipeline.today(snapshot.ts)),
                Recalled::NotNow => turn.unread = Some(now.mono),
            }
        }
    }

    /// What is to be stored, now or when its time is known.
    fn file(&self, out: Outcome, now: Now, turn: &mut Turn) {
        let clock = self.pipeline.clock();
        let wall = clock.stamp(now.mono);
        let entries = out.entries.into_iter().map(|(at, entry)| Event {
            at,
            what: Happening::Ledger(entry),
        });
        let flags = out
            .flags
            .into_iter()
            .map(|change| Event::flag(wall, log_flag(change)));
        let steps = out.clock.into_iter().map(|event| Event::clock(wall, event));
        let lost = (out.rows_lost > 0).then(|| {
            tracing::warn!(
                rows = out.rows_lost,
                "minutes whose time was not known are lost; the totals have their energy"
            );
            let rows = out.rows_lost;
            Event {
                at: wall,
                what: Happening::RowsLost { rows },
            }
        });
        let events = entries.chain(flags).chain(steps).chain(lost);
        events.for_each(|event| turn.waiting.push(event));
        turn.pending.minutes.extend(out.rows);
        if clock.plausible() {
            self.release(turn);
        }
    }

    /// The time is known, or never will be.
    fn release(&self, turn: &mut Turn) {
        let (events, lost) = turn.waiting.release();
        if lost > 0 {
            tracing::warn!(lost, "the oldest events could not wait for their time");
        }
        turn.pending.events.extend(events);
        if !std::mem::replace(&mut turn.dated, true) {
            turn.pending.started = Some(self.pipeline.began());
        }
    }

    /// One batch: rows, what happened, and the totals as they are after it.
    fn flush(&self, turn: &mut Turn) {
        let mut batch = std::mem::take(&mut turn.pending);
        batch.ledger = Some(self.pipeline.ledger().clone());
        batch.progress = self.teller.as_ref().map(|(teller, _)| teller.progress());
        batch.at = self.pipeline.ledger_at(self.clocks.now().mono);
        self.store.submit(batch);
    }

    fn look_outside(&mut self, now: Now, turn: &mut Turn) -> Vec<FlagChange> {
        let due = turn
            .looked
            .is_none_or(|looked| now.mono.since(looked) >= FLUSH_AFTER);
        if !due {
            return Vec::new();
        }
        turn.looked = Some(now.mono);
        self.outside
            .observations()
            .into_iter()
            .filter_map(|seen| self.pipeline.observe(now, seen))
            .collect()
    }

    fn note_clock(&self, events: &[ClockEvent]) {
        let clock = self.pipeline.clock();
        let last_step = clock.last_step().map(|(_, to)| to);
        self.facts.note_clock(ClockFacts {
            synced: clock.synced(),
            plausible: clock.plausible(),
            last_step,
        });
        for event in events {
            match event {
                ClockEvent::Stepped { from, to, .. } => {
                    tracing::warn!(%from, %to, "the clock jumped");
                }
                ClockEvent::BecamePlausible => {
                    tracing::info!("the clock is believed; held rows are stored");
                }
                ClockEvent::BecameImplausible => {
                    tracing::warn!("the clock is not believed; rows wait");
                }
            }
        }
    }
}

impl Turn {
    /// Not again and again while the history is out of reach.
    fn may_read(&self, now: Mono) -> bool {
        self.unread
            .is_none_or(|unread| now.since(unread) >= FLUSH_AFTER)
    }
}

/// A flag's change is the one thing a person looks for in the log.
fn log_flag(change: FlagChange) -> FlagChange {
    match &change {
        FlagChange::Raised(flag) => {
            tracing::warn!(code = %flag.code, subject = %flag.subject, "{}", flag.message);
        }
        FlagChange::Changed(flag) => {
            tracing::warn!(code = %flag.code, subject = %flag.subject, "now {:?}: {}", flag.severity, flag.message);
        }
        FlagChange::Cleared(flag) => {
            tracing::info!(code = %flag.code, subject = %flag.subject, "cleared");
        }
    }
    change
}

/// The process's clocks.
pub struct SystemClocks {
    pace: Arc<dyn Pace>,
    wall: fn() -> jiff::Timestamp,
    synced: fn() -> Option<bool>,
}

impl SystemClocks {
    /// The monotonic clock, the wall clock, and who knows whether it is synchronised.
    #[must_use]
    pub fn new(
        pace: Arc<dyn Pace>,
        wall: fn() -> jiff::Timestamp,
        synced: fn() -> Option<bool>,
    ) -> Self {
        Self { pace, wall, synced }
    }
}

impl Clocks for SystemClocks {
    fn now(&self) -> Now {
        Now {
            mono: self.pace.now(),
            wall: (self.wall)(),
            synced: (self.synced)(),
        }
    }
}

#[cfg(test)]
mod tests;
