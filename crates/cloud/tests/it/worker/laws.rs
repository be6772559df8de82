//! Whatever the order, the cuts and the crashes, what is stored is what all rows sorted at once give.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use solthrive_cloud_store::archive::{Fleet, Period};
use solthrive_cloud_store::hot::Delivery;
use solthrive_cloud_store::meta::Assignment;
use solthrive_domain::rollup::Rollup;
use solthrive_domain::telemetry::MilliWatts;
use solthrive_domain::{Bucket, Buckets, DayRollup, FleetSums, MonthRollup, OrgId, SiteId};
use solthrive_testkit::Database;

use super::oracle::{Expected, expected};
use super::rig::{Rig, Things, catch_up, interrupted};
use super::rng::Rng;
use super::world::{at, deliver, device, homes, installer, ms, rows, site};

pub(super) const NOW: &str = "2026-12-01T00:00:00Z";

pub(super) fn sites() -> Vec<SiteId> {
    (1..=4).map(site).collect()
}

pub(super) fn installers() -> Vec<OrgId> {
    (1..=3).map(installer).collect()
}

pub(super) fn history(seed: u64, rows_each: usize) -> (Vec<Assignment>, Vec<Vec<Delivery>>, Rng) {
    let mut rng = Rng::new(seed);
    let (assignments, starts) = homes();
    let devices = starts
        .iter()
        .map(|start| (device(start.device), rows(&mut rng, start, rows_each)));
    let devices = devices.collect();
    let entries = deliver(&mut rng, devices);
    (assignments, entries, rng)
}

/// One worker from beginning to end, without anything in between.
pub(super) async fn smooth(assignments: &[Assignment], entries: &[Vec<Delivery>]) -> Things {
    let mut rig = Rig::new(assignments, ms(NOW)).await;
    for entry in entries {
        rig.append(entry).await;
    }
    let mut worker = rig.worker();
    rig.finish(&mut worker).await;
    rig.things(&sites(), &installers()).await
}

/// Turns, checkpoints, seals, new workers and crashes at random, while time goes on.
async fn rough(mut rig: Rig, entries: &[Vec<Delivery>], rng: &mut Rng) -> Things {
    rig.settings.sites_at_once = 2;
    let mut worker = rig.worker();
    for entry in entries {
        rig.append(entry).await;
        rig.let_time_pass(entry, rng.between(0, 60_000));
        rig.settings.finalise_every = Duration::from_secs(if rng.once_in(3) { 0 } else { 1 << 40 });
        match rng.below(24) {
            0..4 => catch_up(&mut worker).await,
            4..7 => {
                worker.store_all().await.unwrap();
                today_is_what_its_buckets_give(&rig).await;
            }
            7 => worker.seal().await.unwrap(),
            8 => worker = rig.worker(),
            9 | 10 => {
                interrupted(rng.below(12), worker.turn()).await;
                worker = rig.worker();
            }
            11 | 12 => {
                catch_up(&mut worker).await;
                interrupted(rng.below(30), worker.store_all()).await;
                worker = rig.worker();
            }
            13 => {
                catch_up(&mut worker).await;
                interrupted(rng.below(30), worker.seal()).await;
                worker = rig.worker();
            }
            14 => {
                // It is dropped, and the same worker goes on.
                interrupted(rng.below(12), worker.turn()).await;
            }
            _ => {}
        }
    }
    rig.clock.store(ms(NOW), Ordering::Relaxed);
    rig.finish(&mut worker).await;
    rig.things(&sites(), &installers()).await
}

/// Although it is not made of all of them each time.
async fn today_is_what_its_buckets_give(rig: &Rig) {
    for site in sites() {
        let (Some(today), buckets) = rig.today(site).await else {
            continue;
        };
        let zone = homes()
            .0
            .into_iter()
            .find(|assignment| assignment.site == site);
        let zone = TimeZone::get(&zone.unwrap().time_zone).unwrap();
        let as_of = today.rollup.as_of;
        let made = DayRollup::of(&zone, today.date, buckets.values(), as_of).unwrap();
        assert_eq!(today, made);
        assert!(as_of < Timestamp::from(made.rollup.span.end.start()));
    }
}

#[tokio::test]
async fn what_is_stored_is_what_all_rows_sorted_at_once_give() {
    for seed in 0..6 {
        let (assignments, entries, _) = history(seed, 700);
        let things = smooth(&assignments, &entries).await;
        let expected = expected(&assignments, &entries, now());
        compare(seed, &things, &expected);
        fleets_are_sums_of_their_sites(&things);
    }
}

