//! The error log as the history keeps it.

use solthrive_domain::clock::ClockEvent;
use solthrive_domain::{Flag, FlagChange, Severity};
use solthrive_edge::store::Event;

use super::*;

fn flag(subject: &str) -> Flag {
    Flag {
        code: FlagCode::DataStale,
        subject: subject.to_owned(),
        severity: Severity::High,
        since: Timestamp::UNIX_EPOCH,
        message: "it has \"quotes\" and a % sign".to_owned(),
    }
}

#[test]
fn flags_that_came_and_went_are_found_among_other_events() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    let at = |second: i64| Timestamp::from_second(1_782_000_000 + second).unwrap();
    let events = vec![
        Event::flag(at(0), FlagChange::Raised(flag("a"))),
        Event::clock(at(1), ClockEvent::BecamePlausible),
        Event::flag(at(2), FlagChange::Changed(flag("a"))),
        Event::flag(at(3), FlagChange::Cleared(flag("a"))),
        Event::flag(at(3), FlagChange::Raised(flag("b"))),
        Event::flag(at(4), FlagChange::Raised(flag("c"))),
    ];
    super::store(
        &store,
        Batch {
            events,
            ..Batch::default()
        },
    );
    let flags = |from, to, limit| -> Vec<_> {
        let found = store.reader().flags(from, to, limit).unwrap();
        found
            .into_iter()
            .map(|(at, change)| match change {
                FlagChange::Raised(flag) => (at, true, flag.subject),
                FlagChange::Cleared(flag) => (at, false, flag.subject),
                FlagChange::Changed(_) => panic!("it neither came nor went"),
            })
            .collect()
    };
    let seen = |second, raised, subject: &str| (at(second), raised, subject.to_owned());
    let all = [
        seen(4, true, "c"),
        seen(3, true, "b"),
        seen(3, false, "a"),
        seen(0, true, "a"),
    ];
    assert_eq!(flags(Timestamp::MIN, Timestamp::MAX, 100), all);
    assert_eq!(flags(Timestamp::MIN, Timestamp::MAX, 1), all[..1]);
    assert_eq!(
        flags(Timestamp::MIN, Timestamp::MAX, 2),
        all[..3],
        "an instant is whole"
    );
    assert_eq!(flags(Timestamp::MIN, at(3), 100), all[3..]);
    assert_eq!(flags(at(3), at(4), 100), all[1..3]);
}
