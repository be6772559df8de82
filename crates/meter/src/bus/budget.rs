//! Whether all meters of a bus fit into one second, and who is asked when they do not.
//!
//! Time is dealt out in turns, of one instant of the grid each. A meter whose poll alone takes longer
//! than the period has as many as it needs: those that pass meanwhile are planned, not missed.

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
    /// Each meter is asked in one of this many instants.
    every: u32,
    /// Its numbers are at most this many instants apart.
    interval: u32,
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
    /// Otherwise the turns into which first-fit packs the meters, the longest first.
    #[must_use]
    pub fn new(costs: &[PollCost], period: Duration, slow_every: Duration) -> Self {
        let room = period * PLANNED_PERCENT / 100;
        let polls = slow_every.as_nanos() / period.as_nanos().max(1);
        let polls = usize::try_from(polls).unwrap_or(usize::MAX).max(1);
        let full_at_once = costs.len().div_ceil(polls).max(1);
        let mut loads: Vec<Load> = Vec::new();
        let mut turns = vec![0; costs.len()];
        let mut by_length: Vec<usize> = (0..costs.len()).collect();
        by_length.sort_by_key(|meter| std::cmp::Reverse(costs[*meter].fast));
        let mut every = 0u32;
        for meter in by_length {
            let cost = costs[meter];
            let fits = |load: &Load| {
                let polls = load.polls.iter().chain([&cost]).copied();
                longest(polls, full_at_once) <= room * load.instants
            };
            let load = loads.iter().position(fits).unwrap_or(loads.len());
            if load == loads.len() {
                let instants = instants(cost.fast, period);
                loads.push(Load {
                    first: every,
                    instants,
                    polls: Vec::new(),
                });
                every = every.saturating_add(instants);
            }
            loads[load].polls.push(cost);
            turns[meter] = loads[load].first;
        }
        let needed = longest(costs.iter().copied(), full_at_once);
        let every = every.max(1);
        Self {
            every,
            interval: every.max(instants(needed, period)),
            turns,
            full_at_once,
            needed,
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

    /// A meter's numbers are at most this many polls apart: more than `every` where a poll with
    /// counters runs over the next instant.
    #[must_use]
    pub const fn interval(&self) -> u32 {
        self.interval
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

/// Meters that are asked in the same poll.
struct Load {
    /// The instant of that poll, modulo `every`.
    first: u32,
    /// Instants that it takes.
    instants: u32,
    polls: Vec<PollCost>,
}

/// Instants of the grid that pass before something that takes `span` is over.
fn instants(span: Duration, period: Duration) -> u32 {
    let instants = span.as_nanos().div_ceil(period.as_nanos().max(1));
    u32::try_from(instants).unwrap_or(u32::MAX).max(1)
}

/// Instants that a poll of `planned` length may run over without having gone wrong: those that it
/// has to, and one if it was planned to end too close to it.
pub(super) fn run_over(planned: Duration, period: Duration) -> u64 {
    u64::from(instants(planned, period * PLANNED_PERCENT / 100) - 1)
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
    fn a_meter_longer_than_the_period_has_the_turns_that_it_needs() {
        let alone = Schedule::new(&[even(2300)], SECOND, SLOW);
        assert_eq!((alone.every(), alone.interval()), (3, 3));
        let polls = (0..9).filter(|tick| alone.is_turn(0, *tick));
        assert_eq!(polls.collect::<Vec<_>>(), [0, 3, 6]);
    }

    #[test]
    fn a_short_meter_is_asked_in_what_a_long_one_leaves_of_its_turns() {
        let schedule = Schedule::new(&[even(100), even(2300)], SECOND, SLOW);
        assert_eq!(schedule.every(), 3);
        assert!(schedule.is_turn(0, 3) && schedule.is_turn(1, 3));
        let schedule = Schedule::new(&[even(800), even(2300)], SECOND, SLOW);
        assert_eq!(schedule.every(), 4);
        assert!(!schedule.is_turn(0, 4) && schedule.is_turn(0, 3));
    }

    #[test]
    fn a_poll_that_is_too_long_with_its_counters_only_is_still_made_each_second() {
        let cost = PollCost {
            fast: ms(600),
            full: ms(1300),
        };
        let schedule = Schedule::new(&[cost], SECOND, SLOW);
        assert_eq!((schedule.every(), schedule.interval()), (1, 2));
        assert_eq!(
            (run_over(ms(600), SECOND), run_over(ms(1300), SECOND)),
            (0, 1)
        );
        assert_eq!(run_over(ms(950), SECOND), 1, "too close to the next");
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
