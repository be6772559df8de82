//! The real program in several processes: roles apart, a leader that dies, an orderly end.

#![expect(
    clippy::disallowed_methods,
    reason = "how long something took is what is promised"
)]

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use solthrive_cloud::app::Stores;
use solthrive_cloud::config::{Place, StoreUrl};
use solthrive_testkit::Database;
use tokio_util::sync::CancellationToken;

use crate::kill::{Process, load};
use crate::service::{Client, Device, devices_on, run, snapshot_at};

/// What the worker made of a device's rows.
struct Look {
    stores: Stores,
}

impl Look {
    async fn at(folder: &Path, url: &str) -> Self {
        let place = Place {
            data: folder.to_owned(),
            store: StoreUrl::Postgres(url.to_owned()),
        };
        Self {
            stores: Stores::open(&place).await.unwrap(),
        }
    }

    /// Rows that are counted for the device.
    async fn rows(&self, device: &Device) -> u64 {
        let status = self.stores.archive.device_status(device.id).await.unwrap();
        status.map_or(0, |status| status.rows)
    }

    /// Waits until all of these are counted; how long that took. More than these is a failure at once.
    async fn until(&self, device: &Device, rows: u64) -> Duration {
        let began = Instant::now();
        loop {
            let counted = self.rows(device).await;
            assert!(counted <= rows, "{counted} of {rows} rows are counted");
            if counted == rows {
                return began.elapsed();
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "only {counted} of {rows} rows are counted"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Samples in the site's buckets: each row is in one of them, once.
    async fn samples(&self, device: &Device) -> u64 {
        let status = self.stores.archive.device_status(device.id).await.unwrap();
        let site = status.unwrap().site.unwrap();
        let state = self.stores.archive.site_state(site).await.unwrap().unwrap();
        let stored = self.stores.archive.bucket_days(site, 0..40_000).await;
        let stored = stored.unwrap().into_iter().flat_map(|day| day.buckets);
        let mut all = std::collections::BTreeMap::new();
        for bucket in stored.chain(state.open) {
            all.insert(bucket.quarter, u64::from(bucket.samples));
        }
        all.values().sum()
    }
}

/// Rows every 15 s from `first` on; gives back how many.
async fn send(address: SocketAddr, device: &Device, first: i64, count: i64) -> u64 {
    let client = Client::plain(address);
    let times: Vec<i64> = (0..count).map(|n| first + n * 15_000).collect();
    for some in times.chunks(200) {
        let snapshots: Vec<_> = some.iter().map(|time| snapshot_at(*time)).collect();
        let answer = device.deliver(&client, &snapshots).await;
        assert_eq!(answer.counts(), [some.len() as u64, 0, 0]);
    }
    times.len() as u64
}

const BEGIN: i64 = 1_750_000_000_000;

#[test]
fn roles_in_processes_of_their_own_share_a_database_and_answer_for_themselves_only() {
    run(async {
        let (database, folder) = (Database::fresh().unwrap(), tempfile::tempdir().unwrap());
        let url = database.url();
        let devices = devices_on(folder.path(), url, 2).await;
        let role = |role| {
            Process::start(
                folder.path(),
                url,
                &["--roles", role, "--checkpoint-s", "1"],
            )
        };
        let (ingest, worker, api) = (role("ingest"), role("worker"), role("api"));
        for process in [&ingest, &worker, &api] {
            let ready = Client::plain(process.address).get("/readyz").await;
            assert_eq!(ready.status, 200, "{ready:?}");
        }
        for process in [&worker, &api] {
            let client = Client::plain(process.address);
            let answer = devices[0].deliver(&client, &[snapshot_at(BEGIN)]).await;
            assert_eq!(answer.status, 404, "{answer:?}");
        }
        for (process, status) in [(&ingest, 404), (&worker, 404), (&api, 200)] {
            let client = Client::plain(process.address);
            let document = client.get("/api/v1/openapi.json").await;
            assert_eq!(document.status, status, "{document:?}");
        }
        let look = Look::at(folder.path(), url).await;
        for device in &devices {
            let sent = send(ingest.address, device, BEGIN, 500).await;
            look.until(device, sent).await;
            assert_eq!(look.samples(device).await, sent);
        }
        look.stores.sql.close().await;
    });
}

#[test]
fn when_the_leading_worker_is_killed_the_other_goes_on_where_it_was() {
    run(async {
        let (database, folder) = (Database::fresh().unwrap(), tempfile::tempdir().unwrap());
        let url = database.url();
        let devices = devices_on(folder.path(), url, 1).await;
        let device = &devices[0];
        let start = |role| {
            let quick = [
                "--roles",
                role,
                "--checkpoint-s",
                "1",
                "--device-rows-per-s",
                "1000",
            ];
            Process::start(folder.path(), url, &quick)
        };
        let ingest = start("ingest");
        let look = Look::at(folder.path(), url).await;
        let mut leader = start("worker");
        let mut sent = send(ingest.address, device, BEGIN, 400).await;
        look.until(device, sent).await;
        for round in 1..=2 {
            let next = start("worker");
            // While the leader works on it, and has checkpoints to store.
            sent += send(ingest.address, device, BEGIN + round * 10_000_000, 300).await;
            leader.kill();
            sent += send(
                ingest.address,
                device,
                BEGIN + round * 10_000_000 + 5_000_000,
                300,
            )
            .await;
            let took = look.until(device, sent).await;
            // A lease of 15 s has to end first, and a checkpoint follows.
            assert!(took < Duration::from_secs(30), "{took:?}");
            leader = next;
        }
        assert_eq!(look.samples(device).await, sent);
        look.stores.sql.close().await;
    });
}

#[test]
fn who_is_told_to_stop_under_load_answers_stores_and_ends_well() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let devices = devices_on(folder.path(), "sqlite:", 8).await;
        let process = Process::start(folder.path(), "sqlite:", &[]);
        let (address, stop) = (process.address, CancellationToken::new());
        let senders: Vec<_> = devices
            .iter()
            .map(|device| tokio::spawn(load::send(address, device.clone(), BEGIN, stop.clone())))
            .collect();
        tokio::time::sleep(Duration::from_millis(600)).await;
        let began = Instant::now();
        let ended = process.terminate();
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert!(began.elapsed() < Duration::from_secs(15));
        assert!(
            TcpStream::connect(address).is_err(),
            "somebody still listens"
        );
        let again = Process::start(folder.path(), "sqlite:", &[]);
        let mut total = 0;
        for (device, sender) in devices.iter().zip(senders) {
            let times = sender.await.unwrap();
            let known = load::known(again.address, device, &times).await;
            assert_eq!(known, [0, times.len() as u64, 0]);
            total += times.len();
        }
        assert!(total > 100, "only {total} snapshots were acknowledged");
    });
}
