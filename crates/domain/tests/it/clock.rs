//! Which wall time samples get on a machine without a clock battery.

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;
use solthrive_domain::{ClockEvent, ClockWatch, Mono};

use crate::support::{millis, secs, ts};

const FLOOR: &str = "2026-06-01T00:00:00Z";

#[test]
fn a_synchronised_clock_is_believed_at_once() {
    let now = ts("2026-06-01T10:00:00Z");
    let mut clock = ClockWatch::new(ts(FLOOR), secs(5), now);
    assert!(!clock.plausible());
    assert_eq!(
        clock.observe(secs(5), now, Some(true)),
        [ClockEvent::BecamePlausible]
    );
    assert_eq!((clock.plausible(), clock.synced()), (true, Some(true)));
    assert_eq!(clock.stamp(secs(65)), ts("2026-06-01T10:01:00Z"));
}

#[test]
fn a_clock_that_nobody_confirms_is_believed_after_two_minutes_above_the_floor() {
    let now = ts("2026-06-01T10:00:00Z");
    let mut clock = ClockWatch::new(ts(FLOOR), secs(0), now);
    for second in 0..120 {
        let wall = now + SignedDuration::from_secs(second);
        assert_eq!(
            clock.observe(secs(u64::try_from(second).unwrap()), wall, None),
            []
        );
    }
    assert_eq!(
        clock.observe(secs(120), ts("2026-06-01T10:02:00Z"), None),
        [ClockEvent::BecamePlausible]
    );
}

#[test]
fn a_clock_that_is_known_to_be_unsynchronised_is_believed_after_a_longer_wait() {
    let now = ts("2026-06-01T10:00:00Z");
    let mut clock = ClockWatch::new(ts(FLOOR), secs(0), now)
        .trusting_after(Duration::from_secs(1), Duration::from_secs(3));
    assert_eq!(clock.observe(secs(0), now, Some(false)), []);
    assert_eq!(
        clock.observe(secs(2), ts("2026-06-01T10:00:02Z"), Some(false)),
        []
    );
    assert_eq!(
        clock.observe(secs(3), ts("2026-06-01T10:00:03Z"), Some(false)),
        [ClockEvent::BecamePlausible]
    );
}

#[test]
fn a_clock_below_the_floor_is_never_believed_however_long_it_runs() {
    let mut clock = ClockWatch::new(ts(FLOOR), secs(0), ts("1970-01-01T00:00:00Z"));
    for hours in 0..1000 {
        let wall = ts("1970-01-01T00:00:00Z") + SignedDuration::from_hours(hours);
        let mono = Mono::from_origin(Duration::from_hours(u64::try_from(hours).unwrap()));
        assert_eq!(clock.observe(mono, wall, Some(true)), []);
    }
    assert!(!clock.plausible());
}

#[test]
fn a_clock_decades_ahead_is_not_believed_either() {
    let far = ts("2099-01-01T00:00:00Z");
    let mut clock =
        ClockWatch::new(ts(FLOOR), secs(0), far).trusting_after(Duration::ZERO, Duration::ZERO);
    assert_eq!(clock.observe(secs(0), far, None), []);
}

#[test]
fn a_boot_at_1970_moves_what_was_held_when_the_time_arrives() {
    let mut clock = ClockWatch::new(ts(FLOOR), secs(0), ts("1970-01-01T00:00:10Z"));
    assert_eq!(
        clock.observe(secs(1), ts("1970-01-01T00:00:11Z"), Some(false)),
        []
    );
    let held = clock.stamp(secs(1));
    let events = clock.observe(secs(30), ts("2026-06-01T10:00:30Z"), Some(true));
    let [
        ClockEvent::Stepped {
            from,
            to,
            moves_held: true,
        },
        ClockEvent::BecamePlausible,
    ] = events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (from, to),
        (ts("1970-01-01T00:00:40Z"), ts("2026-06-01T10:00:30Z"))
    );
    assert_eq!(held + to.duration_since(from), ts("2026-06-01T10:00:01Z"));
    assert_eq!(clock.last_step(), Some((from, to)));
}

#[test]
fn a_step_of_a_believed_clock_leaves_stored_rows_where_they_are() {
    let mut clock = ClockWatch::new(ts(FLOOR), secs(0), ts("2026-06-01T10:00:00Z"));
    clock.observe(secs(0), ts("2026-06-01T10:00:00Z"), Some(true));
    for wall in ["2026-06-01T11:00:01Z", "2026-06-01T10:00:01Z"] {
        let events = clock.observe(secs(1), ts(wall), None);
        assert!(
            matches!(
                events[..],
                [ClockEvent::Stepped {
                    moves_held: false,
                    ..
                }]
            ),
            "{events:?}"
        );
        assert!(clock.plausible());
        assert_eq!(clock.stamp(secs(1)), ts(wall));
    }
}

