//! A home that is erased: what is stored is what there would be if it had never been.

use std::collections::BTreeSet;
use std::time::Duration;

use solthrive_cloud::worker::Worker;
use solthrive_cloud_store::archive::{Archive as _, Fleet, Period, Purge as _};
use solthrive_cloud_store::chunk::{Codec, Pick};
use solthrive_cloud_store::hot::{Delivery, Rows, Seq};
use solthrive_cloud_store::meta::{Assignment, Org, OrgKind, Registry as _, Site};
use solthrive_cloud_store::people::{Closing, Erasures as _, Passed};
use solthrive_domain::access::Operator;
use solthrive_domain::{DeviceId, FleetSums, OrgId, SiteId};
use solthrive_testkit::Database;
use uuid::Uuid;

use super::laws::{NOW, fleets_are_sums_of_their_sites, history, installers, same};
use super::rig::{Rig, catch_up, interrupted};
use super::rng::Rng;
use super::world::{at, ms, site};

const BY: Operator = Operator::at_the_console();

/// The home that goes: one device was there first and went on to another home in the middle of a day, one came after it.
fn gone() -> SiteId {
    site(1)
}

fn stays() -> Vec<SiteId> {
    (2..=4).map(site).collect()
}

/// Registered homes, which the worker's tests otherwise do without.
async fn register(rig: &Rig) {
    let owner = OrgId::from_uuid(Uuid::from_u128(77));
    let org = Org {
        id: owner,
        kind: OrgKind::Household,
        name: "Ada".to_owned(),
        contact: None,
    };
    rig.store.add_org(&BY, &org, at(1)).await.unwrap();
    for id in [gone()].into_iter().chain(stays()) {
        let home = Site {
            id,
            owner,
            name: "Home".to_owned(),
            time_zone: "UTC".to_owned(),
            size_w: None,
            place: None,
        };
        assert!(rig.store.add_site(&BY, &home, at(1)).await.unwrap());
    }
}

/// The home closes, and followers of the registry hear of it.
async fn close(rig: &Rig) {
    let passed = Passed {
        id: Uuid::from_u128(1),
        site: gone().as_uuid(),
        closed_at: jiff::Timestamp::UNIX_EPOCH,
    };
    let now = at(ms(NOW));
    assert!(rig.store.erase_again(&passed, now).await.unwrap());
    let closing = rig.store.close_due(now).await.unwrap();
    assert_eq!(closing, Some(Closing::Closed(gone())));
    let mut all = rig.assignments.lock().unwrap();
    let of_devices: BTreeSet<DeviceId> = all
        .iter()
        .filter(|stay| stay.site == gone())
        .map(|stay| stay.device)
        .collect();
    for stay in all.iter_mut() {
        if stay.site == gone() {
            stay.is_erased = true;
            stay.to_at = stay.to_at.or(Some(now));
        }
        if of_devices.contains(&stay.device) {
            stay.revision = 2;
        }
    }
}

/// What was delivered without what was measured at the home.
fn without(assignments: &[Assignment], entries: &[Vec<Delivery>]) -> Vec<Vec<Delivery>> {
    let of_home = |device: DeviceId, time: i64| {
        let mut stays: Vec<_> = assignments
            .iter()
            .filter(|stay| stay.device == device)
            .collect();
        stays.sort_by_key(|stay| stay.from_at);
        let begun = stays.iter().rev().find(|stay| stay.from_at.get() <= time);
        begun
            .or(stays.first())
            .is_some_and(|stay| stay.site == gone())
    };
    let left = |delivery: &Delivery| {
        let Delivery::Rows(rows) = delivery else {
            return Some(delivery.clone());
        };
        let left = rows
            .rows
            .iter()
            .filter(|row| !of_home(rows.device, row.time));
        let left: Vec<_> = left.cloned().collect();
        (!left.is_empty()).then_some(Delivery::Rows(Rows {
            rows: left,
            ..rows.clone()
        }))
    };
    let entry = |entry: &Vec<Delivery>| entry.iter().filter_map(left).collect::<Vec<_>>();
    entries.iter().map(entry).collect()
}

/// Every row that is in a chunk.
async fn sealed(rig: &Rig) -> BTreeSet<(DeviceId, i64)> {
    let mut codec = Codec::new().unwrap();
    let chunks = rig.store.scan(None, u32::MAX).await.unwrap();
    let rows = chunks.iter().flat_map(|chunk| {
        let table = codec.decode(&chunk.bytes, Pick::All).unwrap();
        let times: Vec<i64> = table.times().collect();
        times.into_iter().map(|time| (chunk.device, time))
    });
    rows.collect()
}

async fn reference(assignments: &[Assignment], entries: &[Vec<Delivery>]) -> (Rig, Worker) {
    let mut rig = Rig::new(assignments, ms(NOW)).await;
    for entry in without(assignments, entries) {
        rig.append(&entry).await;
    }
    let mut worker = rig.worker();
    rig.finish(&mut worker).await;
    worker.seal().await.unwrap();
    (rig, worker)
}

/// Erases at some moment, with crashes in between, while devices go on to deliver.
async fn erased(mut rig: Rig, entries: &[Vec<Delivery>], rng: &mut Rng) -> Rig {
    register(&rig).await;
    rig.settings.settled = Duration::ZERO;
    rig.settings.erase_every = Duration::ZERO;
    let mut worker = rig.worker();
    let when = usize::try_from(rng.below(entries.len() as u64)).unwrap();
    for (place, entry) in entries.iter().enumerate() {
        rig.append(entry).await;
        match rng.below(20) {
            0..5 => catch_up(&mut worker).await,
            5 => worker.store_all().await.unwrap(),
            6 => worker.seal().await.unwrap(),
            _ => {}
        }
        if place == when {
            close(&rig).await;
            for _ in 0..3 {
                interrupted(rng.below(400), worker.turn()).await;
                if rng.once_in(2) {
                    worker = rig.worker();
                }
            }
        }
    }
    rig.finish(&mut worker).await;
    worker.seal().await.unwrap();
    rig
}

