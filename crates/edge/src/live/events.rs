//! What happened lately: flags that came and went, and gaps in the snapshots.

use std::collections::VecDeque;

use jiff::Timestamp;
use solthrive_domain::Flag;
use solthrive_domain::clock::restamped;

/// Changes of flags that are kept for the error log.
const CHANGES: usize = 256;
/// Gaps that are kept for listeners that have not taken them yet.
const GAPS: usize = 32;

/// A flag that came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagChange {
    /// When.
    pub at: Timestamp,
    /// It came; otherwise it went.
    pub raised: bool,
    /// The flag.
    pub flag: Flag,
}

/// The newest changes, a bounded number of them.
#[derive(Debug, Default)]
pub(super) struct Changes(VecDeque<FlagChange>);

impl Changes {
    /// Notes the difference between two sets; a flag that only changed its message is no change.
    pub(super) fn note(&mut self, before: &[Flag], after: &[Flag], at: Timestamp) {
        let missing = |set: &[Flag], flag: &Flag| {
            !set.iter().any(|other| {
                other.code == flag.code
                    && other.subject == flag.subject
                    && other.since == flag.since
            })
        };
        let went = before
            .iter()
            .filter(|flag| missing(after, flag))
            .map(|flag| (false, flag));
        let came = after
            .iter()
            .filter(|flag| missing(before, flag))
            .map(|flag| (true, flag));
        for (raised, flag) in went.chain(came) {
            if self.0.len() == CHANGES {
                self.0.pop_front();
            }
            self.0.push_back(FlagChange {
                at,
                raised,
                flag: flag.clone(),
            });
        }
    }

    /// The clock was not believed and jumped: what was stamped by it moves along.
    pub(super) fn clock_stepped(&mut self, from: Timestamp, to: Timestamp) {
        for change in &mut self.0 {
            change.at = restamped(change.at, from, to);
            change.flag.since = restamped(change.flag.since, from, to);
        }
    }

    pub(super) fn all(&self) -> Vec<FlagChange> {
        self.0.iter().cloned().collect()
    }
}

/// Why snapshots are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapCause {
    /// This client took them too slowly.
    SlowClient,
    /// The meter did not answer.
    MeterNotResponding,
    /// The wall clock jumped.
    ClockStepped,
    /// The appliance was not running.
    Restart,
}

/// Snapshots are missing between two instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The last snapshot before.
    pub from: Timestamp,
    /// The first one after, or when the gap was noticed.
    pub to: Timestamp,
    /// Why.
    pub cause: GapCause,
}

/// The newest gaps, numbered, so that each listener gets each once.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    kept: VecDeque<Gap>,
    dropped: u64,
}

impl Gaps {
    pub(super) fn push(&mut self, gap: Gap) {
        if self.kept.len() == GAPS {
            self.kept.pop_front();
            self.dropped += 1;
        }
        self.kept.push_back(gap);
    }

    /// The number of the next gap.
    pub(super) fn next(&self) -> u64 {
        self.dropped + self.kept.len() as u64
    }

    /// Gaps from this number on, as far as they are kept.
    pub(super) fn since(&self, number: u64) -> Vec<Gap> {
        let skip = usize::try_from(number.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        self.kept.iter().skip(skip).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use solthrive_domain::{FlagCode, Severity};

    use super::*;

    fn flag(subject: &str, message: &str) -> Flag {
        Flag {
            code: FlagCode::CtReversed,
            subject: subject.to_owned(),
            severity: Severity::High,
            since: Timestamp::UNIX_EPOCH,
            message: message.to_owned(),
        }
    }

    #[test]
    fn only_what_came_or_went_is_noted() {
        let mut changes = Changes::default();
        let now = Timestamp::UNIX_EPOCH;
        changes.note(&[], &[flag("a", "1"), flag("b", "1")], now);
        changes.note(
            &[flag("a", "1"), flag("b", "1")],
            &[flag("a", "2"), flag("c", "1")],
            now,
        );
        let seen: Vec<_> = changes
            .all()
            .into_iter()
            .map(|c| (c.raised, c.flag.subject))
            .collect();
        let expected = [(true, "a"), (true, "b"), (false, "b"), (true, "c")];
        assert_eq!(
            seen,
            expected.map(|(raised, subject)| (raised, subject.to_owned()))
        );
    }

    #[test]
    fn each_gap_is_given_once_even_when_old_ones_are_gone() {
        let gap = |second| Gap {
            from: Timestamp::from_second(second).unwrap(),
            to: Timestamp::from_second(second + 1).unwrap(),
            cause: GapCause::ClockStepped,
        };
        let mut gaps = Gaps::default();
        let start = gaps.next();
        for second in 0..40 {
            gaps.push(gap(second));
        }
        assert_eq!(gaps.since(start).len(), GAPS);
        assert_eq!(gaps.since(39), [gap(39)]);
        assert_eq!(gaps.since(gaps.next()), []);
    }
}
