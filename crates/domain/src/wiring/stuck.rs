//! A meter that answers, but always the same.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::flagboard::{Observation, Timing};
use crate::{FlagCode, MeterId, Point, Quantity, Readings};

/// Voltage and frequency never stand still to the last digit for so long.
const STUCK: Timing = Timing::new(Duration::from_mins(10), Duration::ZERO);
/// Power that proves that something flows, W.
const LOAD: f64 = 20.0;

/// The last values of each meter.
#[derive(Debug, Clone, Default)]
pub(super) struct Stuck {
    last: BTreeMap<MeterId, BTreeMap<Point, f64>>,
}

impl Stuck {
    pub(super) fn observe(&mut self, readings: &Readings<'_>) -> Vec<Observation> {
        let mut seen = Vec::with_capacity(readings.len());
        for (meter, reading) in readings {
            let values = || {
                reading
                    .values
                    .iter()
                    .filter(|(point, _)| !point.quantity.is_counter())
            };
            let last = self.last.entry(meter.clone()).or_default();
            let compared =
                values().filter_map(|(point, value)| Some((point, value, last.get(point)?)));
            // Power alone may stand still in the coarse steps of some meters.
            let (mut any, mut same) = (false, true);
            for (point, value, before) in compared {
                any |= matches!(point.quantity, Quantity::Voltage | Quantity::Frequency);
                same &= value.to_bits() == before.to_bits();
            }
            let loaded = values().any(|(point, value)| {
                point.quantity == Quantity::ActivePower && value.abs() > LOAD
            });
            seen.push(verdict(meter, any, same, loaded));
            if !same || !any {
                last.extend(values().map(|(point, value)| (*point, *value)));
            }
        }
        seen
    }
}

fn verdict(meter: &MeterId, any: bool, same: bool, loaded: bool) -> Observation {
    let (code, subject) = (FlagCode::MeterStuck, meter.as_str());
    let seen = match (any, same) {
        (true, false) => Observation::gone(code, subject),
        (true, true) if loaded => {
            let message = format!(
                "Meter {meter} answers with exactly the same values again and again, under load. Homeowner: switch \
                 the meter's breaker off and on. Installer: replace the meter if that does not help."
            );
            Observation::holds(code, subject, message)
        }
        _ => Observation::unknown(code, subject),
    };
    seen.with(STUCK)
}
