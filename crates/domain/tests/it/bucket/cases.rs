//! One promise after the other.

use rstest::rstest;
use solthrive_domain::bucket::{BadRow, Break, BucketRow};
use solthrive_domain::ledger::Line;
use solthrive_domain::telemetry::{MicroWattHours, Powers, Totals};
use solthrive_domain::units::WattHours;
use solthrive_domain::{Bucket, Buckets, FlagCode, Sample};

use super::{at, blind, fold, mw, other_ledger, quarter, sample, wh};
use crate::support::assert_near;

/// Import of each quarter in Wh, from 10:00 on.
fn import(buckets: &Buckets, quarters: &[&str]) -> Vec<Option<f64>> {
    let import = |start: &&str| buckets.get(&quarter(start))?.energy.import;
    let wh = |energy| WattHours::from(energy).get();
    quarters.iter().map(|start| import(start).map(wh)).collect()
}

/// A sample every so often at a constant power, until just before `to` seconds after ten.
fn steady(from: f64, to: f64, every: f64, watts: i32, start_wh: f64) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut now = from;
    while now < to {
        let import = start_wh + f64::from(watts) * (now - from) / 3600.0;
        samples.push(sample(now, 0, watts, [0.0, import, 0.0]));
        now += every;
    }
    samples
}

#[test]
fn an_interval_over_the_end_of_a_quarter_belongs_to_both() {
    let samples = [
        sample(890.0, 0, 1200, [0.0, 100.0, 0.0]),
        sample(920.0, 0, 1200, [0.0, 110.0, 0.0]),
    ];
    let (buckets, _) = fold(&samples);
    let third = 10.0 / 3.0;
    let found = import(&buckets, &["10:00", "10:15"]);
    assert_near(found[0].unwrap(), third, 1e-6);
    assert_near(found[1].unwrap(), 2.0 * third, 1e-6);
    assert_eq!(buckets[&quarter("10:00")].covered_ms, 10_000);
    assert_eq!(buckets[&quarter("10:15")].covered_ms, 20_000);
}

#[test]
fn a_sample_on_the_edge_belongs_to_the_quarter_that_begins() {
    let (buckets, _) = fold(&steady(0.0, 901.0, 15.0, 1000, 0.0));
    let full = &buckets[&quarter("10:00")];
    assert_eq!((full.samples, full.covered_ms), (60, 900_000));
    assert_near(full.coverage(), 1.0, 0.0);
    assert_eq!(full.demand(), mw(1000));
    assert_eq!(buckets[&quarter("10:15")].samples, 1);
    assert_eq!(import(&buckets, &["10:00", "10:15"]), [Some(250.0), None]);
}

#[test]
fn means_are_over_time_and_not_over_samples() {
    // Watched closely for a minute at 6 kW, then once a minute at 1 kW.
    let mut samples = steady(0.0, 60.0, 1.0, 6000, 0.0);
    samples.extend(steady(60.0, 901.0, 60.0, 1000, 100.0));
    let grid = fold(&samples).0[&quarter("10:00")].powers()[2].unwrap();
    assert_near(grid.mean, (6000.0 + 14.0 * 1000.0) / 15.0, 5.0);
    assert_near(grid.min, 1000.0, 0.0);
    assert_near(grid.max, 6000.0, 0.0);
}

#[test]
fn an_outage_keeps_its_energy_and_has_no_coverage() {
    let mut samples = steady(0.0, 61.0, 60.0, 1000, 0.0);
    // Away for 44 minutes, in which 2 kWh flowed.
    samples.extend(steady(2700.0, 3661.0, 60.0, 1000, 2016.0));
    let (buckets, told) = fold(&samples);
    let all = import(&buckets, &["10:00", "10:15", "10:30"]);
    let a_minute = 2000.0 - 1.0 + 1.0 / 3.0;
    assert_near(
        all.iter().map(|quarter| quarter.unwrap()).sum(),
        2016.0,
        1e-6,
    );
    assert_near(all[1].unwrap(), a_minute * 15.0 / 44.0, 1.0);
    let between = &buckets[&quarter("10:15")];
    assert_eq!((between.covered_ms, between.samples), (0, 0));
    assert_eq!(between.bridged_import, between.energy.import.unwrap());
    assert_eq!((between.grid, between.demand()), (None, None));
    assert!(told.breaks.is_empty());
}

#[test]
fn what_the_ledger_adds_after_a_gap_belongs_to_the_gap() {
    // The appliance was off for four hours; its ledger goes on by power and finds out after 50 s.
    let mut samples = steady(0.0, 61.0, 15.0, 1000, 0.0);
    let back = 60.0 + 4.0 * 3600.0;
    samples.extend(steady(back, back + 50.0, 15.0, 600, 20.0));
    samples.extend(steady(back + 60.0, back + 1000.0, 15.0, 600, 4030.0));
    let (buckets, told) = fold(&samples);
    assert_eq!(told.breaks, vec![], "268 kW for 15 s would be a leap");
    let dark = import(&buckets, &["10:15", "12:00", "13:45"]);
    for quarter in dark {
        assert_near(quarter.unwrap(), 250.0, 5.0);
    }
    let after = &buckets[&quarter("14:00")];
    assert_eq!(after.covered_ms, 840_000);
    assert_near(after.powers()[2].unwrap().mean, 600.0, 1e-6);
    assert_eq!(after.demand(), mw(600), "a gap's energy is no demand");
}

