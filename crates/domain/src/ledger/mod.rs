//! The home's energy totals, which only ever grow.
//!
//! Power at poll rate is the source: netted at each sample before import and export are told apart,
//! integrated where samples follow each other closely. Counters that count exactly a line's energy
//! fill the gaps and cross-check; a counter's quirks never reach a total. Home follows from the
//! other lines, increment by increment: solar + import - export + discharge - charge.

mod book;
mod entry;
mod integral;
mod plan;
mod signal;
mod state;

use std::time::Duration;

pub use self::book::Contradiction;
pub use self::entry::{LedgerEntry, LedgerEvent};
pub use self::plan::{CounterPlan, CounterScope, Installed, LedgerPlan, Line, OfferedCounter};
use self::signal::Signal;
pub use self::state::LedgerState;
use crate::counter::Mark;
use crate::flow::{FlowCadence, Readings};
use crate::ids::LedgerId;
use crate::units::WattHours;
use crate::{Cadence, Energies, Mono, PowerFlow};

/// Power is integrated between two samples that are at most this far apart, or as far as their
/// cadence explains.
const MAX_GAP: Duration = Duration::from_secs(3);
/// Assumed until told otherwise.
const EACH_SECOND: FlowCadence = FlowCadence::even(Cadence::every(Duration::from_secs(1)));

/// The signals of which home is the sum: all but the car, which is a part of it.
const HOME_SIGNALS: usize = 3;

/// What one step added.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LedgerStep {
    /// Everything the totals grew by; `None` where nothing is known of this step.
    pub increments: Energies,
    /// The part of it that counters brought for an earlier gap.
    pub bridged: Energies,
    /// Time over which the whole flow was integrated.
    pub covered: Duration,
    /// What there is to tell.
    pub entries: Vec<LedgerEntry>,
}

/// The energy totals of one home.
#[derive(Debug, Clone)]
pub struct Ledger {
    plan: LedgerPlan,
    state: LedgerState,
    signals: [Signal; 4],
    /// When each planned counter was last read in this run.
    read_at: Vec<Option<Mono>>,
    /// The newest step of this run.
    stepped: Option<Mono>,
    cadence: FlowCadence,
    /// When this run began, and the time between the state's last step and then, where known.
    resumed: Option<(Mono, Duration)>,
    /// Counters are not looked at before the time is known.
    waits: bool,
}

impl Ledger {
    /// A new ledger: all totals are zero.
    #[must_use]
    pub fn start(id: LedgerId, plan: LedgerPlan) -> Self {
        let state = LedgerState::new(id, &plan);
        Self::assemble(plan, state, None)
    }

    /// The ledger as it was, with the meters as they are now. `downtime` is the time from the
    /// state's last step to `at`, where a clock can tell.
    #[must_use]
    pub fn restore(
        state: LedgerState,
        plan: LedgerPlan,
        at: Mono,
        downtime: Option<Duration>,
    ) -> Self {
        let state = state.resumed(&plan, downtime);
        Self::assemble(plan, state, downtime.map(|downtime| (at, downtime)))
    }

    fn assemble(plan: LedgerPlan, state: LedgerState, resumed: Option<(Mono, Duration)>) -> Self {
        let has = plan.installed;
        let signals = [
            Signal::new(Line::Solar, None, has.solar),
            Signal::new(Line::Import, Some(Line::Export), has.grid),
            Signal::new(
                Line::BatteryDischarge,
                Some(Line::BatteryCharge),
                has.battery,
            ),
            Signal::new(Line::Ev, None, has.ev),
        ];
        Self {
            read_at: vec![None; plan.counters.len()],
            stepped: None,
            cadence: EACH_SECOND,
            plan,
            state,
            signals,
            resumed,
            waits: false,
        }
    }

    /// The same, without a look at the counters until [`Ledger::resume`]: whether a counter that is
    /// far from where it was has counted or is another meter's, only the time in between can tell.
    /// Power is integrated meanwhile.
    #[must_use]
    pub fn waiting_for_time(self) -> Self {
        Self {
            waits: true,
            ..self
        }
    }