#[test]
fn a_clock_that_falls_below_the_floor_is_no_longer_believed_until_it_comes_back() {
    let mut clock = ClockWatch::new(ts(FLOOR), secs(0), ts("2026-06-01T10:00:00Z"));
    clock.observe(secs(0), ts("2026-06-01T10:00:00Z"), Some(true));
    let events = clock.observe(secs(1), ts("1970-01-01T00:00:00Z"), Some(true));
    assert!(matches!(
        events[..],
        [
            ClockEvent::Stepped {
                moves_held: false,
                ..
            },
            ClockEvent::BecameImplausible
        ]
    ));
    let events = clock.observe(secs(2), ts("2026-06-01T10:00:02Z"), Some(true));
    assert!(matches!(
        events[..],
        [
            ClockEvent::Stepped {
                moves_held: true,
                ..
            },
            ClockEvent::BecamePlausible
        ]
    ));
}

#[test]
fn two_seconds_are_a_drift_that_is_followed_gently_and_more_is_a_step() {
    let mut clock = ClockWatch::new(ts(FLOOR), secs(0), ts("2026-06-01T10:00:00Z"));
    assert_eq!(
        clock.observe(secs(10), ts("2026-06-01T10:00:12Z"), Some(true)),
        [ClockEvent::BecamePlausible]
    );
    assert_eq!(clock.stamp(secs(10)), ts("2026-06-01T10:00:10.1Z"));
    let mut clock = ClockWatch::new(ts(FLOOR), secs(0), ts("2026-06-01T10:00:00Z"));
    let events = clock.observe(secs(10), ts("2026-06-01T10:00:12.001Z"), None);
    assert!(
        matches!(events[..], [ClockEvent::Stepped { .. }]),
        "{events:?}"
    );
}

proptest! {
    #[test]
    fn without_a_step_stamps_of_samples_a_second_apart_never_run_backwards(
        drifts in prop::collection::vec(-1900_i64..1900, 1..200),
    ) {
        let begin = ts("2026-06-01T10:00:00Z");
        let mut clock = ClockWatch::new(ts(FLOOR), secs(0), begin);
        let mut last = clock.stamp(secs(0));
        for (second, drift) in (1..).zip(drifts) {
            let wall = begin + SignedDuration::from_secs(second) + SignedDuration::from_millis(drift / 2);
            let at = millis(u64::try_from(second).unwrap() * 1000);
            let stepped = clock.observe(at, wall, None).iter().any(|e| matches!(e, ClockEvent::Stepped { .. }));
            prop_assert!(!stepped);
            let stamp = clock.stamp(at);
            prop_assert!(stamp > last);
            last = stamp;
        }
    }
}

#[test]
fn a_row_from_a_clock_that_ran_ahead_does_not_make_the_right_time_unbelievable() {
    let (build, ahead) = (ts("2026-01-01T00:00:00Z"), ts("2036-01-01T00:00:00Z"));
    let wall = ts("2026-06-21T12:00:00Z");
    let mut watch = ClockWatch::new(build, Mono::ZERO, wall).after(ahead);
    watch.observe(Mono::ZERO, wall, Some(false));
    let later = Duration::from_hours(1);
    watch.observe(Mono::from_origin(later), wall + later, Some(false));
    assert!(
        !watch.plausible(),
        "nobody confirms it, and a stored row is later"
    );
    watch.observe(Mono::from_origin(later), wall + later, Some(true));
    assert!(watch.plausible());
}

#[test]
fn a_clock_that_nobody_speaks_of_overrules_stored_rows_after_an_hour_of_steady_running() {
    let (build, ahead) = (ts("2026-01-01T00:00:00Z"), ts("2036-01-01T00:00:00Z"));
    let wall = ts("2026-06-21T12:00:00Z");
    let mut watch = ClockWatch::new(build, Mono::ZERO, wall).after(ahead);
    let mut believed = |second: u64, error: i64| {
        let wall = wall + Duration::from_secs(second) + SignedDuration::from_secs(error);
        watch.observe(secs(second), wall, None);
        watch.plausible()
    };
    assert!(!believed(0, 0));
    assert!(!believed(3000, 0));
    assert!(!believed(3001, 60), "a step begins the hour anew");
    assert!(!believed(3600, 60));
    assert!(!believed(6600, 60));
    assert!(believed(6601, 60));
    assert!(believed(6602, 60));
}

/// A router takes minutes to boot after a power cut, and the clock stands where it was saved before.
#[test]
fn a_clock_that_waits_for_the_network_is_not_believed_after_two_minutes() {
    let saved = ts("2026-06-01T10:00:00Z");
    let mut clock = ClockWatch::new(ts(FLOOR), secs(0), saved);
    for second in 0..600 {
        let wall = saved + Duration::from_secs(second);
        assert_eq!(clock.observe(secs(second), wall, Some(false)), []);
    }
    let events = clock.observe(secs(600), ts("2026-06-01T13:10:00Z"), Some(true));
    assert!(matches!(
        events[..],
        [
            ClockEvent::Stepped {
                moves_held: true,
                ..
            },
            ClockEvent::BecamePlausible
        ]
    ));
}
