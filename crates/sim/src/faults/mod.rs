//! Faults on command: which there are, how long they last, and how chance decides.
//!
//! Faults of the wire are drawn for each reply. Faults of a state (a clamp, a tap, the supply) are
//! drawn for each second of their life, so a loose contact can be had with a probability below 1.

mod spec;

use std::time::Duration;

use serde::Serialize;

use crate::home::Disturbance;
use crate::meter::InputFaults;
use crate::meter::measure::slot;
use crate::rng::Rng;

pub use spec::{BadFault, FaultKind, FaultSpec, Place};

/// A fault at work.
#[derive(Debug, Clone, Serialize)]
pub struct ActiveFault {
    /// Its number, to end it.
    pub id: u64,
    /// As ordered.
    #[serde(flatten)]
    pub spec: FaultSpec,
    /// Replies it has spoilt.
    pub spoilt: u32,
    #[serde(skip)]
    since: Duration,
    #[serde(skip)]
    rng: Rng,
    #[serde(skip)]
    seed: u64,
}

impl ActiveFault {
    fn is_over(&self, now: Duration) -> bool {
        let late = self
            .spec
            .seconds
            .is_some_and(|seconds| now.saturating_sub(self.since).as_secs_f64() >= seconds);
        late || self.spec.count.is_some_and(|count| self.spoilt >= count)
    }

    /// Whether a fault of state holds in this second.
    fn holds(&self, now: Duration) -> bool {
        let second = now.saturating_sub(self.since).as_secs();
        now >= self.since
            && !self.is_over(now)
            && Rng::of(self.seed, &[second]).chance(self.spec.probability)
    }
}

/// Every fault at work.
#[derive(Debug, Clone, Default)]
pub struct FaultBoard {
    active: Vec<ActiveFault>,
    seed: u64,
    next_id: u64,
}

impl FaultBoard {
    /// None yet; faults without a seed of their own draw from this one.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            active: Vec::new(),
            seed,
            next_id: 1,
        }
    }

    /// Begins a fault.
    ///
    /// # Errors
    /// [`BadFault`] when its options do not fit its kind.
    pub fn begin(&mut self, spec: FaultSpec, now: Duration) -> Result<u64, BadFault> {
        spec.check()?;
        let id = self.next_id;
        self.next_id += 1;
        let seed = spec
            .seed
            .unwrap_or_else(|| Rng::of(self.seed, &[61, id]).next_u64());
        self.active.push(ActiveFault {
            id,
            spec,
            spoilt: 0,
            since: now,
            rng: Rng::new(seed),
            seed,
        });
        Ok(id)
    }

    /// Ends one; false when there is none of that number.
    pub fn end(&mut self, id: u64) -> bool {
        let before = self.active.len();
        self.active.retain(|fault| fault.id != id);
        self.active.len() < before
    }

    /// Ends all.
    pub fn clear(&mut self) {
        self.active.clear();
    }

    /// What is at work at an instant.
    pub fn current(&mut self, now: Duration) -> &[ActiveFault] {
        self.active.retain(|fault| !fault.is_over(now));
        &self.active
    }

    /// Draws which faults of the wire spoil this reply of a meter.
    pub fn spoil(&mut self, unit: u8, now: Duration) -> Vec<FaultSpec> {
        self.active.retain(|fault| !fault.is_over(now));
        let mut drawn = Vec::new();
        for fault in self
            .active
            .iter_mut()
            .filter(|fault| is_of_the_wire(fault.spec.kind) && fault.spec.concerns(unit))
        {
            if fault.rng.chance(fault.spec.probability) {
                fault.spoilt += 1;
                drawn.push(fault.spec.clone());
            }
        }
        drawn
    }

    /// What disturbs the supply.
    #[must_use]
    pub fn disturbance(&self, now: Duration) -> Disturbance {
        let mut disturbance = Disturbance::default();
        for fault in self.holding(now) {
            match fault.spec.kind {
                FaultKind::OpenNeutral => disturbance.open_neutral = true,
                FaultKind::VoltageSag => {
                    let depth = fault.spec.depth.unwrap_or(0.2);
                    let only = fault.spec.input().and_then(slot);
                    for (leg, sag) in disturbance.sag.iter_mut().enumerate() {
                        if only.is_none_or(|only| only == leg) {
                            *sag = sag.max(depth);
                        }
                    }
                }
                _ => {}
            }
        }
        disturbance
    }

    /// What is wrong with a meter's inputs, and whether it is stuck.
    #[must_use]
    pub fn of_meter(&self, unit: u8, now: Duration) -> (InputFaults, bool) {
        let (mut faults, mut stuck) = (InputFaults::default(), false);
        for fault in self.holding(now).filter(|fault| fault.spec.concerns(unit)) {
            let place = fault.spec.input().and_then(slot);
            match (fault.spec.kind, place) {
                (FaultKind::Stuck, _) => stuck = true,
                (FaultKind::CtReversed, Some(place)) => faults.reversed[place] = true,
                (FaultKind::CtUnplugged, Some(place)) => faults.unplugged[place] = true,
                (FaultKind::MissingLeg, Some(leg)) if leg < 3 => faults.tap_missing[leg] = true,
                _ => {}
            }
        }
        (faults, stuck)
    }

    /// When the adapter is plugged in again, while it is out.
    #[must_use]
    pub fn unplugged_until(&self, now: Duration) -> Option<Duration> {
        let out = self
            .active
            .iter()
            .filter(|fault| fault.spec.kind == FaultKind::Unplug && !fault.is_over(now));
        out.filter_map(|fault| Some(fault.since + Duration::from_secs_f64(fault.spec.seconds?)))
            .max()
    }

    fn holding(&self, now: Duration) -> impl Iterator<Item = &ActiveFault> {
        self.active.iter().filter(move |fault| fault.holds(now))
    }
}

