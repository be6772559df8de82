//! Decides what is true each second, from what the meters said.
//!
//! A plain struct: [`Pipeline::step`] takes the answers of one second and the time, and returns
//! everything that follows from them. The core thread carries it out.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use solthrive_domain::clock::{ClockEvent, ClockWatch};
use solthrive_domain::day::DaySummary;
use solthrive_domain::flagboard::{FlagBoard, FlagChange, Observation, Timing};
use solthrive_domain::flags::Flag;
use solthrive_domain::flow::{Readings, grid_quality, power_flow};
use solthrive_domain::ids::RunId;
use solthrive_domain::ledger::{Ledger, LedgerEntry, LedgerState, LedgerStep, Line};
use solthrive_domain::minute::{MinuteAggregator, MinuteRow};
use solthrive_domain::plausible::{counter_disagrees, sift};
use solthrive_domain::wiring::WiringWatch;
use solthrive_domain::{
    Cadence, Channel, Energies, FlagCode, FlowCadence, HomeModel, MeterId, Mono, Quality, Severity,
    Snapshot,
};
use solthrive_meter::bus::{MeterCycle, MeterOutcome};

use super::Tick;
use super::held::Held;
use super::meters::Meters;
use super::moments::Moments;
use super::sampling::{Rate, Sampling, Told};
use super::today::Today;
use crate::live::{Gap, GapCause};

/// Without a snapshot for this long, what is shown is old; longer where snapshots come slowly.
const STALE_AFTER: Duration = Duration::from_secs(5);
/// Two snapshots further apart than this have a gap between them; farther where they come slowly.
const GAP_AFTER: Duration = Duration::from_millis(3500);

/// Both clocks, asked together.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Monotonic.
    pub mono: Mono,
    /// What the wall clock shows, right or wrong.
    pub wall: Timestamp,
    /// Whether the operating system says that it is synchronised, where it says anything.
    pub synced: Option<bool>,
}

/// What a pipeline starts with.
pub struct Start {
    /// The home as it is wired.
    pub home: HomeModel,
    /// Days are this zone's.
    pub zone: TimeZone,
    /// Every meter and its profile's id.
    pub meters: Vec<(MeterId, String)>,
    /// How often each of them is to be asked.
    pub poll_every: Duration,
    /// Totals, as stored or new.
    pub ledger: Ledger,
    /// This start of the daemon.
    pub run: RunId,
    /// Nothing before this can be now.
    pub time_floor: Timestamp,
    /// The newest stored row: only a confirmed clock is believed before it.
    pub newest_row: Option<Timestamp>,
    /// When the totals were so, where a clock was believed.
    pub ledger_at: Option<Timestamp>,
    /// How long a clock of which nobody says anything must run before it is believed.
    pub trust_clock_after: Duration,
    /// The same for one that is said not to be set yet.
    pub trust_unsynced_clock_after: Duration,
    /// The clocks at the start.
    pub now: Now,
}

/// What follows from a step.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The home now, when any meter answered.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The local day so far; comes with a snapshot.
    pub today: Option<Arc<DaySummary>>,
    /// Minutes that are complete and whose time is known.
    pub rows: Vec<MinuteRow>,
    /// Minutes that could not wait until their time was known.
    pub rows_lost: u64,
    /// What the cloud is to be told, its time being known.
    pub samples: Vec<Told>,
    /// What happened in the ledger.
    pub entries: Vec<(Timestamp, LedgerEntry)>,
    /// Flags that went up, changed or went down.
    pub flags: Vec<FlagChange>,
    /// What the wall clock did.
    pub clock: Vec<ClockEvent>,
    /// Snapshots that are missing before this one.
    pub gap: Option<Gap>,
}

/// The truth of the home.
pub struct Pipeline {
    home: HomeModel,
    meters: Meters,
    wiring: WiringWatch,
    clock: ClockWatch,
    ledger: Ledger,
    /// When the ledger's counters were last looked at before this run.
    ledger_at: Option<Timestamp>,
    began: Mono,
    minutes: MinuteAggregator,
    today: Today,
    board: FlagBoard,
    moments: Moments,
    held: Held,
    sampling: Sampling,
    seq: u64,
    /// The newest snapshot, or the start.
    newest: (Mono, Option<Timestamp>),
}

