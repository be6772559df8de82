//! Every zone's days and months are whole quarters, and every quarter is on one of its days.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};
use solthrive_domain::rollup::{day_of, quarters_of_day, quarters_of_month};
use solthrive_domain::{Quarter, local_day, local_month};

use crate::support::ts;

const FROM: &str = "2010-01-01T00:00:00Z";
const TO: &str = "2038-01-02T00:00:00Z";

/// One zone of each kind that behaves the same over these years, with its changes of the clock.
fn zones() -> Vec<(String, TimeZone, Vec<Timestamp>)> {
    let mut kinds = BTreeMap::new();
    let database = TimeZoneDatabase::bundled();
    let names: Vec<_> = database.available().map(|name| name.to_string()).collect();
    assert!(names.len() > 500, "{}", names.len());
    for name in names {
        let zone = database.get(&name).unwrap();
        let changes: Vec<_> = zone
            .following(ts(FROM))
            .take_while(|change| change.timestamp() < ts(TO))
            .map(|change| (change.timestamp(), change.offset().seconds()))
            .collect();
        let first = zone.to_offset(ts(FROM)).seconds();
        kinds.entry((first, changes)).or_insert((name, zone));
    }
    let with_changes = |((_, changes), (name, zone)): ((i32, Vec<(Timestamp, i32)>), _)| {
        (name, zone, changes.into_iter().map(|(at, _)| at).collect())
    };
    kinds.into_iter().map(with_changes).collect()
}

#[test]
fn every_offset_between_2010_and_2037_is_whole_quarters() {
    // So all days on which the clock does not change begin on the grid.
    for (name, zone, changes) in zones() {
        for at in changes.into_iter().chain([ts(FROM)]) {
            assert_eq!(zone.to_offset(at).seconds() % 900, 0, "{name} {at}");
        }
    }
}

#[test]
fn every_month_of_every_zone_begins_on_the_grid() {
    for (name, zone, _) in zones() {
        let mut month = date(2010, 1, 1);
        while month < date(2038, 1, 1) {
            let span = local_month(&zone, month).unwrap();
            let quarters = quarters_of_month(&zone, month).unwrap();
            assert_eq!(
                Quarter::try_from(span.start),
                Ok(quarters.start),
                "{name} {month}"
            );
            assert_eq!(
                Quarter::try_from(span.end),
                Ok(quarters.end),
                "{name} {month}"
            );
            month = month.checked_add(1.month()).unwrap();
        }
    }
}

#[test]
fn where_clocks_change_days_still_divide_the_quarters_among_them() {
    let mut odd = BTreeMap::new();
    for (name, zone, changes) in zones() {
        for change in changes {
            let day = zone.to_datetime(change).date();
            let first = day.checked_sub(2.days()).unwrap();
            divide(&name, &zone, first, 5, &mut odd);
        }
    }
    // Lengths of days in quarters, with one example each.
    let lengths: Vec<_> = odd.keys().copied().collect();
    assert!(
        [0, 92, 94, 96, 98, 100]
            .iter()
            .all(|length| lengths.contains(length)),
        "{odd:?}"
    );
    assert_eq!(odd[&0], ("Pacific/Apia".to_owned(), date(2011, 12, 30)));
}

#[test]
fn all_days_of_the_oddest_zones_divide_the_quarters_among_them() {
    for name in [
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Kathmandu",
        "Pacific/Chatham",
    ] {
        let zone = TimeZone::get(name).unwrap();
        divide(name, &zone, date(2010, 1, 1), 3000, &mut BTreeMap::new());
    }
}

#[test]
fn a_day_that_has_begun_stays_begun_when_the_date_falls_back() {
    let zone = TimeZone::get("America/St_Johns").unwrap();
    // 23:15 on the 6th for the second time, after a minute of the 7th.
    let again = Quarter::try_from(ts("2010-11-07T02:45:00Z")).unwrap();
    assert_eq!(
        zone.to_datetime(again.start().into()).date(),
        date(2010, 11, 6)
    );
    assert_eq!(day_of(&zone, again), date(2010, 11, 7));
}

/// Walks some days: they follow each other, and each of their quarters knows its day.
fn divide(
    name: &str,
    zone: &TimeZone,
    first: Date,
    days: i32,
    lengths: &mut BTreeMap<i64, (String, Date)>,
) {
    let mut day = first;
    let mut end = quarters_of_day(zone, day).unwrap().start;
    for _ in 0..days {
        let span = local_day(zone, day).unwrap();
        let quarters = quarters_of_day(zone, day).unwrap();
        assert_eq!(
            Quarter::try_from(span.start),
            Ok(quarters.start),
            "{name} {day}"
        );
        assert_eq!(quarters.start, end, "{name} {day}");
        let length = quarters.end.index() - quarters.start.index();
        let ends = [
            quarters.start,
            Quarter::try_from(quarters.end.index() - 1).unwrap(),
        ];
        for quarter in ends.into_iter().filter(|_| length > 0) {
            assert_eq!(day_of(zone, quarter), day, "{name} {quarter:?}");
        }
        if length != 96 {
            for quarter in Quarter::each(quarters.clone()) {
                assert_eq!(day_of(zone, quarter), day, "{name} {quarter:?}");
            }
        }
        lengths
            .entry(length)
            .or_insert_with(|| (name.to_owned(), day));
        (day, end) = (day.tomorrow().unwrap(), quarters.end);
    }
}
