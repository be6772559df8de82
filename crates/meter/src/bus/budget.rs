//! Whether all meters of a bus fit into one second, and who is asked when they do not.

use std::time::Duration;

/// Share of the period that may be planned; the rest is for measurement, jitter and a retry.
const PLANNED_PERCENT: u32 = 90;

/// What a meter's polls cost on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PollCost {
    /// A poll of the fast points.
    pub fast: Duration,
    /// A poll of everything.
    pub full: Duration,
}

impl PollCost {
    fn extra(self) -> Duration {
        self.full.saturating_sub(self.fast)
    }
}

/// Which meter is asked in which poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Each meter is asked in one of this many polls.
    every: u32,
    /// The poll, modulo `every`, of each meter.
    turns: Vec<u32>,
    /// Meters that may be read in full in one poll.
    full_at_once: usize,
    needed: Duration,
}

impl Schedule {
    /// The tightest schedule for meters whose polls take `costs`, in a period, each to be read in
    /// full every `slow_every`.
    ///
    /// Full reads are spread, as few in one poll as possible. Everything in each poll if it fits.
    /// Otherwise the fewest turns into which first-fit packs the meters; one that alone exceeds the
    /// period has a turn of its own and runs over it.
    #[must_use]
    pub fn new(costs: &[PollCost], period: Duration, slow_every: Duration) -> Self {
        let room = period * PLANNED_PERCENT / 100;
        let polls = slow_every.as_nanos() / period.as_nanos().max(1);
        let polls = usize::try_from(polls).unwrap_or(usize::MAX).max(1);
        let full_at_once = costs.len().div_ceil(polls).max(1);
        let mut loads: Vec<Vec<PollCost>> = Vec::new();
        let mut turns = Vec::with_capacity(costs.len());
        for cost in costs {
            let fits = |load: &Vec<PollCost>| {
                longest(load.iter().chain([cost]).copied(), full_at_once) <= room
            };
            let turn = loads.iter().position(fits).unwrap_or(loads.len());
            if turn == loads.len() {
                loads.push(Vec::new());
            }
            loads[turn].push(*cost);
            turns.push(u32::try_from(turn).unwrap_or(u32::MAX));
        }
        let every = u32::try_from(loads.len()).unwrap_or(u32::MAX).max(1);
        Self {
            every,
            turns,
            full_at_once,
            needed: longest(costs.iter().copied(), full_at_once),
        }
    }

    /// How many meters may be read in full in one poll, so that counters do not all come at once.
    #[must_use]
    pub const fn full_at_once(&self) -> usize {
        self.full_at_once
    }

    /// Each meter is asked in one of this many polls; 1 when everything fits.
    #[must_use]
    pub const fn every(&self) -> u32 {
        self.every
    }

    /// What a poll of all meters takes at its longest.
    #[must_use]
    pub const fn needed(&self) -> Duration {
        self.needed
    }

    /// Whether it is this meter's turn in this poll.
    #[must_use]
    pub fn is_turn(&self, meter: usize, tick: u64) -> bool {
        self.turns
            .get(meter)
            .is_none_or(|turn| tick % u64::from(self.every) == u64::from(*turn))
    }
}

/// A poll of all these meters, `full_at_once` of them in full.
fn longest(costs: impl Iterator<Item = PollCost> + Clone, full_at_once: usize) -> Duration {
    let mut extra: Vec<Duration> = costs.clone().map(PollCost::extra).collect();
    extra.sort_unstable_by(|a, b| b.cmp(a));
    let fast: Duration = costs.map(|cost| cost.fast).sum();
    fast + extra.into_iter().take(full_at_once).sum::<Duration>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Duration = Duration::from_secs(10);
    const fn even(n: u64) -> PollCost {
        PollCost {
            fast: ms(n),
            full: ms(n),
        }
    }
    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn four_meters_of_two_blocks_nearly_fill_9600_baud() {
        let schedule = Schedule::new(&[even(221); 4], SECOND, SLOW);
        assert_eq!((schedule.every(), schedule.needed()), (1, ms(884)));
        assert!((0..4).all(|meter| schedule.is_turn(meter, 7)));
    }

    #[test]
    fn a_fifth_stretches_the_schedule_and_each_still_has_its_turn() {
        let schedule = Schedule::new(&[even(221); 5], SECOND, SLOW);
        assert_eq!(schedule.every(), 2);
        for meter in 0..5 {
            assert_eq!(
                (10..12)
                    .filter(|tick| schedule.is_turn(meter, *tick))
                    .count(),
                1
            );
        }
        assert_eq!(
            (0..5).filter(|meter| schedule.is_turn(*meter, 0)).count(),
            4
        );
    }

    #[test]
    fn a_meter_longer_than_the_period_has_a_turn_of_its_own() {
        let schedule = Schedule::new(&[even(2300), even(100)], SECOND, SLOW);
        assert_eq!(schedule.every(), 2);
        assert!(schedule.is_turn(0, 0) && !schedule.is_turn(1, 0));
    }

    #[test]
    fn a_bus_without_meters_has_nothing_to_stretch() {
        assert_eq!(Schedule::new(&[], SECOND, SLOW).every(), 1);
    }

    #[test]
    fn counters_are_read_of_one_meter_at_a_time() {
        let cost = PollCost {
            fast: ms(150),
            full: ms(400),
        };
        let schedule = Schedule::new(&[cost; 4], SECOND, SLOW);
        assert_eq!((schedule.every(), schedule.full_at_once()), (1, 1));
        assert_eq!(schedule.needed(), ms(4 * 150 + 250));
    }

    #[test]
    fn more_meters_than_polls_share_them() {
        let schedule = Schedule::new(&[even(10); 25], SECOND, SLOW);
        assert_eq!(schedule.full_at_once(), 3);
        assert_eq!(
            Schedule::new(&[even(10); 3], SECOND, Duration::ZERO).full_at_once(),
            3
        );
    }
}
