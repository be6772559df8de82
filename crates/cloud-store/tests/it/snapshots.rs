//! Copies of the embedded store that are made while it is written.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Archive, Checkpoint, Wrote};
use solthrive_cloud_store::backup::{Held, Snapshot, problems};
use solthrive_cloud_store::hot::{Appended, HotLog, Seq};
use solthrive_cloud_store::sql::SqlStore;
use solthrive_cloud_store::sqlite::SqliteHotLog;
use solthrive_domain::telemetry::UnixMillis;

/// A store that is written and followed until it is told to stop.
struct Busy {
    acknowledged: Arc<AtomicI64>,
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

async fn busy(folder: &Path) -> Busy {
    let archive = SqlStore::sqlite(&folder.join("solthrive.db"))
        .await
        .unwrap();
    let log = Arc::new(SqliteHotLog::open(&folder.join("hot.db")).unwrap());
    let (acknowledged, stop) = (
        Arc::new(AtomicI64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let writer = {
        let (log, acknowledged, stop) = (
            Arc::clone(&log),
            Arc::clone(&acknowledged),
            Arc::clone(&stop),
        );
        async move {
            while !stop.load(Ordering::Relaxed) {
                let last = Seq::new(acknowledged.load(Ordering::Relaxed));
                let blob = last.get().to_le_bytes().repeat(40);
                let told = log.append(last, UnixMillis::EPOCH, blob).await.unwrap();
                let Appended::At(seq) = told else {
                    panic!("{told:?}")
                };
                acknowledged.store(seq.get(), Ordering::Relaxed);
            }
        }
    };
    // Folds, seals and forgets without a pause, which no service does.
    let follower = {
        let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
        async move {
            let mut from = Seq::START;
            while !stop.load(Ordering::Relaxed) {
                let folded = Seq::new(acknowledged.load(Ordering::Relaxed));
                let checkpoint = Checkpoint {
                    from,
                    folded,
                    ..Checkpoint::default()
                };
                assert_eq!(archive.checkpoint(&checkpoint).await.unwrap(), Wrote::Done);
                assert_eq!(archive.seal(from, folded, &[]).await.unwrap(), Wrote::Done);
                log.forget_through(folded).await.unwrap();
                from = folded;
                tokio::task::yield_now().await;
            }
            archive.close().await;
        }
    };
    Busy {
        acknowledged,
        stop,
        tasks: vec![tokio::spawn(writer), tokio::spawn(follower)],
    }
}

/// What the two files say themselves.
async fn read(folder: &Path) -> (Held, Vec<Seq>) {
    let held = Snapshot::take(&folder.join("solthrive.db"), &folder.join("hot.db"))
        .unwrap()
        .held();
    let log = SqliteHotLog::open_copy(&folder.join("hot.db")).unwrap();
    let entries = log.after(Seq::START, usize::MAX).await.unwrap();
    (held, entries.into_iter().map(|entry| entry.seq).collect())
}

#[tokio::test]
async fn log_and_followers_fit_together_in_every_copy() {
    let folder = tempfile::tempdir().unwrap();
    let store = busy(folder.path()).await;
    for round in 0..25 {
        let before = store.acknowledged.load(Ordering::Relaxed);
        let (database, log) = (
            folder.path().join("solthrive.db"),
            folder.path().join("hot.db"),
        );
        let copies = folder.path().join(format!("copy-{round}"));
        std::fs::create_dir(&copies).unwrap();
        let told = tokio::task::spawn_blocking({
            let copies = copies.clone();
            move || {
                let snapshot = Snapshot::take(&database, &log).unwrap();
                // Time for the store to go on between the moment and its copy.
                std::thread::sleep(std::time::Duration::from_millis(20));
                let to = (copies.join("solthrive.db"), copies.join("hot.db"));
                snapshot.copy(&to.0, &to.1, &mut |_| true).unwrap();
                snapshot.held()
            }
        })
        .await
        .unwrap();
        let (held, entries) = read(&copies).await;
        assert_eq!(held, told);
        assert!(held.forgotten <= held.cursors.sealed, "{held:?}");
        assert!(held.cursors.folded <= held.newest, "{held:?}");
        assert!(held.newest.get() >= before, "{held:?} {before}");
        let expected: Vec<Seq> = (held.forgotten.get() + 1..=held.newest.get())
            .map(Seq::new)
            .collect();
        assert_eq!(entries, expected);
        assert_eq!(std::fs::read_dir(&copies).unwrap().count(), 2);
    }
    store.stop.store(true, Ordering::Relaxed);
    for task in store.tasks {
        task.await.unwrap();
    }
    assert!(store.acknowledged.load(Ordering::Relaxed) > 25);
}

#[tokio::test]
async fn a_copy_is_read_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (database, log) = (
        folder.path().join("solthrive.db"),
        folder.path().join("hot.db"),
    );
    SqlStore::sqlite(&database).await.unwrap().close().await;
    drop(SqliteHotLog::open(&log).unwrap());
    let to = (folder.path().join("a.db"), folder.path().join("b.db"));
    let snapshot = Snapshot::take(&database, &log).unwrap();
    snapshot.copy(&to.0, &to.1, &mut |_| true).unwrap();
    let before = (std::fs::read(&to.0).unwrap(), std::fs::read(&to.1).unwrap());
    let archive = SqlStore::sqlite_copy(&to.0).await.unwrap();
    assert_eq!(archive.cursors().await.unwrap().folded, Seq::START);
    let copy = SqliteHotLog::open_copy(&to.1).unwrap();
    assert!(
        copy.append(Seq::START, UnixMillis::EPOCH, vec![1])
            .await
            .is_err()
    );
    assert_eq!(problems(&to.0).unwrap(), Vec::<String>::new());
    archive.close().await;
    drop(copy);
    let after = (std::fs::read(&to.0).unwrap(), std::fs::read(&to.1).unwrap());
    assert!(before == after);
}

#[tokio::test]
async fn who_says_stop_while_it_copies_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let (database, log) = (
        folder.path().join("solthrive.db"),
        folder.path().join("hot.db"),
    );
    SqlStore::sqlite(&database).await.unwrap().close().await;
    drop(SqliteHotLog::open(&log).unwrap());
    let snapshot = Snapshot::take(&database, &log).unwrap();
    let told = snapshot.copy(
        &folder.path().join("a.db"),
        &folder.path().join("b.db"),
        &mut |_| false,
    );
    assert!(matches!(told, Err(StoreError::Closed)), "{told:?}");
}
