//! Mean and extremes of a quantity, exact whatever the order in which they were collected.

use serde::{Deserialize, Serialize};

use crate::Stat;

/// How a quantity moved, in its integer steps (mW, mV).
///
/// The mean is over time, not over samples: an hour watched at one sample a second does not weigh
/// more than an hour at one a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swing {
    /// Smallest value.
    pub min: i32,
    /// Largest value.
    pub max: i32,
    /// Steps times ms over the time in which samples followed each other.
    pub area: i64,
    /// That time, ms.
    pub weight_ms: u32,
}

impl Swing {
    /// Of one sample, which has no length.
    pub(super) const fn at(value: i32) -> Self {
        Self {
            min: value,
            max: value,
            area: 0,
            weight_ms: 0,
        }
    }

    /// Takes a sample.
    pub(super) fn see(swing: &mut Option<Self>, value: i32) {
        match swing {
            Some(swing) => {
                swing.min = swing.min.min(value);
                swing.max = swing.max.max(value);
            }
            None => *swing = Some(Self::at(value)),
        }
    }

    /// Takes a stretch of the line between two samples; its ends are values like those of samples,
    /// so the mean always lies between the extremes.
    pub(super) fn hold(swing: &mut Option<Self>, ends: (i32, i32), area: i64, span_ms: u32) {
        let swing = swing.get_or_insert(Self::at(ends.0));
        swing.min = swing.min.min(ends.0.min(ends.1));
        swing.max = swing.max.max(ends.0.max(ends.1));
        swing.area += area;
        swing.weight_ms += span_ms;
    }

    /// In units, of which `steps` make one. Samples that nothing followed have no mean over time;
    /// the middle of their extremes stands for it.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "an area is far below 2^53 steps"
    )]
    pub fn stat(&self, steps: f64) -> Stat {
        let (min, max) = (f64::from(self.min) / steps, f64::from(self.max) / steps);
        let mean = if self.weight_ms == 0 {
            f64::midpoint(min, max)
        } else {
            self.area as f64 / f64::from(self.weight_ms) / steps
        };
        Stat { mean, min, max }
    }
}
