//! The slow and plain way: all rows sorted at once, one fold a site, every bucket, every sum anew.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use solthrive_cloud::rows::sample_of;
use solthrive_cloud_store::hot::Delivery;
use solthrive_cloud_store::meta::Assignment;
use solthrive_domain::rollup::{day_of, quarters_of_day};
use solthrive_domain::{Bucket, Buckets, DayRollup, DeviceId, Fold, RollupRules, Sample, SiteId};

/// What should have become of a site.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) zone: TimeZone,
    pub(super) buckets: Buckets,
    pub(super) days: BTreeMap<Date, DayRollup>,
}

/// Of all sites.
pub(super) fn expected(
    assignments: &[Assignment],
    entries: &[Vec<Delivery>],
    now: Timestamp,
) -> BTreeMap<SiteId, Expected> {
    let mut samples: BTreeMap<SiteId, BTreeMap<i64, (DeviceId, Sample)>> = BTreeMap::new();
    for delivery in entries.iter().flatten() {
        let Delivery::Rows(rows) = delivery else {
            continue;
        };
        for row in &rows.rows {
            let Some(site) = site_of(assignments, rows.device, row.time) else {
                continue;
            };
            let sample = sample_of(row).unwrap();
            let there = samples
                .entry(site)
                .or_default()
                .entry(row.time)
                .or_insert((rows.device, sample));
            if rows.device < there.0 {
                *there = (rows.device, sample);
            }
        }
    }
    samples
        .into_iter()
        .map(|(site, samples)| {
            let zone = assignments
                .iter()
                .find(|assignment| assignment.site == site)
                .unwrap();
            let zone = TimeZone::get(&zone.time_zone).unwrap();
            let samples = samples.into_values().map(|(_, sample)| sample);
            (site, of_samples(zone, samples, now))
        })
        .collect()
}

fn of_samples(zone: TimeZone, samples: impl Iterator<Item = Sample>, now: Timestamp) -> Expected {
    let (mut fold, mut buckets) = (Fold::new(RollupRules::default()), Buckets::new());
    for sample in samples {
        fold.push(&sample, &mut buckets).unwrap();
    }
    let mut by_day: BTreeMap<Date, Vec<Bucket>> = BTreeMap::new();
    for bucket in buckets.values() {
        by_day
            .entry(day_of(&zone, bucket.quarter))
            .or_default()
            .push(*bucket);
    }
    let days = by_day.into_iter().map(|(date, of_day)| {
        let span = quarters_of_day(&zone, date).unwrap();
        assert!(of_day.iter().all(|bucket| span.contains(&bucket.quarter)));
        (date, DayRollup::of(&zone, date, &of_day, now).unwrap())
    });
    let days = days.collect();
    Expected {
        zone,
        buckets,
        days,
    }
}

/// Asked of the list, one by one.
fn site_of(assignments: &[Assignment], device: DeviceId, time: i64) -> Option<SiteId> {
    let mine = assignments
        .iter()
        .filter(|assignment| assignment.device == device);
    let first = mine.clone().map(|assignment| assignment.from_at).min();
    let here = mine.filter(|assignment| {
        let begun = assignment.from_at.get() <= time || Some(assignment.from_at) == first;
        begun && assignment.to_at.is_none_or(|to| time < to.get())
    });
    here.max_by_key(|assignment| assignment.from_at)
        .map(|assignment| assignment.site)
}
