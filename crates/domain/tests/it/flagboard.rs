//! When a condition becomes a flag, and when it ceases to be one.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use solthrive_domain::{FlagBoard, FlagChange, FlagCode, Observation, Severity, Timing};

use crate::support::{secs, ts};

const PATIENT: Timing = Timing::new(Duration::from_secs(10), Duration::from_secs(5));
const CODE: FlagCode = FlagCode::CtReversed;

fn wall(second: u64) -> Timestamp {
    ts("2026-06-01T10:00:00Z") + SignedDuration::from_secs(i64::try_from(second).unwrap())
}

/// Shows one condition each second: `+` holds, `-` gone, `?` unknown. Returns the changes with
/// their second.
fn watch(board: &mut FlagBoard, from: u64, seen: &str) -> Vec<(u64, &'static str)> {
    let mut changes = Vec::new();
    for (second, state) in (from..).zip(seen.chars()) {
        let observation = match state {
            '+' => Observation::holds(CODE, "pv", "reversed"),
            '-' => Observation::gone(CODE, "pv"),
            _ => Observation::unknown(CODE, "pv"),
        };
        let name = board
            .observe(secs(second), wall(second), observation.with(PATIENT))
            .map(|change| match change {
                FlagChange::Raised(_) => "raised",
                FlagChange::Changed(_) => "changed",
                FlagChange::Cleared(_) => "cleared",
            });
        changes.extend(name.map(|name| (second, name)));
    }
    changes
}

#[test]
fn a_condition_that_lasts_is_raised_once_and_says_since_when() {
    let mut board = FlagBoard::default();
    assert_eq!(watch(&mut board, 0, "--++++++++++++++++"), [(12, "raised")]);
    assert_eq!(board.current()[0].since, wall(2));
}

#[test]
fn a_flicker_is_neither_raised_nor_does_it_clear() {
    let mut board = FlagBoard::default();
    assert_eq!(watch(&mut board, 0, "+++++++++-+++++++++-"), []);
    assert_eq!(watch(&mut board, 20, "+++++++++++"), [(30, "raised")]);
    assert_eq!(watch(&mut board, 31, "----+----+"), []);
    assert_eq!(watch(&mut board, 41, "------"), [(46, "cleared")]);
    assert!(board.current().is_empty());
}

#[test]
fn not_knowing_holds_what_was_known_and_its_time_does_not_count() {
    let mut board = FlagBoard::default();
    assert_eq!(watch(&mut board, 0, "++++++??????????????????????++++"), []);
    assert_eq!(watch(&mut board, 32, "++++"), [(33, "raised")]);
    assert_eq!(watch(&mut board, 36, "???????????????????????????????"), []);
    assert_eq!(board.current().len(), 1);
}

#[test]
fn without_patience_a_condition_is_raised_and_cleared_at_once() {
    let mut board = FlagBoard::default();
    let raised = board.observe(secs(0), wall(0), Observation::holds(CODE, "pv", "x"));
    assert!(matches!(raised, Some(FlagChange::Raised(_))));
    assert_eq!(
        board.observe(
            secs(1),
            wall(1),
            Observation::holds(CODE, "pv", "other numbers")
        ),
        None
    );
    assert!(matches!(
        board.observe(secs(2), wall(2), Observation::gone(CODE, "pv")),
        Some(FlagChange::Cleared(_))
    ));
    assert_eq!(
        board.observe(secs(3), wall(3), Observation::gone(CODE, "pv")),
        None
    );
}

#[test]
fn a_worse_severity_is_a_change_and_takes_its_text_along() {
    let mut board = FlagBoard::default();
    let seen = |text: &str, severity| {
        Observation::holds(FlagCode::VoltageOutOfRange, "l1", text).as_bad_as(severity)
    };
    board.observe(secs(0), wall(0), seen("127 V", Severity::Warning));
    let change = board
        .observe(secs(1), wall(1), seen("130 V", Severity::High))
        .unwrap();
    let FlagChange::Changed(flag) = change else {
        panic!("{change:?}")
    };
    assert_eq!(
        (flag.severity, flag.message.as_str(), flag.since),
        (Severity::High, "130 V", wall(0))
    );
}

#[test]
fn flags_are_in_the_same_order_whatever_came_first() {
    let all = [
        (FlagCode::CtReversed, "pv"),
        (FlagCode::CtReversed, "main_l1"),
        (FlagCode::MeterNotResponding, "main"),
        (FlagCode::CounterGlitch, "main"),
    ];
    let order = |indices: [usize; 4]| {
        let mut board = FlagBoard::default();
        for index in indices {
            board.observe(
                secs(0),
                wall(0),
                Observation::holds(all[index].0, all[index].1, ""),
            );
        }
        let subjects: Vec<_> = board
            .current()
            .iter()
            .map(|flag| (flag.code, flag.subject.clone()))
            .collect();
        (subjects, board.codes())
    };
    assert_eq!(order([0, 1, 2, 3]), order([3, 1, 0, 2]));
    let (flags, codes) = order([2, 3, 0, 1]);
    assert_eq!(flags[0].0, FlagCode::MeterNotResponding);
    assert_eq!(flags[1].1, "main_l1");
    assert_eq!(flags[3].0, FlagCode::CounterGlitch);
    assert_eq!(codes.len(), 3);
}

#[test]
fn flags_of_a_wrong_clock_move_along_with_it_and_right_ones_stay() {
    let mut board = FlagBoard::default();
    board.observe(
        secs(0),
        ts("1970-01-01T00:01:00Z"),
        Observation::holds(CODE, "early", ""),
    );
    board.observe(secs(0), wall(0), Observation::holds(CODE, "right", ""));
    board.restamp(ts("1970-01-01T00:02:00Z"), wall(60));
    assert!(
        board.current().iter().all(|flag| flag.since == wall(0)),
        "{:?}",
        board.current()
    );
}

#[test]
fn what_is_gone_can_be_forgotten() {
    let mut board = FlagBoard::default();
    for subject in ["main", "pv"] {
        board.observe(
            secs(0),
            wall(0),
            Observation::holds(FlagCode::MeterNotResponding, subject, ""),
        );
    }
    let changes = board.forget(|_, subject| subject == "pv");
    assert!(matches!(&changes[..], [FlagChange::Cleared(flag)] if flag.subject == "pv"));
    assert_eq!(board.current().len(), 1);
}

proptest! {
    #[test]
    fn a_flag_is_up_exactly_between_raised_and_cleared(states in "[-+?]{0,120}") {
        let mut board = FlagBoard::default();
        let mut up = false;
        for (second, state) in (0..).zip(states.chars()) {
            let changes = watch(&mut board, second, &state.to_string());
            match changes.first() {
                Some((_, "raised")) => { prop_assert!(!up); up = true; }
                Some((_, "cleared")) => { prop_assert!(up); up = false; }
                other => prop_assert!(other.is_none()),
            }
            prop_assert_eq!(board.current().len(), usize::from(up));
        }
    }
}