impl Pipeline {
    /// A pipeline that has seen nothing yet.
    #[must_use]
    pub fn new(start: Start) -> Self {
        let Start {
            home,
            zone,
            meters,
            poll_every,
            ledger,
            run,
            time_floor,
            newest_row,
            ledger_at,
            trust_clock_after,
            trust_unsynced_clock_after,
            now,
        } = start;
        Self {
            meters: Meters::new(meters, Cadence::every(poll_every)),
            wiring: WiringWatch::new(&home),
            clock: ClockWatch::new(time_floor, now.mono, now.wall)
                .after(newest_row.unwrap_or(time_floor))
                .trusting_after(trust_clock_after, trust_unsynced_clock_after),
            ledger: ledger.waiting_for_time(),
            ledger_at,
            began: now.mono,
            minutes: MinuteAggregator::new(run),
            today: Today::new(zone, run),
            board: FlagBoard::default(),
            moments: Moments::default(),
            held: Held::default(),
            sampling: Sampling::default(),
            seq: 0,
            newest: (now.mono, None),
            home,
        }
    }

    /// Snapshots are picked for the cloud at this rate; none where there is no cloud to tell.
    #[must_use]
    pub fn telling(mut self, rate: Option<Arc<Rate>>) -> Self {
        self.sampling = Sampling::new(rate);
        self
    }

    /// One second: what the meters said, and the time.
    pub fn step(&mut self, tick: Tick, now: Now) -> Outcome {
        let mut out = Outcome::default();
        self.watch_clock(now, &mut out);
        let mut fresh = BTreeSet::new();
        for cycle in tick.meters {
            let meter = cycle.meter.clone();
            let (cycle, doubts) = self.sifted(cycle);
            if self.meters.take(cycle, tick.at) {
                fresh.insert(meter);
            }
            self.note_all(now, doubts, &mut out);
        }
        let answering: Vec<_> = self.meters.observations().collect();
        self.note_all(now, answering, &mut out);
        let newer = self.newest.1.is_none() || tick.at > self.newest.0;
        if newer && !fresh.is_empty() {
            self.take_sample(tick.at, &fresh, now, &mut out);
        }
        self.age(now, &mut out);
        out
    }

    /// A moment in which no bus said anything.
    pub fn idle(&mut self, now: Now) -> Outcome {
        let mut out = Outcome::default();
        self.watch_clock(now, &mut out);
        self.age(now, &mut out);
        out
    }

    /// A condition that somebody else saw: storage, configuration, poll drift.
    pub fn observe(&mut self, now: Now, seen: Observation) -> Option<FlagChange> {
        self.board
            .observe(now.mono, self.clock.stamp(now.mono), seen)
    }

    /// Something that happened once: its flag stays up for an hour.
    pub fn happened(
        &mut self,
        now: Now,
        code: FlagCode,
        subject: &str,
        message: String,
    ) -> Option<FlagChange> {
        self.moments.note(code, subject, message.clone(), now.mono);
        self.observe(now, Observation::holds(code, subject, message))
    }

    /// The end: the minute so far. What still waits for its time is lost, since the next run cannot
    /// know how this one's clock was wrong; the totals have its energy.
    pub fn finish(&mut self) -> Outcome {
        let mut out = Outcome::default();
        if let Some(row) = self.minutes.finish() {
            self.keep(row, &mut out);
        }
        out.rows_lost = self.held.give_up();
        out
    }

    /// The local day of which the history is still to be asked.
    #[must_use]
    pub fn unseeded_day(&self) -> Option<Range<Timestamp>> {
        self.today.unseeded()
    }

    /// What the history has of the day that begins at `start`.
    pub fn seed_day(&mut self, start: Timestamp, stored: &[MinuteRow]) {
        self.today.seed(start, stored);
    }

    /// The local day until `now`.
    pub fn today(&mut self, now: Timestamp) -> Arc<DaySummary> {
        self.today.summary(now, self.minutes.peek().as_ref())
    }

    /// Totals as they are, to be stored.
    #[must_use]
    pub fn ledger(&self) -> &LedgerState {
        self.ledger.state()
    }

    /// When this run began, as far as the clock knows.
    #[must_use]
    pub fn began(&self) -> Timestamp {
        self.clock.stamp(self.began)
    }

    /// When they are so: what the next start counts its downtime from. While the time is not known,
    /// that is when the counters were last looked at.
    #[must_use]
    pub fn ledger_at(&self, now: Mono) -> Option<Timestamp> {
        if self.ledger.waits() {
            return self.ledger_at;
        }
        self.clock.plausible().then(|| self.clock.stamp(now))
    }

    /// The totals now.
    #[must_use]
    pub fn totals(&self) -> Energies {
        self.ledger.totals()
    }

    /// The flags that are up.
    #[must_use]
    pub fn flags(&self) -> &[Flag] {
        self.board.current()
    }

