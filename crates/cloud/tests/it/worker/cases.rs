//! One thing at a time.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use solthrive_cloud::notes::{Content, DailyNote, EventNote, HealthNote, RegisteredNote};
use solthrive_cloud::worker::{Trouble, Turn, Worker};
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Archive, Cursors, Event, OpenDay, Piece, Views};
use solthrive_cloud_store::chunk::{Codec, Finite, Pick, Value};
use solthrive_cloud_store::hot::{Appended, Delivery, Entry, HotLog, Seq, encode};
use solthrive_cloud_store::meta::Assignment;
use solthrive_domain::access::Machinery;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{Bucket, DayRollup, Severity};
use solthrive_protocol::{DayBody, State};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::faulty::{Fault, Faulty};
use super::rig::{DATES, Rig, Things, catch_up, interrupted};
use super::rng::Rng;
use super::world::{assignment, at, calm, device, installer, ms, site};

const MORNING: &str = "2026-06-01T06:00:00Z";

/// Two homes in UTC.
fn two_homes() -> Vec<Assignment> {
    let since = ms("2026-01-01T00:00:00Z");
    vec![
        assignment(1, 1, 1, "UTC", since, None),
        assignment(2, 2, 1, "UTC", since, None),
    ]
}

async fn events(rig: &Rig, n: u128) -> Vec<Event> {
    rig.store
        .events(Machinery::of_the_service().may_read(site(n)), 100)
        .await
        .unwrap()
}

fn codes(events: &[Event]) -> Vec<(&str, &str, &str)> {
    events
        .iter()
        .map(|event| {
            (
                event.code.as_str(),
                event.subject.as_str(),
                event.state.as_str(),
            )
        })
        .collect()
}

fn note(n: u128, content: &Content) -> Delivery {
    Delivery::Note(content.note(device(n)).unwrap())
}

#[tokio::test]
async fn notes_tell_of_flags_software_and_life() {
    let mut rig = Rig::new(&two_homes(), ms(MORNING)).await;
    let flag = EventNote {
        ts: at(ms("2026-06-01T05:00:00Z")),
        code: "ct_reversed".to_owned(),
        subject: "mains".to_owned(),
        state: State::Raised,
        severity: Severity::High,
        message: "turn it".to_owned(),
        details: Some("{\"w\":-50}".to_owned()),
    };
    let health = HealthNote {
        firmware: "2.1.0".to_owned(),
        events: vec![flag],
        system: Some("{\"disk\":1}".to_owned()),
        ..HealthNote::default()
    };
    let registered = RegisteredNote {
        model: "gateway".to_owned(),
        firmware: "2.0.0".to_owned(),
    };
    rig.append(&[
        note(1, &Content::Registered(registered)),
        note(1, &Content::Health(health)),
        note(2, &Content::Seen),
    ])
    .await;
    let mut worker = rig.worker();
    rig.finish(&mut worker).await;
    assert_eq!(
        codes(&events(&rig, 1).await),
        [("ct_reversed", "mains", "raised")]
    );
    let status = rig.store.device_status(device(1)).await.unwrap().unwrap();
    assert_eq!(
        (status.site, status.rows, status.newest),
        (Some(site(1)), 0, None)
    );
    assert_eq!(
        (status.firmware.as_deref(), status.system.as_deref()),
        (Some("2.1.0"), Some("{\"disk\":1}"))
    );
    let other = rig.store.device_status(device(2)).await.unwrap().unwrap();
    assert_eq!(other.last_seen, at(1_800_000_000_000));
}

