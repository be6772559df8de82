//! A measured year by way of samples and buckets.

use std::time::Duration;

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use solthrive_domain::rollup::Sums;
use solthrive_domain::telemetry::{MicroWattHours, MilliWatts, Powers, Totals, UnixMillis};
use solthrive_domain::{Bucket, DayRollup, MonthRollup, Ratios, RollupRules, Sample, local_day};

use super::fold_with;
use crate::support::{assert_near, ledger_id, measured_year};

const QUARTER: SignedDuration = SignedDuration::from_secs(900);

/// A sample at each end of each quarter, with totals that grew by what was measured in it.
fn samples(zone: &TimeZone) -> Vec<Sample> {
    let mut now = local_day(zone, date(2019, 1, 1)).unwrap().start;
    let mut totals = [0i64; 3];
    let mut all = vec![a_sample(now, [0.0; 3], totals)];
    for (_, [solar, export, import, _]) in measured_year() {
        now += QUARTER;
        for (total, watts) in totals.iter_mut().zip([solar, import, export]) {
            #[expect(clippy::cast_possible_truncation, reason = "a year's µWh of one home")]
            let energy = (watts * 250_000.0).round() as i64;
            *total += energy;
        }
        all.push(a_sample(now, [solar, import, export], totals));
    }
    all
}

fn a_sample(now: Timestamp, watts: [f64; 3], totals: [i64; 3]) -> Sample {
    #[expect(clippy::cast_possible_truncation, reason = "a home's mW")]
    let [solar, import, export] = watts.map(|watts| (watts * 1000.0).round() as i32);
    let power = |mw| Some(MilliWatts::new(mw));
    let [solar_total, import_total, export_total] =
        totals.map(|total| Some(MicroWattHours::new(total)));
    Sample {
        power: Powers {
            solar: power(solar),
            grid: power(import - export),
            home: power(solar + import - export),
            battery: None,
        },
        totals: Totals {
            solar: solar_total,
            import: import_total,
            export: export_total,
            ..Totals::default()
        },
        ..Sample::empty(UnixMillis::try_from(now).unwrap(), ledger_id())
    }
}

fn buckets(zone: &TimeZone) -> Vec<Bucket> {
    let rules = RollupRules::for_interval(Duration::from_mins(15));
    let mut buckets = fold_with(rules, &samples(zone));
    // The last sample begins the next year.
    let new_year = buckets.pop().unwrap();
    assert_eq!((new_year.samples, new_year.covered_ms), (1, 0));
    buckets
}

#[test]
fn the_ratios_of_the_measured_year_come_out_of_its_buckets() {
    let zone = TimeZone::get("Europe/Zurich").unwrap();
    let buckets = buckets(&zone);
    assert_eq!(buckets.len(), 35_040);
    let year: Sums = buckets.iter().map(Sums::of).sum();
    let energy = solthrive_domain::Energies::from(&year.energy);
    let ratios = Ratios::of(&energy);
    let percent = |ratio: Option<f64>| format!("{:.1} %", ratio.unwrap() * 100.0);
    assert_eq!(percent(ratios.self_consumption), "23.8 %");
    assert_eq!(percent(ratios.solar_offset), "42.0 %");
    assert_near(
        ratios.self_sufficiency.unwrap(),
        ratios.solar_offset.unwrap(),
        1e-12,
    );
    assert_near(energy.solar.unwrap().kwh(), 62_438.0, 0.5);
    assert_near(energy.home.unwrap().kwh(), 35_377.0, 0.5);
}

#[test]
fn every_bucket_holds_exactly_the_quarter_that_was_measured() {
    let zone = TimeZone::get("Europe/Zurich").unwrap();
    for (bucket, (stamp, watts)) in buckets(&zone).iter().zip(measured_year()) {
        let [solar, import, export, ..] = bucket.energy.array();
        for (energy, watts) in [(solar, watts[0]), (export, watts[1]), (import, watts[2])] {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let found = energy.unwrap().get() as f64;
            assert_near(found, watts * 250_000.0, 0.5);
        }
        assert_eq!(bucket.covered_ms, 900_000, "{stamp}");
    }
}

#[test]
fn days_and_months_over_both_clock_changes_add_up_to_the_year() {
    let zone = TimeZone::get("Europe/Zurich").unwrap();
    let buckets = buckets(&zone);
    let now = Timestamp::from(buckets[buckets.len() - 1].quarter.end());
    let day = |date| DayRollup::of(&zone, date, &buckets, now).unwrap().rollup;
    for (date, hours) in [
        (date(2019, 3, 31), 23),
        (date(2019, 10, 27), 25),
        (date(2019, 6, 1), 24),
    ] {
        let day = day(date);
        assert_eq!(
            (day.length(), day.coverage()),
            (Duration::from_hours(hours), 1.0)
        );
        assert!(day.is_final);
    }
    let months =
        (1..=12).map(|month| MonthRollup::of(&zone, date(2019, month, 1), &buckets, now).unwrap());
    let of_months: Sums = months.map(|month| month.rollup.sums).sum();
    assert_eq!(of_months, buckets.iter().map(Sums::of).sum());
}
