//! A worker on real stores, with a clock that stands still.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use solthrive_cloud::worker::places::Assignments;
use solthrive_cloud::worker::{Settings, Stores, Turn, Worker};
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{
    Archive, BucketDay, DeviceStatus, Event, Fleet, FleetQuarters, Period, SiteDay, SiteMonth,
    ToldDay, Views,
};
use solthrive_cloud_store::hot::{Appended, Delivery, Seq, encode};
use solthrive_cloud_store::meta::Assignment;
use solthrive_cloud_store::sql::SqlStore;
use solthrive_cloud_store::sqlite::SqliteHotLog;
use solthrive_domain::access::{Machinery, Operator};
use solthrive_domain::{Buckets, DayRollup, FleetSums, OrgId, SiteId};
use tempfile::TempDir;
use uuid::Uuid;

use super::world::{at, ms};

/// All dates and days that a test can have.
pub(super) const DATES: std::ops::Range<Date> =
    Date::constant(2000, 1, 1)..Date::constant(2100, 1, 1);
pub(super) const DAYS: std::ops::Range<i64> = 0..50_000;

struct Listed(Arc<Mutex<Vec<Assignment>>>);

#[async_trait]
impl Assignments for Listed {
    async fn assignments(&self, revision: i64) -> Result<Vec<Assignment>, StoreError> {
        let all = self.0.lock().unwrap();
        let changed = all
            .iter()
            .filter(|assignment| assignment.revision > revision);
        Ok(changed.cloned().collect())
    }
}

pub(super) struct Rig {
    folder: TempDir,
    pub(super) stores: Stores,
    pub(super) store: SqlStore,
    pub(super) assignments: Arc<Mutex<Vec<Assignment>>>,
    pub(super) clock: Arc<AtomicI64>,
    pub(super) settings: Settings,
    last: Seq,
}

/// Everything that is stored of a site.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SiteThings {
    pub(super) buckets: Buckets,
    pub(super) stored: Vec<BucketDay>,
    pub(super) days: Vec<SiteDay>,
    pub(super) months: Vec<SiteMonth>,
    pub(super) events: Vec<Event>,
    pub(super) told: Vec<ToldDay>,
}

/// Everything that is stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Things {
    pub(super) sites: BTreeMap<SiteId, SiteThings>,
    pub(super) statuses: Vec<DeviceStatus>,
    pub(super) totals: BTreeMap<(Fleet, Period), FleetSums>,
    pub(super) quarters: Vec<FleetQuarters>,
}

