//! What is old goes, and nothing else does.

use super::*;

const DAY: i64 = 24 * 60;

fn fill(store: &Store, from: Timestamp, count: i64) {
    for chunk in 0..count / 240 {
        let rows = (0..240).map(|minute| row(1, from + minutes(chunk * 240 + minute), 0, 1000));
        super::store(store, a_batch(rows.collect()));
    }
}

#[test]
fn minutes_and_days_go_when_their_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(Options {
        minute_days: 2,
        keep_days: 5,
        ..utc(folder.path(), 1)
    });
    let from = ts("2026-06-20T00:00:00Z");
    fill(&store, from, 9 * DAY);
    let end = from + minutes(9 * DAY);
    let reader = store.reader();

    let rows = all(&reader);
    let oldest = end.duration_since(rows[0].start);
    assert!(
        oldest >= minutes(2 * DAY) && oldest <= minutes(2 * DAY + 5 * 60),
        "{oldest:?}"
    );
    assert_eq!(
        i64::try_from(rows.len()).unwrap(),
        oldest.as_mins(),
        "one of the newer rows is gone"
    );

    let days = reader
        .days("2026-01-01".parse().unwrap(), "2027-01-01".parse().unwrap())
        .unwrap();
    let dates: Vec<_> = days.iter().map(|day| day.date.to_string()).collect();
    assert_eq!(
        dates,
        [
            "2026-06-24",
            "2026-06-25",
            "2026-06-26",
            "2026-06-27",
            "2026-06-28"
        ]
    );
    // Those whose minutes are gone are still whole.
    assert!(
        days.iter()
            .all(|day| day.summary.energy.import == WattHours::try_from(1440.0).ok()),
        "{days:?}"
    );
    assert!(days.iter().all(|day| day.summary.coverage() > 0.999));
    let events = reader.events(Timestamp::MIN, Timestamp::MAX, 10).unwrap();
    assert_eq!(events.len(), 0, "{events:?}");
    // Nine days were written, and less than four are kept.
    let size = store.health().size.unwrap();
    assert!(size < 2_200_000, "{size}");
}

#[test]
fn a_late_row_of_a_pruned_day_adds_to_what_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(Options {
        minute_days: 2,
        ..utc(folder.path(), 1)
    });
    let from = ts("2026-06-20T00:00:00Z");
    fill(&store, from, 5 * DAY);
    super::store(&store, a_batch(vec![row(9, from + minutes(77), 0, 500)]));
    let day = &store
        .reader()
        .days("2026-06-20".parse().unwrap(), "2026-06-21".parse().unwrap())
        .unwrap()[0];
    assert_eq!(day.summary.energy.import, WattHours::try_from(1440.5).ok());
}

/// A clock that is far ahead for some hours must not cost a year.
#[test]
fn rows_from_a_wrong_future_make_nothing_old() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    fill(&store, ts("2026-06-20T00:00:00Z"), DAY);
    for hour in 0..5 {
        let rows = (0..60).map(|minute| {
            row(
                1,
                ts("2040-01-01T00:00:00Z") + minutes(hour * 60 + minute),
                0,
                1000,
            )
        });
        super::store(&store, a_batch(rows.collect()));
    }
    fill(&store, ts("2026-06-21T00:00:00Z"), DAY);
    assert_eq!(all(&store.reader()).len(), 2 * 1440 + 300);
    let days = store
        .reader()
        .days("2026-01-01".parse().unwrap(), "2041-01-01".parse().unwrap())
        .unwrap();
    assert_eq!(days.len(), 3);
}

#[test]
fn a_flag_that_flickers_for_a_year_does_not_fill_the_disk() {
    use solthrive_domain::ClockEvent;
    use solthrive_edge::store::Event;
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    let from = ts("2026-06-20T00:00:00Z");
    for chunk in 0..32 {
        let events =
            (0..1800).map(|index| Event::clock(from + minutes(index), ClockEvent::BecamePlausible));
        let rows = (0..20).map(|minute| row(1, from + minutes(chunk * 20 + minute), 0, 10));
        super::store(
            &store,
            Batch {
                events: events.collect(),
                ..a_batch(rows.collect())
            },
        );
    }
    let events = store
        .reader()
        .events(Timestamp::MIN, Timestamp::MAX, usize::MAX)
        .unwrap();
    // A limit that is looked at once an hour of rows.
    assert!((45_000..56_000).contains(&events.len()), "{}", events.len());
}
