//! Energy between two power samples, told apart by direction.

use std::time::Duration;

/// Energy in Wh that flowed each way.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct BothWays {
    pub(crate) positive: f64,
    pub(crate) negative: f64,
}

/// Power goes straight from one sample to the next; where it crosses zero, each side counts for itself.
pub(crate) fn between(from: f64, to: f64, span: Duration) -> BothWays {
    let hours = span.as_secs_f64() / 3600.0;
    if from * to >= 0.0 {
        let energy = (from + to) / 2.0 * hours;
        return BothWays {
            positive: energy.max(0.0),
            negative: (-energy).max(0.0),
        };
    }
    let crossing = from / (from - to);
    let (before, after) = (
        from / 2.0 * crossing * hours,
        to / 2.0 * (1.0 - crossing) * hours,
    );
    BothWays {
        positive: before.max(0.0) + after.max(0.0),
        negative: (-before).max(0.0) + (-after).max(0.0),
    }
}
