//! Merging and expiring.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use solthrive_cloud::worker::Progress;
use solthrive_cloud::worker::jobs::{Context, Expire, Job, Merge, Scheduler};
use solthrive_cloud_store::archive::{Archive, OpenDay, Piece};
use solthrive_cloud_store::chunk::{ChunkError, Codec, Finite, Pick, Table, Value};
use solthrive_cloud_store::hot::Seq;
use uuid::Uuid;

use super::rig::{Rig, catch_up};
use super::world::{assignment, at, calm, device, ms};

/// A home whose day came in four pieces.
async fn four_pieces() -> (Rig, OpenDay) {
    let since = ms("2026-01-01T00:00:00Z");
    let mut rig = Rig::new(
        &[assignment(1, 1, 1, "UTC", since, None)],
        ms("2026-06-01T12:00:00Z"),
    )
    .await;
    let mut worker = rig.worker();
    let start = ms("2026-06-01T03:00:00Z");
    for n in [0, 2, 1, 3] {
        rig.append(&[calm(1, start + n * 20 * 60_000, 20)]).await;
        catch_up(&mut worker).await;
        worker.seal().await.unwrap();
    }
    let day = OpenDay {
        device: device(1),
        day: start.div_euclid(86_400_000),
    };
    assert_eq!(rig.store.parts(day).await.unwrap().len(), 4);
    (rig, day)
}

fn scheduler(rig: &Rig, job: impl Job + 'static) -> (Scheduler, Arc<Progress>) {
    let clock = Arc::clone(&rig.clock);
    let progress = Arc::new(Progress::default());
    let context = Context {
        archive: Arc::clone(&rig.stores.archive),
        log: Arc::clone(&rig.stores.log),
        now: Arc::new(move || at(clock.load(Ordering::Relaxed))),
        progress: Arc::clone(&progress),
    };
    (
        Scheduler::new(context, Uuid::from_u128(5), vec![Box::new(job)]),
        progress,
    )
}

#[tokio::test]
async fn a_day_becomes_one_chunk_two_hours_after_its_end_and_once() {
    let (rig, day) = four_pieces().await;
    let (scheduler, _) = scheduler(&rig, Merge::default());
    rig.clock
        .store(ms("2026-06-02T01:59:00Z"), Ordering::Relaxed);
    assert_eq!(scheduler.run_due().await, 1);
    assert_eq!(rig.store.parts(day).await.unwrap().len(), 4);
    // It was done, so it is not due.
    rig.clock
        .store(ms("2026-06-02T02:00:00Z"), Ordering::Relaxed);
    assert_eq!(scheduler.run_due().await, 0);
    rig.clock
        .store(ms("2026-06-02T02:14:00Z"), Ordering::Relaxed);
    assert_eq!(scheduler.run_due().await, 1);
    let parts = rig.store.parts(day).await.unwrap();
    assert_eq!(parts.iter().map(|part| part.part).collect::<Vec<_>>(), [0]);
    let table = Codec::new()
        .unwrap()
        .decode(&parts[0].bytes, Pick::All)
        .unwrap();
    assert_eq!(table.rows(), 80);
}

#[tokio::test]
async fn a_damaged_piece_is_set_aside_and_the_others_are_merged() {
    let (mut rig, day) = four_pieces().await;
    rig.append(&[calm(1, ms("2026-06-01T10:00:00Z"), 1)]).await;
    let mut worker = rig.worker();
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    let piece = Piece {
        device: day.device,
        day: day.day,
        span: (0, 0),
        rows: 1,
        bytes: b"no chunk".to_vec(),
    };
    rig.store
        .seal(Seq::new(4), Seq::new(5), &[piece])
        .await
        .unwrap();
    rig.clock
        .store(ms("2026-06-02T03:00:00Z"), Ordering::Relaxed);
    let (scheduler, progress) = scheduler(&rig, Merge::default());
    scheduler.run_due().await;
    let parts = rig.store.parts(day).await.unwrap();
    assert_eq!(parts.iter().map(|part| part.part).collect::<Vec<_>>(), [0]);
    assert_eq!(progress.counts(at(0)).damaged, 1);
}

