//! How long a unit takes to answer, measured so that the master can sleep once and be right.
//!
//! The master sleeps until the answer should be complete, so it seldom sees *when* it came. A few
//! exchanges are therefore measured byte by byte: the first ones, one in [`MEASURE_EVERY`] later,
//! and each one whose answer was not there after the sleep.

use std::time::Duration;

/// Samples kept.
const WINDOW: usize = 16;
/// Samples before the estimate is used.
const ENOUGH: usize = 3;
/// Exchanges between two deliberate measurements, each of which costs a wait or more. Rarely while
/// they find what is slept for; a meter that became slower is noticed without them.
const MEASURE_EVERY: u32 = 60;
const MEASURE_STEADY_EVERY: u32 = 600;
/// Sleeping longer than the last measurement by less than this, or by less than a quarter, is steady.
const STEADY: Duration = Duration::from_millis(5);
/// Added to the estimate: what scheduling of a quiet machine adds to a wake-up.
const SLACK: Duration = Duration::from_micros(500);

/// Measured turnaround of one unit.
#[derive(Debug, Clone, Default)]
pub struct Turnaround {
    samples: [Duration; WINDOW],
    taken: usize,
    since_measured: u32,
    measure_every: u32,
}

impl Turnaround {
    /// The sleep that nearly always suffices: the second largest of the last samples, so that one
    /// hiccup does not lengthen every poll. `None` until there are a few.
    #[must_use]
    pub fn estimate(&self) -> Option<Duration> {
        let mut kept = self.samples;
        let kept = &mut kept[..self.taken.min(WINDOW)];
        if kept.len() < ENOUGH {
            return None;
        }
        kept.sort_unstable();
        Some(kept[kept.len() - 2] + SLACK)
    }

    /// Whether the next exchange should be measured instead of slept through.
    #[must_use]
    pub const fn wants_measurement(&self) -> bool {
        self.taken < ENOUGH || self.since_measured >= self.measure_every
    }

    /// An answer was there when the sleep ended.
    pub const fn in_time(&mut self) {
        self.since_measured = self.since_measured.saturating_add(1);
    }

    /// An answer was complete this long after the request, its own wire time not counted.
    pub fn measured(&mut self, turnaround: Duration) {
        self.samples[self.taken % WINDOW] = turnaround;
        // Beyond the window only the position matters.
        self.taken = if self.taken + 1 == 2 * WINDOW {
            WINDOW
        } else {
            self.taken + 1
        };
        self.since_measured = 0;
        let longer = self.estimate().map(|it| it.saturating_sub(turnaround));
        let steady = longer.is_some_and(|longer| longer <= STEADY.max(turnaround / 4));
        self.measure_every = if steady {
            MEASURE_STEADY_EVERY
        } else {
            MEASURE_EVERY
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn nothing_is_assumed_before_it_was_measured() {
        let mut unit = Turnaround::default();
        assert_eq!(unit.estimate(), None);
        unit.measured(ms(20));
        unit.measured(ms(20));
        assert_eq!(unit.estimate(), None);
        assert!(unit.wants_measurement());
        unit.measured(ms(20));
        assert_eq!(unit.estimate(), Some(ms(20) + SLACK));
        assert!(!unit.wants_measurement());
    }

    #[test]
    fn one_hiccup_does_not_lengthen_every_sleep() {
        let mut unit = Turnaround::default();
        for _ in 0..10 {
            unit.measured(ms(20));
        }
        unit.measured(ms(400));
        assert_eq!(unit.estimate(), Some(ms(20) + SLACK));
    }

    #[test]
    fn a_meter_that_became_slower_is_followed_and_a_quicker_one_too() {
        let mut unit = Turnaround::default();
        for turnaround in [20, 20, 20, 45, 46] {
            unit.measured(ms(turnaround));
        }
        assert_eq!(unit.estimate(), Some(ms(45) + SLACK));
        for _ in 0..100 {
            unit.measured(ms(8));
        }
        assert_eq!(unit.estimate(), Some(ms(8) + SLACK));
    }

    #[test]
    fn a_steady_meter_is_measured_rarely_and_one_that_became_quicker_soon_again() {
        let in_time = |unit: &mut Turnaround| {
            (0..)
                .take_while(|_| {
                    let asleep = !unit.wants_measurement();
                    unit.in_time();
                    asleep
                })
                .count()
        };
        let mut unit = Turnaround::default();
        for _ in 0..ENOUGH {
            unit.measured(ms(30));
        }
        assert_eq!(in_time(&mut unit), 600);
        unit.measured(ms(12));
        assert_eq!(in_time(&mut unit), 60);
        for _ in 0..WINDOW {
            unit.measured(ms(12));
        }
        assert_eq!(in_time(&mut unit), 600);
    }
}
