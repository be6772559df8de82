//! How far apart samples come, and how long to wait for one before something is missing.
//!
//! The configuration says how often a meter shall be asked, and its bus how often it can be. Both are
//! plans: what comes of them is measured too.

use std::collections::VecDeque;
use std::time::Duration;

use crate::Mono;

/// The time between two samples while all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cadence(Duration);

impl Cadence {
    /// A sample in each such time.
    #[must_use]
    pub const fn every(interval: Duration) -> Self {
        Self(interval)
    }

    /// The time between two samples.
    #[must_use]
    pub const fn interval(self) -> Duration {
        self.0
    }

    /// How long to wait for a sample: `least`, and longer where that would take every second sample
    /// for missing. One sample may be lost, two may not.
    #[must_use]
    pub fn patience(self, least: Duration) -> Duration {
        least.max(self.0 * 5 / 2)
    }
}

/// How long it is remembered that samples came farther apart than planned. A bus may be slow only
/// while it reads the counters as well, which need not be often.
const MEMORY: Duration = Duration::from_mins(5);
/// And for at least so many planned intervals.
const MEMORY_INTERVALS: u32 = 8;
/// No schedule stretches farther, whatever was measured; only the configuration may ask for more.
const LONGEST: Duration = Duration::from_mins(1);

/// Measures the cadence of one meter.
///
/// It is the planned one, unless samples came farther apart twice within the memory and without any
/// failure between them: then it is the second longest time that was seen. A failure is never taken
/// for slowness, and neither is a bus that hangs once.
#[derive(Debug, Clone)]
pub struct Rhythm {
    planned: Duration,
    last: Option<Mono>,
    /// Times between samples that were longer than planned, and when they ended.
    longer: VecDeque<(Mono, Duration)>,
    cadence: Cadence,
}

impl Rhythm {
    /// Nothing is measured yet.
    #[must_use]
    pub const fn planned(planned: Cadence) -> Self {
        Self {
            planned: planned.0,
            last: None,
            longer: VecDeque::new(),
            cadence: planned,
        }
    }

    /// The plan is another now, such as when a bus has found out what its polls cost.
    pub fn plan(&mut self, planned: Cadence) {
        self.planned = planned.0;
        self.measure();
    }

    /// A sample of `at` came.
    pub fn heard(&mut self, at: Mono) {
        let apart = self.last.replace(at).map(|last| at.since(last));
        if let Some(apart) = apart.filter(|apart| *apart > self.planned * 5 / 4) {
            self.longer.push_back((at, apart));
        }
        let memory = MEMORY.max(self.planned * MEMORY_INTERVALS);
        while self
            .longer
            .front()
            .is_some_and(|(seen, _)| at.since(*seen) > memory)
        {
            self.longer.pop_front();
        }
        self.measure();
    }

    /// A sample did not come: how long the next one takes says nothing about the schedule.
    pub const fn missed(&mut self) {
        self.last = None;
    }

    /// How far apart the samples come.
    #[must_use]
    pub const fn cadence(&self) -> Cadence {
        self.cadence
    }

    fn measure(&mut self) {
        let usual = second(self.longer.iter().map(|(_, apart)| *apart)).min(LONGEST);
        self.cadence = Cadence(self.planned.max(usual));
    }
}

/// The second longest; zero with fewer than two.
fn second(spans: impl Iterator<Item = Duration>) -> Duration {
    let (_, second) = spans.fold((Duration::ZERO, Duration::ZERO), |(first, second), span| {
        (first.max(span), second.max(first.min(span)))
    });
    second
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What is measured after samples with these times in ms between them; 0 is a failure.
    fn measured(planned: Duration, apart: impl IntoIterator<Item = u64>) -> Duration {
        let mut rhythm = Rhythm::planned(Cadence::every(planned));
        let mut at = Mono::ZERO + secs(100);
        rhythm.heard(at);
        for ms in apart {
            if ms == 0 {
                rhythm.missed();
                continue;
            }
            at = at + Duration::from_millis(ms);
            rhythm.heard(at);
        }
        rhythm.cadence().interval()
    }

    #[test]
    fn patience_bears_one_lost_sample_and_never_less_than_asked_for() {
        assert_eq!(Cadence::every(secs(1)).patience(secs(3)), secs(3));
        assert_eq!(Cadence::every(secs(10)).patience(secs(3)), secs(25));
    }

    #[test]
    fn a_meter_that_comes_as_planned_has_the_planned_cadence() {
        assert_eq!(measured(secs(1), [990, 1010, 1000, 1100]), secs(1));
        assert_eq!(measured(secs(5), [5000, 4990, 5010]), secs(5));
    }

    #[test]
    fn a_bus_that_needs_three_seconds_is_found_out_with_the_second_one() {
        assert_eq!(measured(secs(1), [3000]), secs(1));
        assert_eq!(measured(secs(1), [3000, 3000]), secs(3));
    }

    #[test]
    fn a_bus_that_is_slow_only_with_counters_is_as_slow_as_then() {
        let minute = [1000; 57].into_iter().chain([4000]);
        let cycle: Vec<_> = minute.clone().chain(minute).chain([1000; 57]).collect();
        assert_eq!(measured(secs(1), cycle), secs(4));
    }

    #[test]
    fn a_new_plan_counts_at_once() {
        let mut rhythm = Rhythm::planned(Cadence::every(secs(1)));
        rhythm.plan(Cadence::every(secs(7)));
        assert_eq!(rhythm.cadence().interval(), secs(7));
        rhythm.plan(Cadence::every(secs(1)));
        assert_eq!(rhythm.cadence().interval(), secs(1));
    }

    #[test]
    fn one_hang_is_no_schedule() {
        assert_eq!(measured(secs(1), [1000, 1000, 40_000, 1000, 1000]), secs(1));
    }

    #[test]
    fn silence_after_a_failure_is_no_schedule_however_often() {
        let flaky = [1000, 0, 30_000].repeat(20);
        assert_eq!(measured(secs(1), flaky), secs(1));
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let slow_then_quick = [3000; 10].into_iter().chain([1000; 301]);
        assert_eq!(measured(secs(1), slow_then_quick), secs(1));
    }

    #[test]
    fn hangs_never_stretch_patience_beyond_bounds() {
        assert_eq!(measured(secs(1), [200_000, 200_000]), LONGEST);
        assert_eq!(measured(secs(120), [120_000, 120_000]), secs(120));
    }
}
