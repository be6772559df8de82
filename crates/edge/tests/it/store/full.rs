//! Full disks, and disks that are not there.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

fn start() -> Timestamp {
    ts("2026-06-20T00:00:00Z")
}

fn piece(index: i64) -> Batch {
    a_batch(
        (0..20)
            .map(|minute| row(1, start() + minutes(index * 20 + minute), 0, 1000))
            .collect(),
    )
}

/// SQLite says "full" when the file reaches its limit: the oldest minutes make room.
#[test]
fn in_a_file_that_cannot_grow_the_oldest_minutes_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let most = 400 * 1024;
    let (store, _) = open(Options {
        max_size: Some(most),
        ..utc(folder.path(), 1)
    });
    for index in 0..200 {
        super::store(&store, piece(index));
        assert!(store.health().size.unwrap() <= most);
    }
    let rows = all(&store.reader());
    assert!((500..3000).contains(&rows.len()), "{}", rows.len());
    assert_eq!(rows.last().unwrap().start, start() + minutes(3999));
    let stored: Vec<_> = rows
        .windows(2)
        .map(|pair| pair[1].start.duration_since(pair[0].start))
        .collect();
    assert!(
        stored.iter().all(|step| *step == minutes(1)),
        "a minute is missing in the middle"
    );
    let days = store
        .reader()
        .days("2026-06-20".parse().unwrap(), "2026-06-22".parse().unwrap())
        .unwrap();
    assert!(
        days.iter()
            .all(|day| day.summary.energy.import == WattHours::try_from(1440.0).ok()),
        "{days:?}"
    );
}

#[test]
fn while_space_is_low_the_oldest_minutes_go_and_the_last_day_stays() {
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let disk = Arc::clone(&free);
    let free_space = Arc::new(move |_: &Path| Some(disk.load(Ordering::SeqCst)));
    let (store, _) = open(Options {
        free_space,
        low_space: 100 << 20,
        ..utc(folder.path(), 1)
    });
    for index in 0..5 * 72 {
        super::store(&store, piece(index));
    }
    let before = (all(&store.reader()).len(), store.health().size.unwrap());
    assert!(!store.health().is_low());
    free.store(50 << 20, Ordering::SeqCst);
    for index in 5 * 72..5 * 72 + 30 {
        super::store(&store, piece(index));
    }
    let health = store.health();
    assert!(
        health.is_low() && health.low_space_message().contains("50 MB"),
        "{health:?}"
    );
    assert!(!health.has_error());
    let after = all(&store.reader()).len();
    assert_eq!(before.0, 7200);
    assert!((1440..1900).contains(&after), "{after}");
    assert!(
        health.size.unwrap() < before.1 / 2,
        "the space was not given back"
    );
    free.store(500 << 20, Ordering::SeqCst);
    super::store(&store, piece(400));
    assert!(!store.health().is_low());
}

/// On a full disk the file stays as large as it is, and the newest six hours stay whatever happens.
#[test]
fn on_a_full_disk_the_file_does_not_grow() {
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let disk = Arc::clone(&free);
    let free_space = Arc::new(move |_: &Path| Some(disk.load(Ordering::SeqCst)));
    let (store, _) = open(Options {
        free_space,
        low_space: 0,
        ..utc(folder.path(), 1)
    });
    for index in 0..72 {
        super::store(&store, piece(index));
    }
    let before = store.health().size.unwrap();
    free.store(1 << 20, Ordering::SeqCst);
    for index in 72..5 * 72 {
        super::store(&store, piece(index));
    }
    let after = store.health().size.unwrap();
    assert!(after < before + 64 * 1024, "{before} {after}");
    let rows = all(&store.reader());
    assert!(rows.len() > 360, "{}", rows.len());
    assert_eq!(rows.last().unwrap().start, start() + minutes(7199));
}

/// The clock is years ahead while the disk is full: that makes no minute old.
#[test]
fn on_a_full_disk_rows_from_a_wrong_future_push_nothing_out() {
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let disk = Arc::clone(&free);
    let free_space = Arc::new(move |_: &Path| Some(disk.load(Ordering::SeqCst)));
    let (store, _) = open(Options {
        free_space,
        low_space: 0,
        ..utc(folder.path(), 1)
    });
    // Six hours, which is what a full disk keeps.
    for index in 0..18 {
        super::store(&store, piece(index));
    }
    free.store(1 << 20, Ordering::SeqCst);
    let future = ts("2040-01-01T00:00:00Z");
    for index in 0..5 {
        let row = row(1, future + minutes(index), 0, 1000);
        super::store(&store, a_batch(vec![row]));
    }
    let kept = all(&store.reader()).len();
    assert!(kept >= 360, "{kept}");
}

/// No folder, no permission, no card: polling goes on, and everything is there once it can be.
#[test]
fn rows_wait_in_memory_while_the_folder_is_out_of_reach() {
    let folder = tempfile::tempdir().unwrap();
    let card = folder.path().join("card");
    fs::write(&card, "not a folder").unwrap();
    let (store, opened) = open(utc(&card.join("data"), 1));
    assert_eq!(opened.newest, None);
    for index in 0..3 {
        store.submit(piece(index));
        assert!(!store.flush(PATIENCE));
    }
    let health = store.health();
    assert!(health.has_error() && health.waiting == 60, "{health:?}");
    assert!(
        health.error_message().contains("60 minutes wait"),
        "{}",
        health.error_message()
    );
    assert!(store.reader().newest().is_err());

    fs::remove_file(&card).unwrap();
    super::store(&store, piece(3));
    assert_eq!(all(&store.reader()).len(), 80);
    assert!(!store.health().has_error());
    assert_eq!(store.health().waiting, 0);
}

#[test]
fn rows_beyond_a_day_are_given_up_oldest_first_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let card = folder.path().join("card");
    fs::write(&card, "not a folder").unwrap();
    let (store, _) = open(utc(&card, 1));
    for index in 0..80 {
        store.submit(piece(index));
    }
    assert!(!store.flush(PATIENCE));
    assert_eq!((store.health().waiting, store.health().lost), (1440, 160));
    fs::remove_file(&card).unwrap();
    super::store(&store, piece(80));
    let rows = all(&store.reader());
    assert_eq!((rows.len(), rows[0].start), (1440, start() + minutes(180)));
    assert!(
        store
            .health()
            .error_message()
            .contains("180 minutes could not be kept")
    );
}

/// The other process lets go of the file in time, or the rows wait for the next minute.
#[test]
fn a_file_that_somebody_else_holds_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    super::store(&store, piece(0));
    let other =
        rusqlite::Connection::open(folder.path().join(solthrive_edge::store::FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.submit(piece(1));
    assert!(!store.flush(PATIENCE));
    assert_eq!(store.health().waiting, 20);
    other.execute_batch("ROLLBACK").unwrap();
    super::store(&store, piece(2));
    assert_eq!(all(&store.reader()).len(), 60);
}
