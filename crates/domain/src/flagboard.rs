//! Which conditions hold now, with the patience that keeps a flicker from becoming a flag.
//!
//! A condition must hold for a while before its flag is raised, and be gone for a while before it
//! is cleared. Not knowing changes nothing: neither does it raise nor clear, and the time for which
//! nothing was known does not count.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::restamped;
use crate::{Flag, FlagCode, Mono, Severity};

/// How long a condition must hold, and be gone, before it counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Holds this long: raised.
    pub raise_after: Duration,
    /// Gone this long: cleared.
    pub clear_after: Duration,
}

impl Timing {
    /// Both at once, without any patience.
    pub const AT_ONCE: Self = Self::new(Duration::ZERO, Duration::ZERO);

    /// Raised after the first, cleared after the second.
    #[must_use]
    pub const fn new(raise_after: Duration, clear_after: Duration) -> Self {
        Self {
            raise_after,
            clear_after,
        }
    }
}

/// What was seen of one condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What.
    pub code: FlagCode,
    /// Which meter, channel or part; empty for the appliance as a whole.
    pub subject: String,
    /// Whether it holds; `None` when that is not known.
    pub holds: Option<bool>,
    /// How bad.
    pub severity: Severity,
    /// For a person; not looked at unless it holds.
    pub message: String,
    /// Patience.
    pub timing: Timing,
}

impl Observation {
    /// A condition that holds.
    pub fn holds(code: FlagCode, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            subject: subject.into(),
            holds: Some(true),
            severity: code.severity(),
            message: message.into(),
            timing: Timing::AT_ONCE,
        }
    }

    /// A condition that is gone.
    pub fn gone(code: FlagCode, subject: impl Into<String>) -> Self {
        Self {
            holds: Some(false),
            ..Self::holds(code, subject, "")
        }
    }

    /// A condition of which nothing is known now.
    pub fn unknown(code: FlagCode, subject: impl Into<String>) -> Self {
        Self {
            holds: None,
            ..Self::holds(code, subject, "")
        }
    }

    /// The same with this patience.
    #[must_use]
    pub fn with(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    /// The same with another severity than the code's own.
    #[must_use]
    pub fn as_bad_as(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }
}

/// What an observation changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", content = "flag", rename_all = "snake_case")]
pub enum FlagChange {
    /// A flag that was not there.
    Raised(Flag),
    /// The flag was there and is now of another severity.
    Changed(Flag),
    /// The flag is no more.
    Cleared(Flag),
}

/// All conditions that hold, and those on their way.
#[derive(Debug, Clone, Default)]
pub struct FlagBoard {
    rules: BTreeMap<(FlagCode, String), Rule>,
    current: Vec<Flag>,
}

#[derive(Debug, Clone)]
struct Rule {
    /// For how long the opposite of the present state has been seen.
    turning: Option<Duration>,
    /// When it was first seen.
    turning_since: Timestamp,
    /// The last observation in which anything was known; `None` right after one without.
    seen: Option<Mono>,
    raised: bool,
}

impl FlagBoard {
    /// Takes one observation at `at`, which is `wall` on the wall clock.
    pub fn observe(&mut self, at: Mono, wall: Timestamp, seen: Observation) -> Option<FlagChange> {
        let key = (seen.code, seen.subject.clone());
        let Some(holds) = seen.holds else {
            if let Some(rule) = self.rules.get_mut(&key) {
                rule.seen = None;
            }
            return None;
        };
        if !holds && !self.rules.contains_key(&key) {
            return None;
        }
        let fresh = || Rule {
            turning: None,
            turning_since: wall,
            seen: None,
            raised: false,
        };
        let rule = self.rules.entry(key.clone()).or_insert_with(fresh);
        let lasted = rule.turned(at, wall, holds != rule.raised);
        let patience = if holds {
            seen.timing.raise_after
        } else {
            seen.timing.clear_after
        };
        let due = lasted.is_some_and(|lasted| lasted >= patience);
        match (rule.raised, holds) {
            (false, true) if due => {
                rule.raised = true;
                rule.turning = None;
                let since = rule.turning_since;
                Some(self.raise(seen, since))
            }
            (true, false) if due => {
                self.rules.remove(&key);
                self.remove(&key).map(FlagChange::Cleared)
            }
            (true, true) => self.change(&key, seen),
            (false, false) => {
                self.rules.remove(&key);
                None
            }
            _ => None,
        }
    }

    /// The flags that are up: the worst first, then by code and subject.
    #[must_use]
    pub fn current(&self) -> &[Flag] {
        &self.current
    }

    /// Codes of the flags that are up, each once.
    #[must_use]
    pub fn codes(&self) -> Vec<FlagCode> {
        let mut codes: Vec<_> = self.current.iter().map(|flag| flag.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Ends every flag whose code and subject are chosen, such as those of a meter that is gone.
    pub fn forget(&mut self, chosen: impl Fn(FlagCode, &str) -> bool) -> Vec<FlagChange> {
        self.rules
            .retain(|(code, subject), _| !chosen(*code, subject));
        self.current
            .extract_if(.., |flag| chosen(flag.code, &flag.subject))
            .map(FlagChange::Cleared)
            .collect()
    }

    /// The wall clock stepped while it was not believed: what was stamped by the old clock moves
    /// along.
    pub fn restamp(&mut self, from: Timestamp, to: Timestamp) {
        let fix = |ts: &mut Timestamp| *ts = restamped(*ts, from, to);
        self.current
            .iter_mut()
            .for_each(|flag| fix(&mut flag.since));
        self.rules
            .values_mut()
            .for_each(|rule| fix(&mut rule.turning_since));
    }

    fn raise(&mut self, seen: Observation, since: Timestamp) -> FlagChange {
        let flag = Flag {
            code: seen.code,
            subject: seen.subject,
            severity: seen.severity,
            since,
            message: seen.message,
        };
        self.current.push(flag.clone());
        self.sort();
        FlagChange::Raised(flag)
    }

    /// A raised flag keeps its text, so that moving numbers are no news; another severity is.
    fn change(&mut self, key: &(FlagCode, String), seen: Observation) -> Option<FlagChange> {
        let flag = self
            .current
            .iter_mut()
            .find(|flag| flag.code == key.0 && flag.subject == key.1)?;
        if flag.severity == seen.severity {
            return None;
        }
        (flag.severity, flag.message) = (seen.severity, seen.message);
        let changed = flag.clone();
        self.sort();
        Some(FlagChange::Changed(changed))
    }

    fn remove(&mut self, key: &(FlagCode, String)) -> Option<Flag> {
        let index = self
            .current
            .iter()
            .position(|flag| flag.code == key.0 && flag.subject == key.1)?;
        Some(self.current.remove(index))
    }

    fn sort(&mut self) {
        self.current.sort_by(|a, b| {
            b.severity
                .cmp(&a.severity)
                .then_with(|| a.code.cmp(&b.code))
                .then_with(|| a.subject.cmp(&b.subject))
        });
    }
}

impl Rule {
    /// For how long the opposite has been seen, now that it is seen or not. Time in which nothing
    /// was known is left out.
    fn turned(&mut self, at: Mono, wall: Timestamp, opposite: bool) -> Option<Duration> {
        let known_for = self
            .seen
            .replace(at)
            .map_or(Duration::ZERO, |seen| at.since(seen));
        if !opposite {
            self.turning = None;
            return None;
        }
        if self.turning.is_none() {
            self.turning_since = wall;
        }
        let lasted = self
            .turning
            .map_or(Duration::ZERO, |lasted| lasted + known_for);
        self.turning = Some(lasted);
        Some(lasted)
    }
}
