//! One row per wall-clock minute: what is stored.
//!
//! The samples of a minute become means, extremes and energies; how much of the minute they cover
//! is stated. An energy increment belongs to the minute in which its interval ends, so the rows'
//! energies add up to exactly what the ledger grew by.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::RunId;
use crate::ledger::LedgerStep;
use crate::units::Watts;
use crate::{Energies, FlagCode, Input, Snapshot};

const MINUTE: i64 = 60;

/// Mean and extremes of the samples that had a value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stat {
    /// Mean.
    pub mean: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

/// One minute of one run. `(start, run, part)` is unique.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MinuteRow {
    /// Start of the minute, UTC.
    pub start: Timestamp,
    /// The start of the daemon it belongs to.
    pub run: RunId,
    /// 0, and one more after each clock step inside the run.
    pub part: u16,
    /// Snapshots in it.
    pub samples: u16,
    /// Time over which the whole flow was measured.
    #[serde(with = "crate::millis")]
    pub covered: Duration,
    /// What the totals grew by.
    pub energy: Energies,
    /// The part of `energy` that counters brought for an earlier gap: it did not flow in this minute.
    #[serde(default, skip_serializing_if = "Energies::is_unknown")]
    pub bridged: Energies,
    /// Ledger totals after the last sample.
    pub totals: Energies,
    /// Production, W.
    pub solar: Option<Stat>,
    /// Consumption, W.
    pub home: Option<Stat>,
    /// Grid, W, positive while drawing.
    pub grid: Option<Stat>,
    /// Battery, W, positive while discharging.
    pub battery: Option<Stat>,
    /// Car, W.
    pub ev: Option<Stat>,
    /// Line-to-neutral voltages, V.
    pub voltages: BTreeMap<Input, Stat>,
    /// Mean current of each channel, A.
    pub currents: BTreeMap<String, f64>,
    /// Mean power of each channel, W, in its role's sign.
    pub powers: BTreeMap<String, f64>,
    /// Mean total power factor.
    pub pf: Option<f64>,
    /// Mean frequency, Hz.
    pub frequency: Option<f64>,
    /// Everything that made any of its samples doubtful.
    pub quality: Vec<FlagCode>,
}

impl MinuteRow {
    /// The same row when its clock was wrong by `error`: moved by whole minutes, the nearest number.
    #[must_use]
    pub fn moved(self, error: SignedDuration) -> Self {
        let minutes = (error.as_secs_f64() / 60.0).round();
        let moved = SignedDuration::try_from_secs_f64(minutes * 60.0)
            .ok()
            .and_then(|by| self.start.checked_add(by).ok());
        Self {
            start: moved.unwrap_or(self.start),
            ..self
        }
    }
}

/// Collects the samples of the current minute.
#[derive(Debug, Clone)]
pub struct MinuteAggregator {
    run: RunId,
    part: u16,
    minute: Option<Minute>,
}

impl MinuteAggregator {
    /// An empty one for this run.
    #[must_use]
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            part: 0,
            minute: None,
        }
    }

    /// Takes a snapshot and what its sample added to the ledger. Returns the row of the minute
    /// before, when this is the first sample of another one.
    pub fn push(&mut self, snapshot: &Snapshot, step: &LedgerStep) -> Option<MinuteRow> {
        let start = minute_of(snapshot.ts);
        let done = if self
            .minute
            .as_ref()
            .is_some_and(|minute| minute.start != start)
        {
            self.finish()
        } else {
            None
        };
        self.minute
            .get_or_insert_with(|| Minute {
                start,
                ..Minute::default()
            })
            .take(snapshot, step);
        done
    }

    /// The row so far; for a shutdown, and before a clock step.
    pub fn finish(&mut self) -> Option<MinuteRow> {
        self.minute
            .take()
            .map(|minute| minute.row(self.run, self.part))
    }

    /// The row so far, which goes on.
    #[must_use]
    pub fn peek(&self) -> Option<MinuteRow> {
        self.minute
            .as_ref()
            .map(|minute| minute.row(self.run, self.part))
    }

    /// The wall clock stepped: what was collected is finished, and later rows are told apart from
    /// earlier ones of the same minute.
    pub fn clock_stepped(&mut self) -> Option<MinuteRow> {
        let done = self.finish();
        self.part = self.part.saturating_add(1);
        done
    }
}

