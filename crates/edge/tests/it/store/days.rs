//! Local days and months against the domain's own sums.

use jiff::civil::Date;
use solthrive_domain::day::{DaySummary, local_date, local_day, local_month, summarise};

use super::*;

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn every() -> (Date, Date) {
    (date("1990-01-01"), date("2060-01-01"))
}

/// Each stored day is what the domain makes of its rows, and no day is missing.
pub(super) fn assert_days_equal_rows(reader: &Reader, zone: &TimeZone) {
    let rows = all(reader);
    let now = reader.newest().unwrap().unwrap();
    let (from, to) = every();
    let days = reader.days(from, to).unwrap();
    let mut expected: Vec<DaySummary> = Vec::new();
    let first = local_date(zone, rows[0].start).yesterday().unwrap();
    let mut date = first;
    while date <= local_date(zone, now) {
        let span = local_day(zone, date).unwrap();
        if rows.iter().any(|row| span.contains(&row.start)) {
            expected.push(DaySummary {
                date,
                summary: summarise(span, now, &rows),
            });
        }
        date = date.tomorrow().unwrap();
    }
    assert_eq!(dates(&days), dates(&expected), "{zone:?}");
    for (stored, expected) in days.iter().zip(&expected) {
        assert_close(stored, expected);
    }
    assert_months(reader, zone, &days, now);
}

fn dates(days: &[DaySummary]) -> Vec<Date> {
    days.iter().map(|day| day.date).collect()
}

fn assert_close(stored: &DaySummary, expected: &DaySummary) {
    let (a, b) = (&stored.summary, &expected.summary);
    let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
        // Half a step of each row, and of the peak.
        (Some(a), Some(b)) => (a - b).abs() < 2e-3,
        (a, b) => a == b,
    };
    let energies = |energy: &Energies| {
        [
            energy.solar,
            energy.import,
            energy.export,
            energy.home,
            energy.battery_charge,
            energy.ev,
        ]
    };
    for (a, b) in energies(&a.energy).into_iter().zip(energies(&b.energy)) {
        assert!(
            near(a.map(WattHours::get), b.map(WattHours::get)),
            "{stored:?} {expected:?}"
        );
    }
    let peak = |summary: &solthrive_domain::Summary| {
        summary.peak_demand.map(solthrive_domain::units::Watts::get)
    };
    assert!(near(peak(a), peak(b)), "{stored:?} {expected:?}");
    assert_eq!(
        (a.covered, a.elapsed),
        (b.covered, b.elapsed),
        "{}",
        stored.date
    );
}

fn assert_months(reader: &Reader, zone: &TimeZone, days: &[DaySummary], now: Timestamp) {
    let (from, to) = every();
    let months = reader.months(from, to).unwrap();
    let mut firsts: Vec<_> = days.iter().map(|day| day.date.first_of_month()).collect();
    firsts.dedup();
    assert_eq!(
        months.iter().map(|month| month.first).collect::<Vec<_>>(),
        firsts
    );
    for month in months {
        let of = days
            .iter()
            .filter(|day| day.date.first_of_month() == month.first);
        let solar: f64 = of
            .filter_map(|day| day.summary.energy.solar)
            .map(WattHours::get)
            .sum();
        let stored = month.summary.energy.solar.unwrap().get();
        assert!((stored - solar).abs() < 1e-6, "{stored} {solar}");
        let span = local_month(zone, month.first).unwrap();
        let elapsed = now.min(span.end).duration_since(span.start);
        assert_eq!(month.summary.elapsed, elapsed.unsigned_abs());
    }
}

/// Rows of three days around `middle`, every fifth minute, with gaps and doubled minutes.
fn some_rows(middle: Timestamp) -> Vec<MinuteRow> {
    let mut dice = Dice(3);
    let mut rows = Vec::new();
    let from =
        Timestamp::from_second(middle.as_second().div_euclid(60) * 60).unwrap() - minutes(36 * 60);
    for minute in 0..72 * 60 {
        if dice.roll(3) == 0 {
            let import = u32::try_from(dice.roll(90_000)).unwrap();
            rows.push(row(1, from + minutes(minute), 0, import));
            if dice.roll(10) == 0 {
                rows.push(row(1, from + minutes(minute), 1, import / 2));
            }
        }
    }
    // A quarter without a gap, so that there is a demand.
    rows.extend((0..30).map(|minute| row(2, from + minutes(600 + minute), 0, 25_000)));
    rows
}

