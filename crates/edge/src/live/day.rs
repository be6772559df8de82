//! The last 24 hours as means of five minutes, for the small graph that needs no token.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use solthrive_domain::PowerFlow;

/// Length of an interval.
pub const STEP: Duration = Duration::from_secs(300);
const STEP_S: i64 = 300;
/// Intervals in 24 hours, the running one included.
const INTERVALS: usize = 288;

/// Power at one instant, or the mean of a minute, in W. `None`: not known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DayPoint {
    /// Production.
    pub solar: Option<f64>,
    /// Consumption.
    pub home: Option<f64>,
    /// Positive while importing.
    pub grid: Option<f64>,
    /// Positive while discharging.
    pub battery: Option<f64>,
}

impl From<&PowerFlow> for DayPoint {
    fn from(flow: &PowerFlow) -> Self {
        let [solar, home, grid, battery] =
            [flow.solar, flow.home, flow.grid, flow.battery].map(|power| power.map(f64::from));
        Self {
            solar,
            home,
            grid,
            battery,
        }
    }
}

/// 24 hours of means, oldest first, without holes: an interval without data has only `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct DaySpan {
    /// Start of the first interval.
    pub from: Timestamp,
    /// One entry each [`STEP`].
    pub points: Vec<DayPoint>,
}

/// Sums of the newest intervals. The last entry is interval `newest`; those before follow without holes.
#[derive(Debug, Default)]
pub(super) struct DayMeans {
    sums: VecDeque<Sums>,
    newest: i64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums([(f32, u16); 4]);

impl DayMeans {
    /// Adds a point that stands for `seconds` to its interval. One older than 24 hours is ignored; a later one makes room.
    pub(super) fn push(&mut self, at: Timestamp, seconds: u16, point: DayPoint) {
        let interval = at.as_second().div_euclid(STEP_S);
        let (DayMeans { sums, newest }, count) = (self, INTERVALS as i64);
        if sums.is_empty() || interval - *newest >= count {
            sums.clear();
            sums.push_back(Sums::default());
            *newest = interval;
        }
        while *newest < interval {
            if sums.len() == INTERVALS {
                sums.pop_front();
            }
            sums.push_back(Sums::default());
            *newest += 1;
        }
        let back = usize::try_from(*newest - interval).unwrap_or(usize::MAX);
        if back >= INTERVALS {
            return;
        }
        while sums.len() <= back {
            sums.push_front(Sums::default());
        }
        let index = sums.len() - 1 - back;
        sums[index].add(point, seconds);
    }

    /// The 24 hours that end with the interval of `now`.
    pub(super) fn span(&self, now: Timestamp) -> DaySpan {
        let last = now.as_second().div_euclid(STEP_S);
        let first = last - (INTERVALS as i64 - 1);
        let oldest = self.newest - (self.sums.len() as i64 - 1);
        let point = |interval: i64| {
            let index = usize::try_from(interval - oldest).ok();
            index
                .and_then(|index| self.sums.get(index))
                .map(Sums::means)
                .unwrap_or_default()
        };
        DaySpan {
            from: Timestamp::from_second(first * STEP_S).unwrap_or(Timestamp::UNIX_EPOCH),
            points: (first..=last).map(point).collect(),
        }
    }
}

impl Sums {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a graph of five-minute means needs no more than seven digits"
    )]
    fn add(&mut self, point: DayPoint, seconds: u16) {
        for ((sum, count), value) in
            self.0
                .iter_mut()
                .zip([point.solar, point.home, point.grid, point.battery])
        {
            if let Some(value) = value {
                *sum += value as f32 * f32::from(seconds);
                *count = count.saturating_add(seconds);
            }
        }
    }

    fn means(&self) -> DayPoint {
        let [solar, home, grid, battery] = self
            .0
            .map(|(sum, count)| (count > 0).then(|| f64::from(sum) / f64::from(count)));
        DayPoint {
            solar,
            home,
            grid,
            battery,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solar(watts: f64) -> DayPoint {
        DayPoint {
            solar: Some(watts),
            ..DayPoint::default()
        }
    }

    /// Second `second` of interval `interval`.
    fn at(interval: i64, second: i64) -> Timestamp {
        Timestamp::from_second(6_000_000 * STEP_S + interval * STEP_S + second).unwrap()
    }

    /// The known part of the 24 hours until interval `now`: how far back, and the mean.
    fn known(means: &DayMeans, now: i64) -> Vec<(usize, f64)> {
        let points = means.span(at(now, 0)).points;
        assert_eq!(points.len(), 288);
        let back = points.iter().rev().enumerate();
        back.filter_map(|(back, point)| Some((back, point.solar?)))
            .collect()
    }

    #[test]
    fn a_mean_is_of_what_was_known() {
        let mut means = DayMeans::default();
        means.push(at(0, 1), 1, solar(100.0));
        means.push(at(0, 2), 1, DayPoint::default());
        means.push(at(0, 3), 1, solar(300.0));
        assert_eq!(known(&means, 0), [(0, 200.0)]);
    }

    #[test]
    fn a_stored_minute_weighs_as_much_as_its_seconds() {
        let mut means = DayMeans::default();
        means.push(at(0, 0), 60, solar(100.0));
        means.push(at(0, 61), 1, solar(161.0));
        assert_eq!(known(&means, 0), [(0, 101.0)]);
    }

    #[test]
    fn a_pause_is_a_hole_and_the_old_goes() {
        let mut means = DayMeans::default();
        means.push(at(0, 0), 1, solar(1.0));
        means.push(at(3, 0), 1, solar(2.0));
        assert_eq!(known(&means, 3), [(0, 2.0), (3, 1.0)]);
        means.push(at(288, 0), 1, solar(3.0));
        assert_eq!(known(&means, 288), [(0, 3.0), (285, 2.0)]);
        assert_eq!(known(&means, 600), []);
    }

    #[test]
    fn what_comes_late_still_finds_its_place() {
        let mut means = DayMeans::default();
        means.push(at(5, 0), 1, solar(5.0));
        means.push(at(2, 0), 60, solar(2.0));
        means.push(at(5 - 288, 0), 60, solar(9.0));
        assert_eq!(
            known(&means, 5),
            [(0, 5.0), (3, 2.0)],
            "a day ago is too late"
        );
    }

    #[test]
    fn a_clock_that_starts_in_the_past_loses_nothing_when_it_is_set() {
        let mut means = DayMeans::default();
        means.push(at(-9_000, 0), 1, solar(1.0));
        means.push(at(0, 0), 60, solar(2.0));
        means.push(at(-9_000, 1), 1, solar(1.0));
        means.push(at(1, 0), 1, solar(3.0));
        assert_eq!(known(&means, 1), [(0, 3.0), (1, 2.0)]);
    }
}
