//! What happened in minutes, for a look at a day.
//!
//! The same means, extremes and coverage as a quarter's, in shorter stretches, made of samples each time anew. Energy
//! here is the measured power over the measured time. It is not what the totals grew by: how that lies within a
//! quarter is not known where a counter moves in coarse steps or a gap was bridged. Bills are made of quarters.

use std::collections::BTreeMap;

use super::pair::{Pair, measured};
use super::slices::Ramp;
use super::{EnergySums, RollupRules, Swing};
use crate::Stat;
use crate::ledger::Line;
use crate::telemetry::{MilliWatts, Sample, UnixMillis};

/// The lines of which energy is told, home apart.
const LINES: [Line; 5] = [
    Line::Solar,
    Line::Import,
    Line::Export,
    Line::BatteryCharge,
    Line::BatteryDischarge,
];

/// What happened in one stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// When it begins.
    pub start: UnixMillis,
    /// Measured power over the measured time.
    pub energy: EnergySums,
    /// Solar, home, grid and battery, mW.
    powers: [Option<Swing>; 4],
    /// Time over which the whole flow was measured, ms.
    pub covered_ms: u32,
    /// Samples in it.
    pub samples: u32,
}

impl Slice {
    fn empty(start: i64) -> Self {
        Self {
            start: UnixMillis::clamped(start),
            energy: EnergySums::default(),
            powers: [None; 4],
            covered_ms: 0,
            samples: 0,
        }
    }

    /// Powers in W: solar, home, grid, battery.
    #[must_use]
    pub fn powers(&self) -> [Option<Stat>; 4] {
        let watts = |swing: Swing| swing.stat(MilliWatts::STEPS_PER_UNIT);
        self.powers.map(|swing| swing.map(watts))
    }
}

/// Makes slices of samples in time order. Slices begin at multiples of their length.
#[derive(Debug, Clone)]
pub struct Slicer {
    rules: RollupRules,
    step_ms: i64,
    last: Option<Sample>,
    slices: BTreeMap<i64, Slice>,
}

impl Slicer {
    /// Of slices that are so many minutes long, at least one.
    #[must_use]
    pub fn new(rules: RollupRules, minutes: u32) -> Self {
        Self {
            rules,
            step_ms: i64::from(minutes.max(1)) * 60_000,
            last: None,
            slices: BTreeMap::new(),
        }
    }

    /// Takes the next sample. One that is not later than the last is passed over.
    pub fn push(&mut self, sample: &Sample) {
        let last = self.last;
        if last.is_some_and(|last| sample.ts <= last.ts) {
            return;
        }
        self.last = Some(*sample);
        let begin = sample.ts.get().div_euclid(self.step_ms) * self.step_ms;
        let slice = self.slice(begin);
        slice.samples += 1;
        for (swing, value) in slice.powers.iter_mut().zip(measured(sample)) {
            if let Some(value) = value {
                Swing::see(swing, value);
            }
        }
        if let Some(last) = last {
            self.tell(&last, sample);
        }
    }

    /// The slices that no further sample changes, in order; each once.
    pub fn take_over(&mut self) -> Vec<Slice> {
        let Some(last) = self.last else {
            return Vec::new();
        };
        let open = last.ts.get().div_euclid(self.step_ms) * self.step_ms;
        let rest = self.slices.split_off(&open);
        std::mem::replace(&mut self.slices, rest)
            .into_values()
            .collect()
    }

    /// All that are left, when there is no further sample.
    #[must_use]
    pub fn finish(self) -> Vec<Slice> {
        self.slices.into_values().collect()
    }

    fn slice(&mut self, begin: i64) -> &mut Slice {
        self.slices
            .entry(begin)
            .or_insert_with(|| Slice::empty(begin))
    }