    /// Whether it waits for [`Ledger::resume`]: what is kept of the counters is as it was before
    /// this run.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// The time is known: this run began at `start`, so long after the state's last step. `None`
    /// where it is not known when that was.
    pub fn resume(&mut self, start: Mono, downtime: Option<Duration>) {
        if std::mem::replace(&mut self.waits, false) {
            self.resumed = downtime.map(|downtime| (start, downtime));
            self.state
                .lines
                .iter_mut()
                .for_each(|line| line.slept(downtime));
        }
    }

    /// The samples come this far apart from now on: a slow or stretched schedule is no gap, as
    /// long as hardly more than one sample in a row is missing.
    pub const fn sampled_every(&mut self, cadence: FlowCadence) {
        self.cadence = cadence;
    }

    /// What to keep so that a restart goes on from here.
    #[must_use]
    pub fn state(&self) -> &LedgerState {
        &self.state
    }

    /// The totals; `None` for what is not installed.
    #[must_use]
    pub fn totals(&self) -> Energies {
        let mut totals = Energies::default();
        for signal in self.signals.iter().filter(|signal| signal.installed) {
            for line in signal.lines() {
                *field(&mut totals, line) = Some(wh(self.state.lines[line as usize].total));
            }
        }
        let has_home = self.signals[..HOME_SIGNALS]
            .iter()
            .any(|signal| signal.installed);
        totals.home = has_home.then(|| wh(self.state.home.total));
        totals
    }

    /// Lines whose power and counter measured different energies lately: a wrong scale or scope.
    /// Their counters bridge nothing until they agree again.
    #[must_use]
    pub fn contradictions(&self) -> Vec<Contradiction> {
        Line::ALL
            .into_iter()
            .filter_map(|line| self.state.lines[line as usize].contradiction(line))
            .collect()
    }

    /// Takes the flow of one poll and the readings it came from. One from before the last adds
    /// nothing: its time has been counted.
    pub fn step(&mut self, at: Mono, flow: &PowerFlow, readings: &Readings<'_>) -> LedgerStep {
        let mut step = LedgerStep::default();
        if self.stepped.is_some_and(|stepped| at < stepped) {
            return step;
        }
        self.stepped = Some(at);
        if !std::mem::replace(&mut self.state.announced, true) {
            step.entries.push(LedgerEntry {
                at,
                what: LedgerEvent::LedgerStarted {
                    ledger: self.state.id,
                },
            });
        }
        step.covered = self.integrate(at, flow, &mut step.increments);
        let moved = self.count(at, readings, &mut step.entries);
        self.bridge(at, &moved, &mut step);
        self.add_home(at, &mut step);
        step
    }

    /// Integrates every known power; returns the time for which the whole flow was known.
    fn integrate(&mut self, at: Mono, flow: &PowerFlow, grown: &mut Energies) -> Duration {
        let FlowCadence {
            solar,
            grid,
            battery,
            ev,
        } = self.cadence;
        let now = [
            (flow.solar, solar),
            (flow.grid, grid),
            (flow.battery, battery),
            (flow.ev, ev),
        ];
        let mut covered: Option<Duration> = None;
        for (index, (signal, (power, cadence))) in self.signals.iter_mut().zip(now).enumerate() {
            if !signal.installed {
                continue;
            }
            let max_gap = cadence.patience(MAX_GAP);
            let span = signal.advance(at, power, max_gap, &mut self.state.lines, grown);
            if index < HOME_SIGNALS {
                covered = Some(covered.map_or(span, |least| least.min(span)));
            }
        }
        covered.unwrap_or_default()
    }