#[tokio::test]
async fn a_day_on_which_device_and_cloud_disagree_is_found_whoever_tells_first() {
    for told_first in [true, false] {
        let mut rig = Rig::new(&two_homes(), ms("2026-06-10T00:00:00Z")).await;
        let whole_day = calm(1, ms("2026-05-31T23:00:00Z"), 26 * 60);
        let told = |n, solar| {
            let day = DayBody {
                date: Date::constant(2026, 6, 1),
                solar_kwh: Some(solar),
                home_kwh: None,
                import_kwh: None,
                export_kwh: None,
                self_consumption: None,
                solar_offset: None,
                peak_demand_kw: None,
                coverage: 1.0,
            };
            note(n, &Content::Daily(DailyNote { days: vec![day] }))
        };
        // 1 kW all day.
        let told = [told(1, 20.0), told(2, 24.0)];
        let measured = [whole_day, calm(2, ms("2026-05-31T23:00:00Z"), 26 * 60)];
        let (first, second) = if told_first {
            (told, measured)
        } else {
            (measured, told)
        };
        let mut worker = rig.worker();
        for entry in [first, second] {
            rig.append(&entry).await;
            catch_up(&mut worker).await;
            worker.store_all().await.unwrap();
        }
        rig.finish(&mut worker).await;
        assert_eq!(
            codes(&events(&rig, 1).await),
            [("daily_mismatch", "2026-06-01", "happened")]
        );
        assert_eq!(codes(&events(&rig, 2).await), []);
        assert_eq!(rig.store.told(site(1), DATES).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn late_data_is_told_once_and_only_where_it_changed_something() {
    let mut rig = Rig::new(&two_homes(), ms(MORNING)).await;
    let mut worker = rig.worker();
    let three = ms("2026-06-01T03:00:00Z");
    rig.append(&[calm(1, three, 30)]).await;
    rig.append(&[calm(1, three + 60 * 60_000, 60)]).await;
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    assert_eq!(codes(&events(&rig, 1).await), []);
    rig.append(&[calm(1, three + 30 * 60_000, 30)]).await;
    rig.finish(&mut worker).await;
    let events = events(&rig, 1).await;
    assert_eq!(codes(&events), [("restated", "", "happened")]);
    let details: serde_json::Value =
        serde_json::from_str(events[0].details.as_ref().unwrap()).unwrap();
    assert_eq!(
        details,
        serde_json::json!({"days": ["2026-06-01"], "quarters": 3, "revision": 1})
    );
}

#[tokio::test]
async fn a_device_of_nobody_is_kept_and_counts_nowhere() {
    let mut rig = Rig::new(&two_homes(), ms(MORNING)).await;
    rig.append(&[calm(9, ms("2026-06-01T03:00:00Z"), 30)]).await;
    let mut worker = rig.worker();
    rig.finish(&mut worker).await;
    worker = rig.worker();
    worker.seal().await.unwrap();
    assert_eq!(rig.store.sealed_to().await.unwrap().len(), 1);
    assert_eq!(
        rig.store
            .device_status(device(9))
            .await
            .unwrap()
            .unwrap()
            .rows,
        30
    );
    assert!(rig.store.site_state(site(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_worker_that_was_overtaken_begins_anew() {
    let mut rig = Rig::new(&two_homes(), ms(MORNING)).await;
    rig.append(&[calm(1, ms("2026-06-01T03:00:00Z"), 60)]).await;
    let (mut slow, mut fast) = (rig.worker(), rig.worker());
    catch_up(&mut slow).await;
    catch_up(&mut fast).await;
    fast.store_all().await.unwrap();
    assert!(matches!(slow.store_all().await, Err(Trouble::Overtaken)));
    rig.append(&[calm(1, ms("2026-06-01T04:00:00Z"), 60)]).await;
    catch_up(&mut slow).await;
    slow.store_all().await.unwrap();
    let status = rig.store.device_status(device(1)).await.unwrap().unwrap();
    assert_eq!(status.rows, 120);
}

/// Damage of home 1 must not cost home 2 anything.
async fn goes_on_without(fault: Fault) -> Vec<Event> {
    let mut rig = Rig::new(&two_homes(), ms(MORNING)).await;
    let three = ms("2026-06-01T03:00:00Z");
    rig.append(&[calm(1, three, 60), calm(2, three, 60)]).await;
    let mut worker = rig.worker();
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    let inner = Arc::clone(&rig.stores.archive);
    rig.stores.archive = Arc::new(Faulty { inner, fault });
    let mut worker = rig.worker();
    let four = three + 60 * 60_000;
    rig.append(&[calm(1, four, 60), calm(2, four, 60)]).await;
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    worker.seal().await.unwrap();
    let (_, buckets) = rig.today(site(2)).await;
    assert_eq!(
        buckets.values().map(|bucket| bucket.samples).sum::<u32>(),
        120
    );
    let statuses = [
        rig.store.device_status(device(1)).await,
        rig.store.device_status(device(2)).await,
    ];
    assert!(
        statuses
            .into_iter()
            .all(|status| status.unwrap().unwrap().rows == 120)
    );
    assert_eq!(worker.progress().counts(at(0)).damaged, 1);
    let cursors = rig.store.cursors().await.unwrap();
    assert_eq!(
        cursors,
        Cursors {
            folded: Seq::new(2),
            sealed: Seq::new(2)
        }
    );
    events(&rig, 1).await
}

#[tokio::test]
async fn a_site_whose_state_is_damaged_does_not_stop_the_others() {
    let events = goes_on_without(Fault::State(site(1))).await;
    assert_eq!(codes(&events), [("storage_damaged", "", "happened")]);
}

#[tokio::test]
async fn a_site_whose_buckets_are_damaged_does_not_stop_the_others() {
    let events = goes_on_without(Fault::Buckets(site(1))).await;
    assert_eq!(codes(&events), [("storage_damaged", "", "happened")]);
}

#[tokio::test]
async fn late_rows_around_a_damaged_chunk_are_kept_and_told() {
    let mut rig = Rig::new(&two_homes(), ms(MORNING)).await;
    let mut worker = rig.worker();
    let three = ms("2026-06-01T03:00:00Z");
    rig.append(&[calm(1, three, 30), calm(2, three, 30)]).await;
    catch_up(&mut worker).await;
    worker.seal().await.unwrap();
    rig.append(&[note(1, &Content::Seen)]).await;
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    let day = three.div_euclid(86_400_000);
    let piece = Piece {
        device: device(1),
        day,
        span: (three, three),
        rows: 1,
        bytes: b"no chunk".to_vec(),
    };
    rig.store
        .seal(Seq::new(1), Seq::new(2), &[piece])
        .await
        .unwrap();
    let mut worker = rig.worker();
    let before = three - 60 * 60_000;
    rig.append(&[calm(1, before, 30), calm(2, before, 30)])
        .await;
    rig.append(&[calm(1, three + 60 * 60_000, 30)]).await;
    rig.finish(&mut worker).await;
    assert_eq!(
        codes(&events(&rig, 1).await),
        [("storage_damaged", "", "happened")]
    );
    assert_eq!(
        codes(&events(&rig, 2).await),
        [("restated", "", "happened")]
    );
    let samples = |buckets: &solthrive_domain::Buckets| {
        buckets
            .values()
            .map(|bucket: &Bucket| bucket.samples)
            .sum::<u32>()
    };
    assert_eq!(samples(&rig.today(site(1)).await.1), 60);
    assert_eq!(samples(&rig.today(site(2)).await.1), 60);
}

#[tokio::test]
async fn a_month_with_a_gap_is_final_a_week_after_its_end() {
    let mut rig = Rig::new(&two_homes(), ms("2026-06-20T00:00:00Z")).await;
    rig.append(&[calm(1, ms("2026-06-01T03:00:00Z"), 60)]).await;
    rig.append(&[calm(1, ms("2026-06-03T03:00:00Z"), 60)]).await;
    let june = Date::constant(2026, 6, 1);
    let mut worker = rig.worker();
    rig.finish(&mut worker).await;
    let month = rig.store.site_month(site(1), june).await.unwrap().unwrap();
    assert!(!month.month.rollup.is_final);
    let days = rig.store.site_days(site(1), DATES).await.unwrap();
    assert!(days.iter().all(|day| day.day.rollup.is_final));
    rig.clock
        .store(ms("2026-07-09T12:00:00Z"), Ordering::Relaxed);
    let mut worker = rig.worker();
    rig.finish(&mut worker).await;
    let month = rig.store.site_month(site(1), june).await.unwrap().unwrap();
    assert!(month.month.rollup.is_final);
}

#[tokio::test]
async fn a_site_that_gets_another_time_zone_gets_other_days() {
    let mut rig = Rig::new(&two_homes(), ms("2026-06-20T00:00:00Z")).await;
    rig.append(&[calm(1, ms("2026-06-01T12:00:00Z"), 24 * 60)])
        .await;
    let mut worker = rig.worker();
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    for assignment in rig.assignments.lock().unwrap().iter_mut() {
        assignment.time_zone = "Asia/Kathmandu".to_owned();
        assignment.revision = 2;
    }
    rig.finish(&mut worker).await;
    let zone = TimeZone::get("Asia/Kathmandu").unwrap();
    let (_, buckets) = rig.today(site(1)).await;
    let days = rig.store.site_days(site(1), DATES).await.unwrap();
    assert!(days.len() >= 2);
    for day in days {
        let day = day.day;
        let made = DayRollup::of(&zone, day.date, buckets.values(), day.rollup.as_of).unwrap();
        assert_eq!(day, made);
    }
}

#[tokio::test]
async fn a_store_that_fails_now_and_then_changes_nothing() {
    let three = ms("2026-06-01T03:00:00Z");
    let entry = |n: i64| {
        [
            calm(1, three + (n * 7 % 10) * 20 * 60_000, 20),
            calm(2, three + n * 20 * 60_000, 20),
        ]
    };
    let mut all = Vec::new();
    for failing in [false, true] {
        let mut rig = Rig::new(&two_homes(), ms("2026-06-10T00:00:00Z")).await;
        let inner = Arc::clone(&rig.stores.archive);
        if failing {
            let fault = Fault::Now(8, Mutex::new(Rng::new(7)));
            rig.stores.archive = Arc::new(Faulty {
                inner: Arc::clone(&inner),
                fault,
            });
        }
        let mut worker = rig.worker();
        for n in 0..10 {
            rig.append(&entry(n)).await;
            until_done(&mut worker).await;
        }
        rig.stores.archive = inner;
        let mut worker = rig.worker();
        rig.finish(&mut worker).await;
        all.push(rig.things(&[site(1), site(2)], &[]).await);
    }
    assert_eq!(all[0], all[1]);
}

#[tokio::test]
async fn a_crash_at_any_wait_changes_nothing() {
    let (expected, is_done) = crashed_after(u64::MAX).await;
    assert!(is_done);
    for waits in (0..).step_by(2) {
        let (things, is_done) = crashed_after(waits).await;
        assert_eq!(things, expected, "after {waits} waits");
        if is_done {
            assert!(waits > 40, "it waits for every store");
            break;
        }
    }
}

/// A worker that is dropped after so many waits, and another one that goes on; whether there was
/// anything left for it.
async fn crashed_after(waits: u64) -> (Things, bool) {
    let three = ms("2026-06-01T03:00:00Z");
    let mut rig = Rig::new(&two_homes(), ms("2026-06-10T00:00:00Z")).await;
    for hour in [0, 2, 1] {
        let from = three + hour * 60 * 60_000;
        rig.append(&[calm(1, from, 60), calm(2, from, 60)]).await;
    }
    let mut worker = rig.worker();
    let all = async {
        catch_up(&mut worker).await;
        worker.store_all().await.unwrap();
        worker.seal().await.unwrap();
    };
    let is_done = interrupted(waits, all).await.is_some();
    let mut worker = rig.worker();
    rig.finish(&mut worker).await;
    worker = rig.worker();
    worker.seal().await.unwrap();
    assert!(
        rig.stores
            .log
            .after(Seq::START, 1)
            .await
            .unwrap()
            .is_empty()
    );
    let things = rig.things(&[site(1), site(2)], &[installer(1)]).await;
    (things, is_done)
}

/// Again and again, until the log is read and sealed.
async fn until_done(worker: &mut Worker) {
    for _ in 0..10_000 {
        if matches!(worker.turn().await, Ok(Turn::Idle))
            && worker.store_all().await.is_ok()
            && worker.seal().await.is_ok()
        {
            return;
        }
    }
    panic!("it never gets through");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_workers_one_works_and_the_other_goes_on_when_it_stops() {
    let mut rig = Rig::new(&two_homes(), ms(MORNING)).await;
    rig.settings.lease = Duration::from_millis(150);
    rig.settings.poll = Duration::from_millis(5);
    let start = |n| {
        let worker = rig.worker_of(Uuid::from_u128(n));
        let (stop, progress) = (CancellationToken::new(), worker.progress());
        let task = tokio::spawn(worker.run(stop.clone()));
        (stop, progress, task)
    };
    let mut workers = vec![start(10), start(11)];
    let three = ms("2026-06-01T03:00:00Z");
    for n in 0..2 {
        rig.append(&[calm(1, three + n * 60 * 60_000, 60)]).await;
        let busy = loop {
            let busy = workers
                .iter()
                .position(|(_, progress, _)| progress.counts(at(0)).read == n + 1);
            if let Some(busy) = busy {
                break busy;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        // The other one has read nothing.
        assert_eq!(
            workers
                .iter()
                .filter(|(_, progress, _)| progress.counts(at(0)).read == n + 1)
                .count(),
            1
        );
        let (stop, _, task) = workers.remove(busy);
        stop.cancel();
        task.await.unwrap();
        // What it had in mind is stored.
        assert_eq!(rig.store.cursors().await.unwrap().folded, Seq::new(n + 1));
    }
    let status = rig.store.device_status(device(1)).await.unwrap().unwrap();
    assert_eq!(status.rows, 120);
}

/// Rows whose channels have other names each time: each can be held, all of one day cannot.
fn ever_new(n: u128, from: i64, rows: i64) -> Delivery {
    let Delivery::Rows(mut calm) = calm(n, from, rows) else {
        unreachable!("rows")
    };
    for row in &mut calm.rows {
        for at in 0..90 {
            let name = format!("channels.n{}x{at}.kw", row.time).parse().unwrap();
            row.cells
                .push((name, Value::Number(Finite::try_from(1.0).unwrap())));
        }
    }
    Delivery::Rows(calm)
}

#[tokio::test]
async fn a_device_that_names_ever_new_channels_loses_no_row_and_takes_no_others_along() {
    let mut rig = Rig::new(&two_homes(), ms(MORNING)).await;
    let start = ms(MORNING);
    rig.append(&[ever_new(1, start, 40), calm(2, start, 40)])
        .await;
    let mut worker = rig.worker();
    catch_up(&mut worker).await;
    worker.seal().await.unwrap();
    for n in [1, 2] {
        let day = OpenDay {
            device: device(n),
            day: start.div_euclid(86_400_000),
        };
        let parts = rig.store.parts(day).await.unwrap();
        let mut codec = Codec::new().unwrap();
        let rows: usize = parts
            .iter()
            .map(|part| codec.decode(&part.bytes, Pick::All).unwrap().rows())
            .sum();
        assert_eq!(rows, 40, "device {n}");
    }
    assert_eq!(worker.progress().counts(at(start)).damaged, 0);
}

/// A log in which a device delivers, as soon as it is bound, while the worker reads.
struct Bound {
    log: Arc<dyn HotLog>,
    assignments: Arc<Mutex<Vec<Assignment>>>,
    next: Mutex<Option<(Assignment, Vec<u8>)>>,
}

#[async_trait]
impl HotLog for Bound {
    async fn append(
        &self,
        last: Seq,
        received_at: UnixMillis,
        blob: Vec<u8>,
    ) -> Result<Appended, StoreError> {
        self.log.append(last, received_at, blob).await
    }

    async fn after(&self, seq: Seq, bytes: usize) -> Result<Vec<Entry>, StoreError> {
        let next = self.next.lock().unwrap().take();
        if let Some((assignment, blob)) = next {
            self.assignments.lock().unwrap().push(assignment);
            self.log.append(seq, at(ms(MORNING)), blob).await?;
        }
        self.log.after(seq, bytes).await
    }

    async fn newest(&self) -> Result<Seq, StoreError> {
        self.log.newest().await
    }

    async fn forget_through(&self, seq: Seq) -> Result<(), StoreError> {
        self.log.forget_through(seq).await
    }
}

#[tokio::test]
async fn what_a_device_delivers_right_after_it_was_bound_is_counted() {
    let mut rig = Rig::new(&[], ms(MORNING)).await;
    let bound = assignment(1, 1, 1, "UTC", ms(MORNING), None);
    let next = (bound, encode(&[calm(1, ms(MORNING), 60)]));
    rig.stores.log = Arc::new(Bound {
        log: Arc::clone(&rig.stores.log),
        assignments: Arc::clone(&rig.assignments),
        next: Mutex::new(Some(next)),
    });
    let mut worker = rig.worker();
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    let (_, buckets) = rig.today(site(1)).await;
    assert_eq!(buckets.len(), 4);
}

#[tokio::test]
async fn an_entry_of_tomorrow_waits_for_a_program_that_can_read_it() {
    let mut rig = Rig::new(&two_homes(), ms(MORNING)).await;
    rig.append(&[calm(1, ms(MORNING), 10)]).await;
    // Version 9, and its checksum.
    let blob = vec![9, 0x9d, 0x88, 0xcf, 0x2a];
    let log = &rig.stores.log;
    log.append(Seq::new(1), at(0), blob).await.unwrap();
    let mut worker = rig.worker();
    assert!(matches!(worker.turn().await, Err(Trouble::Newer(2, _))));
    worker.seal().await.unwrap();
    let cursors = rig.store.cursors().await.unwrap();
    assert_eq!((cursors.folded, cursors.sealed), (Seq::new(1), Seq::new(1)));
    assert_eq!(log.after(Seq::START, 1 << 20).await.unwrap().len(), 1);
}

#[tokio::test]
async fn late_rows_of_days_whose_rows_are_not_kept_any_more_take_no_energy_away() {
    let mut rig = Rig::new(&two_homes(), ms("2026-06-20T00:00:00Z")).await;
    let mut worker = rig.worker();
    let old = ms("2026-06-01T00:00:00Z");
    rig.append(&[calm(1, old, 24 * 60)]).await;
    rig.append(&[calm(1, ms("2026-06-15T00:00:00Z"), 60)]).await;
    catch_up(&mut worker).await;
    worker.seal().await.unwrap();
    let before = rig.today(site(1)).await.1;
    let day = old.div_euclid(86_400_000);
    assert_eq!(rig.store.expire(day + 5, 3, 100).await.unwrap(), 1);
    // Half a minute beside what was there.
    rig.append(&[calm(1, old + 12 * 3_600_000 + 30_000, 10)])
        .await;
    catch_up(&mut worker).await;
    worker.seal().await.unwrap();
    assert_eq!(rig.today(site(1)).await.1, before);
    assert_eq!(
        codes(&events(&rig, 1).await),
        [("storage_damaged", "", "happened")]
    );
    let kept = OpenDay {
        device: device(1),
        day,
    };
    assert_eq!(rig.store.parts(kept).await.unwrap().len(), 1);
}
