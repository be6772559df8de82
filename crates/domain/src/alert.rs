//! When a device's flag was up: from what it told of it, in whatever order that came.
//!
//! An appliance says `raised` and `cleared`, at least once each, and after an outage much later than other things. What
//! was up when follows from all of it sorted by time, so it does not depend on when the cloud heard of what. Nothing
//! here waits: a flag has been patient before it was raised, so it fires at once, and is over when it is cleared.

use std::time::Duration;

use jiff::Timestamp;

use crate::Severity;
use crate::telemetry::UnixMillis;

/// An appliance that starts knows of no flags, and a rule can take an hour to raise one. What is raised again within this
/// time was up all along.
pub const RESUMES: Duration = Duration::from_mins(90);

/// Something that a flag's being up follows from, by its effect at one instant: what is above takes effect first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// The device's time at the site was over.
    Left,
    /// The device started, and knows of no flags.
    Restarted,
    /// It holds, so bad and in these words; it may have held before.
    Raised(Severity, String),
    /// It does not hold.
    Cleared,
}

impl Turn {
    const fn rank(&self) -> u8 {
        match self {
            Self::Left => 0,
            Self::Restarted => 1,
            Self::Raised(..) => 2,
            Self::Cleared => 3,
        }
    }
}

/// Why a flag is not up any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The device said so.
    Cleared,
    /// The device started anew, and did not raise it again.
    Restarted,
    /// The device was taken elsewhere.
    Left,
}

/// A time during which a flag was up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// Since when.
    pub began: UnixMillis,
    /// Until when, and why; `None` while it is up.
    pub ended: Option<(UnixMillis, Ending)>,
    /// When something was said of it last.
    pub changed: UnixMillis,
    /// How bad, as it was said last.
    pub severity: Severity,
    /// For a person, as it was said last.
    pub message: String,
}

/// When a flag was up. `turns` are those of one flag of one device at one site, in any order; of two of one kind at one
/// instant the first counts, as it does where they are stored. Before them it was not up.
#[must_use]
pub fn episodes(mut turns: Vec<(UnixMillis, Turn)>) -> Vec<Episode> {
    turns.sort_by_key(|(at, turn)| (*at, turn.rank()));
    turns.dedup_by_key(|(at, turn)| (*at, turn.rank()));
    let mut all: Vec<Episode> = Vec::new();
    for (at, turn) in turns {
        match turn {
            Turn::Raised(severity, message) => raise(&mut all, at, severity, message),
            Turn::Cleared => end(&mut all, at, Ending::Cleared),
            Turn::Restarted => end(&mut all, at, Ending::Restarted),
            Turn::Left => end(&mut all, at, Ending::Left),
        }
    }
    all
}

fn raise(all: &mut Vec<Episode>, at: UnixMillis, severity: Severity, message: String) {
    if let Some(last) = all.last_mut().filter(|last| goes_on(last, at)) {
        last.ended = None;
        last.changed = at;
        last.severity = severity;
        last.message = message;
    } else {
        all.push(Episode {
            began: at,
            ended: None,
            changed: at,
            severity,
            message,
        });
    }
}

/// Whether what is raised then is the same that was raised before.
fn goes_on(last: &Episode, at: UnixMillis) -> bool {
    match last.ended {
        None => true,
        Some((since, Ending::Restarted)) => {
            let [since, at] = [since, at].map(Timestamp::from);
            at.duration_since(since).unsigned_abs() <= RESUMES
        }
        Some((_, Ending::Cleared | Ending::Left)) => false,
    }
}

/// What lasted no time at all (a thing that happened, told as raised and cleared at once) leaves nothing.
fn end(all: &mut Vec<Episode>, at: UnixMillis, why: Ending) {
    let Some(last) = all.last_mut() else { return };
    match (last.ended, why) {
        (None, _) if last.began == at => {
            all.pop();
        }
        // It started more than once, or was taken elsewhere after that: from there on it cannot go on.
        (None, _) | (Some((_, Ending::Restarted)), Ending::Left) => {
            let since = last.ended.map_or(at, |(since, _)| since);
            last.changed = last.changed.max(since);
            last.ended = Some((since, why));
        }
        (Some(_), _) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(at: i64) -> UnixMillis {
        UnixMillis::try_from(at).unwrap()
    }

    fn up(at: i64) -> (UnixMillis, Turn) {
        (ms(at), Turn::Raised(Severity::High, String::new()))
    }

    /// Begin and end of each.
    fn spans(turns: &[(UnixMillis, Turn)]) -> Vec<(i64, Option<i64>)> {
        let all = episodes(turns.to_vec());
        let span = |one: &Episode| (one.began.get(), one.ended.map(|(at, _)| at.get()));
        all.iter().map(span).collect()
    }

    #[test]
    fn a_flag_is_up_from_raised_to_cleared_and_updated_in_between() {
        let worse = (ms(20), Turn::Raised(Severity::Critical, "worse".to_owned()));
        let all = episodes(vec![up(10), worse, (ms(30), Turn::Cleared), up(40)]);
        assert_eq!(
            (all[0].severity, all[0].message.as_str()),
            (Severity::Critical, "worse")
        );
        assert_eq!(all[0].ended, Some((ms(30), Ending::Cleared)));
        assert_eq!((all[1].began, all[1].ended), (ms(40), None));
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn what_happens_in_an_instant_or_is_cleared_without_being_up_leaves_nothing() {
        assert_eq!(spans(&[up(10), (ms(10), Turn::Cleared)]), []);
        assert_eq!(spans(&[(ms(10), Turn::Cleared)]), []);
        let ended_by_both = [up(5), up(10), (ms(10), Turn::Cleared)];
        assert_eq!(spans(&ended_by_both), [(5, Some(10))]);
    }

    #[test]
    fn a_start_ends_what_is_not_raised_again_soon() {
        let soon = 10 + i64::try_from(RESUMES.as_millis()).unwrap();
        let start = (ms(10), Turn::Restarted);
        assert_eq!(spans(&[up(1), start.clone()]), [(1, Some(10))]);
        assert_eq!(spans(&[up(1), start.clone(), up(soon)]), [(1, None)]);
        assert_eq!(
            spans(&[up(1), start.clone(), up(soon + 1)]),
            [(1, Some(10)), (soon + 1, None)]
        );
        // It knows nothing to clear.
        assert_eq!(
            spans(&[up(1), start, (ms(11), Turn::Cleared)]),
            [(1, Some(10))]
        );
    }

    #[test]
    fn a_move_ends_it_for_good() {
        let left = (ms(20), Turn::Left);
        assert_eq!(spans(&[up(1), left.clone()]), [(1, Some(20))]);
        assert_eq!(
            spans(&[up(1), left.clone(), up(21)]),
            [(1, Some(20)), (21, None)]
        );
        assert_eq!(
            spans(&[up(1), (ms(10), Turn::Restarted), left, up(21)]),
            [(1, Some(10)), (21, None)]
        );
    }
}
