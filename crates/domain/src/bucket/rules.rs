//! When samples follow each other, and what a total can do at all.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::telemetry::{MicroWattHours, MilliWatts};

/// The settings of a site's rollup. Buckets made under different rules differ, so a change of the
/// rules means making them anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollupRules {
    /// Samples farther apart than this do not follow each other: there is a gap between them.
    #[serde(with = "crate::millis")]
    pub longest_step: Duration,
    /// The largest power any line of a home can carry.
    pub max_power: MilliWatts,
    /// A total may be this much ahead of what the largest power allows, or fall back by this much
    /// without having started anew: two steps of a coarse counter, or what a crash of the
    /// appliance can take from its ledger.
    pub slack: MicroWattHours,
    /// A total that stands still while power flows may be waiting for its next step for this long.
    #[serde(with = "crate::millis")]
    pub longest_wait: Duration,
    /// For this long after a gap the ledger may still add what flowed in it: it waits until the
    /// meter's counter has confirmed itself.
    #[serde(with = "crate::millis")]
    pub settling: Duration,
    /// A rise after a gap that exceeds the measured power by this much is such an addition.
    pub catch_up: MicroWattHours,
    /// Gaps with less than `settling` between them count as one, as far back as this.
    #[serde(with = "crate::millis")]
    pub longest_hull: Duration,
    /// Over a longer gap than this, nothing is said.
    #[serde(with = "crate::millis")]
    pub longest_gap: Duration,
}

impl RollupRules {
    const LEAST_STEP: Duration = Duration::from_mins(2);
    /// Samples farther apart than this say nothing about where in a quarter a step belongs.
    const COARSE: Duration = Duration::from_mins(5);

    /// For a site that sends at this interval: two samples in a row may be missing, and a minute
    /// is never a gap.
    #[must_use]
    pub fn for_interval(interval: Duration) -> Self {
        let rules = Self {
            longest_step: Self::LEAST_STEP.max(interval * 3),
            ..Self::default()
        };
        if interval <= Self::COARSE {
            return rules;
        }
        Self {
            longest_wait: Duration::ZERO,
            ..rules
        }
    }

    /// The largest believable rise of a total in so many ms, µWh.
    pub(super) fn allowed(&self, span_ms: i64) -> i64 {
        // A mW for 3600 ms is a µWh.
        let energy = i64::from(self.max_power.get()).saturating_mul(span_ms) / 3600;
        energy.saturating_add(self.slack.get())
    }
}

impl Default for RollupRules {
    fn default() -> Self {
        Self {
            longest_step: Self::LEAST_STEP,
            max_power: MilliWatts::new(100_000_000),
            slack: MicroWattHours::new(200_000_000),
            longest_wait: Duration::from_mins(30),
            settling: Duration::from_mins(10),
            catch_up: MicroWattHours::new(50_000_000),
            longest_hull: Duration::from_hours(24),
            longest_gap: Duration::from_hours(366 * 24),
        }
    }
}

/// A length of the rules in ms.
pub(super) fn ms(span: Duration) -> i64 {
    let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    seconds
        .saturating_mul(1000)
        .saturating_add(span.subsec_millis().into())
}
