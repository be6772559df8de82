//! A connection's faults, sorted by where they act on one direction.
//!
//! Only numbers here: [`lane`](super::lane) has the sockets and the timers.

use std::time::Duration;

use super::counts::{Counts, Ledger};
use super::fault::{Direction, Fault, Kind};
use super::lane::CHUNK;
use super::spoil::Spoiler;
use crate::rng::Rng;

/// How a fault, or a peer, ends a whole connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With FIN to both sides.
    Close,
    /// With RST to both sides.
    Reset,
}

/// Where bytes come in: spoilt, and how long each chunk is on its way.
#[derive(Debug)]
pub(super) struct Intake {
    delay: Duration,
    jitter: Duration,
    rng: Rng,
    spoilers: Vec<Spoiler>,
}

impl Intake {
    pub(super) fn of(faults: &[Fault], way: Direction, mut rng: Rng) -> Self {
        let (mut delay, mut jitter) = (Duration::ZERO, Duration::ZERO);
        let mut spoilers = Vec::new();
        for fault in faults.iter().filter(|fault| fault.covers(way)) {
            if let Fault::Latency {
                delay: more,
                jitter: by,
                ..
            } = *fault
            {
                delay = delay.saturating_add(more);
                jitter = jitter.saturating_add(by);
            }
            spoilers.extend(Spoiler::of(fault, Rng::new(rng.next_u64())));
        }
        Self {
            delay,
            jitter,
            rng,
            spoilers,
        }
    }

    pub(super) fn delays(&self) -> bool {
        self.delay > Duration::ZERO || self.jitter > Duration::ZERO
    }

    /// Of the next chunk.
    pub(super) fn delay(&mut self) -> Option<Duration> {
        self.delays().then(|| {
            let latest = self.jitter.mul_f64(2.0 * self.rng.unit());
            self.delay
                .saturating_add(latest)
                .saturating_sub(self.jitter)
        })
    }

    pub(super) fn spoil(&mut self, chunk: &[u8], ledger: &Ledger) -> Vec<u8> {
        let mut bytes = chunk.to_vec();
        for spoiler in &mut self.spoilers {
            let (spoilt, struck) = spoiler.spoil(&bytes);
            (0..struck).for_each(|_| ledger.struck(spoiler.kind()));
            bytes = spoilt;
        }
        bytes
    }
}

/// Where bytes go out: how fast, and how many.
#[derive(Debug)]
pub(super) struct Outlet {
    up: bool,
    rate: Option<u64>,
    /// Between single bytes.
    crawl: Option<Duration>,
    /// What happens after so many bytes; without an [`Ending`] the rest is swallowed.
    end: Option<(u64, Kind, Option<Ending>)>,
    sent: u64,
}

impl Outlet {
    pub(super) fn of(faults: &[Fault], way: Direction) -> Self {
        let mut outlet = Self {
            up: way == Direction::Up,
            rate: None,
            crawl: None,
            end: None,
            sent: 0,
        };
        for fault in faults.iter().filter(|fault| fault.covers(way)) {
            outlet.take(fault);
        }
        outlet
    }

    /// Of several faults of a kind the harshest counts.
    fn take(&mut self, fault: &Fault) {
        let mut end = |after, ending| {
            if self.end.is_none_or(|(first, ..)| after < first) {
                self.end = Some((after, fault.kind(), ending));
            }
        };
        match *fault {
            Fault::RateLimit {
                bytes_per_second, ..
            } => {
                let rate = bytes_per_second.max(1);
                self.rate = Some(self.rate.map_or(rate, |other| other.min(rate)));
            }
            Fault::Slowloris { pause, .. } => self.crawl = self.crawl.max(Some(pause)),
            Fault::Drop { after, .. } => end(after, Some(Ending::Close)),
            Fault::Reset { after, .. } => end(after, Some(Ending::Reset)),
            Fault::HalfOpen { after, .. } => end(after, None),
            Fault::Latency { .. }
            | Fault::Corrupt { .. }
            | Fault::Duplicate { .. }
            | Fault::Reorder { .. }
            | Fault::BlackHole
            | Fault::Refuse => {}
        }
    }

    /// How many of `waiting` bytes go out at once; at least one.
    pub(super) fn portion(&self, waiting: usize) -> usize {
        let paced = match (self.crawl, self.rate) {
            (Some(_), _) => 1,
            // Fifty portions a second look smooth, and a timer's millisecond is small beside one.
            (None, Some(rate)) => usize::try_from(rate / 50).map_or(CHUNK, |p| p.clamp(1, CHUNK)),
            (None, None) => CHUNK,
        };
        let left = self
            .end
            .map_or(u64::MAX, |(after, ..)| after.saturating_sub(self.sent));
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        waiting.min(paced).min(left).max(1)
    }