    /// The wall clock, as far as it is believed.
    #[must_use]
    pub fn clock(&self) -> &ClockWatch {
        &self.clock
    }

    /// How often there is a snapshot while all is well: as configured, or as slowly as the buses are.
    #[must_use]
    pub fn cadence(&self) -> Cadence {
        self.meters.quickest()
    }

    /// Rows that wait for the right time, and rows that could not wait any longer.
    #[must_use]
    pub fn held(&self) -> (usize, u64) {
        self.held.count()
    }

    fn watch_clock(&mut self, now: Now, out: &mut Outcome) {
        out.clock = self.clock.observe(now.mono, now.wall, now.synced);
        for event in out.clock.clone() {
            match event {
                ClockEvent::Stepped {
                    from,
                    to,
                    moves_held,
                } => self.clock_stepped(now, from, to, moves_held, out),
                ClockEvent::BecamePlausible => {
                    let since = |at| Duration::try_from(self.began().duration_since(at)).ok();
                    let downtime = self.ledger_at.and_then(since);
                    self.ledger.resume(self.began, downtime);
                    let (rows, lost) = self.held.release();
                    out.rows_lost += lost;
                    rows.iter().for_each(|row| self.today.add(row));
                    out.rows.extend(rows);
                    out.samples.extend(self.sampling.release());
                }
                ClockEvent::BecameImplausible => {}
            }
        }
        let unsynced = if self.held.count().1 == 0 {
            Observation::holds(
                FlagCode::ClockUnsynced,
                "",
                "The time is not known yet: minutes wait and are stamped right afterwards. They are lost if the service is stopped before. Check the network's time service if this stays.",
            )
        } else {
            Observation::holds(
                FlagCode::ClockUnsynced,
                "",
                "The time has not been known for a day, and the oldest of the minutes that wait for it are given up. Totals go on. Check the network's time service.",
            )
            .as_bad_as(Severity::High)
        };
        let seen = Observation {
            holds: Some(!self.clock.plausible()),
            ..unsynced
        };
        self.note(
            now,
            seen.with(Timing::new(Duration::from_secs(10), Duration::ZERO)),
            out,
        );
    }

    fn clock_stepped(
        &mut self,
        now: Now,
        from: Timestamp,
        to: Timestamp,
        moves_held: bool,
        out: &mut Outcome,
    ) {
        // The minute so far belongs to the time before the step.
        if let Some(row) = self.minutes.clock_stepped() {
            if moves_held {
                self.held.push(row);
            } else {
                self.keep(row, out);
            }
        }
        if moves_held {
            self.held.clock_stepped(from, to);
            self.sampling.clock_stepped(from, to);
            self.board.restamp(from, to);
        }
        out.gap = self.newest.1.map(|before| Gap {
            from: before,
            to,
            cause: GapCause::ClockStepped,
        });
        let message = format!(
            "The clock jumped from {from} to {to}. Days around it may be a little off; totals are not."
        );
        out.flags
            .extend(self.happened(now, FlagCode::ClockStepped, "", message));
    }

    fn take_sample(&mut self, at: Mono, fresh: &BTreeSet<MeterId>, now: Now, out: &mut Outcome) {
        let readings: Readings<'_> = self
            .meters
            .readings(at)
            .map(|(id, reading)| (id.clone(), reading))
            .collect();
        let (flow, channels) = power_flow(&self.home, &readings);
        let grid = grid_quality(&self.home, &readings);
        let counted: Readings<'_> = readings
            .iter()
            .filter(|(id, _)| fresh.contains(*id))
            .map(|(id, r)| (id.clone(), *r))
            .collect();
        self.ledger.sampled_every(FlowCadence::of(
            &self.home,
            self.meters.slowest(),
            |meter| self.meters.cadence(meter),
        ));
        // A value that counts on between two polls of its meter does so here as well: each counts as
        // long as the time between it and the next, even when a bus hands them on late.
        let step = self.ledger.step(at, &flow, &counted);
        let mut snapshot = Snapshot {
            seq: self.seq,
            ts: self.clock.stamp(at),
            at,
            flow,
            voltages: grid.voltages,
            channels,
            frequency: grid.frequency,
            pf: grid.pf,
            totals: self.ledger.totals(),
            quality: Quality::default(),
        };
        self.wiring.sampled_every(self.meters.slowest());
        let wiring = self.wiring.observe(&self.home, &snapshot, &readings);
        self.note_all(now, wiring, out);
        self.note_ledger(now, &step, out);
        snapshot.quality = self.quality(&snapshot);
        self.emit(snapshot, &step, out);
    }