#[test]
fn a_meter_that_was_silent_is_a_gap_although_the_device_was_not() {
    let mut samples = steady(0.0, 301.0, 15.0, 1200, 0.0);
    samples.extend(steady(315.0, 1500.0, 15.0, 0, 100.0).into_iter().map(blind));
    samples.extend(steady(1500.0, 1550.0, 15.0, 1200, 100.0));
    samples.extend(steady(1560.0, 2000.0, 15.0, 1200, 520.0));
    let (buckets, told) = fold(&samples);
    assert_eq!(told.breaks, vec![]);
    let found = import(&buckets, &["10:00", "10:15"]);
    assert_near(found[0].unwrap(), 300.0, 3.0);
    assert_near(found[1].unwrap(), 300.0, 3.0);
    assert_eq!(buckets[&quarter("10:00")].covered_ms, 300_000);
    assert_eq!(buckets[&quarter("10:15")].covered_ms, 300_000);
}

#[test]
fn a_coarse_counter_does_not_make_the_quarters_jump() {
    // 500 W are 125 Wh a quarter; the counter shows whole tenths of a kWh.
    let samples: Vec<_> = steady(0.0, 6.0 * 3600.0, 15.0, 500, 0.0)
        .into_iter()
        .map(|sample| Sample {
            totals: Totals {
                import: sample
                    .totals
                    .import
                    .map(|total| MicroWattHours::new(total.get() / 100_000_000 * 100_000_000)),
                ..sample.totals
            },
            ..sample
        })
        .collect();
    let (buckets, _) = fold(&samples);
    let inner = buckets.values().skip(1).take(20);
    for bucket in inner {
        let energy = bucket.energy.import.unwrap().get();
        assert!((124_000_000..126_000_000).contains(&energy), "{bucket:?}");
    }
}

#[test]
fn a_total_that_falls_is_another_count_and_never_a_negative_energy() {
    let mut samples = steady(0.0, 301.0, 15.0, 1200, 5000.0);
    samples.extend(steady(315.0, 900.0, 15.0, 1200, 0.0));
    let (buckets, told) = fold(&samples);
    assert_eq!(told.breaks, [(at(315.0), Line::Import, Break::Fell)]);
    assert_eq!(buckets[&quarter("10:00")].breaks, 1);
    // All but the 15 s in which it fell.
    assert_near(
        import(&buckets, &["10:00"])[0].unwrap(),
        (885.0 - 15.0 - 15.0 + 15.0) / 3.0,
        5.1,
    );
}

#[test]
fn a_total_that_leaps_is_followed_anew_and_the_leap_is_not_counted() {
    let mut samples = steady(0.0, 301.0, 15.0, 1200, 0.0);
    samples.extend(steady(315.0, 901.0, 15.0, 1200, 10_000_000.0));
    let (buckets, told) = fold(&samples);
    assert_eq!(told.breaks, [(at(315.0), Line::Import, Break::Leapt)]);
    assert_near(import(&buckets, &["10:00"])[0].unwrap(), 295.0, 1e-6);
    let home = buckets[&quarter("10:00")].energy.home.unwrap().get();
    assert_eq!(home, 300_000_000, "the home's power is known all the time");
}

#[rstest]
#[case::lost_in_a_crash(20.0, 15.0, 0)]
#[case::and_not_caught_up_with(20.0, 0.0, 1)]
fn a_total_that_is_a_little_low_is_not_told_twice(
    #[case] lost: f64,
    #[case] watts_more: f64,
    #[case] breaks: usize,
) {
    let mut samples = steady(0.0, 301.0, 15.0, 1200, 100.0);
    let low: Vec<_> = (1..400)
        .map(|n| {
            let n = f64::from(n);
            let import = 200.0 - lost + n * watts_more / 3.0;
            sample(300.0 + n * 15.0, 0, 1200, [0.0, import, 0.0])
        })
        .collect();
    let end = low[low.len() - 1].totals.import.unwrap().get();
    samples.extend(low);
    let (buckets, told) = fold(&samples);
    assert_eq!(told.breaks.len(), breaks);
    let sum: i64 = buckets
        .values()
        .filter_map(|bucket| bucket.energy.import)
        .map(MicroWattHours::get)
        .sum();
    assert_eq!(sum, (end - 100_000_000).max(100_000_000));
}

#[test]
fn two_ledgers_are_never_subtracted() {
    let mut samples = steady(0.0, 301.0, 15.0, 1200, 100.0);
    samples.extend(
        steady(315.0, 901.0, 15.0, 1200, 150.0)
            .into_iter()
            .map(|sample| Sample {
                ledger: other_ledger(),
                ..sample
            }),
    );
    let (buckets, told) = fold(&samples);
    assert_eq!(told.breaks, vec![], "another ledger is no fault");
    // 100 + 5 of power + 195.
    assert_eq!(import(&buckets, &["10:00"]), [Some(300.0)]);
}