async fn is_as_if_it_had_never_been(seed: u64, rig: &Rig, periods: &[(Fleet, Period)]) {
    let (assignments, entries, _) = history(seed, 400);
    let (other, _worker) = reference(&assignments, &entries).await;
    let things = rig.things(&stays(), &installers()).await;
    let expected = other.things(&stays(), &installers()).await;
    for (site, expected) in &expected.sites {
        assert_eq!(&things.sites[site], expected, "seed {seed}, {site}");
    }
    assert_eq!(things.totals, expected.totals, "seed {seed}");
    assert_eq!(things.quarters, expected.quarters, "seed {seed}");
    fleets_are_sums_of_their_sites(&things);
    for (fleet, period) in periods {
        let sums = rig.store.total(*fleet, *period).await.unwrap();
        let wanted = other.store.total(*fleet, *period).await.unwrap();
        assert_eq!(
            sums.unwrap_or_default(),
            wanted.unwrap_or_default(),
            "seed {seed}, {fleet:?}, {period:?}"
        );
    }
    let left = rig.things(&[gone()], &[]).await;
    let left = &left.sites[&gone()];
    assert_eq!(
        (left.buckets.len(), left.days.len(), left.months.len()),
        (0, 0, 0)
    );
    assert_eq!((left.events.len(), left.told.len()), (0, 0));
    let (sealed, wanted) = (sealed(rig).await, sealed(&other).await);
    let strange = sealed.symmetric_difference(&wanted).next();
    assert_eq!(strange, None, "seed {seed}");
    // It is purged, and the log has forgotten what it held.
    assert_eq!(rig.store.to_purge(at(ms(NOW))).await.unwrap(), []);
    let erasure = rig
        .store
        .erasure(Uuid::from_u128(1))
        .await
        .unwrap()
        .unwrap();
    let (_, through) = erasure.purged.unwrap();
    let first = rig.stores.log.after(Seq::START, 1).await.unwrap();
    assert!(first.first().is_none_or(|entry| entry.seq > through));
}

/// Periods that the home has part in when nothing is erased.
async fn periods(seed: u64) -> Vec<(Fleet, Period)> {
    let (assignments, entries, _) = history(seed, 400);
    let things = super::laws::smooth(&assignments, &entries).await;
    let of_home = &things.sites[&gone()];
    assert!(of_home.days.len() > 1, "there is something to erase");
    let days = of_home.days.iter().map(|day| Period::Day(day.day.date));
    let months = of_home.months.iter();
    let all: Vec<Period> = days
        .chain(months.map(|month| Period::Month(month.month.month)))
        .collect();
    let fleets = [Fleet::All]
        .into_iter()
        .chain(installers().into_iter().map(Fleet::Installer));
    fleets
        .flat_map(|fleet| all.iter().map(move |period| (fleet, *period)))
        .collect()
}

#[tokio::test]
async fn what_is_left_of_an_erased_home_is_what_there_would_be_if_it_had_never_been() {
    for seed in 300..306 {
        let (assignments, entries, mut rng) = history(seed, 400);
        let rig = Rig::new(&assignments, ms(NOW)).await;
        let rig = erased(rig, &entries, &mut rng).await;
        is_as_if_it_had_never_been(seed, &rig, &periods(seed).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_is_erased_on_postgresql_too() {
    let (assignments, entries, mut rng) = history(310, 400);
    let database = Database::fresh().unwrap();
    let rig = Rig::on_postgres(database.url(), &assignments, ms(NOW)).await;
    let rig = erased(rig, &entries, &mut rng).await;
    is_as_if_it_had_never_been(310, &rig, &periods(310).await).await;
}

/// A worker that was away while another one erased a home does not bring it back with what it has in mind.
#[tokio::test]
async fn a_worker_that_was_away_does_not_bring_an_erased_home_back() {
    let (assignments, entries, _) = history(320, 200);
    let mut rig = Rig::new(&assignments, ms(NOW)).await;
    register(&rig).await;
    rig.settings.settled = Duration::ZERO;
    rig.settings.erase_every = Duration::ZERO;
    for entry in &entries {
        rig.append(entry).await;
    }
    let mut away = rig.worker();
    catch_up(&mut away).await;
    away.store_all().await.unwrap();
    // Something more of the home, which only this worker has in mind, without a further entry: the cursors stay as they are.
    rig.settings.finalise_every = Duration::ZERO;
    let mut eraser = rig.worker_of(Uuid::from_u128(2));
    close(&rig).await;
    eraser.turn().await.unwrap();
    let before = rig.things(&[gone()], &installers()).await;
    assert_eq!(before.sites[&gone()].days.len(), 0);
    let state = rig.store.site_state(gone()).await.unwrap();
    assert_eq!(state, None);
    for _ in 0..3 {
        let _ = away.turn().await;
        let _ = away.store_all().await;
    }
    assert_eq!(rig.store.site_state(gone()).await.unwrap(), None);
    let after = rig.things(&[gone()], &installers()).await;
    same(320, &after, &before);
    let zero = after
        .totals
        .values()
        .all(|sums| *sums != FleetSums::default());
    assert!(zero);
}
