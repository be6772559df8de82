//! What is kept for the cloud: until it has it, and no longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use solthrive_domain::Sample;
use solthrive_domain::delivery::{Numbers, Span};
use solthrive_domain::telemetry::{ChannelSample, MilliWatts, UnixMillis};
use solthrive_edge::store::{Numbered, Progress};
use solthrive_edge::truth::Told;

use super::*;

fn start() -> Timestamp {
    ts("2026-06-21T00:00:00Z")
}

fn sample(number: u64) -> Numbered {
    let at = start().as_millisecond() + i64::try_from(number).unwrap() * 15_000;
    let ledger = LedgerId::from_uuid(Uuid::from_u128(77));
    let mut sample = Sample::empty(UnixMillis::try_from(at).unwrap(), ledger);
    sample.power.solar = Some(MilliWatts::new(i32::try_from(number).unwrap() * 1000));
    let garage = ChannelSample {
        name: "garage".to_owned(),
        power: Some(MilliWatts::new(-5)),
        current: None,
        pf: None,
    };
    Numbered {
        number,
        told: Told {
            sample,
            channels: vec![garage],
        },
    }
}

/// The minute with this index, and its four samples; the cloud has `told`.
fn minute(index: u64, told: &str) -> Batch {
    let row = row(1, start() + minutes(i64::try_from(index).unwrap()), 0, 1000);
    Batch {
        samples: (index * 4..index * 4 + 4).map(sample).collect(),
        progress: Some(Progress {
            rows: told.parse().unwrap(),
            ..Progress::default()
        }),
        ..a_batch(vec![row])
    }
}

fn span(first: u64, last: u64) -> Span {
    Span { first, last }
}

fn numbers(reader: &Reader) -> Vec<u64> {
    let all = reader.samples(span(0, u64::MAX >> 1)).unwrap();
    all.iter().map(|sample| sample.number).collect()
}

#[test]
fn samples_are_found_by_their_numbers_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    for index in 0..50 {
        super::store(&store, minute(index, ""));
    }
    let found = store.reader().samples(span(37, 122)).unwrap();
    let expected: Vec<Numbered> = (37..=122).map(sample).collect();
    assert_eq!(found, expected);
    assert_eq!(store.reader().sample_numbers().unwrap(), Some(span(0, 199)));
}

#[test]
fn how_far_the_cloud_was_told_survives_a_restart_but_never_beyond_what_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (store, opened) = open(utc(folder.path(), 1));
    assert_eq!(
        (opened.samples, opened.progress),
        (None, Progress::default())
    );
    // Samples 4 to 7 were told from memory; the power goes before they are stored.
    let mut batch = minute(0, "0-1,3-7");
    batch.progress.as_mut().unwrap().events = 12;
    batch.progress.as_mut().unwrap().days = vec![(20_260_620, 99)];
    batch.progress.as_mut().unwrap().config = Some(7);
    super::store(&store, batch);
    drop(store);
    let (_store, opened) = open(utc(folder.path(), 2));
    assert_eq!(opened.samples, Some(span(0, 3)));
    let expected = Progress {
        rows: "0-1,3-3".parse().unwrap(),
        events: 12,
        days: vec![(20_260_620, 99)],
        config: Some(7),
    };
    assert_eq!(opened.progress, expected);
}

#[test]
fn what_the_cloud_has_goes_an_hour_at_a_time_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    for index in 0..59 {
        super::store(&store, minute(index, &format!("0-{}", index * 4 + 3)));
    }
    assert_eq!(
        numbers(&store.reader()).len(),
        59 * 4,
        "not minute by minute"
    );
    super::store(&store, minute(59, "0-239"));
    super::store(&store, minute(60, "0-239"));
    let kept = numbers(&store.reader());
    assert_eq!(kept, (240..244).collect::<Vec<_>>());
    // A hole that the cloud never got keeps everything behind it.
    for index in 61..200 {
        super::store(&store, minute(index, "0-241,243-10000"));
    }
    assert_eq!(numbers(&store.reader()).first(), Some(&240));
}

