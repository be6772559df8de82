//! A sealed day with a flipped bit, and devices that go on.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;
use solthrive_cloud::app::Running;
use solthrive_cloud::clock::Clock;
use tempfile::TempDir;

use super::client::Client;
use super::fleet::{Device, Fleet, now, snapshot, snapshot_at};
use super::{run, serve};

/// How far the service's clock is ahead, ms. Each test is a process of its own.
static LEAP: AtomicI64 = AtomicI64::new(0);

async fn start(folder: &TempDir) -> (Running, Client) {
    let settings = serve(folder.path(), "sqlite:", &["--checkpoint-s", "1"]);
    let running = Running::start(&settings, Clock::ahead(&LEAP))
        .await
        .unwrap();
    let client = Client::plain(running.address);
    (running, client)
}

fn database(folder: &TempDir) -> Connection {
    let database = Connection::open(folder.path().join("solthrive.db")).unwrap();
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    database
}

/// Lets hours pass until so many days are sealed and merged: the merged one of each device has part 0.
async fn until(folder: &TempDir, what: &str, wanted: i64) {
    for _ in 0..300 {
        let sql = format!("SELECT count(*) FROM chunk WHERE {what}");
        let found: i64 = database(folder)
            .query_row(&sql, [], |row| row.get(0))
            .unwrap();
        if found >= wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never {wanted} chunks with {what}");
}

/// Noon in UTC of the day before yesterday, ms: five hours from there lie within one day, whenever the test runs.
static NOON: LazyLock<i64> = LazyLock::new(|| {
    let day = 86_400_000;
    (now().get() / day - 2) * day + day / 2
});

/// Rows of one day, from the `first` minute on.
fn rows(first: i64, count: i64) -> Vec<Value> {
    let minutes = first..first + count;
    minutes
        .map(|minute| snapshot_at(*NOON + minute * 60_000))
        .collect()
}

fn flip(folder: &TempDir, device: &Device) {
    let key = device.id.as_uuid().into_bytes();
    let database = database(folder);
    let sql = "SELECT bytes FROM chunk WHERE device = ?1 AND part > 0";
    let mut bytes: Vec<u8> = database.query_row(sql, [key], |row| row.get(0)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 16;
    let sql = "UPDATE chunk SET bytes = ?2 WHERE device = ?1 AND part > 0";
    assert_eq!(database.execute(sql, (key, bytes)).unwrap(), 1);
}

#[test]
fn a_flipped_bit_costs_its_own_chunk_and_nothing_else() {
    run(async {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let (running, client) = start(&folder).await;
        let fleet = Fleet::new(Arc::clone(&running.registry), folder.path());
        let (hurt, sound) = (fleet.at_home(&client).await, fleet.at_home(&client).await);
        let all = rows(0, 300);
        for device in [&hurt, &sound] {
            assert_eq!(device.deliver(&client, &all).await.counts(), [300, 0, 0]);
        }
        LEAP.store(2 * 3_600_000, Ordering::Relaxed);
        until(&folder, "part > 0", 2).await;
        running.stop().await;
        flip(&folder, &hurt);

        let (running, client) = start(&folder).await;
        // Nobody is held up, neither for new rows nor for late ones of the damaged day.
        assert_eq!(sound.deliver(&client, &all).await.counts(), [0, 300, 0]);
        for device in [&hurt, &sound] {
            let late = device.deliver(&client, &rows(300, 5)).await;
            assert_eq!(late.counts(), [5, 0, 0], "{late:?}");
            let fresh = device.deliver(&client, &[snapshot(30, 2.0)]).await;
            assert_eq!(fresh.counts(), [1, 0, 0], "{fresh:?}");
        }
        // The day is merged without the damaged chunk, which is kept, and said so.
        LEAP.store(6 * 3_600_000, Ordering::Relaxed);
        until(&folder, "part < 0 AND damaged IS NOT NULL", 1).await;
        until(&folder, "part = 0", 1).await;
        let kept: (Vec<u8>, String) = database(&folder)
            .query_row(
                "SELECT device, damaged FROM chunk WHERE part < 0",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(kept.0, hurt.id.as_uuid().as_bytes());
        assert!(kept.1.contains("damaged"), "{}", kept.1);
        let again = sound.deliver(&client, &all).await;
        assert_eq!(again.counts(), [0, 300, 0]);
        running.stop().await;
    });
}
