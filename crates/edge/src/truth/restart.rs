//! The gap that a restart leaves in the snapshots: told once, as soon as it is known what time it is.

use jiff::Timestamp;
use solthrive_domain::Mono;

use crate::live::{Gap, GapCause};

/// What is known of the time before this start.
#[derive(Debug, Default)]
pub struct Restart {
    /// The last that is stored of it; `None` once the gap is told, or when there was nothing.
    before: Option<Timestamp>,
    /// The first snapshot of this run.
    first: Option<Mono>,
}

impl Restart {
    /// After a run of which this is the last that is stored.
    #[must_use]
    pub fn after(before: Option<Timestamp>) -> Self {
        Self {
            before,
            first: None,
        }
    }

    /// The gap, in the first turn with a snapshot behind it and a time that is believed.
    /// `snapshot` is that of this turn, and `time` tells what time an instant was.
    pub fn gap(
        &mut self,
        snapshot: Option<Mono>,
        time: impl Fn(Mono) -> Option<Timestamp>,
    ) -> Option<Gap> {
        let from = self.before?;
        self.first = self.first.or(snapshot);
        let to = time(self.first?)?;
        self.before = None;
        // A clock that was set back, or a restart within the stored minute.
        (from < to).then_some(Gap {
            from,
            to,
            cause: GapCause::Restart,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_782_000_000 + second).unwrap()
    }

    fn mono(second: u64) -> Mono {
        Mono::from_origin(Duration::from_secs(second))
    }

    /// The clock of a run that began at second 100, once it is believed.
    fn time(mono: Mono) -> Option<Timestamp> {
        Some(at(100) + mono.since_origin())
    }

    #[test]
    fn the_gap_of_a_restart_is_told_once_with_the_first_snapshot() {
        let mut restart = Restart::after(Some(at(0)));
        assert_eq!(restart.gap(None, time), None);
        let gap = Gap {
            from: at(0),
            to: at(101),
            cause: GapCause::Restart,
        };
        assert_eq!(restart.gap(Some(mono(1)), time), Some(gap));
        assert_eq!(restart.gap(Some(mono(2)), time), None);
    }

    #[test]
    fn while_nobody_knows_the_time_the_gap_waits_and_ends_at_the_first_snapshot() {
        let mut restart = Restart::after(Some(at(0)));
        assert_eq!(restart.gap(Some(mono(1)), |_| None), None);
        assert_eq!(restart.gap(Some(mono(2)), |_| None), None);
        let gap = restart.gap(None, time);
        assert_eq!(gap.map(|gap| gap.to), Some(at(101)));
    }

    #[test]
    fn a_first_start_and_a_clock_set_back_have_no_gap() {
        assert_eq!(Restart::after(None).gap(Some(mono(1)), time), None);
        let mut restart = Restart::after(Some(at(500)));
        assert_eq!(restart.gap(Some(mono(1)), time), None);
        assert_eq!(restart.gap(Some(mono(999)), time), None, "not later either");
    }
}
