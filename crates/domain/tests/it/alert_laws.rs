//! What holds for alerts in whatever order their events come.

use proptest::prelude::*;
use solthrive_domain::Severity;
use solthrive_domain::alert::{Ending, Episode, RESUMES, Turn, episodes};
use solthrive_domain::telemetry::UnixMillis;

fn ms(at: i64) -> UnixMillis {
    UnixMillis::try_from(at).unwrap()
}

/// What is said at an instant follows from it: the first that was said counts where two contradict each other.
fn turn(at: i64, kind: u8) -> (UnixMillis, Turn) {
    let severity = if at % 3 == 0 {
        Severity::High
    } else {
        Severity::Warning
    };
    let turn = match kind {
        0..4 => Turn::Raised(severity, format!("since {at}")),
        4..8 => Turn::Cleared,
        8 => Turn::Restarted,
        _ => Turn::Left,
    };
    // Some of them are hours apart, some at the same instant.
    (ms(at * 20 * 60_000), turn)
}

type Turns = Vec<(UnixMillis, Turn)>;

fn turns() -> impl Strategy<Value = Turns> {
    prop::collection::vec(
        (0..40i64, 0..10u8).prop_map(|(at, kind)| turn(at, kind)),
        0..60,
    )
}

/// Some order with some repetitions, everything once at least.
fn disorder() -> impl Strategy<Value = (Turns, Turns)> {
    turns().prop_flat_map(|all| {
        let more = prop::sample::subsequence(all.clone(), 0..=all.len());
        let repeated = more.prop_map({
            let all = all.clone();
            move |more| [all.clone(), more].concat()
        });
        (Just(all), repeated.prop_shuffle())
    })
}

fn begins(all: &[Episode]) -> Vec<UnixMillis> {
    all.iter().map(|one| one.began).collect()
}

proptest! {
    #[test]
    fn any_order_and_repetition_gives_the_same_alerts((all, disordered) in disorder()) {
        prop_assert_eq!(episodes(disordered), episodes(all));
    }

    #[test]
    fn alerts_follow_each_other_and_only_the_last_is_open(all in turns()) {
        let all = episodes(all);
        for pair in all.windows(2) {
            let (end, _) = pair[0].ended.unwrap();
            prop_assert!(pair[0].began < end && end <= pair[1].began);
        }
        for one in &all {
            prop_assert!(one.began <= one.changed);
            prop_assert!(one.ended.is_none_or(|(end, _)| one.changed <= end));
        }
    }

    /// What the store relies on: from the beginning of an alert on, the rest follows without what was before; and where
    /// none was open, or might have gone on, from there on too.
    #[test]
    fn the_rest_follows_from_a_beginning(all in turns(), from in 0..40i64) {
        let whole = episodes(all.clone());
        let from = ms(from * 20 * 60_000);
        let resumes = i64::try_from(RESUMES.as_millis()).unwrap();
        let reaches = |one: &Episode| match one.ended {
            None => true,
            Some((end, Ending::Restarted)) => end.get() + resumes >= from.get(),
            Some((end, _)) => end >= from,
        };
        let floor = whole.iter().find(|one| reaches(one)).map_or(from, |one| one.began.min(from));
        let rest = all.into_iter().filter(|(at, _)| *at >= floor).collect();
        let expected: Vec<_> = whole.into_iter().filter(|one| one.began >= floor).collect();
        let rest = episodes(rest);
        prop_assert_eq!(begins(&rest), begins(&expected));
        prop_assert_eq!(rest, expected);
    }
}
