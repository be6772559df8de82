//! What happened while the time was not known: it waits, as the minutes do, and gets its time with
//! them.

use std::collections::VecDeque;

use jiff::Timestamp;
use solthrive_domain::clock::restamped;
use solthrive_domain::flagboard::FlagChange;

use crate::store::{Event, Happening, MOST_EVENTS};

/// Events in waiting, oldest first.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    events: VecDeque<Event>,
    lost: u64,
}

impl Waiting {
    /// One more. When there is no room the oldest change of a flag goes: there are many of those,
    /// and few of everything else.
    pub(super) fn push(&mut self, event: Event) {
        if self.events.len() == MOST_EVENTS {
            let ordinary = |event: &Event| matches!(event.what, Happening::Flag(_));
            let oldest = self.events.iter().position(ordinary).unwrap_or(0);
            self.events.remove(oldest);
            self.lost += 1;
        }
        self.events.push_back(event);
    }

    /// The clock jumped: what was stamped with it moves along.
    pub(super) fn clock_stepped(&mut self, from: Timestamp, to: Timestamp) {
        let error = to.duration_since(from);
        for event in &mut self.events {
            event.at = event.at.checked_add(error).unwrap_or(event.at);
            if let Happening::Flag(change) = &mut event.what {
                let (FlagChange::Raised(flag)
                | FlagChange::Changed(flag)
                | FlagChange::Cleared(flag)) = change;
                flag.since = restamped(flag.since, from, to);
            }
        }
    }

    /// Everything, and how many had no room since this was asked last.
    pub(super) fn release(&mut self) -> (VecDeque<Event>, u64) {
        (
            std::mem::take(&mut self.events),
            std::mem::take(&mut self.lost),
        )
    }
}

#[cfg(test)]
mod tests {
    use solthrive_domain::clock::ClockEvent;
    use solthrive_domain::{Flag, FlagCode};

    use super::*;

    fn flag(second: i64) -> Event {
        let at = Timestamp::from_second(second).unwrap();
        let code = FlagCode::ClockUnsynced;
        let flag = Flag {
            code,
            subject: String::new(),
            severity: code.severity(),
            since: at,
            message: String::new(),
        };
        Event::flag(at, FlagChange::Raised(flag))
    }

    #[test]
    fn the_oldest_flags_make_room_and_what_is_rare_stays() {
        let mut waiting = Waiting::default();
        let rare = Event::clock(Timestamp::UNIX_EPOCH, ClockEvent::BecameImplausible);
        waiting.push(rare.clone());
        let most = i64::try_from(MOST_EVENTS).unwrap();
        (1..most + 3).for_each(|second| waiting.push(flag(second)));
        let (events, lost) = waiting.release();
        assert_eq!((events.len(), lost), (MOST_EVENTS, 3));
        assert_eq!((&events[0], &events[1]), (&rare, &flag(4)));
    }
}
