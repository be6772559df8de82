//! How far polls are from their instants on the grid.

use std::time::Duration;

use serde::Serialize;

/// Polls over which the percentiles are taken: ten minutes at one a second.
const WINDOW: usize = 600;

/// Deviations of the last polls, and what was missed since the start.
#[derive(Debug, Clone, Default)]
pub struct Drift {
    /// Microseconds, a ring.
    window: Vec<u32>,
    next: usize,
    /// Polls since the start.
    pub polls: u64,
    /// Instants of the grid that passed without a poll, because the one before took too long.
    pub missed: u64,
    /// The largest deviation since the start.
    pub max: Duration,
}

/// As shown to people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct DriftShown {
    /// Median of the last ten minutes.
    pub p50_ms: f64,
    /// 99th percentile of the last ten minutes.
    pub p99_ms: f64,
    /// Largest since the start.
    pub max_ms: f64,
    /// Polls since the start.
    pub polls: u64,
    /// Instants without a poll since the start.
    pub missed: u64,
}

impl Drift {
    /// A poll began this far from its instant, after `skipped` instants without one.
    pub fn note(&mut self, deviation: Duration, skipped: u64) {
        let micros = u32::try_from(deviation.as_micros()).unwrap_or(u32::MAX);
        if self.window.len() < WINDOW {
            self.window.push(micros);
        } else if let Some(oldest) = self.window.get_mut(self.next) {
            *oldest = micros;
        }
        self.next = (self.next + 1) % WINDOW;
        self.polls += 1;
        self.missed += skipped;
        self.max = self.max.max(deviation);
    }

    /// The deviation that this share of the last polls does not exceed; zero before the first.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.window.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        Duration::from_micros(sorted.get(rank).copied().unwrap_or(0).into())
    }

    /// For people.
    #[must_use]
    pub fn shown(&self) -> DriftShown {
        let ms = |span: Duration| (span.as_secs_f64() * 1e6).round() / 1e3;
        DriftShown {
            p50_ms: ms(self.percentile(50)),
            p99_ms: ms(self.percentile(99)),
            max_ms: ms(self.max),
            polls: self.polls,
            missed: self.missed,
        }
    }
}

impl Serialize for Drift {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.shown().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_last_ten_minutes_and_the_worst_of_all_time() {
        let mut drift = Drift::default();
        drift.note(Duration::from_secs(3), 2);
        for _ in 0..WINDOW {
            drift.note(Duration::from_millis(1), 0);
        }
        assert_eq!(drift.percentile(99), Duration::from_millis(1));
        assert_eq!(drift.max, Duration::from_secs(3));
        assert_eq!((drift.polls, drift.missed), (601, 2));
    }

    #[test]
    fn one_poll_in_a_hundred_shows_at_p99_and_not_at_p50() {
        let mut drift = Drift::default();
        for poll in 0..100 {
            drift.note(Duration::from_millis(if poll < 2 { 50 } else { 1 }), 0);
        }
        assert_eq!(drift.percentile(50), Duration::from_millis(1));
        assert_eq!(drift.percentile(99), Duration::from_millis(50));
    }
}