#[test]
fn without_totals_power_is_integrated_and_a_gap_stays_unknown() {
    let plain = |sample: Sample| Sample {
        totals: Totals::default(),
        ..sample
    };
    let mut samples: Vec<_> = steady(0.0, 300.0, 15.0, 1200, 0.0)
        .into_iter()
        .map(plain)
        .collect();
    samples.extend(
        steady(2700.0, 3000.0, 15.0, -1200, 0.0)
            .into_iter()
            .map(plain),
    );
    let (buckets, _) = fold(&samples);
    let first = buckets[&quarter("10:00")].energy;
    assert_eq!((first.import, first.export), (wh(95.0), wh(0.0)));
    assert!(!buckets.contains_key(&quarter("10:15")));
    let last = buckets[&quarter("10:45")].energy;
    assert_eq!((last.import, last.export), (wh(0.0), wh(95.0)));
    assert_eq!(last.home, wh(-95.0), "wrong wiring is shown, not clipped");
}

#[test]
fn a_battery_without_counters_makes_the_home_of_a_gap_unknown() {
    let with_battery = |sample: Sample| Sample {
        power: Powers {
            battery: mw(-500),
            home: mw(700),
            ..sample.power
        },
        ..sample
    };
    let mut samples = steady(0.0, 301.0, 60.0, 1200, 0.0);
    samples.extend(steady(2700.0, 3001.0, 60.0, 1200, 2000.0));
    let samples: Vec<_> = samples.into_iter().map(with_battery).collect();
    let (buckets, _) = fold(&samples);
    let [measured, gap] = ["10:00", "10:15"].map(|start| buckets[&quarter(start)].energy);
    let near = |energy: Option<MicroWattHours>, wh: f64| {
        assert_near(WattHours::from(energy.unwrap()).get(), wh, 1e-5);
    };
    near(measured.battery_charge, 500.0 / 12.0);
    near(measured.home, 700.0 / 12.0);
    assert!(gap.import > wh(600.0));
    assert_eq!((gap.home, gap.battery_charge), (None, None));

    let counted: Vec<_> = samples
        .iter()
        .map(|sample| Sample {
            totals: Totals {
                battery_charge: wh(0.0),
                battery_discharge: wh(0.0),
                ..sample.totals
            },
            ..*sample
        })
        .collect();
    let gap = fold(&counted).0[&quarter("10:15")].energy;
    assert_eq!((gap.home, gap.battery_charge), (gap.import, wh(0.0)));
}

#[test]
fn a_gap_of_years_makes_no_buckets() {
    let samples = [
        sample(-50.0 * 366.0 * 86_400.0, 0, 0, [0.0, 0.0, 0.0]),
        sample(0.0, 0, 0, [0.0, 4000.0, 0.0]),
    ];
    let (buckets, told) = fold(&samples);
    assert_eq!((buckets.len(), told.breaks.len()), (2, 3));
    assert_eq!(told.breaks[0].2, Break::TooFarApart);
}

#[test]
fn doubts_of_any_sample_stay_with_the_bucket() {
    let mut samples = steady(0.0, 60.0, 15.0, 100, 0.0);
    samples[1].quality = [FlagCode::CtReversed].into_iter().collect();
    samples[2].quality = [FlagCode::DataStale].into_iter().collect();
    let quality = fold(&samples).0[&quarter("10:00")].quality;
    assert_eq!(
        quality.codes().collect::<Vec<_>>(),
        [FlagCode::CtReversed, FlagCode::DataStale]
    );
}

#[test]
fn a_bucket_that_was_over_has_a_new_revision_when_a_catch_up_changes_it() {
    let mut samples = steady(0.0, 1000.0, 15.0, 1000, 0.0);
    samples.extend(steady(3000.0, 3050.0, 15.0, 1000, 275.0));
    samples.extend(steady(3060.0, 3100.0, 15.0, 1000, 900.0));
    let (buckets, told) = fold(&samples);
    let revisions = |start| buckets[&quarter(start)].revision;
    assert_eq!(revisions("10:00"), 0);
    // The catch-up came in the quarter of the gap's end; the two before were over by then.
    assert_eq!(
        (revisions("10:15"), revisions("10:30"), revisions("10:45")),
        (1, 1, 0)
    );
    assert_eq!(told.restated, [quarter("10:15"), quarter("10:30")].into());
}

#[rstest]
#[case(BucketRow { covered_ms: 900_001, ..a_row() }, BadRow::TooLong(900_001))]
#[case(BucketRow { energy: [None, Some(-1), None, None, None, None], ..a_row() }, BadRow::Negative(-1))]
#[case(BucketRow { quarter: i64::MAX, ..a_row() }, BadRow::Quarter(i64::MAX))]
fn a_damaged_row_is_refused(#[case] row: BucketRow, #[case] why: BadRow) {
    assert_eq!(Bucket::try_from(&row), Err(why));
}

fn a_row() -> BucketRow {
    BucketRow::from(&Bucket::empty(quarter("10:00")))
}