    /// Shows the counters of this poll to their classifiers; returns those that were believed, with
    /// what they gained.
    fn count(
        &mut self,
        at: Mono,
        readings: &Readings<'_>,
        entries: &mut Vec<LedgerEntry>,
    ) -> Vec<(usize, f64)> {
        let mut moved = Vec::new();
        if self.waits {
            return moved;
        }
        for (index, planned) in self.plan.counters.iter().enumerate() {
            let read = readings
                .get(&planned.meter)
                .and_then(|reading| reading.get(planned.point));
            let Some(read) = read.and_then(|kwh| WattHours::from_kwh(kwh * planned.factor).ok())
            else {
                continue;
            };
            let elapsed = match self.read_at[index].replace(at) {
                Some(before) => Some(at.since(before)),
                None => self
                    .resumed
                    .map(|(start, downtime)| downtime + at.since(start)),
            };
            let line = &self.state.lines[planned.line as usize];
            // Power that is missing in this poll only will be integrated with the next one.
            let owed: f64 = self
                .signals
                .iter()
                .map(|signal| signal.owed(planned.line, at))
                .sum();
            let mark = Mark {
                total: line.total + owed,
                stretch: line.stretch,
            };
            let book = &mut self.state.counters[index];
            let observed = book.counter.observe(&planned.rules, read, elapsed, mark);
            if let Some(believed) = observed.believed {
                book.mark = Some(believed.mark);
                moved.push((index, believed.gained));
            }
            if let Some(counter) = observed.event {
                let (meter, point, line) = (planned.meter.clone(), planned.point, planned.line);
                entries.push(LedgerEntry {
                    at,
                    what: LedgerEvent::Counter {
                        meter,
                        point,
                        line,
                        counter,
                    },
                });
            }
        }
        moved
    }

    /// Lets the counters fill what gaps left open.
    fn bridge(&mut self, at: Mono, moved: &[(usize, f64)], step: &mut LedgerStep) {
        for line in Line::ALL {
            if let Some(standing) = self.state.standing(line, &self.plan, moved) {
                self.credit(line, standing, step);
            }
            if let Some((energy, gap)) = self.state.lines[line as usize].tell() {
                let what = LedgerEvent::GapBridged {
                    line,
                    energy: wh(energy),
                    gap,
                };
                step.entries.push(LedgerEntry { at, what });
            }
        }
    }

    fn credit(&mut self, line: Line, standing: book::Standing, step: &mut LedgerStep) {
        let book = &mut self.state.lines[line as usize];
        let credit = book.reconcile(standing);
        if credit <= 0.0 {
            return;
        }
        for counter in self
            .state
            .counters
            .iter_mut()
            .filter(|counter| counter.line == line)
        {
            counter.counter.shift_marks(standing.stretch, credit);
            if let Some(mark) = counter
                .mark
                .as_mut()
                .filter(|mark| mark.stretch == standing.stretch)
            {
                mark.total += credit;
            }
        }
        for grown in [
            field(&mut step.increments, line),
            field(&mut step.bridged, line),
        ] {
            *grown = Some(grown.unwrap_or_default() + wh(credit));
        }
    }

    /// The home grows by what the other lines' growth leaves for it.
    fn add_home(&mut self, at: Mono, step: &mut LedgerStep) {
        let of_home = || {
            self.signals[..HOME_SIGNALS]
                .iter()
                .filter(|s| s.installed)
                .flat_map(Signal::lines)
        };
        let book = |line| &self.state.lines[line as usize];
        let (torn, waiting) = (
            of_home().any(|l| book(l).is_torn()),
            of_home().any(|l| book(l).is_waiting()),
        );
        let known = of_home().any(|line| field(&mut step.increments, line).is_some());
        let bridged = net(&step.bridged);
        let released = self.state.home.bridge(at, bridged, torn);
        if known || released != 0.0 {
            let measured = net(&step.increments) - bridged;
            let grown = wh(self.state.home.add(measured + released, waiting));
            step.increments.home = Some(grown);
            step.bridged.home = (released > 0.0).then(|| grown.min(wh(released)));
        }
    }
}

/// What these energies leave for the home, Wh.
fn net(energies: &Energies) -> f64 {
    let get = |energy: Option<WattHours>| energy.map_or(0.0, WattHours::get);
    get(energies.solar) + get(energies.import) - get(energies.export)
        + get(energies.battery_discharge)
        - get(energies.battery_charge)
}

/// The field of a line.
fn field(energies: &mut Energies, line: Line) -> &mut Option<WattHours> {
    match line {
        Line::Solar => &mut energies.solar,
        Line::Import => &mut energies.import,
        Line::Export => &mut energies.export,
        Line::BatteryCharge => &mut energies.battery_charge,
        Line::BatteryDischarge => &mut energies.battery_discharge,
        Line::Ev => &mut energies.ev,
    }
}

/// Energies here are sums of quantities; beyond the unit's range they stay at its edge.
fn wh(energy: f64) -> WattHours {
    let limit = crate::units::LIMIT;
    WattHours::try_from(energy.clamp(-limit, limit)).unwrap_or_default()
}
