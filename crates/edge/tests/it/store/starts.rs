//! Starts and stops of the service.

use std::fs;

use solthrive_edge::store::{FILE, Happening, Reader, StoreError};

use super::*;

#[test]
fn starts_of_machine_and_service_are_counted_and_proper_stops_known() {
    let folder = tempfile::tempdir().unwrap();
    let start = |number, boot: &str| {
        let (store, opened) = open(Options {
            boot: Some(boot.to_owned()),
            ..utc(folder.path(), number)
        });
        store.close();
        (
            opened.boot_count,
            opened.starts_since_boot,
            opened.clean_stop,
        )
    };
    assert_eq!(start(1, "a"), (1, 1, None));
    assert_eq!(start(2, "a"), (1, 2, Some(true)));
    assert_eq!(start(3, "b"), (2, 1, Some(true)));
    assert_eq!(start(4, "b"), (2, 2, Some(true)));
    let events = Reader::open(folder.path())
        .unwrap()
        .events(Timestamp::MIN, Timestamp::MAX, 100)
        .unwrap();
    let starts = events
        .iter()
        .filter(|event| matches!(event.what, Happening::Started { .. }))
        .count();
    let stops = events
        .iter()
        .filter(|event| matches!(event.what, Happening::Stopped { .. }))
        .count();
    assert_eq!((starts, stops), (4, 4));
}

#[test]
fn what_waits_at_the_stop_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    let clone = store.clone();
    let start = ts("2026-06-21T00:00:00Z");
    store.submit(a_batch(vec![row(1, start, 0, 10)]));
    drop(store);
    clone.submit(a_batch(vec![row(1, start + minutes(1), 0, 10)]));
    drop(clone);
    let (_store, opened) = open(utc(folder.path(), 2));
    assert_eq!(opened.newest, Some(start + minutes(2)));
    assert_eq!(opened.clean_stop, Some(true));
    assert_eq!(opened.ledger.unwrap().at, Some(start + minutes(2)));
}

#[test]
fn a_second_daemon_on_the_same_folder_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    let error = Store::open(utc(folder.path(), 2)).unwrap_err();
    assert!(
        matches!(&error, StoreError::InUse { pid: Some(pid), .. } if *pid == std::process::id()),
        "{error:?}"
    );
    assert!(error.to_string().contains("--data-dir"), "{error}");
    // Readers are welcome.
    assert_eq!(Reader::open(folder.path()).unwrap().newest().unwrap(), None);
    drop(store);
    assert!(Store::open(utc(folder.path(), 3)).is_ok());
}

#[test]
fn a_history_of_a_newer_version_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(utc(folder.path(), 1)));
    let path = folder.path().join(FILE);
    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let before = fs::read(&path).unwrap();
    let error = Store::open(utc(folder.path(), 2)).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 99, .. }),
        "{error:?}"
    );
    assert!(matches!(
        Reader::open(folder.path()),
        Err(StoreError::Newer { .. })
    ));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn no_history_is_not_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        Reader::open(folder.path()),
        Err(StoreError::Missing(_))
    ));
}

/// Totals only grow: not even the last digit of one may fall over a restart.
#[test]
fn totals_come_back_to_the_last_digit() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(5);
    for number in 1..40 {
        let total = 1e7 + f64::from(u32::try_from(dice.roll(1 << 30)).unwrap()) * 0.000_931_7;
        let text = serde_json::to_string(&a_ledger()).unwrap();
        let text = text.replacen("\"total\":0.0", &format!("\"total\":{total:?}"), 1);
        let ledger: LedgerState = serde_json::from_str(&text).unwrap();
        let (store, _) = open(utc(folder.path(), number));
        store.submit(Batch {
            ledger: Some(ledger.clone()),
            ..Batch::default()
        });
        drop(store);
        let (store, opened) = open(utc(folder.path(), 1000 + number));
        let back = opened.ledger.unwrap().state;
        assert_eq!(back, ledger);
        assert!(
            serde_json::to_string(&back)
                .unwrap()
                .contains(&format!("{total:?}"))
        );
        drop(store);
    }
}