impl Rig {
    pub(super) async fn new(assignments: &[Assignment], now: i64) -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqlStore::sqlite(&folder.path().join("archive"))
            .await
            .unwrap();
        Self::on(folder, store, assignments, now)
    }

    pub(super) async fn on_postgres(url: &str, assignments: &[Assignment], now: i64) -> Self {
        let store = SqlStore::postgres(url).await.unwrap();
        Self::on(TempDir::new().unwrap(), store, assignments, now)
    }

    fn on(folder: TempDir, store: SqlStore, assignments: &[Assignment], now: i64) -> Self {
        let log = SqliteHotLog::open(&folder.path().join("log")).unwrap();
        let assignments = Arc::new(Mutex::new(assignments.to_vec()));
        let stores = Stores {
            log: Arc::new(log),
            archive: Arc::new(store.clone()),
            assignments: Arc::new(Listed(Arc::clone(&assignments))),
            purge: Arc::new(store.clone()),
        };
        Self {
            folder,
            stores,
            store,
            assignments,
            clock: Arc::new(AtomicI64::new(now)),
            // Everything is done when a test says so.
            settings: Settings {
                checkpoint_every: Duration::from_secs(1 << 40),
                seal_every: Duration::from_secs(1 << 40),
                finalise_every: Duration::from_secs(1 << 40),
                batch_bytes: 20_000,
                ..Settings::default()
            },
            last: Seq::START,
        }
    }

    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(super) fn worker(&self) -> Worker {
        self.worker_of(Uuid::from_u128(1))
    }

    pub(super) fn worker_of(&self, holder: Uuid) -> Worker {
        let clock = Arc::clone(&self.clock);
        let now = Arc::new(move || at(clock.load(Ordering::Relaxed)));
        Worker::new(self.stores.clone(), self.settings.clone(), now, holder)
    }

    /// An entry is received a second after the one before it.
    pub(super) async fn append(&mut self, deliveries: &[Delivery]) {
        let received_at = at(1_800_000_000_000 + self.last.get() * 1000);
        let appended = self
            .stores
            .log
            .append(self.last, received_at, encode(deliveries))
            .await
            .unwrap();
        let Appended::At(seq) = appended else {
            panic!("{appended:?}")
        };
        self.last = seq;
    }

    /// The clock follows what devices of the present measured.
    pub(super) fn let_time_pass(&self, entry: &[Delivery], after: i64) {
        for delivery in entry {
            let Delivery::Rows(rows) = delivery else {
                continue;
            };
            let newest = rows.rows.iter().map(|row| row.time).max().unwrap();
            if self.clock.load(Ordering::Relaxed) == ms("2026-12-01T00:00:00Z") {
                self.clock.store(0, Ordering::Relaxed);
            }
            self.clock.fetch_max(newest + after, Ordering::Relaxed);
        }
    }

    /// The day that is not over, and all buckets.
    pub(super) async fn today(&self, site: SiteId) -> (Option<DayRollup>, Buckets) {
        let state = self.store.site_state(site).await.unwrap();
        let today = state.and_then(|state| state.today);
        (today, self.site(site).await.buckets)
    }

    /// Everything that was appended is counted and stored, and days that are over are final.
    pub(super) async fn finish(&mut self, worker: &mut Worker) {
        catch_up(worker).await;
        worker.store_all().await.unwrap();
        self.settings.finalise_every = Duration::ZERO;
        let mut last = self.worker();
        for _ in 0..3 {
            last.turn().await.unwrap();
            last.store_all().await.unwrap();
        }
    }

    pub(super) async fn things(&self, sites: &[SiteId], installers: &[OrgId]) -> Things {
        let mut all = BTreeMap::new();
        for site in sites {
            all.insert(*site, self.site(*site).await);
        }
        let operator = Operator::at_the_console();
        let archive = &self.store;
        let fleets = [Fleet::All]
            .into_iter()
            .chain(installers.iter().copied().map(Fleet::Installer));
        let (mut totals, mut quarters) = (BTreeMap::new(), Vec::new());
        for fleet in fleets {
            for things in all.values() {
                let days = things.days.iter().map(|day| Period::Day(day.day.date));
                let months = things
                    .months
                    .iter()
                    .map(|month| Period::Month(month.month.month));
                for period in days.chain(months) {
                    let sums = archive.total(fleet, period).await.unwrap();
                    totals.extend(
                        sums.filter(|sums| *sums != FleetSums::default())
                            .map(|sums| ((fleet, period), sums)),
                    );
                }
                for day in &things.stored {
                    let of_day = archive.quarters(fleet, day.day).await.unwrap();
                    quarters.extend(of_day.filter(|new| !quarters.contains(new)));
                }
            }
        }
        let statuses = archive.statuses(&operator).await.unwrap();
        Things {
            sites: all,
            statuses,
            totals,
            quarters,
        }
    }

    async fn site(&self, site: SiteId) -> SiteThings {
        let readable = Machinery::of_the_service().may_read(site);
        let archive = &self.store;
        let stored = archive.bucket_days(site, DAYS).await.unwrap();
        let mut buckets: Buckets = stored
            .iter()
            .flat_map(|day| &day.buckets)
            .map(|bucket| (bucket.quarter, *bucket))
            .collect();
        if let Some(state) = archive.site_state(site).await.unwrap() {
            buckets.extend(state.open.iter().map(|bucket| (bucket.quarter, *bucket)));
        }
        let mut days = archive.site_days(site, DATES).await.unwrap();
        let mut months = Vec::new();
        for day in &days {
            let first = day.day.date.first_of_month();
            if months
                .iter()
                .all(|month: &SiteMonth| month.month.month != first)
            {
                months.extend(archive.site_month(site, first).await.unwrap());
            }
        }
        // When a thing was known is not what is compared.
        let rollups = days.iter_mut().map(|day| &mut day.day.rollup);
        for rollup in rollups.chain(months.iter_mut().map(|month| &mut month.month.rollup)) {
            rollup.as_of = Timestamp::MAX;
        }
        let mut events = archive.events(readable, 100_000).await.unwrap();
        events.sort_by_key(|event| {
            (
                event.received_at,
                event.at,
                event.code.clone(),
                event.subject.clone(),
            )
        });
        let told = archive.told(site, DATES).await.unwrap();
        SiteThings {
            buckets,
            stored,
            days,
            months,
            events,
            told,
        }
    }
}

/// Turns until there is nothing new.
pub(super) async fn catch_up(worker: &mut Worker) {
    while worker.turn().await.unwrap() == Turn::Worked {}
}

/// Polls a future so many times, then drops it: what a crash at that point is to whoever waits.
pub(super) async fn interrupted<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}
