//! What each meter's answers, and their absence, say about the bus.

use std::collections::BTreeMap;
use std::time::Duration;

use solthrive_domain::flagboard::{Observation, Timing};
use solthrive_domain::{FlagCode, MeterId, Mono, Reading};
use solthrive_meter::bus::{FaultKind, MeterCycle, MeterOutcome};

/// A meter silent for this long is not responding.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// One good answer may be luck.
const BACK_AFTER: Duration = Duration::from_secs(2);
/// A reading counts for a poll that did not ask its meter, when the bus is too slow to ask each
/// second, for this long.
const HOLD: Duration = Duration::from_secs(3);

/// What is known of one meter.
#[derive(Debug, Clone, PartialEq)]
pub struct MeterState {
    /// Profile id, for messages.
    pub profile: String,
    /// The newest reading.
    pub reading: Option<Reading>,
    /// When the last good answer came.
    pub answered: Option<Mono>,
    /// Since when it has failed, and how.
    pub failing: Option<Failing>,
}

/// A meter that does not answer as it should.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Failing {
    /// Since when.
    pub since: Mono,
    /// Polls in a row.
    pub failures: u32,
    /// The newest reason.
    pub fault: FaultKind,
}

/// Every meter of the configuration.
#[derive(Debug)]
pub struct Meters(BTreeMap<MeterId, MeterState>);

impl Meters {
    /// Meters and the ids of their profiles.
    pub fn new(meters: impl IntoIterator<Item = (MeterId, String)>) -> Self {
        let state = |profile| MeterState {
            profile,
            reading: None,
            answered: None,
            failing: None,
        };
        Self(
            meters
                .into_iter()
                .map(|(id, profile)| (id, state(profile)))
                .collect(),
        )
    }

    /// Takes what a poll said about a meter. Returns whether it brought a reading.
    pub fn take(&mut self, cycle: MeterCycle, at: Mono) -> bool {
        let Some(state) = self.0.get_mut(&cycle.meter) else {
            return false;
        };
        match cycle.outcome {
            MeterOutcome::Read(reading) => {
                state.answered = Some(reading.at);
                state.reading = Some(reading);
                // What it did answer counts; that it keeps the rest back is a failure all the same.
                state.failing = cycle.lacking.map(|fault| Failing {
                    since: state.failing.map_or(at, |failing| failing.since),
                    failures: state.failing.map_or(1, |failing| failing.failures + 1),
                    fault,
                });
                true
            }
            MeterOutcome::Failed {
                fault, failures, ..
            } => {
                let since = state.failing.map_or(at, |failing| failing.since);
                state.failing = Some(Failing {
                    since,
                    failures,
                    fault,
                });
                // What it said before its failure is no measurement of now.
                state.reading = None;
                false
            }
            MeterOutcome::Waiting => false,
        }
    }

    /// The readings that count at `at`.
    pub fn readings(&self, at: Mono) -> impl Iterator<Item = (&MeterId, &Reading)> {
        let fresh = move |reading: &&Reading| at.since(reading.at) <= HOLD;
        self.0
            .iter()
            .filter_map(move |(id, state)| Some((id, state.reading.as_ref().filter(fresh)?)))
    }

    /// Every meter with its state.
    pub fn iter(&self) -> impl Iterator<Item = (&MeterId, &MeterState)> {
        self.0.iter()
    }

    /// Whether each meter answers.
    pub fn observations(&self) -> impl Iterator<Item = Observation> {
        self.0.iter().map(|(id, state)| match state.failing {
            None => Observation::gone(FlagCode::MeterNotResponding, id.as_str())
                .with(Timing::new(SILENT_AFTER, BACK_AFTER)),
            Some(failing) => Observation::holds(
                FlagCode::MeterNotResponding,
                id.as_str(),
                silence(id, state, failing.fault),
            )
            .with(Timing::new(SILENT_AFTER, BACK_AFTER)),
        })
    }
}

