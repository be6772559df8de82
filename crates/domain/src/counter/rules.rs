//! What a counter can do at all, given the time that has passed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{WattHours, Watts};

/// A step may be this much larger than the largest plausible power allows.
const STEP_SLACK: f64 = 1.2;
/// The time assumed to have passed when nobody knows, such as over a restart without a clock.
const BLIND: Duration = Duration::from_hours(30 * 24);
/// No counter of a home reaches what the largest plausible power yields in this time.
const AGES: Duration = Duration::from_hours(50 * 8766);

/// What is known about a counter beforehand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CounterRules {
    /// Its smallest step.
    pub resolution: WattHours,
    /// The value at which it starts again from zero, where known.
    pub wrap: Option<WattHours>,
    /// The largest power that can flow through what it counts.
    pub max_power: Watts,
    /// How many readings in a row must agree before they are believed; at least 2.
    pub confirm: u16,
}

impl CounterRules {
    /// Five readings: under a minute at one reading every ten seconds.
    pub const DEFAULT_CONFIRM: u16 = 5;

    /// The largest believable step in this time.
    pub(super) fn bound(&self, age: Age) -> f64 {
        let hours = age.0.unwrap_or(BLIND.as_secs_f64()) / 3600.0;
        self.max_power.get() * hours * STEP_SLACK + 2.0 * self.resolution.get()
    }

    /// Whether a counter at `before` can stand at `after` when this time has passed.
    pub(super) fn may_follow(&self, before: f64, after: f64, age: Age) -> bool {
        let step = after - before;
        step >= -self.tolerance() && step <= self.bound(age)
    }

    pub(super) fn tolerance(&self) -> f64 {
        0.5 * self.resolution.get() + 1e-3
    }

    pub(super) fn ceiling(&self) -> f64 {
        self.max_power.get() * AGES.as_secs_f64() / 3600.0
    }

    pub(super) fn window(&self) -> usize {
        usize::from(self.confirm.max(2))
    }
}

/// Seconds since something; `None` when nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Age(pub(super) Option<f64>);

impl Age {
    pub(super) const NEW: Self = Self(Some(0.0));

    pub(super) fn grow(&mut self, elapsed: Option<Duration>) {
        self.0 = self
            .0
            .zip(elapsed)
            .map(|(age, more)| age + more.as_secs_f64());
    }
}