    fn tell(&mut self, from: &Sample, to: &Sample) {
        let pair = Pair::new(&self.rules, from, to);
        if !pair.close {
            return;
        }
        let (before, after) = (measured(from), measured(to));
        let len = pair.span.len();
        let flows = LINES.map(|line| (line, pair.flow(line)));
        for (begin, part) in pair.span.pieces(self.step_ms) {
            let (t0, t1) = (part.from - pair.span.from, part.to - pair.span.from);
            let span_ms = u32::try_from(part.len()).unwrap_or(0);
            let slice = self.slice(begin);
            for ((swing, a), b) in slice.powers.iter_mut().zip(before).zip(after) {
                let Some((a, b)) = a.zip(b) else { continue };
                let ramp = Ramp { a, b, len };
                let area = ramp.area(t1) - if t0 == 0 { 0 } else { ramp.area(t0) };
                Swing::hold(swing, (ramp.at(t0), ramp.at(t1)), area, span_ms);
            }
            let grown = |ramp: Ramp, until: fn(Ramp, i64) -> i64| {
                until(ramp, t1) - if t0 == 0 { 0 } else { until(ramp, t0) }
            };
            for (line, flow) in flows {
                if let Some(flow) = flow {
                    let energy = grown(flow, Ramp::positive_energy);
                    slice.energy.add_line(line, energy);
                }
            }
            if let Some(home) = pair.home() {
                slice.energy.add_home(grown(home, Ramp::energy));
                slice.covered_ms += span_ms;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::LedgerId;
    use crate::telemetry::MicroWattHours;

    fn sample(second: i64, solar: i32, grid: i32) -> Sample {
        let ts = UnixMillis::try_from(second * 1000).unwrap();
        let mut sample = Sample::empty(ts, LedgerId::from_uuid(Uuid::nil()));
        sample.power.solar = Some(MilliWatts::new(solar));
        sample.power.grid = Some(MilliWatts::new(grid));
        sample.power.home = Some(MilliWatts::new(solar + grid));
        sample
    }

    fn sliced(samples: &[Sample], minutes: u32) -> Vec<Slice> {
        let mut slicer = Slicer::new(RollupRules::default(), minutes);
        let mut all = Vec::new();
        for sample in samples {
            slicer.push(sample);
            all.extend(slicer.take_over());
        }
        all.extend(slicer.finish());
        all
    }

    #[test]
    fn a_minute_has_its_mean_its_extremes_and_its_energy() {
        // 3.6 kW for half a minute, then 7.2 kW.
        let samples: Vec<_> = (0..=8)
            .map(|n| {
                sample(
                    n * 15,
                    if n < 2 { 3_600_000 } else { 7_200_000 },
                    -1_800_000,
                )
            })
            .collect();
        let slices = sliced(&samples, 1);
        assert_eq!(slices.len(), 3, "the last sample begins a minute");
        let solar = slices[0].powers()[0].unwrap();
        assert_eq!((solar.min, solar.max), (3600.0, 7200.0));
        assert!((solar.mean - 5850.0).abs() < 1e-6, "{}", solar.mean);
        assert_eq!(slices[0].energy.solar.unwrap().get(), 97_500_000);
        assert_eq!(slices[0].energy.export.unwrap().get(), 30_000_000);
        assert_eq!(slices[0].energy.import.unwrap().get(), 0);
        assert_eq!(slices[0].covered_ms, 60_000);
        assert_eq!((slices[2].covered_ms, slices[2].samples), (0, 1));
    }

    #[test]
    fn a_gap_is_no_energy_and_no_coverage() {
        let samples = [
            sample(0, 1000, 0),
            sample(30, 1000, 0),
            sample(630, 1000, 0),
        ];
        let slices = sliced(&samples, 5);
        let covered: Vec<_> = slices.iter().map(|slice| slice.covered_ms).collect();
        assert_eq!(
            covered,
            [30_000, 0],
            "nothing is said of the minutes between"
        );
        assert_eq!(slices[1].energy, EnergySums::default());
    }

    #[test]
    fn slices_taken_as_they_end_are_those_taken_at_the_end() {
        let samples: Vec<_> = (0..500)
            .map(|n| {
                sample(
                    n * 7 + n % 3,
                    i32::try_from(n * 131 % 7000).unwrap() * 1000,
                    -5,
                )
            })
            .collect();
        let mut whole = Slicer::new(RollupRules::default(), 1);
        samples.iter().for_each(|sample| whole.push(sample));
        assert_eq!(sliced(&samples, 1), whole.finish());
    }

    #[test]
    fn minutes_add_up_to_the_power_of_the_whole_stretch() {
        let samples: Vec<_> = (0..=240)
            .map(|n| sample(n * 15, i32::try_from(n * 977 % 5000).unwrap() * 1000, 3))
            .collect();
        let (one, five) = (sliced(&samples, 1), sliced(&samples, 60));
        let sum = |slices: &[Slice]| -> i64 {
            let solar = slices.iter().filter_map(|slice| slice.energy.solar);
            solar.map(MicroWattHours::get).sum()
        };
        assert!((sum(&one) - sum(&five)).abs() <= 240, "a µWh a pair");
    }
}