const fn is_of_the_wire(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::NoReply
            | FaultKind::Delay
            | FaultKind::Crc
            | FaultKind::Exception
            | FaultKind::Garbage
            | FaultKind::WrongUnit
            | FaultKind::Truncated
            | FaultKind::Doubled
            | FaultKind::Echo
            | FaultKind::WrongLength
            | FaultKind::CounterGlitch
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_fault_ends_with_its_time_or_its_count() {
        let mut board = FaultBoard::new(1);
        board
            .begin(FaultSpec::new(FaultKind::NoReply).lasting(5.0), secs(10))
            .unwrap();
        board
            .begin(FaultSpec::new(FaultKind::Crc).times(1), secs(10))
            .unwrap();
        assert_eq!(board.spoil(1, secs(11)).len(), 2);
        assert_eq!(
            board.spoil(1, secs(12)).len(),
            1,
            "the second was for one reply"
        );
        assert!(board.spoil(1, secs(15)).is_empty());
    }

    #[test]
    fn chance_repeats_with_the_seed() {
        let drawn = |seed| {
            let mut board = FaultBoard::new(seed);
            board
                .begin(
                    FaultSpec::new(FaultKind::Crc).with_probability(0.3),
                    secs(0),
                )
                .unwrap();
            (0..200)
                .map(|_| board.spoil(1, secs(1)).len())
                .collect::<Vec<_>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        let hits: usize = drawn(1).iter().sum();
        assert!((40..80).contains(&hits), "{hits} of 200 at 0.3");
    }

    #[test]
    fn a_fault_of_one_unit_leaves_the_others_alone() {
        let mut board = FaultBoard::new(1);
        board
            .begin(
                FaultSpec {
                    unit: Some(2),
                    ..FaultSpec::new(FaultKind::Stuck)
                },
                secs(0),
            )
            .unwrap();
        board
            .begin(
                FaultSpec {
                    unit: Some(2),
                    ..FaultSpec::new(FaultKind::NoReply)
                },
                secs(0),
            )
            .unwrap();
        assert!(board.of_meter(2, secs(1)).1 && !board.of_meter(1, secs(1)).1);
        assert!(board.spoil(1, secs(1)).is_empty() && !board.spoil(2, secs(1)).is_empty());
    }
}
