//! A store thread that crashes: a bug, which must not cost the history of a home.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use solthrive_edge::store::Happening;

use super::*;

fn start() -> Timestamp {
    ts("2026-06-21T00:00:00Z")
}

fn minute(index: i64) -> Batch {
    a_batch(vec![row(1, start() + minutes(index), 0, 1000)])
}

/// Panics in the store's thread as often as the counter says; the disk is asked at each turn.
fn tripping(folder: &Path, number: u128, crashes: &Arc<AtomicU32>) -> Options {
    let crashes = Arc::clone(crashes);
    Options {
        free_space: Arc::new(move |_| {
            let trips = crashes
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
                    left.checked_sub(1)
                })
                .is_ok();
            assert!(!trips, "a bug in the store");
            Some(u64::MAX)
        }),
        ..utc(folder, number)
    }
}

#[test]
fn a_store_that_crashes_goes_on_and_loses_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let crashes = Arc::new(AtomicU32::new(0));
    let (store, _) = open(tripping(folder.path(), 1, &crashes));
    super::store(&store, minute(0));
    for index in 1..3 {
        crashes.store(1, Ordering::Release);
        store.submit(minute(2 * index - 1));
        assert!(!store.flush(PATIENCE), "{:?}", store.health());
        super::store(&store, minute(2 * index));
    }
    let health = store.health();
    assert_eq!((health.crashes, health.lost), (2, 0));
    assert_eq!(all(&store.reader()).len(), 5);
}

#[test]
fn rows_that_the_store_trips_over_again_and_again_are_given_up_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let crashes = Arc::new(AtomicU32::new(0));
    let (store, _) = open(tripping(folder.path(), 1, &crashes));
    crashes.store(3, Ordering::Release);
    for index in 0..3 {
        store.submit(minute(index));
        assert!(!store.flush(PATIENCE));
    }
    super::store(&store, minute(3));
    let health = store.health();
    assert_eq!((health.crashes, health.lost, health.stored), (3, 3, 1));
    let events = store
        .reader()
        .events(Timestamp::MIN, Timestamp::MAX, 100)
        .unwrap();
    assert!(
        events
            .iter()
            .any(|event| event.what == Happening::RowsLost { rows: 3 }),
        "{events:?}"
    );
}

#[test]
fn a_store_that_crashes_at_the_stop_does_not_hold_it_up() {
    let folder = tempfile::tempdir().unwrap();
    let crashes = Arc::new(AtomicU32::new(0));
    let (store, _) = open(tripping(folder.path(), 1, &crashes));
    crashes.store(u32::MAX, Ordering::Release);
    store.close();
    drop(store);
    let (_store, opened) = open(utc(folder.path(), 2));
    assert_eq!(opened.clean_stop, Some(false));
}

/// What a service that falls over can still store is stored, and the next start is told.
#[test]
fn a_stop_after_a_crash_stores_what_waits_and_is_no_proper_one() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    store.submit(minute(0));
    store.close_after_crash();
    drop(store);
    let (_store, opened) = open(utc(folder.path(), 2));
    assert_eq!(opened.newest, Some(start() + minutes(1)));
    assert_eq!(opened.clean_stop, Some(false));
}
