//! What each meter's answers, and their absence, say about the bus.

use std::collections::BTreeMap;
use std::time::Duration;

use solthrive_domain::flagboard::{Observation, Timing};
use solthrive_domain::{Cadence, FlagCode, MeterId, Mono, Reading, Rhythm};
use solthrive_meter::bus::{FaultKind, MeterCycle, MeterOutcome};

/// A meter silent for this long is not responding, if it was asked twice.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// One good answer may be luck.
const BACK_AFTER: Duration = Duration::from_secs(2);
/// A reading counts for a poll that did not ask its meter, when the bus is too slow to ask each
/// second, for this long, or as long as the meter's cadence explains.
const HOLD: Duration = Duration::from_secs(3);

/// What is known of one meter.
#[derive(Debug, Clone)]
pub struct MeterState {
    /// Profile id, for messages.
    pub profile: String,
    /// The newest reading.
    pub reading: Option<Reading>,
    /// When the last good answer came.
    pub answered: Option<Mono>,
    /// Since when it has failed, and how.
    pub failing: Option<Failing>,
    /// How often it is heard of.
    pub rhythm: Rhythm,
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
pub struct Meters {
    all: BTreeMap<MeterId, MeterState>,
    planned: Cadence,
}

impl Meters {
    /// Meters and the ids of their profiles, and how often they are to be asked.
    pub fn new(meters: impl IntoIterator<Item = (MeterId, String)>, planned: Cadence) -> Self {
        let state = |profile| MeterState {
            profile,
            reading: None,
            answered: None,
            failing: None,
            rhythm: Rhythm::planned(planned),
        };
        Self {
            all: meters
                .into_iter()
                .map(|(id, profile)| (id, state(profile)))
                .collect(),
            planned,
        }
    }

    /// Takes what a poll said about a meter. Returns whether it brought a reading.
    pub fn take(&mut self, cycle: MeterCycle, at: Mono) -> bool {
        let Some(state) = self.all.get_mut(&cycle.meter) else {
            return false;
        };
        state
            .rhythm
            .plan(Cadence::every(cycle.every).max(self.planned));
        match cycle.outcome {
            MeterOutcome::Read(reading) => {
                if state.answered.is_some_and(|newest| reading.at <= newest) {
                    return false;
                }
                state.rhythm.heard(reading.at);
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
                state.rhythm.missed();
                false
            }
            MeterOutcome::Waiting => false,
        }
    }

    /// The readings that count at `at`.
    pub fn readings(&self, at: Mono) -> impl Iterator<Item = (&MeterId, &Reading)> {
        self.all
            .iter()
            .filter_map(move |(id, state)| Some((id, state.counting(at)?)))
    }

    /// Why something of this meter is absent at `at`; `None` when it answers, and with everything.
    pub fn absence(&self, id: &MeterId, at: Mono) -> Option<FlagCode> {
        let answering = self.all.get(id).filter(|state| state.failing.is_none());
        match answering.map(|state| (state.counting(at), &state.reading)) {
            Some((Some(_), _)) => None,
            Some((None, Some(_))) => Some(FlagCode::DataStale),
            Some((None, None)) | None => Some(FlagCode::MeterNotResponding),
        }
    }

    /// Every meter with its state.
    pub fn iter(&self) -> impl Iterator<Item = (&MeterId, &MeterState)> {
        self.all.iter()
    }

    /// How often this meter is heard of.
    pub fn cadence(&self, id: &MeterId) -> Cadence {
        let state = self.all.get(id);
        state.map_or(self.planned, |state| state.rhythm.cadence())
    }

    /// How often there is news: as often as the quickest of the meters that answer is heard of, with
    /// everything or not.
    pub fn quickest(&self) -> Cadence {
        let heard = |state: &&MeterState| state.failing.is_none() || state.reading.is_some();
        let answering = self.all.values().filter(heard);
        let cadences = answering.map(|state| state.rhythm.cadence());
        cadences.min().unwrap_or(self.planned)
    }

    /// How often the slowest meter is heard of.
    pub fn slowest(&self) -> Cadence {
        let cadences = self.all.values().map(|state| state.rhythm.cadence());
        cadences.max().unwrap_or(self.planned)
    }

