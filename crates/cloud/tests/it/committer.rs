//! The one task that appends, between calls that come in crowds and stores that are slow or far ahead.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use solthrive_cloud::clock::Clock;
use solthrive_cloud::ingest::{Committer, Done, NotStored, Work};
use solthrive_cloud::metrics::Metrics;
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Archive, Checkpoint, Piece};
use solthrive_cloud_store::chunk::{Codec, Table};
use solthrive_cloud_store::hot::{Appended, Entry, HotLog, Note, NoteKind, Row, Seq};
use solthrive_cloud_store::sql::SqlStore;
use solthrive_cloud_store::sqlite::SqliteHotLog;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, LedgerId};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::worker::faulty::{Fault, Faulty, Silence};

const DAY_MS: i64 = 86_400_000;

fn device(n: u128) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(n))
}

fn rows(times: std::ops::Range<i64>) -> Work {
    let row = |time| Row {
        time,
        cells: Vec::new(),
    };
    Work::Rows {
        ledger: LedgerId::from_uuid(Uuid::nil()),
        rows: times.map(row).collect(),
    }
}

fn seen() -> Work {
    Work::Note(Note {
        device: device(1),
        kind: NoteKind::Seen,
        json: Vec::new(),
    })
}

/// Notes at each append how often the archive had been asked by then.
struct Watched {
    inner: SqliteHotLog,
    archive: Arc<Silence>,
    asked: Mutex<Vec<usize>>,
}

#[async_trait]
impl HotLog for Watched {
    async fn append(
        &self,
        last: Seq,
        at: UnixMillis,
        blob: Vec<u8>,
    ) -> Result<Appended, StoreError> {
        let asked = self.archive.asked.load(Ordering::Relaxed);
        self.asked.lock().unwrap().push(asked);
        self.inner.append(last, at, blob).await
    }

    async fn after(&self, seq: Seq, bytes: usize) -> Result<Vec<Entry>, StoreError> {
        self.inner.after(seq, bytes).await
    }

    async fn newest(&self) -> Result<Seq, StoreError> {
        self.inner.newest().await
    }

    async fn forget_through(&self, seq: Seq) -> Result<(), StoreError> {
        self.inner.forget_through(seq).await
    }
}

struct Stage {
    _folder: TempDir,
    log: Arc<Watched>,
    store: SqlStore,
    silence: Arc<Silence>,
}

impl Stage {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let silence = Arc::new(Silence::default());
        let inner = SqliteHotLog::open(&folder.path().join("log")).unwrap();
        let store = SqlStore::sqlite(&folder.path().join("archive"))
            .await
            .unwrap();
        Self {
            _folder: folder,
            log: Arc::new(Watched {
                inner,
                archive: Arc::clone(&silence),
                asked: Mutex::default(),
            }),
            store,
            silence: Arc::clone(&silence),
        }
    }

    async fn committer(&self) -> Committer {
        let archive = Arc::new(Faulty {
            inner: Arc::new(self.store.clone()),
            fault: Fault::Silence(Arc::clone(&self.silence)),
        });
        let started = Committer::start(
            Arc::clone(&self.log) as Arc<dyn HotLog>,
            archive,
            Clock::system(),
            Arc::new(Metrics::default()),
            1_000_000,
            CancellationToken::new(),
        );
        started.await.unwrap().0
    }

    /// The worker has followed the log up to here.
    async fn seal(&self, from: i64, to: i64, pieces: &[Piece]) {
        let (from, to) = (Seq::new(from), Seq::new(to));
        let checkpoint = Checkpoint {
            from,
            folded: to,
            ..Checkpoint::default()
        };
        self.store.checkpoint(&checkpoint).await.unwrap();
        self.store.seal(from, to, pieces).await.unwrap();
        self.log.forget_through(to).await.unwrap();
    }

    /// What another node appended.
    async fn append(&self, last: i64) {
        self.append_bytes(last, solthrive_cloud_store::hot::encode(&[]))
            .await;
    }

    async fn append_bytes(&self, last: i64, note: Vec<u8>) {
        let at = UnixMillis::EPOCH;
        let appended = self.log.inner.append(Seq::new(last), at, note).await;
        assert_eq!(appended.unwrap(), Appended::At(Seq::new(last + 1)));
    }
}

fn piece(time: i64) -> Piece {
    let mut table = Table::default();
    table.insert(time, &[]).unwrap();
    Piece {
        device: device(1),
        day: time.div_euclid(DAY_MS),
        span: (time, time),
        rows: 1,
        bytes: Codec::new().unwrap().encode(&table).unwrap(),
    }
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(10), what).await;
    done.expect("it is done in time")
}

async fn all(mut calls: JoinSet<Result<Done, NotStored>>) -> Vec<Result<Done, NotStored>> {
    let mut answers = Vec::new();
    while let Some(answer) = in_time(calls.join_next()).await {
        answers.push(answer.unwrap());
    }
    answers
}

#[tokio::test]
async fn an_archive_that_does_not_answer_holds_up_nothing_that_is_live() {
    let stage = Stage::new().await;
    let committer = stage.committer().await;
    stage.silence.begun.store(true, Ordering::Relaxed);
    // The archive is asked how far it is.
    tokio::task::yield_now().await;
    for n in 0..3 {
        let done = in_time(committer.commit(device(1), rows(n..n + 1))).await;
        assert_eq!(done.unwrap().counts.accepted, 1);
    }
}

