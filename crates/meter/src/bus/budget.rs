//! Whether all meters of a bus fit into one second, and who is asked when they do not.

use std::time::Duration;

/// Share of the period that may be planned; the rest is for measurement, jitter and a retry.
const PLANNED_PERCENT: u32 = 90;

/// Which meter is asked in which poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Each meter is asked in one of this many polls.
    every: u32,
    /// The poll, modulo `every`, of each meter.
    turns: Vec<u32>,
    needed: Duration,
}

impl Schedule {
    /// The tightest schedule for meters whose polls take `costs`, in a period.
    ///
    /// Everything in each poll if it fits. Otherwise the fewest turns into which first-fit packs
    /// the meters; one that alone exceeds the period has a turn of its own and runs over it.
    #[must_use]
    pub fn new(costs: &[Duration], period: Duration) -> Self {
        let room = period * PLANNED_PERCENT / 100;
        let needed = costs.iter().sum();
        let mut loads: Vec<Duration> = Vec::new();
        let mut turns = Vec::with_capacity(costs.len());
        for cost in costs {
            let free = loads.iter().position(|load| *load + *cost <= room);
            let turn = free.unwrap_or(loads.len());
            if turn == loads.len() {
                loads.push(Duration::ZERO);
            }
            loads[turn] += *cost;
            turns.push(u32::try_from(turn).unwrap_or(u32::MAX));
        }
        let every = u32::try_from(loads.len()).unwrap_or(u32::MAX).max(1);
        Self {
            every,
            turns,
            needed,
        }
    }

    /// Each meter is asked in one of this many polls; 1 when everything fits.
    #[must_use]
    pub const fn every(&self) -> u32 {
        self.every
    }

    /// What a poll of all meters takes.
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn four_meters_of_two_blocks_nearly_fill_9600_baud() {
        let schedule = Schedule::new(&[ms(221); 4], SECOND);
        assert_eq!((schedule.every(), schedule.needed()), (1, ms(884)));
        assert!((0..4).all(|meter| schedule.is_turn(meter, 7)));
    }

    #[test]
    fn a_fifth_stretches_the_schedule_and_each_still_has_its_turn() {
        let schedule = Schedule::new(&[ms(221); 5], SECOND);
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
        let schedule = Schedule::new(&[ms(2300), ms(100)], SECOND);
        assert_eq!(schedule.every(), 2);
        assert!(schedule.is_turn(0, 0) && !schedule.is_turn(1, 0));
    }

    #[test]
    fn a_bus_without_meters_has_nothing_to_stretch() {
        assert_eq!(Schedule::new(&[], SECOND).every(), 1);
    }
}