    /// Numbers the snapshot, adds it to its minute and tells of what is missing before it.
    fn emit(&mut self, snapshot: Snapshot, step: &LedgerStep, out: &mut Outcome) {
        if let (last, Some(before)) = self.newest
            && snapshot.at.since(last) > self.cadence().patience(GAP_AFTER)
        {
            out.gap = out.gap.or(Some(Gap {
                from: before,
                to: snapshot.ts,
                cause: GapCause::MeterNotResponding,
            }));
        }
        self.newest = (snapshot.at, Some(snapshot.ts));
        self.seq += 1;
        if let Some(row) = self.minutes.push(&snapshot, step) {
            self.keep(row, out);
        }
        let (ledger, believed) = (self.ledger.state().id(), self.clock.plausible());
        let sample = self.sampling.take(&snapshot, &self.home, ledger, believed);
        out.samples.extend(sample);
        out.today = Some(self.today(snapshot.ts));
        out.snapshot = Some(Arc::new(snapshot));
    }

    fn keep(&mut self, row: MinuteRow, out: &mut Outcome) {
        if self.clock.plausible() {
            self.today.add(&row);
            out.rows.push(row);
        } else {
            self.held.push(row);
        }
    }

    /// What cannot be is dropped before anything is made of it.
    fn sifted(&self, cycle: MeterCycle) -> (MeterCycle, Vec<Observation>) {
        match cycle.outcome {
            MeterOutcome::Read(reading) => {
                let (reading, doubts) = sift(&self.home, reading);
                (
                    MeterCycle {
                        outcome: MeterOutcome::Read(reading),
                        ..cycle
                    },
                    doubts,
                )
            }
            MeterOutcome::Failed { .. } | MeterOutcome::Waiting => (cycle, Vec::new()),
        }
    }

    fn note_ledger(&mut self, now: Now, step: &LedgerStep, out: &mut Outcome) {
        let wrong = self.ledger.contradictions();
        for line in Line::ALL {
            let found = wrong.iter().find(|found| found.line == line);
            let gone =
                || Observation::gone(FlagCode::ScalingFailure, format!("{} counter", line.name()));
            self.note(now, found.map_or_else(gone, counter_disagrees), out);
        }
        for entry in &step.entries {
            if let Some(code) = entry.flag() {
                out.flags
                    .extend(self.happened(now, code, &entry.subject(), entry.message()));
            }
            out.entries
                .push((self.clock.stamp(entry.at), entry.clone()));
        }
    }

    /// What comes with time alone.
    fn age(&mut self, now: Now, out: &mut Outcome) {
        let fresh = self.cadence().patience(STALE_AFTER);
        let stale = if now.mono.since(self.newest.0) > fresh {
            let message = format!(
                "No reading for more than {} seconds: what is shown is old. The other messages say why.",
                fresh.as_secs()
            );
            Observation::holds(FlagCode::DataStale, "", message)
        } else {
            Observation::gone(FlagCode::DataStale, "")
        };
        self.note(now, stale, out);
        let over = self.moments.over(now.mono);
        self.note_all(now, over, out);
    }

    fn note(&mut self, now: Now, seen: Observation, out: &mut Outcome) {
        out.flags.extend(self.observe(now, seen));
    }

    fn note_all(&mut self, now: Now, seen: Vec<Observation>, out: &mut Outcome) {
        for seen in seen {
            self.note(now, seen, out);
        }
    }

    /// The flags that make numbers doubtful, as opposed to those about the appliance, and at once,
    /// without a flag's patience, the reason of what is absent.
    fn quality(&self, snapshot: &Snapshot) -> Quality {
        let doubtful = |code: &FlagCode| {
            matches!(
                code,
                FlagCode::MeterNotResponding
                    | FlagCode::ScalingFailure
                    | FlagCode::CtUnplugged
                    | FlagCode::CtReversed
                    | FlagCode::CtWrongLeg
                    | FlagCode::MeterStuck
                    | FlagCode::VoltageMissing
                    | FlagCode::ClockUnsynced
            )
        };
        let absent = |channel: &&Channel| {
            let values = snapshot.channels.get(&channel.name);
            values.is_none_or(|values| values.power.is_none())
        };
        let absent = self.home.channels.iter().filter(absent).map(|channel| {
            let silent = self.meters.absence(&channel.meter, snapshot.at);
            // It answered, but not with a power that can be.
            silent.unwrap_or(FlagCode::ScalingFailure)
        });
        let reference = self.meters.absence(&self.home.reference_meter, snapshot.at);
        let raised = self.board.codes().into_iter().filter(doubtful);
        Quality::new(raised.chain(absent).chain(reference).collect())
    }
}
