//! Days and months as sums.

use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use solthrive_domain::rollup::{quarters_of_day, quarters_of_month};
use solthrive_domain::telemetry::{MicroWattHours, MilliWatts};
use solthrive_domain::units::Watts;
use solthrive_domain::{Bucket, DayRollup, MonthRollup, Quarter, Rollup};

use super::bucket;
use crate::support::{assert_near, ts};

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn day(zone: &TimeZone, date: Date, buckets: &[Bucket], now: &str) -> Rollup {
    DayRollup::of(zone, date, buckets, ts(now)).unwrap().rollup
}

/// A month of buckets, each with an import of its own.
fn november(zone: &TimeZone) -> Vec<Bucket> {
    let quarters = quarters_of_month(zone, date(2026, 11, 1)).unwrap();
    Quarter::each(quarters)
        .zip(1i64..)
        .map(|(quarter, n)| bucket(quarter, n * n % 977))
        .collect()
}

#[rstest]
#[case("America/New_York", date(2026, 3, 8), 23.0)]
#[case("America/New_York", date(2026, 11, 1), 25.0)]
#[case("Australia/Lord_Howe", date(2026, 10, 4), 23.5)]
#[case("Australia/Lord_Howe", date(2026, 4, 5), 24.5)]
#[case("America/Sao_Paulo", date(2018, 11, 4), 23.0)]
#[case("Pacific/Apia", date(2011, 12, 30), 0.0)]
fn a_day_is_made_of_all_of_its_quarters(
    #[case] name: &str,
    #[case] date: Date,
    #[case] hours: f64,
) {
    let zone = zone(name);
    let quarters = quarters_of_day(&zone, date).unwrap();
    // Those around it are there too, and are not taken.
    let around = (quarters.start.index() - 8)..(quarters.end.index() + 8);
    let buckets: Vec<_> = around
        .map(|index| bucket(Quarter::try_from(index).unwrap(), 250))
        .collect();
    let end = Timestamp::from(quarters.end.start()).to_string();
    let rollup = day(&zone, date, &buckets, &end);
    assert_near(rollup.length().as_secs_f64() / 3600.0, hours, 0.0);
    let energy = rollup.summary().energy.import;
    assert_near(
        energy.map_or(0.0, solthrive_domain::units::WattHours::kwh),
        hours,
        1e-9,
    );
    assert_eq!(
        u128::from(rollup.sums.covered_ms),
        rollup.length().as_millis()
    );
    assert!(rollup.is_final);
}

#[test]
fn a_month_is_the_same_from_its_days_and_from_its_buckets() {
    let zone = zone("America/New_York");
    let (buckets, now) = (november(&zone), ts("2026-12-01T05:00:00Z"));
    let days: Vec<_> = (1..=30)
        .map(|n| DayRollup::of(&zone, date(2026, 11, n), &buckets, now).unwrap())
        .collect();
    let whole = MonthRollup::of(&zone, date(2026, 11, 9), &buckets, now).unwrap();
    assert_eq!(
        MonthRollup::of_days(&zone, date(2026, 11, 1), &days, now).unwrap(),
        whole
    );
    assert_eq!(whole.month, date(2026, 11, 1));
    let sum: i64 = buckets
        .iter()
        .map(|bucket| bucket.energy.import.unwrap().get())
        .sum();
    assert_eq!(
        whole.rollup.sums.energy.import.map(MicroWattHours::get),
        Some(sum)
    );
    let most = buckets.iter().map(|bucket| bucket.demand().unwrap()).max();
    assert_eq!(whole.rollup.sums.peak_demand, most);
    assert_eq!(whole.rollup.length(), Duration::from_hours(721));
}

#[test]
fn a_day_is_final_when_all_of_it_was_measured_or_a_week_has_passed() {
    let zone = zone("UTC");
    let quarters = quarters_of_day(&zone, date(2026, 6, 1)).unwrap();
    let mut buckets: Vec<_> = Quarter::each(quarters)
        .map(|quarter| bucket(quarter, 100))
        .collect();
    let is_final = |buckets: &[Bucket], now| day(&zone, date(2026, 6, 1), buckets, now).is_final;
    assert!(!is_final(&buckets, "2026-06-01T23:59:59Z"));
    assert!(is_final(&buckets, "2026-06-02T00:00:00Z"));
    buckets[40].covered_ms -= 1;
    assert!(!is_final(&buckets, "2026-06-08T23:59:59Z"));
    assert!(is_final(&buckets, "2026-06-09T00:00:00Z"));
}

#[test]
fn coverage_and_demand_are_of_what_was_measured() {
    let zone = zone("UTC");
    let at = |hour: i64| {
        Quarter::try_from(ts("2026-06-01T00:00:00Z") + SignedDuration::from_hours(hour)).unwrap()
    };
    let bridged = Bucket {
        covered_ms: 0,
        bridged_import: MicroWattHours::new(9_000_000_000),
        ..bucket(at(3), 9000)
    };
    let partly = Bucket {
        covered_ms: 719_999,
        ..bucket(at(4), 2000)
    };
    let rollup = day(
        &zone,
        date(2026, 6, 1),
        &[bucket(at(1), 250), bridged, partly],
        "2026-06-01T06:00:00Z",
    );
    assert_eq!(rollup.sums.peak_demand, Some(MilliWatts::new(1_000_000)));
    assert_eq!(rollup.summary().peak_demand.map(Watts::kw), Some(1.0));
    assert_near(rollup.coverage(), 1619.999 / 21_600.0, 1e-9);
    assert_eq!(rollup.as_of, ts("2026-06-01T06:00:00Z"));
}

#[test]
fn a_day_without_data_is_unknown_and_not_zero() {
    let rollup = day(&zone("UTC"), date(2026, 6, 1), &[], "2026-06-02T00:00:00Z");
    assert_eq!(
        rollup.summary().energy,
        solthrive_domain::Energies::default()
    );
    assert_eq!((rollup.sums.peak_demand, rollup.is_final), (None, false));
    assert_eq!(rollup.ratios(), solthrive_domain::Ratios::default());
}

#[test]
fn a_restated_bucket_restates_its_day_and_month() {
    let zone = zone("America/New_York");
    let mut buckets = november(&zone);
    let now = ts("2026-12-03T00:00:00Z");
    let revision = |buckets: &[Bucket]| {
        MonthRollup::of(&zone, date(2026, 11, 1), buckets, now)
            .unwrap()
            .rollup
            .sums
            .revision
    };
    let before = revision(&buckets);
    buckets[500].revision += 1;
    assert_eq!(revision(&buckets), before + 1);
}