fn silence(id: &MeterId, state: &MeterState, fault: FaultKind) -> String {
    let profile = &state.profile;
    // A meter that does not answer at all has no reading.
    let what = match state.reading {
        Some(_) => " for some of its points",
        None => "",
    };
    let (seen, next) = match fault {
        FaultKind::Timeout => (
            "does not answer".to_owned(),
            "Check that it has power, that A and B are not swapped, and its unit number, speed and parity (solthrive-cli meter scan).",
        ),
        FaultKind::Crc | FaultKind::ShortFrame | FaultKind::NeverSilent => (
            "answers with damaged frames".to_owned(),
            "Check parity and speed, termination, and whether the cable runs beside mains; two meters must not share a unit number.",
        ),
        FaultKind::WrongReply => (
            "gives answers that belong to another request".to_owned(),
            "Check that no other master polls this bus and that no two meters share a unit number.",
        ),
        FaultKind::Exception(code) => (
            format!("refuses its registers (exception {code})"),
            "The profile does not fit this meter: find the right one with solthrive-cli meter scan.",
        ),
        FaultKind::PortGone => (
            "cannot be reached: its port or connection is gone".to_owned(),
            "Plug the adapter in again, or check the network; polling resumes by itself.",
        ),
        FaultKind::PortBusy => (
            "cannot be reached: another program holds its port".to_owned(),
            "Stop the other program; a serial port has one user.",
        ),
    };
    format!("Meter {id} ({profile}) {seen}{what}. {next}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::from_origin(Duration::from_secs(seconds))
    }

    fn read(seconds: u64) -> MeterCycle {
        let meter = MeterId::new("main");
        let reading = Reading {
            meter: meter.clone(),
            at: at(seconds),
            values: BTreeMap::new(),
        };
        MeterCycle::new(meter, MeterOutcome::Read(reading))
    }

    fn outcome(outcome: MeterOutcome) -> MeterCycle {
        MeterCycle::new(MeterId::new("main"), outcome)
    }

    fn failed(failures: u32) -> MeterCycle {
        outcome(MeterOutcome::Failed {
            fault: FaultKind::Timeout,
            failures,
            retry_at: at(99),
        })
    }

    fn meters() -> Meters {
        Meters::new([(MeterId::new("main"), "solthrive-v1".to_owned())])
    }

    #[test]
    fn a_reading_bridges_the_seconds_in_which_a_slow_bus_does_not_ask() {
        let mut meters = meters();
        assert!(meters.take(read(10), at(10)));
        assert!(!meters.take(outcome(MeterOutcome::Waiting), at(12)));
        assert_eq!(meters.readings(at(12)).count(), 1);
        assert_eq!(meters.readings(at(14)).count(), 0);
    }

    #[test]
    fn a_failure_ends_what_was_known() {
        let mut meters = meters();
        meters.take(read(10), at(10));
        meters.take(failed(1), at(11));
        assert_eq!(meters.readings(at(11)).count(), 0);
    }

    #[test]
    fn a_meter_left_alone_after_failures_still_counts_as_silent() {
        let mut meters = meters();
        meters.take(failed(1), at(11));
        meters.take(outcome(MeterOutcome::Waiting), at(12));
        assert!(meters.observations().all(|seen| seen.holds == Some(true)));
        meters.take(read(13), at(13));
        assert!(meters.observations().all(|seen| seen.holds == Some(false)));
    }

    #[test]
    fn a_meter_that_answers_in_part_is_read_and_reported() {
        let mut meters = meters();
        let partly = MeterCycle {
            lacking: Some(FaultKind::Crc),
            ..read(10)
        };
        assert!(meters.take(partly, at(10)));
        assert_eq!(meters.readings(at(10)).count(), 1);
        assert!(meters.observations().all(|seen| seen.holds == Some(true)));
        meters.take(read(11), at(11));
        assert!(meters.observations().all(|seen| seen.holds == Some(false)));
    }

    #[test]
    fn a_meter_that_nobody_configured_is_not_heard() {
        let mut stranger = read(1);
        stranger.meter = MeterId::new("stranger");
        assert!(!meters().take(stranger, at(1)));
    }
}
