//! Case by case.

use std::time::Duration;

use solthrive_domain::delivery::{Delivery, Next, Numbers, Outcome, Taken, Way};

use super::{BUDGET, at, device, said, span, taken};

#[test]
fn the_newest_go_first_on_the_live_lane_and_the_oldest_on_the_other() {
    let mut device = device(99);
    assert_eq!(device.next(Way::Live, at(0)), Next::Say(vec![span(95, 99)]));
    assert_eq!(
        device.next(Way::Backfill, at(0)),
        Next::Say(vec![span(0, 19)])
    );
    device.made(100);
    // What is under way on one lane is not said again on it or the other.
    assert_eq!(said(&device.next(Way::Live, at(0))), [100, 91, 92, 93, 94]);
}

#[test]
fn what_was_not_answered_is_said_again_and_what_was_is_not() {
    let mut device = device(9);
    let first = said(&device.next(Way::Live, at(0)));
    device.came_of(Way::Live, &first, &Outcome::NotNow, at(1));
    assert_eq!(said(&device.next(Way::Live, at(2))), first);
    device.came_of(Way::Live, &first, &Outcome::Taken(taken()), at(3));
    assert_eq!(said(&device.next(Way::Live, at(3))), [0, 1, 2, 3, 4]);
    assert_eq!((device.waiting(), device.oldest_waiting()), (5, Some(0)));
}

#[test]
fn the_other_lane_keeps_to_the_pace_that_the_cloud_gives_it() {
    let mut device = device(99);
    let rows = said(&device.next(Way::Backfill, at(0)));
    device.came_of(Way::Backfill, &rows, &Outcome::Taken(taken()), at(5));
    // 20 rows at 10 a second.
    assert_eq!(device.next(Way::Backfill, at(5)), Next::At(at(7)));
    assert_eq!(device.next(Way::Live, at(5)), Next::Say(vec![span(95, 99)]));
    assert_eq!(
        device.next(Way::Backfill, at(7)),
        Next::Say(vec![span(20, 39)])
    );
}

#[test]
fn a_backfill_begins_within_the_length_of_the_outage_and_at_most_an_hour() {
    for (outage, chance, wait) in [
        (60, 0.5, 30),
        (60, 1.0, 60),
        (604_800, 0.5, 1_800),
        (604_800, 0.0, 0),
    ] {
        let mut device = device(99);
        device.back_after(at(10), Duration::from_secs(outage), chance);
        let next = device.next(Way::Backfill, at(10));
        let expected = if wait == 0 {
            Next::Say(vec![span(0, 19)])
        } else {
            Next::At(at(10 + wait))
        };
        assert_eq!(next, expected, "{outage} {chance}");
        assert_eq!(
            said(&device.next(Way::Live, at(10))).len(),
            5,
            "live does not wait"
        );
    }
}

#[test]
fn a_row_that_is_refused_three_times_is_given_up_and_stops_nothing() {
    let mut device = device(4);
    for round in 0..3 {
        let rows = said(&device.next(Way::Live, at(round)));
        assert!(rows.contains(&2), "round {round}");
        let refused = Taken {
            refused: vec![2],
            ..taken()
        };
        device.came_of(Way::Live, &rows, &Outcome::Taken(refused), at(round));
    }
    assert_eq!(
        (
            device.next(Way::Live, at(9)),
            device.given_up(),
            device.waiting()
        ),
        (Next::Idle, 1, 0)
    );
}

#[test]
fn a_call_that_is_too_large_is_halved_and_grows_again() {
    let mut device = device(199);
    let mut sizes = Vec::new();
    for round in 0..8 {
        let rows = said(&device.next(Way::Backfill, at(round * 10)));
        sizes.push(rows.len());
        let outcome = if round < 3 {
            Outcome::TooLarge
        } else {
            Outcome::Taken(taken())
        };
        device.came_of(Way::Backfill, &rows, &outcome, at(round * 10));
    }
    assert_eq!(sizes, [20, 10, 5, 2, 3, 4, 6, 8]);
}

#[test]
fn of_a_call_of_which_nothing_is_acceptable_each_row_gets_its_own_chance() {
    let mut device = device(9);
    for round in 0..100 {
        let rows = said(&device.next(Way::Live, at(round)));
        let outcome = match rows.as_slice() {
            [] => break,
            rows if rows.iter().all(|row| (5..=9).contains(row)) => Outcome::Unacceptable,
            rows => Outcome::Taken(Taken {
                refused: rows.iter().copied().filter(|row| *row >= 5).collect(),
                ..taken()
            }),
        };
        device.came_of(Way::Live, &rows, &outcome, at(round));
    }
    assert_eq!((device.waiting(), device.given_up()), (0, 5));
}

#[test]
fn rows_ahead_of_the_clouds_clock_wait_for_it_and_others_go_on() {
    let mut device = device(4);
    let rows = said(&device.next(Way::Live, at(0)));
    let ahead = Taken {
        ahead: vec![(4, Duration::from_mins(20))],
        ..taken()
    };
    device.came_of(Way::Live, &rows, &Outcome::Taken(ahead), at(0));
    assert_eq!((device.waiting(), device.ahead()), (1, 1));
    assert_eq!(device.next(Way::Live, at(1)), Next::At(at(1200)));
    device.made(5);
    assert_eq!(said(&device.next(Way::Live, at(2))), [5]);
    device.came_of(Way::Live, &[5], &Outcome::Taken(taken()), at(2));
    assert_eq!(said(&device.next(Way::Live, at(1200))), [4]);
    device.came_of(Way::Live, &[4], &Outcome::Taken(taken()), at(1200));
    assert_eq!(
        (device.waiting(), device.ahead(), device.given_up()),
        (0, 0, 0)
    );
}

#[test]
fn rows_that_the_store_let_go_are_counted_and_not_waited_for() {
    let mut device = device(99);
    device.gone_before(30);
    assert_eq!(
        (device.lost(), device.waiting(), device.oldest_waiting()),
        (30, 70, Some(30))
    );
    let rows = said(&device.next(Way::Backfill, at(0)));
    // Some of what was handed out was gone when it was read.
    device.came_of(Way::Backfill, &rows[5..], &Outcome::Taken(taken()), at(0));
    assert_eq!((device.lost(), device.oldest_waiting()), (35, Some(50)));
}

#[test]
fn a_restart_goes_on_from_what_was_kept_and_never_believes_rows_told_that_are_not_there() {
    let told: Numbers = "0-49,95-120".parse().unwrap();
    // The power went before the rows above 99 were stored: their numbers will be other rows.
    let mut device = Delivery::new(BUDGET, Some(span(20, 99)), told);
    device.made(100);
    assert_eq!(said(&device.next(Way::Live, at(0))), [100, 91, 92, 93, 94]);
    assert_eq!(device.settled_before(), 50);
}

#[test]
fn a_device_without_rows_has_nothing_to_say() {
    let mut device = Delivery::new(BUDGET, None, "0-7".parse().unwrap());
    assert_eq!(device.next(Way::Live, at(0)), Next::Idle);
    device.made(3);
    assert_eq!(
        (said(&device.next(Way::Live, at(0))), device.waiting()),
        (vec![3], 1)
    );
}