#[test]
fn a_month_without_the_cloud_keeps_a_month_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(Options {
        minute_days: 1,
        ..utc(folder.path(), 1)
    });
    for index in 0..3 * 1_440_u64 {
        store.submit(minute(index, ""));
        if index.is_multiple_of(20) {
            assert!(store.flush(PATIENCE));
        }
    }
    assert!(store.flush(PATIENCE));
    let kept = numbers(&store.reader());
    let minutes = kept.len() as u64 / 4;
    assert!(
        (1_440..1_440 + 300).contains(&minutes),
        "{minutes} minutes are kept"
    );
    assert_eq!(kept.last(), Some(&(3 * 1_440 * 4 - 1)));
}

#[test]
fn when_space_runs_out_samples_go_and_days_events_and_totals_stay() {
    let folder = tempfile::tempdir().unwrap();
    let most = 500 * 1024;
    let (store, _) = open(Options {
        max_size: Some(most),
        ..utc(folder.path(), 1)
    });
    for index in 0..3_000_u64 {
        let mut batch = minute(index, "");
        if index.is_multiple_of(100) {
            let what = solthrive_edge::store::Happening::System {
                state: serde_json::json!({"number": index}),
            };
            batch
                .events
                .push(solthrive_edge::store::Event { at: start(), what });
        }
        super::store(&store, batch);
    }
    let reader = store.reader();
    let kept = numbers(&reader);
    assert!(
        kept.len() < 3_000 * 4 && kept.last() == Some(&11_999),
        "{}",
        kept.len()
    );
    assert!(
        kept.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "the oldest go first"
    );
    let hourly = reader.events_after(0, 1_000).unwrap();
    let systems = hourly
        .iter()
        .filter(|(_, event)| matches!(event.what, solthrive_edge::store::Happening::System { .. }));
    assert_eq!(systems.count(), 30);
    let days = reader
        .days("2026-06-21".parse().unwrap(), "2026-06-24".parse().unwrap())
        .unwrap();
    assert_eq!(days.len(), 3);
    assert!(reader.ledger().unwrap().is_some());
}

#[test]
fn a_full_disk_keeps_the_last_hours_of_samples() {
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let disk = Arc::clone(&free);
    let (store, _) = open(Options {
        free_space: Arc::new(move |_| Some(disk.load(Ordering::Acquire))),
        ..utc(folder.path(), 1)
    });
    for index in 0..2_000_u64 {
        store.submit(minute(index, ""));
        if index.is_multiple_of(20) {
            assert!(store.flush(PATIENCE));
        }
    }
    free.store(50 * 1024 * 1024, Ordering::Release);
    for index in 2_000..2_030_u64 {
        super::store(&store, minute(index, ""));
    }
    let kept = numbers(&store.reader());
    let minutes = kept.len() as u64 / 4;
    assert!(
        (1_440..1_520).contains(&minutes),
        "a day is kept while space is low, not {minutes} minutes"
    );
}

#[test]
fn a_history_of_the_first_version_gets_the_new_table_and_keeps_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    super::store(&store, a_batch(vec![row(1, start(), 0, 1000)]));
    store.close();
    drop(store);
    let path = folder.path().join(solthrive_edge::store::FILE);
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(
        "DROP TABLE sample; ALTER TABLE state DROP COLUMN told; PRAGMA user_version = 1",
    )
    .unwrap();
    drop(old);
    let (store, opened) = open(utc(folder.path(), 2));
    assert!(opened.ledger.is_some() && opened.set_aside.is_none());
    super::store(&store, minute(1, ""));
    assert_eq!(
        (all(&store.reader()).len(), numbers(&store.reader()).len()),
        (2, 4)
    );
}

#[test]
fn numbers_are_a_list_of_spans_in_the_file() {
    let told: Numbers = "0-5,9-9".parse().unwrap();
    let progress = Progress {
        rows: told,
        ..Progress::default()
    };
    let text = serde_json::to_string(&progress).unwrap();
    assert_eq!(text, r#"{"rows":"0-5,9-9","events":0,"days":[]}"#);
    assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), progress);
}