    /// Between a portion of so many bytes and the next one.
    pub(super) fn pause(&self, bytes: usize) -> Duration {
        let rate = self.rate.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(bytes as f64 / rate as f64)
        });
        rate.max(self.crawl.unwrap_or_default())
    }

    /// So many bytes went out.
    pub(super) fn sent(&mut self, bytes: usize, counts: &mut Counts) {
        let sum = if self.up {
            &mut counts.up
        } else {
            &mut counts.down
        };
        *sum += bytes as u64;
        self.sent += bytes as u64;
    }

    /// What happens now that so many bytes were sent. Told once.
    pub(super) fn due(&mut self) -> Option<(Kind, Option<Ending>)> {
        let (_, kind, ending) = self.end.take_if(|(after, ..)| self.sent >= *after)?;
        Some((kind, ending))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Direction = Direction::Up;
    const DOWN: Direction = Direction::Down;

    fn latency(ms: u64, jitter_ms: u64) -> Fault {
        Fault::Latency {
            direction: DOWN,
            delay: Duration::from_millis(ms),
            jitter: Duration::from_millis(jitter_ms),
        }
    }

    #[test]
    fn delays_lie_around_their_middle_and_repeat_by_seed() {
        let draw = |seed| {
            let mut intake = Intake::of(&[latency(100, 30)], DOWN, Rng::new(seed));
            (0..200)
                .filter_map(|_| intake.delay())
                .collect::<Vec<Duration>>()
        };
        let delays = draw(1);
        let (least, most) = (delays.iter().min(), delays.iter().max());
        assert!(*least.unwrap() >= Duration::from_millis(70));
        assert!(*least.unwrap() < Duration::from_millis(80));
        assert!(*most.unwrap() <= Duration::from_millis(130));
        assert!(*most.unwrap() > Duration::from_millis(120));
        assert_eq!(delays, draw(1));
        assert_ne!(delays, draw(2));
    }

    #[test]
    fn a_jitter_beyond_the_delay_is_never_negative() {
        let mut intake = Intake::of(&[latency(5, 50)], DOWN, Rng::new(1));
        let longest = (0..200).filter_map(|_| intake.delay()).max();
        assert!(longest.unwrap() <= Duration::from_millis(55));
    }

    #[test]
    fn a_fault_of_one_direction_leaves_the_other_alone() {
        let faults = [
            latency(100, 0),
            Fault::Drop {
                direction: DOWN,
                after: 0,
            },
        ];
        assert_eq!(Intake::of(&faults, UP, Rng::new(1)).delay(), None);
        assert_eq!(Outlet::of(&faults, UP).due(), None);
        let drop = (Kind::Drop, Some(Ending::Close));
        assert_eq!(Outlet::of(&faults, DOWN).due(), Some(drop));
    }

    #[test]
    fn portions_stop_at_the_byte_where_it_ends() {
        let mut outlet = Outlet::of(
            &[
                Fault::HalfOpen {
                    direction: UP,
                    after: 500,
                },
                Fault::Reset {
                    direction: Direction::Both,
                    after: 100,
                },
            ],
            UP,
        );
        let mut counts = Counts::default();
        assert_eq!((outlet.portion(70), outlet.due()), (70, None));
        outlet.sent(70, &mut counts);
        assert_eq!((outlet.portion(70), outlet.due()), (30, None));
        outlet.sent(30, &mut counts);
        let reset = (Kind::Reset, Some(Ending::Reset));
        assert_eq!((outlet.due(), outlet.due()), (Some(reset), None));
        assert_eq!((counts.up, counts.down), (100, 0));
    }

    #[test]
    fn the_slower_of_rate_and_crawl_sets_the_pace() {
        let direction = Direction::Both;
        let limit = Fault::RateLimit {
            direction,
            bytes_per_second: 100_000,
        };
        let crawl = Fault::Slowloris {
            direction,
            pause: Duration::from_millis(3),
        };
        let outlet = Outlet::of(&[limit], UP);
        assert_eq!(outlet.portion(1 << 20), 2000);
        assert_eq!(outlet.pause(2000), Duration::from_millis(20));
        let outlet = Outlet::of(&[limit, crawl], UP);
        assert_eq!(outlet.portion(1 << 20), 1);
        assert_eq!(outlet.pause(1), Duration::from_millis(3));
        let never = Fault::RateLimit {
            direction,
            bytes_per_second: 0,
        };
        assert_eq!(Outlet::of(&[never], UP).pause(1), Duration::from_secs(1));
    }
}