/// Arrives in pieces, the pieces out of order, as after a wrong clock.
fn store_shuffled(store: &Store, mut rows: Vec<MinuteRow>) {
    let mut dice = Dice(11);
    rows.sort_by_key(|row| (row.start.as_second() / 7200 % 5, row.start));
    while !rows.is_empty() {
        let count = usize::try_from(1 + dice.roll(200)).unwrap();
        super::store(
            store,
            a_batch(rows.drain(..count.min(rows.len())).collect()),
        );
    }
}

#[rstest::rstest]
#[case::shorter_and_longer_by_an_hour("America/Los_Angeles", "2026-03-08T10:00:00Z")]
#[case::twenty_five_hours("America/Los_Angeles", "2026-11-01T09:00:00Z")]
#[case::half_an_hour_of_daylight_saving("Australia/Lord_Howe", "2026-10-03T15:30:00Z")]
#[case::offset_of_three_quarters("Asia/Kathmandu", "2026-06-21T18:15:00Z")]
#[case::offset_of_almost_thirteen_hours("Pacific/Chatham", "2026-04-04T14:00:00Z")]
#[case::no_midnight("Africa/Cairo", "2026-04-23T22:00:00Z")]
#[case::set_back_over_midnight("America/Sao_Paulo", "2019-02-17T02:00:00Z")]
#[case::set_back_a_minute_after_midnight("America/St_Johns", "2010-11-07T02:31:00Z")]
#[case::a_day_that_was_skipped("Pacific/Apia", "2011-12-30T10:00:00Z")]
#[case::set_back_over_midnight_in_cuba("America/Havana", "2026-11-01T05:00:00Z")]
#[case::a_month_ends("UTC", "2026-06-30T23:59:00Z")]
fn stored_days_are_the_sums_of_their_rows(#[case] zone: &str, #[case] middle: &str) {
    let zone = TimeZone::get(zone).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = |number| Options {
        zone: zone.clone(),
        ..utc(folder.path(), number)
    };
    let (store, _) = open(options(1));
    let rows = some_rows(ts(middle));
    let (before, after) = rows.split_at(rows.len() / 2);
    store_shuffled(&store, before.to_vec());
    drop(store);
    let (store, _) = open(options(2));
    store_shuffled(&store, after.to_vec());
    assert_days_equal_rows(&store.reader(), &zone);
    let (from, to) = every();
    let grown = store.reader().days(from, to).unwrap();
    let months = store.reader().months(from, to).unwrap();
    drop(store);

    // Another zone sums everything up again, and back again gives exactly the same.
    let (store, _) = open(Options {
        zone: TimeZone::get("Asia/Tokyo").unwrap(),
        ..utc(folder.path(), 3)
    });
    assert_days_equal_rows(&store.reader(), &TimeZone::get("Asia/Tokyo").unwrap());
    drop(store);
    let (store, _) = open(options(4));
    assert_eq!(store.reader().days(from, to).unwrap(), grown);
    assert_eq!(store.reader().months(from, to).unwrap(), months);
}

#[test]
fn months_are_asked_for_by_their_first_day() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    let starts = [
        "2025-12-31T00:00:00Z",
        "2026-01-01T00:00:00Z",
        "2026-02-10T00:00:00Z",
    ];
    super::store(
        &store,
        a_batch(
            starts
                .iter()
                .map(|start| row(1, ts(start), 0, 10))
                .collect(),
        ),
    );
    let firsts = |from: &str, to: &str| -> Vec<Date> {
        store
            .reader()
            .months(date(from), date(to))
            .unwrap()
            .iter()
            .map(|month| month.first)
            .collect()
    };
    assert_eq!(firsts("2026-01-01", "2026-02-01"), [date("2026-01-01")]);
    assert_eq!(firsts("2026-01-02", "2026-02-02"), [date("2026-02-01")]);
    assert_eq!(firsts("2025-12-01", "2026-01-01"), [date("2025-12-01")]);
    assert_eq!(firsts("2025-12-02", "2025-12-31"), []);
}