#[tokio::test]
async fn a_chunk_of_a_later_version_is_left_alone_and_no_damage() {
    let (mut rig, day) = four_pieces().await;
    rig.append(&[calm(1, ms("2026-06-01T10:00:00Z"), 1)]).await;
    let mut worker = rig.worker();
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    let mut bytes = rig.store.parts(day).await.unwrap().remove(0).bytes;
    let version = bytes.iter().position(|byte| *byte == 1).unwrap();
    bytes[version] = 9;
    let decoded = Codec::new().unwrap().decode(&bytes, Pick::All);
    assert!(
        matches!(decoded, Err(ChunkError::UnknownVersion(9))),
        "{decoded:?}"
    );
    let piece = Piece {
        device: day.device,
        day: day.day,
        span: (0, 0),
        rows: 1,
        bytes,
    };
    let sealed = rig.store.seal(Seq::new(4), Seq::new(5), &[piece]).await;
    sealed.unwrap();
    let before = rig.store.parts(day).await.unwrap();
    rig.clock
        .store(ms("2026-06-02T03:00:00Z"), Ordering::Relaxed);
    let (scheduler, progress) = scheduler(&rig, Merge::default());
    scheduler.run_due().await;
    assert_eq!(rig.store.parts(day).await.unwrap(), before);
    assert_eq!(progress.counts(at(0)).damaged, 0);
}

/// A piece with a row that has so many columns of its own.
fn wide(name: &str, time: i64) -> Vec<u8> {
    let one = Value::Number(Finite::try_from(1.0).unwrap());
    let cells: Vec<_> = (0..150)
        .map(|n| (format!("channels.{name}{n}.kw").parse().unwrap(), one))
        .collect();
    let mut table = Table::default();
    table.insert(time, &cells).unwrap();
    Codec::new().unwrap().encode(&table).unwrap()
}

#[tokio::test]
async fn days_that_do_not_fit_into_one_chunk_are_not_in_the_way_of_others() {
    let (mut rig, day) = four_pieces().await;
    rig.append(&[calm(1, ms("2026-06-01T10:00:00Z"), 1)]).await;
    let mut worker = rig.worker();
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    let bytes = [wide("a", 0), wide("b", 1)];
    let piece = |at: usize| Piece {
        device: device(1),
        day: i64::try_from(at / 2).unwrap(),
        span: (0, 1),
        rows: 1,
        bytes: bytes[at % 2].clone(),
    };
    let pieces: Vec<_> = (0..2 * 250).map(piece).collect();
    let sealed = rig.store.seal(Seq::new(4), Seq::new(5), &pieces).await;
    sealed.unwrap();
    rig.clock
        .store(ms("2026-06-02T03:00:00Z"), Ordering::Relaxed);
    let (scheduler, _) = scheduler(&rig, Merge::default());
    scheduler.run_due().await;
    let parts = rig.store.parts(day).await.unwrap();
    assert_eq!(parts.iter().map(|part| part.part).collect::<Vec<_>>(), [0]);
    let unfit = OpenDay {
        device: device(1),
        day: 0,
    };
    assert_eq!(rig.store.parts(unfit).await.unwrap().len(), 2);
}

#[tokio::test]
async fn chunks_are_deleted_when_they_have_been_kept_long_enough() {
    let (rig, day) = four_pieces().await;
    let (scheduler, _) = scheduler(&rig, Expire { keep_days: 10 });
    rig.clock
        .store(ms("2026-06-11T00:00:00Z"), Ordering::Relaxed);
    scheduler.run_due().await;
    assert_eq!(rig.store.parts(day).await.unwrap().len(), 4);
    rig.clock
        .store(ms("2026-06-12T06:00:00Z"), Ordering::Relaxed);
    scheduler.run_due().await;
    assert!(rig.store.parts(day).await.unwrap().is_empty());
}