fn minute_of(ts: Timestamp) -> Timestamp {
    Timestamp::from_second(ts.as_second().div_euclid(MINUTE) * MINUTE).unwrap_or(ts)
}

#[derive(Debug, Clone, Default)]
struct Minute {
    start: Timestamp,
    samples: u16,
    covered: Duration,
    energy: Energies,
    bridged: Energies,
    totals: Energies,
    flows: [Running; 5],
    voltages: BTreeMap<Input, Running>,
    currents: BTreeMap<String, Running>,
    powers: BTreeMap<String, Running>,
    pf: Running,
    frequency: Running,
    quality: BTreeSet<FlagCode>,
}

impl Minute {
    fn take(&mut self, snapshot: &Snapshot, step: &LedgerStep) {
        self.samples = self.samples.saturating_add(1);
        self.covered += step.covered;
        self.energy = self.energy.plus(step.increments);
        self.bridged = self.bridged.plus(step.bridged);
        self.totals = snapshot.totals;
        let flow = &snapshot.flow;
        for (running, power) in
            self.flows
                .iter_mut()
                .zip([flow.solar, flow.home, flow.grid, flow.battery, flow.ev])
        {
            running.take(power.map(Watts::get));
        }
        for (input, volts) in &snapshot.voltages {
            self.voltages
                .entry(*input)
                .or_default()
                .take(Some(volts.get()));
        }
        for (name, values) in &snapshot.channels {
            named(
                &mut self.currents,
                name,
                values.current.map(crate::units::Amps::get),
            );
            named(&mut self.powers, name, values.power.map(Watts::get));
        }
        self.pf
            .take(snapshot.pf.map(crate::units::PowerFactor::get));
        self.frequency
            .take(snapshot.frequency.map(crate::units::Hertz::get));
        self.quality.extend(snapshot.quality.reasons());
    }

    fn row(&self, run: RunId, part: u16) -> MinuteRow {
        let [solar, home, grid, battery, ev] = self.flows.map(Running::stat);
        let means = |all: &BTreeMap<String, Running>| {
            all.iter()
                .filter_map(|(name, running)| Some((name.clone(), running.mean()?)))
                .collect()
        };
        MinuteRow {
            start: self.start,
            run,
            part,
            samples: self.samples,
            covered: self.covered,
            energy: self.energy,
            bridged: self.bridged,
            totals: self.totals,
            solar,
            home,
            grid,
            battery,
            ev,
            voltages: self
                .voltages
                .iter()
                .filter_map(|(input, running)| Some((*input, running.stat()?)))
                .collect(),
            currents: means(&self.currents),
            powers: means(&self.powers),
            pf: self.pf.mean(),
            frequency: self.frequency.mean(),
            quality: self.quality.iter().copied().collect(),
        }
    }
}

/// A name is copied only when it is new in the minute.
fn named(all: &mut BTreeMap<String, Running>, name: &str, value: Option<f64>) {
    if value.is_none() {
        return;
    }
    match all.get_mut(name) {
        Some(running) => running.take(value),
        None => all.entry(name.to_owned()).or_default().take(value),
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Running {
    count: u32,
    sum: f64,
    min: f64,
    max: f64,
}

impl Running {
    fn take(&mut self, value: Option<f64>) {
        let Some(value) = value else { return };
        (self.min, self.max) = if self.count == 0 {
            (value, value)
        } else {
            (self.min.min(value), self.max.max(value))
        };
        self.sum += value;
        self.count = self.count.saturating_add(1);
    }

    fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }

    fn stat(self) -> Option<Stat> {
        Some(Stat {
            mean: self.mean()?,
            min: self.min,
            max: self.max,
        })
    }
}