#[tokio::test]
async fn a_node_whose_missed_entries_are_forgotten_reads_the_state_anew() {
    let stage = Stage::new().await;
    let committer = stage.committer().await;
    committer.commit(device(1), rows(0..1)).await.unwrap();
    for last in 1..4 {
        stage.append(last).await;
    }
    stage.seal(0, 4, &[piece(0)]).await;
    // It has looked a moment ago, and does so again in two seconds.
    let done = in_time(committer.commit(device(1), rows(0..2))).await;
    let counts = done.unwrap().counts;
    assert_eq!((counts.accepted, counts.duplicates), (1, 1));
}

#[tokio::test]
async fn calls_that_wait_for_the_next_entry_are_not_lost_when_a_lookup_ends() {
    let stage = Stage::new().await;
    stage.append(0).await;
    stage.seal(0, 1, &[piece(2 * DAY_MS)]).await;
    let committer = stage.committer().await;
    let mut calls = JoinSet::new();
    for n in 0..30 {
        let committer = committer.clone();
        // The first two need a sealed day.
        let (from, count) = if n < 2 {
            (n, 1)
        } else {
            (9 * DAY_MS + n * 4_000, 4_000)
        };
        let work = rows(from..from + count);
        calls.spawn(async move { committer.commit(device(1), work).await });
    }
    let failed: Vec<_> = all(calls)
        .await
        .into_iter()
        .filter_map(Result::err)
        .collect();
    assert_eq!(failed, []);
}

#[tokio::test]
async fn a_crowd_of_calls_does_not_keep_it_from_looking_how_far_the_archive_is() {
    let stage = Stage::new().await;
    let committer = stage.committer().await;
    let asked_at_the_start = stage.silence.asked.load(Ordering::Relaxed);
    let mut calls: Vec<_> = (0..4_000)
        .map(|_| Box::pin(committer.commit(device(1), seen())))
        .collect();
    // They are there before the task runs for the first time, when it is due to look.
    std::future::poll_fn(|context| {
        for call in &mut calls {
            assert!(call.as_mut().poll(context).is_pending());
        }
        Poll::Ready(())
    })
    .await;
    for call in calls {
        assert!(in_time(call).await.is_ok());
    }
    let asked = stage.log.asked.lock().unwrap();
    assert!(asked.len() > 2 && asked[asked.len() - 1] > asked_at_the_start);
}

#[tokio::test]
async fn a_device_with_many_calls_at_once_leaves_room_for_others_and_large_ones_are_to_be_halved() {
    let stage = Stage::new().await;
    stage.append(0).await;
    let of = |n| Piece {
        device: device(n),
        ..piece(900 * DAY_MS)
    };
    stage.seal(0, 1, &[of(1), of(2)]).await;
    let committer = stage.committer().await;
    let late = |committer: &Committer, n, day: i64| {
        let committer = committer.clone();
        async move {
            committer
                .commit(device(n), rows(day * DAY_MS..day * DAY_MS + 1))
                .await
        }
    };
    let mut calls = JoinSet::new();
    for day in 0..40 {
        calls.spawn(late(&committer, 1, day));
    }
    let other = tokio::spawn(late(&committer, 2, 0));
    let let_in = all(calls).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(let_in, 2);
    assert!(in_time(other).await.unwrap().is_ok());
    let row = |day| Row {
        time: day * DAY_MS,
        cells: Vec::new(),
    };
    // Whether something of them is sealed, or nothing ever came of the device.
    for n in [1, 3] {
        let many = |count: i64| Work::Rows {
            ledger: LedgerId::from_uuid(Uuid::nil()),
            rows: (100..100 + count).map(row).collect(),
        };
        let answer = in_time(committer.commit(device(n), many(65))).await;
        assert_eq!(answer, Err(NotStored::TooManyDays(65)));
        let answer = in_time(committer.commit(device(n), many(64))).await;
        assert_eq!(answer.unwrap().counts.accepted, 64);
    }
}

#[tokio::test]
async fn a_damaged_entry_does_not_keep_a_node_from_starting_and_one_of_tomorrow_does() {
    let stage = Stage::new().await;
    stage.append_bytes(0, b"no entry".to_vec()).await;
    let committer = stage.committer().await;
    stage.append_bytes(1, b"nor this".to_vec()).await;
    let done = in_time(committer.commit(device(1), rows(0..1))).await;
    assert_eq!(done.unwrap().counts.accepted, 1);
    // Version 9, and its checksum.
    let tomorrow = vec![9, 0x9d, 0x88, 0xcf, 0x2a];
    stage.append_bytes(3, tomorrow).await;
    let answer = in_time(committer.commit(device(1), rows(1..2))).await;
    assert!(matches!(answer, Err(NotStored::Store(_))), "{answer:?}");
}

#[tokio::test]
async fn a_log_that_ends_before_what_was_counted_is_another_one_and_takes_nothing() {
    let stage = Stage::new().await;
    let folded = Checkpoint {
        folded: Seq::new(5),
        ..Checkpoint::default()
    };
    stage.store.checkpoint(&folded).await.unwrap();
    let started = Committer::start(
        Arc::clone(&stage.log) as Arc<dyn HotLog>,
        Arc::new(stage.store.clone()),
        Clock::system(),
        Arc::new(Metrics::default()),
        100,
        CancellationToken::new(),
    );
    let error = started.await.unwrap_err().to_string();
    assert!(
        error.contains("entry 5") && error.contains("backup"),
        "{error}"
    );
}