#[tokio::test]
async fn restarts_crashes_and_seals_change_nothing() {
    for seed in 100..105 {
        let (assignments, entries, mut rng) = history(seed, 400);
        let expected = smooth(&assignments, &entries).await;
        let rig = Rig::new(&assignments, ms(NOW)).await;
        let things = rough(rig, &entries, &mut rng).await;
        same(seed, &things, &expected);
        fleets_are_sums_of_their_sites(&things);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_too() {
    let (assignments, entries, mut rng) = history(200, 250);
    let database = Database::fresh().unwrap();
    let rig = Rig::on_postgres(database.url(), &assignments, ms(NOW)).await;
    let things = rough(rig, &entries, &mut rng).await;
    compare(200, &things, &expected(&assignments, &entries, now()));
    same(200, &things, &smooth(&assignments, &entries).await);
}

fn now() -> Timestamp {
    at(ms(NOW)).into()
}

pub(super) fn same(seed: u64, things: &Things, expected: &Things) {
    assert_eq!(things.statuses, expected.statuses, "seed {seed}");
    for (site, expected) in &expected.sites {
        let things = &things.sites[site];
        for (quarter, bucket) in &expected.buckets {
            assert_eq!(
                things.buckets.get(quarter),
                Some(bucket),
                "seed {seed}, {site}"
            );
        }
        assert_eq!(
            things.buckets.len(),
            expected.buckets.len(),
            "seed {seed}, {site}"
        );
        assert_eq!(things.events, expected.events, "seed {seed}, {site}");
        for (day, wanted) in things.days.iter().zip(&expected.days) {
            assert_eq!(day, wanted, "seed {seed}, {site}");
        }
        assert_eq!(things.days, expected.days, "seed {seed}, {site}");
        assert_eq!(things.months, expected.months, "seed {seed}, {site}");
    }
    assert_eq!(things, expected, "seed {seed}");
}

fn compare(seed: u64, things: &Things, expected: &BTreeMap<SiteId, Expected>) {
    for (site, expected) in expected {
        let things = &things.sites[site];
        assert_eq!(
            known(&things.buckets),
            known(&expected.buckets),
            "seed {seed}, {site}"
        );
        let mut days: BTreeMap<_, _> = things
            .days
            .iter()
            .map(|day| (day.day.date, plain(&day.day.rollup)))
            .collect();
        // A day on which only buckets lie that say nothing any more is told too.
        days.retain(|date, day| {
            expected.days.contains_key(date) || day.0 != solthrive_domain::EnergySums::default()
        });
        let wanted: BTreeMap<_, _> = expected
            .days
            .iter()
            .map(|(date, day)| (*date, plain(&day.rollup)))
            .collect();
        assert_eq!(days, wanted, "seed {seed}, {site}");
        for month in &things.months {
            let made = MonthRollup::of(
                &expected.zone,
                month.month.month,
                expected.buckets.values(),
                now(),
            )
            .unwrap();
            assert_eq!(
                plain(&month.month.rollup),
                plain(&made.rollup),
                "seed {seed}, {site}"
            );
        }
    }
}

/// Revisions tell how it came about, which the oracle does not know.
fn known(buckets: &Buckets) -> Vec<Bucket> {
    let plain = buckets.values().map(|bucket| Bucket {
        revision: 0,
        ..*bucket
    });
    plain
        .filter(|bucket| *bucket != Bucket::empty(bucket.quarter))
        .collect()
}

type Plain = (solthrive_domain::EnergySums, Option<i32>, u64, u32, bool);

fn plain(rollup: &Rollup) -> Plain {
    let sums = rollup.sums;
    (
        sums.energy,
        sums.peak_demand.map(MilliWatts::get),
        sums.covered_ms,
        sums.breaks,
        rollup.is_final,
    )
}

pub(super) fn fleets_are_sums_of_their_sites(things: &Things) {
    let mut totals: BTreeMap<(Fleet, Period), FleetSums> = BTreeMap::new();
    let mut add = |installer: Option<OrgId>, period, rollup: &Rollup| {
        for fleet in [Fleet::All]
            .into_iter()
            .chain(installer.map(Fleet::Installer))
        {
            let sums = totals.entry((fleet, period)).or_default();
            *sums = sums.plus(FleetSums::of(rollup));
        }
    };
    for site in things.sites.values() {
        for day in &site.days {
            add(day.installer, Period::Day(day.day.date), &day.day.rollup);
        }
        for month in &site.months {
            add(
                month.installer,
                Period::Month(month.month.month),
                &month.month.rollup,
            );
        }
    }
    assert_eq!(things.totals, totals);
    let of_all = things
        .quarters
        .iter()
        .filter(|quarters| quarters.fleet == Fleet::All);
    let of_all: BTreeMap<_, _> = of_all
        .flat_map(|day| day.quarters.iter().copied())
        .collect();
    let mut sums: BTreeMap<_, FleetSums> = BTreeMap::new();
    for bucket in things
        .sites
        .values()
        .flat_map(|site| &site.stored)
        .flat_map(|day| &day.buckets)
    {
        let quarter = sums.entry(bucket.quarter).or_default();
        *quarter = quarter.plus(FleetSums::of_bucket(bucket));
    }
    assert_eq!(of_all, sums);
    // Each quarter is in the fleet of exactly one installer.
    let mut of_installers: BTreeMap<_, FleetSums> = BTreeMap::new();
    for (quarter, share) in things
        .quarters
        .iter()
        .filter(|day| day.fleet != Fleet::All)
        .flat_map(|day| &day.quarters)
    {
        let quarter = of_installers.entry(*quarter).or_default();
        *quarter = quarter.plus(*share);
    }
    assert_eq!(of_installers, sums);
}
