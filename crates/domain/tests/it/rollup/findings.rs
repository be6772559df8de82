//! What is found in days, and what an installer sees of them.

use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rstest::rstest;
use solthrive_domain::rollup::{Compared, daily_mismatch, quarters_of_day};
use solthrive_domain::telemetry::MicroWattHours;
use solthrive_domain::{Bucket, DayRollup, Energies, EnergySums, FleetSums, Quarter};

use super::bucket;
use crate::support::{ts, wh};

/// A day with this import in Wh, measured but for so many ms.
fn day(import: i64, missing_ms: u32) -> DayRollup {
    let quarters = quarters_of_day(&TimeZone::UTC, date(2026, 6, 1)).unwrap();
    let mut buckets: Vec<_> = Quarter::each(quarters)
        .map(|quarter| bucket(quarter, 0))
        .collect();
    buckets[50] = Bucket {
        covered_ms: 900_000 - missing_ms,
        ..bucket(buckets[50].quarter, import)
    };
    DayRollup::of(
        &TimeZone::UTC,
        date(2026, 6, 1),
        &buckets,
        ts("2026-06-02T00:00:00Z"),
    )
    .unwrap()
}

#[rstest]
#[case::the_same(10_000, 10_000.0, false)]
#[case::one_percent_is_not_more_than_one_percent(20_000, 19_800.0, false)]
#[case::more_than_that(20_000, 19_799.0, true)]
#[case::a_tenth_of_a_kilowatt_hour_is_not_more_than_that(1_000, 1_100.0, false)]
#[case::more_than_either(1_000, 1_101.0, true)]
fn the_device_and_the_cloud_may_differ_by_so_much(
    #[case] cloud: i64,
    #[case] device: f64,
    #[case] found: bool,
) {
    let told = Energies {
        import: Some(wh(device)),
        ..Energies::default()
    };
    let finding = daily_mismatch(&day(cloud, 0), &told, 1.0);
    assert_eq!(finding.is_some(), found);
    if let Some(finding) = finding {
        assert_eq!(finding.date, date(2026, 6, 1));
        assert_eq!(finding.differences.len(), 1);
        assert_eq!(finding.differences[0].what, Compared::Import);
    }
}

#[test]
fn where_something_is_missing_a_difference_is_no_finding() {
    let told = Energies {
        import: Some(wh(5000.0)),
        ..Energies::default()
    };
    assert!(daily_mismatch(&day(1000, 0), &told, 1.0).is_some());
    assert!(daily_mismatch(&day(1000, 80_000), &told, 0.9995).is_some());
    assert_eq!(daily_mismatch(&day(1000, 90_000), &told, 1.0), None);
    assert_eq!(daily_mismatch(&day(1000, 0), &told, 0.99), None);
    assert_eq!(daily_mismatch(&day(1000, 0), &told, f64::NAN), None);
    assert_eq!(
        daily_mismatch(&day(1000, 0), &Energies::default(), 1.0),
        None
    );
}

fn any_day() -> impl Strategy<Value = DayRollup> {
    let energy = prop::option::of(0i64..1_000_000_000_000);
    (
        prop::collection::vec(energy, 6),
        0u64..86_400_000,
        any::<bool>(),
    )
        .prop_map(|(energies, covered_ms, is_final)| {
            let mut day = day(0, 0);
            let energy = |n: usize| energies[n].map(MicroWattHours::new);
            day.rollup.sums.energy = EnergySums {
                solar: energy(0),
                import: energy(1),
                export: energy(2),
                home: energy(3),
                battery_charge: energy(4),
                battery_discharge: energy(5),
            };
            (day.rollup.sums.covered_ms, day.rollup.is_final) = (covered_ms, is_final);
            day
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn exchanging_one_site_is_the_same_as_summing_all_anew(
        mut days in prop::collection::vec(any_day(), 1..12), which in any::<prop::sample::Index>(), restated in any_day(),
    ) {
        let sum = |days: &[DayRollup]| {
            days.iter().fold(FleetSums::default(), |sum, day| sum.plus(FleetSums::of(&day.rollup)))
        };
        let (before, which) = (sum(&days), which.index(days.len()));
        let exchanged = before.replace(Some(&days[which].rollup), &restated.rollup);
        let out = before.minus(FleetSums::of(&days[which].rollup));
        days[which] = restated.clone();
        prop_assert_eq!(exchanged, sum(&days));
        days.remove(which);
        prop_assert_eq!(out, sum(&days));
        prop_assert_eq!(out.replace(None, &restated.rollup), exchanged);
    }
}

#[test]
fn a_fleet_says_how_many_sites_know_an_energy() {
    let known = day(3000, 0);
    let mut blind = day(0, 900_000);
    blind.rollup.sums.energy = EnergySums::default();
    let fleet = FleetSums::of(&known.rollup).plus(FleetSums::of(&blind.rollup));
    assert_eq!((fleet.sites, fleet.final_sites), (2, 1));
    assert_eq!(
        (fleet.import.sites, fleet.import.energy),
        (1, MicroWattHours::new(3_000_000_000))
    );
    assert_eq!(fleet.solar.sites, 0);
    assert_eq!(fleet.elapsed_ms, 2 * 86_400_000);
}
