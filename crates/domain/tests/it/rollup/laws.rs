//! What holds for the days and months of every history.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;
use solthrive_domain::bucket::append;
use solthrive_domain::rollup::{Sums, day_of};
use solthrive_domain::{
    Bucket, Buckets, DayRollup, EnergySums, Fold, MonthRollup, RollupRules, Sample,
};

use crate::bucket::world::{Wildness, history};

/// Whole hours, halves and quarters, both sides of the date line, and clocks that change by half an hour.
const ZONES: [&str; 8] = [
    "UTC",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Pacific/Niue",
    "Africa/Casablanca",
];

fn zone() -> impl Strategy<Value = TimeZone> {
    prop::sample::select(&ZONES[..]).prop_map(|name| TimeZone::get(name).unwrap())
}

/// The buckets of a history, in any order.
fn buckets() -> impl Strategy<Value = Vec<Bucket>> {
    let made = |samples: Vec<Sample>| {
        let (mut fold, mut buckets) = (Fold::new(RollupRules::default()), Buckets::new());
        append(&mut fold, &mut buckets, &samples);
        buckets.into_values().collect::<Vec<_>>()
    };
    history(Wildness::ALL, 60)
        .prop_map(made)
        .prop_filter("no bucket", |buckets| !buckets.is_empty())
        .prop_shuffle()
}

/// Every local date from a day before the first bucket to a day after the last one.
fn dates(zone: &TimeZone, buckets: &[Bucket]) -> Vec<Date> {
    let of = |bucket: &Bucket| day_of(zone, bucket.quarter);
    let first = buckets.iter().map(of).min().unwrap().yesterday().unwrap();
    let last = buckets.iter().map(of).max().unwrap().tomorrow().unwrap();
    first
        .series(1.day())
        .take_while(|date| *date <= last)
        .collect()
}

fn days(zone: &TimeZone, buckets: &[Bucket]) -> Vec<DayRollup> {
    dates(zone, buckets)
        .into_iter()
        .map(|date| DayRollup::of(zone, date, buckets, Timestamp::MAX).unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn each_quarter_is_in_one_day_and_nothing_else_is(buckets in buckets(), zone in zone()) {
        let days: Sums = days(&zone, &buckets).iter().map(|day| day.rollup.sums).sum();
        let quarters: Sums = buckets.iter().map(Sums::of).sum();
        prop_assert_eq!(days, quarters);
    }

    #[test]
    fn a_day_is_the_sum_of_the_quarters_that_its_clock_shows(buckets in buckets(), zone in zone()) {
        for day in days(&zone, &buckets) {
            let mine = buckets.iter().filter(|bucket| day_of(&zone, bucket.quarter) == day.date);
            let energy = mine.fold(EnergySums::default(), |sum, bucket| sum.plus(bucket.energy));
            // Unknown in each quarter is unknown in the day, and never zero.
            prop_assert_eq!(day.rollup.sums.energy, energy, "{} in {:?}", day.date, zone.iana_name());
        }
    }

    #[test]
    fn months_are_the_same_from_days_and_from_quarters_in_any_order(buckets in buckets(), zone in zone()) {
        let days = days(&zone, &buckets);
        for month in days.iter().map(|day| day.date.first_of_month()) {
            // Days at the edges of the list are all that the month has of this history.
            let whole = MonthRollup::of(&zone, month, &buckets, Timestamp::MAX).unwrap();
            let reversed: Vec<_> = days.iter().rev().collect();
            let of_days = MonthRollup::of_days(&zone, month, reversed, Timestamp::MAX).unwrap();
            prop_assert_eq!(of_days, whole);
        }
    }
}
