//! How far a command is, and what it becomes.

use std::str::FromStr;
use std::time::Duration;

/// How far a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It is stored and waits for its appliance.
    Queued,
    /// It was sent, and nothing was heard of it yet: it may have begun.
    Delivered,
    /// The appliance will do it.
    Accepted,
    /// It is being done.
    Running,
    /// It is done.
    Done,
    /// It was tried and did not work.
    Failed,
    /// The appliance will not do it.
    Refused,
    /// Its time was over before its end was told.
    Expired,
    /// It was taken back, or its appliance is not there any more.
    Cancelled,
}

/// What an appliance says of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// It will do it.
    Accepted,
    /// It is at it.
    Running,
    /// It did it.
    Done,
    /// It tried.
    Failed,
    /// It will not.
    Refused,
}

/// What can happen to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It was sent.
    Sent,
    /// Its appliance said something.
    Told(Word),
    /// The time in which it may begin is over by so much.
    Overdue(Duration),
    /// Somebody takes it back.
    TakenBack,
    /// Its appliance is at another site by now, or was shut out, or who asked may not ask it any more.
    Void,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Delivered,
        Self::Accepted,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Refused,
        Self::Expired,
        Self::Cancelled,
    ];

    /// As it is stored and said.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Accepted => "accepted",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// Nothing changes it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Done | Self::Failed | Self::Refused | Self::Expired | Self::Cancelled
        )
    }

    /// Nothing was heard of it from its appliance, so it is sent until something is.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Queued | Self::Delivered)
    }

    /// How long after the time in which it may begin something can still be heard of it. What was sent in its last second is
    /// answered a little later; what has begun may take hours, and its appliance may be offline meanwhile.
    #[must_use]
    pub const fn grace(self) -> Duration {
        match self {
            Self::Queued => Duration::ZERO,
            Self::Delivered => Duration::from_mins(1),
            _ => Duration::from_hours(24),
        }
    }

    /// What it becomes; `None` where nothing changes, because it came twice, or too late.
    #[must_use]
    pub fn after(self, happened: Happened) -> Option<Self> {
        if self.is_final() {
            return None;
        }
        let becomes = match happened {
            Happened::Sent => (self == Self::Queued).then_some(Self::Delivered),
            Happened::Told(word) => self.told(word),
            Happened::Overdue(by) => (by >= self.grace()).then_some(Self::Expired),
            // One that was sent may have begun: to call it cancelled would be a guess.
            Happened::TakenBack => (self == Self::Queued).then_some(Self::Cancelled),
            Happened::Void => self.is_waiting().then_some(Self::Cancelled),
        };
        becomes.filter(|state| *state != self)
    }

    /// A word that comes late takes nothing back: what runs is not accepted once more.
    const fn told(self, word: Word) -> Option<Self> {
        match (word, self) {
            (Word::Accepted, Self::Queued | Self::Delivered) => Some(Self::Accepted),
            (Word::Accepted, _) => None,
            (Word::Running, _) => Some(Self::Running),
            (Word::Done, _) => Some(Self::Done),
            (Word::Failed, _) => Some(Self::Failed),
            (Word::Refused, _) => Some(Self::Refused),
        }
    }
}

impl Word {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Accepted,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Refused,
    ];

    /// As it is said.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// A text that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a command is never `{0}`")]
pub struct NoState(String);

impl FromStr for State {
    type Err = NoState;

    fn from_str(text: &str) -> Result<Self, NoState> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| NoState(text.to_owned()))
    }
}

impl FromStr for Word {
    type Err = NoState;

    fn from_str(text: &str) -> Result<Self, NoState> {
        let found = Self::ALL.into_iter().find(|word| word.as_str() == text);
        found.ok_or_else(|| NoState(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const LONG: Duration = Duration::from_hours(48);

    fn everything() -> Vec<Happened> {
        let mut all = vec![
            Happened::Sent,
            Happened::Overdue(LONG),
            Happened::TakenBack,
            Happened::Void,
        ];
        all.extend(Word::ALL.map(Happened::Told));
        all
    }

    #[test]
    fn what_is_over_stays_as_it_is() {
        for state in State::ALL.into_iter().filter(|state| state.is_final()) {
            for happened in everything() {
                assert_eq!(state.after(happened), None, "{state:?} {happened:?}");
            }
        }
    }

    #[test]
    fn what_happens_twice_changes_nothing_the_second_time() {
        for state in State::ALL {
            for happened in everything() {
                let Some(after) = state.after(happened) else {
                    continue;
                };
                assert_ne!(after, state);
                assert_eq!(after.after(happened), None, "{state:?} {happened:?}");
            }
        }
    }

    #[test]
    fn everything_ends() {
        for state in State::ALL.into_iter().filter(|state| !state.is_final()) {
            let over = state.after(Happened::Overdue(LONG));
            assert_eq!(over, Some(State::Expired), "{state:?}");
        }
    }

    #[rstest]
    #[case::sent(State::Queued, Happened::Sent, Some(State::Delivered))]
    #[case::sent_again(State::Accepted, Happened::Sent, None)]
    #[case::heard_of_before_it_was_known_to_be_sent(
        State::Queued,
        Happened::Told(Word::Done),
        Some(State::Done)
    )]
    #[case::a_late_word(State::Running, Happened::Told(Word::Accepted), None)]
    #[case::at_once(State::Delivered, Happened::Told(Word::Running), Some(State::Running))]
    #[case::refused(State::Delivered, Happened::Told(Word::Refused), Some(State::Refused))]
    #[case::taken_back(State::Queued, Happened::TakenBack, Some(State::Cancelled))]
    #[case::it_may_have_begun(State::Delivered, Happened::TakenBack, None)]
    #[case::moved(State::Delivered, Happened::Void, Some(State::Cancelled))]
    #[case::moved_while_it_ran(State::Running, Happened::Void, None)]
    #[case::in_time(State::Delivered, Happened::Overdue(Duration::from_secs(59)), None)]
    #[case::too_late(State::Queued, Happened::Overdue(Duration::ZERO), Some(State::Expired))]
    #[case::what_runs_may_take_long(
        State::Running,
        Happened::Overdue(Duration::from_hours(23)),
        None
    )]
    fn one_step(#[case] state: State, #[case] happened: Happened, #[case] expected: Option<State>) {
        assert_eq!(state.after(happened), expected);
    }

    #[test]
    fn a_state_is_read_back_as_it_was_written() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        for word in Word::ALL {
            assert_eq!(word.as_str().parse(), Ok(word));
        }
        assert_eq!("lost".parse::<Word>(), Err(NoState("lost".to_owned())));
    }
}
