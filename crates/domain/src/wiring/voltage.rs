//! Voltages: missing, outside the service range, or drifting apart because the neutral is broken.
//!
//! Ranges: ANSI C84.1 service voltage A (114 to 126 V) and B (110 to 127 V) for 120 V legs; for
//! 230 V the limits of EN 50160, -10 % and +10 % (warning below 207 V) and -15 % (high).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::flagboard::{Observation, Timing};
use crate::units::Volts;
use crate::{FlagCode, Input, Mono, Service, Severity, Snapshot};

const MINUTE: Duration = Duration::from_mins(1);
/// Ranges hold for means over this many minutes; most of them must be known.
const MINUTES: usize = 10;
const LEAST_MINUTES: usize = 8;
/// Too high harms devices: that is seen sooner.
const HIGH_MINUTES: usize = 2;
/// A mean must be this far inside its range before it is well again, V.
const INSIDE: f64 = 1.0;
/// The means are patient enough before they raise.
const RANGE: Timing = Timing::new(Duration::ZERO, Duration::from_mins(10));
const MISSING: Timing = Timing::new(Duration::from_secs(10), Duration::from_secs(10));
/// Three samples. It does not pass because it cannot be seen for a while: a day, for a person to look.
const NEUTRAL: Timing = Timing::new(Duration::from_secs(2), Duration::from_hours(24));

/// Memory of the legs' last minutes.
#[derive(Debug, Clone, Default)]
pub(super) struct Voltages {
    legs: BTreeMap<Input, Leg>,
}

#[derive(Debug, Clone, Default)]
struct Leg {
    from: Option<Mono>,
    sum: f64,
    count: u32,
    means: VecDeque<f64>,
}

/// What is normal: outside `good` is a warning, outside `tolerable` is worse.
struct Ranges {
    good: (f64, f64),
    tolerable: (f64, f64),
}

impl Voltages {
    pub(super) fn observe(
        &mut self,
        at: Mono,
        service: Service,
        snapshot: &Snapshot,
    ) -> Vec<Observation> {
        let mut seen = Vec::new();
        for leg in service.legs() {
            let volts = snapshot.voltages.get(leg).map(|volts| volts.get());
            seen.push(missing(*leg, service, volts));
            let memory = self.legs.entry(*leg).or_default();
            // A leg that is missing has no range to keep.
            memory.take(at, volts.filter(|volts| *volts >= least(service)));
            seen.push(memory.range(*leg, service));
        }
        if service == Service::SplitPhase {
            seen.push(neutral(snapshot));
        }
        seen
    }
}

/// Below half the nominal voltage a leg counts as missing, V.
fn least(service: Service) -> f64 {
    service.nominal().get() / 2.0
}

fn missing(leg: Input, service: Service, volts: Option<f64>) -> Observation {
    let (code, subject) = (FlagCode::VoltageMissing, leg.name());
    let seen = match volts {
        Some(volts) if volts < least(service) => {
            let message = format!(
                "{volts:.0} V on {}. Is its breaker off, a fuse blown, or the meter's voltage tap loose? Homeowner: \
                 check the breakers. Installer: check the tap.",
                leg.name().to_uppercase()
            );
            Observation::holds(code, subject, message)
        }
        Some(_) => Observation::gone(code, subject),
        None => Observation::unknown(code, subject),
    };
    seen.with(MISSING)
}

/// With a broken neutral the legs share 240 V as their loads please.
fn neutral(snapshot: &Snapshot) -> Observation {
    let (code, subject) = (FlagCode::VoltageOutOfRange, "neutral");
    let get = |leg| snapshot.voltages.get(&leg).copied().map(Volts::get);
    let seen = match get(Input::L1).zip(get(Input::L2)) {
        Some((l1, l2))
            if l1.max(l2) > 132.0 && l1.min(l2) < 108.0 && (228.0..=252.0).contains(&(l1 + l2)) =>
        {
            let message = format!(
                "The legs drift apart: {l1:.0} V and {l2:.0} V. The neutral may be broken, which is dangerous and \
                 destroys devices. Homeowner: switch off sensitive devices, keep away from the panel, call the utility \
                 or an electrician now."
            );
            Observation::holds(code, subject, message)
        }
        Some(_) => Observation::gone(code, subject),
        None => Observation::unknown(code, subject),
    };
    seen.as_bad_as(Severity::Critical).with(NEUTRAL)
}

impl Leg {
    /// Minutes follow each other; after a gap the means start anew.
    fn take(&mut self, at: Mono, volts: Option<f64>) {
        let Some(volts) = volts else { return };
        let from = *self.from.get_or_insert(at);
        if super::passed(at, from, MINUTE) {
            if super::passed(at, from, 3 * MINUTE) {
                self.means.clear();
            }
            self.means
                .push_back(self.sum / f64::from(self.count.max(1)));
            if self.means.len() > MINUTES {
                self.means.pop_front();
            }
            (self.from, self.sum, self.count) = (Some(at), 0.0, 0);
        }
        self.sum += volts;
        self.count = self.count.saturating_add(1);
    }

    fn mean(&self, minutes: usize, least: usize) -> Option<f64> {
        let newest = self.means.iter().rev().take(minutes);
        let count = newest.len();
        (count >= least).then(|| newest.sum::<f64>() / u32::try_from(count).map_or(1.0, f64::from))
    }

    fn range(&self, leg: Input, service: Service) -> Observation {
        let (code, subject) = (FlagCode::VoltageOutOfRange, leg.name());
        let ranges = Ranges::of(service);
        let mean = self.mean(MINUTES, LEAST_MINUTES);
        let short = self
            .mean(HIGH_MINUTES, HIGH_MINUTES)
            .filter(|mean| *mean > ranges.tolerable.1);
        let seen = match short.or(mean) {
            None => Observation::unknown(code, subject),
            Some(mean) if !within(mean, ranges.good, 0.0) => {
                let bad = !within(mean, ranges.tolerable, 0.0);
                let message = format!(
                    "{} is at {mean:.1} V (usual: {:.0} to {:.0} V). Homeowner: if lamps flicker or devices fail, \
                     call the utility. Installer: compare with a multimeter.",
                    leg.name().to_uppercase(),
                    ranges.good.0,
                    ranges.good.1
                );
                let severity = if bad {
                    Severity::High
                } else {
                    Severity::Warning
                };
                Observation::holds(code, subject, message).as_bad_as(severity)
            }
            Some(mean) if within(mean, ranges.good, INSIDE) => Observation::gone(code, subject),
            Some(_) => Observation::unknown(code, subject),
        };
        seen.with(RANGE)
    }
}

impl Ranges {
    fn of(service: Service) -> Self {
        match service {
            Service::SplitPhase => Self {
                good: (114.0, 126.0),
                tolerable: (110.0, 127.0),
            },
            Service::SinglePhase | Service::ThreePhase => Self {
                good: (207.0, 253.0),
                tolerable: (195.5, 253.0),
            },
        }
    }
}

fn within(value: f64, (least, most): (f64, f64), margin: f64) -> bool {
    value >= least + margin && value <= most - margin
}
