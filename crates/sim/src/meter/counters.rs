//! A meter's own energy counters, integrated inside the meter from what it measured.

use solthrive_meter::profile::CounterScope;

use super::measure::MeterReading;
use crate::rng::Rng;

/// kWh, kvarh and kVAh of one direction-aware register set.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counter {
    /// kWh drawn.
    pub import: f64,
    /// kWh fed in.
    pub export: f64,
    /// kvarh drawn.
    pub reactive_import: f64,
    /// kvarh fed in.
    pub reactive_export: f64,
    /// kVAh.
    pub apparent: f64,
}

impl Counter {
    fn add(&mut self, watts: f64, vars: f64, va: f64, hours: f64) {
        let kwh = watts * hours / 1000.0;
        let kvarh = vars * hours / 1000.0;
        self.import += kwh.max(0.0);
        self.export += (-kwh).max(0.0);
        self.reactive_import += kvarh.max(0.0);
        self.reactive_export += (-kvarh).max(0.0);
        self.apparent += va * hours / 1000.0;
    }

    fn plus(self, other: Self) -> Self {
        Self {
            import: self.import + other.import,
            export: self.export + other.export,
            reactive_import: self.reactive_import + other.reactive_import,
            reactive_export: self.reactive_export + other.reactive_export,
            apparent: self.apparent + other.apparent,
        }
    }

    fn shifted(self, by: f64) -> Self {
        Self {
            import: self.import + by,
            export: self.export + by,
            reactive_import: self.reactive_import + by,
            reactive_export: self.reactive_export + by,
            apparent: self.apparent + by,
        }
    }
}

/// All counters of a meter.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counters {
    inputs: [Counter; 4],
    /// Inputs added first, then told apart by direction.
    net: Counter,
    /// A rollover to come is made by moving every counter up by this much.
    shift: f64,
}

impl Counters {
    /// Counters of a meter that has been in use: a few hundred to thousands of kWh.
    #[must_use]
    pub fn used(seed: u64) -> Self {
        let mut rng = Rng::of(seed, &[51]);
        let mut old = |most: f64| Counter {
            import: rng.between(0.2 * most, most),
            export: rng.between(0.05 * most, 0.5 * most),
            reactive_import: rng.between(10.0, 0.2 * most),
            reactive_export: rng.between(1.0, 0.1 * most),
            apparent: rng.between(0.5 * most, 1.6 * most),
        };
        Self {
            inputs: [old(3000.0), old(3000.0), old(3000.0), old(3000.0)],
            net: old(5000.0),
            shift: 0.0,
        }
    }

    /// Counts a reading that held for `seconds`.
    pub fn count(&mut self, reading: &MeterReading, seconds: f64) {
        let hours = seconds / 3600.0;
        for (counter, input) in self.inputs.iter_mut().zip(&reading.inputs) {
            counter.add(
                input.power.re,
                input.power.im,
                input.power.magnitude(),
                hours,
            );
        }
        let total = reading.total();
        self.net
            .add(total.re, total.im, reading.total_apparent(), hours);
    }

    /// As a meter starts again after a reset, or as a new meter starts.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Moves every counter so that the netted import counter reads `value`.
    pub fn move_to(&mut self, value: f64, scope: Option<CounterScope>) {
        self.shift += value - self.total(scope).import;
    }

    /// One input's counter.
    #[must_use]
    pub fn input(&self, place: usize) -> Counter {
        self.inputs
            .get(place)
            .copied()
            .unwrap_or_default()
            .shifted(self.shift)
    }

    /// The meter's total: netted where its profile says so, else each input's directions added.
    #[must_use]
    pub fn total(&self, scope: Option<CounterScope>) -> Counter {
        let sum = match scope {
            Some(CounterScope::MainsNet) => self.net,
            _ => self
                .inputs
                .iter()
                .fold(Counter::default(), |sum, input| sum.plus(*input)),
        };
        sum.shifted(self.shift)
    }
}

#[cfg(test)]
mod tests {
    use super::super::measure::InputReading;
    use super::*;
    use crate::home::phasor::Phasor;

    fn reading(watts: [f64; 3]) -> MeterReading {
        let mut reading = MeterReading::default();
        for (input, watts) in reading.inputs.iter_mut().zip(watts) {
            *input = InputReading {
                power: Phasor::new(watts, 0.0),
                wired: true,
                ..InputReading::default()
            };
        }
        reading
    }

    #[test]
    fn a_netting_meter_adds_first_and_the_other_kind_counts_both_directions() {
        let mut counters = Counters::default();
        counters.count(&reading([3000.0, -1000.0, 0.0]), 3600.0);
        let (net, each) = (
            counters.total(Some(CounterScope::MainsNet)),
            counters.total(Some(CounterScope::AllInputs)),
        );
        assert_eq!((net.import, net.export), (2.0, 0.0));
        assert_eq!((each.import, each.export), (3.0, 1.0));
        assert_eq!(counters.input(1).export, 1.0);
    }

    #[test]
    fn a_moved_counter_goes_on_from_there_and_a_reset_one_from_zero() {
        let mut counters = Counters::used(4);
        counters.move_to(999.0, Some(CounterScope::MainsNet));
        counters.count(&reading([1000.0, 0.0, 0.0]), 3600.0);
        assert!((counters.total(Some(CounterScope::MainsNet)).import - 1000.0).abs() < 1e-9);
        counters.reset();
        assert_eq!(counters.total(Some(CounterScope::MainsNet)).import, 0.0);
    }
}