    /// Whether each meter answers.
    pub fn observations(&self) -> impl Iterator<Item = Observation> {
        self.all.iter().map(|(id, state)| {
            let code = FlagCode::MeterNotResponding;
            // The second poll may come a little early.
            let twice = state.rhythm.cadence().interval() * 9 / 10;
            let seen = match state.failing {
                None => Observation::gone(code, id.as_str()),
                Some(failing) => {
                    let message = silence(id, state, failing.fault);
                    Observation::holds(code, id.as_str(), message)
                }
            };
            seen.with(Timing::new(SILENT_AFTER.max(twice), BACK_AFTER))
        })
    }
}

impl MeterState {
    /// The newest reading, while it counts.
    fn counting(&self, at: Mono) -> Option<&Reading> {
        let hold = self.rhythm.cadence().patience(HOLD);
        let reading = self.reading.as_ref();
        reading.filter(|reading| at.since(reading.at) <= hold)
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
    use rstest::rstest;

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
        polled_every(1)
    }

    fn polled_every(seconds: u64) -> Meters {
        let planned = Cadence::every(Duration::from_secs(seconds));
        Meters::new([(MeterId::new("main"), "solthrive-v1".to_owned())], planned)
    }

    #[test]
    fn a_reading_bridges_the_seconds_in_which_a_slow_bus_does_not_ask() {
        let mut meters = meters();
        assert!(meters.take(read(10), at(10)));
        assert!(!meters.take(outcome(MeterOutcome::Waiting), at(12)));
        assert_eq!(meters.readings(at(12)).count(), 1);
        assert_eq!(meters.readings(at(14)).count(), 0);
    }

    #[rstest]
    #[case::planned(10, &[100], 124, 126)]
    #[case::stretched(1, &[100, 107, 114], 131, 132)]
    #[case::stretched_but_not_known_yet(1, &[100, 107], 110, 111)]
    fn a_reading_counts_as_long_as_the_next_may_take(
        #[case] every: u64,
        #[case] heard: &[u64],
        #[case] until: u64,
        #[case] over: u64,
    ) {
        let mut meters = polled_every(every);
        for second in heard {
            assert!(meters.take(read(*second), at(*second)));
        }
        assert_eq!(meters.readings(at(until)).count(), 1);
        assert_eq!(meters.readings(at(over)).count(), 0);
    }

    #[test]
    fn a_reading_counts_as_long_as_its_bus_says_that_the_next_may_take() {
        let mut meters = meters();
        let mut read = read(100);
        read.every = Duration::from_secs(4);
        assert!(meters.take(read, at(100)));
        assert_eq!(meters.readings(at(110)).count(), 1);
        assert_eq!(meters.readings(at(111)).count(), 0);
        assert_eq!(meters.quickest().interval(), Duration::from_secs(4));
    }

    #[test]
    fn what_a_meter_keeps_back_has_its_reason_too() {
        let (mut meters, main) = (meters(), MeterId::new("main"));
        let mut read = read(10);
        read.lacking = Some(FaultKind::Timeout);
        read.every = Duration::from_secs(4);
        assert!(meters.take(read, at(10)));
        let reason = Some(FlagCode::MeterNotResponding);
        assert_eq!(meters.absence(&main, at(10)), reason);
        assert_eq!(meters.quickest().interval(), Duration::from_secs(4));
    }

    #[test]
    fn what_is_absent_has_its_reason_at_once() {
        let (mut meters, main) = (meters(), MeterId::new("main"));
        let not_responding = Some(FlagCode::MeterNotResponding);
        assert_eq!(meters.absence(&main, at(9)), not_responding);
        meters.take(read(10), at(10));
        assert_eq!(meters.absence(&main, at(13)), None);
        assert_eq!(meters.absence(&main, at(14)), Some(FlagCode::DataStale));
        meters.take(failed(1), at(14));
        assert_eq!(meters.absence(&main, at(14)), not_responding);
    }

    #[test]
    fn a_reading_from_before_the_newest_is_none() {
        let mut meters = meters();
        meters.take(read(10), at(10));
        assert!(!meters.take(read(9), at(11)));
        assert_eq!(meters.readings(at(13)).count(), 1);
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
