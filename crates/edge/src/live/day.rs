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
