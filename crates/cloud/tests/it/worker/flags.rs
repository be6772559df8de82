//! Flags of devices as alerts of their sites.

use std::sync::Mutex;

use solthrive_cloud::notes::{Content, EventNote, HealthNote};
use solthrive_cloud_store::archive::{Alert, Archive as _, FlagAlert, Views as _};
use solthrive_cloud_store::hot::Delivery;
use solthrive_cloud_store::meta::Assignment;
use solthrive_domain::access::Machinery;
use solthrive_domain::alert::Ending;
use solthrive_domain::{Severity, SiteId};
use solthrive_protocol::State;
use solthrive_testkit::Database;

use super::faulty::{Fault, Faulty};
use super::rig::{Rig, catch_up};
use super::rng::Rng;
use super::world::{assignment, at, device, ms, site};

const NOW: &str = "2026-12-01T00:00:00Z";
const MINUTE: i64 = 60_000;

fn start() -> i64 {
    ms("2026-06-01T00:00:00Z")
}

/// The first device moves after a day; the second comes back to where it was, under another installer in between.
fn homes() -> Vec<Assignment> {
    let (since, day) = (ms("2026-01-01T00:00:00Z"), 24 * 60 * MINUTE);
    let moved = start() + day;
    vec![
        assignment(1, 1, 1, "UTC", since, Some(moved)),
        assignment(1, 2, 1, "UTC", moved, None),
        assignment(2, 3, 1, "UTC", since, Some(start() + day / 2)),
        assignment(2, 3, 2, "UTC", start() + day / 2, Some(moved)),
        assignment(2, 3, 1, "UTC", moved + day / 2, None),
    ]
}

fn said(minute: i64, (code, subject): (&str, &str), state: State) -> EventNote {
    EventNote {
        ts: at(start() + minute * MINUTE),
        code: code.to_owned(),
        subject: subject.to_owned(),
        state,
        severity: if minute % 2 == 0 {
            Severity::High
        } else {
            Severity::Warning
        },
        message: format!("of minute {minute}"),
        details: None,
    }
}

fn told(n: u128, events: Vec<EventNote>) -> Delivery {
    let health = HealthNote {
        events,
        ..HealthNote::default()
    };
    Delivery::Note(Content::Health(health).note(device(n)).unwrap())
}

async fn alerts(rig: &Rig, site: SiteId) -> Vec<Alert> {
    let right = Machinery::of_the_service().may_read(site);
    rig.store.alerts(right, false, 10_000).await.unwrap()
}

/// Everything that is stored of alerts, with what people do not see.
async fn stored(rig: &Rig) -> Vec<FlagAlert> {
    let mut all = Vec::new();
    for site_n in 1..=3 {
        for device_n in 1..=2 {
            let past = rig
                .store
                .flags(site(site_n), device(device_n), at(0))
                .await
                .unwrap();
            all.extend(past.alerts);
        }
    }
    all
}

/// Flags that go up, get worse, go down, twice at once some of them, and starts.
fn events(rng: &mut Rng) -> Vec<(u128, EventNote)> {
    let flags = [
        ("ct_reversed", "a"),
        ("ct_reversed", "b"),
        ("low_storage", ""),
    ];
    let mut all = Vec::new();
    for n in [1, 2] {
        for _ in 0..120 {
            let minute = rng.between(0, 3 * 24 * 60 / 20) * 20;
            if rng.once_in(12) {
                for state in [State::Raised, State::Cleared] {
                    all.push((n, said(minute, ("service_restart", ""), state)));
                }
            } else {
                let state = if rng.once_in(2) {
                    State::Raised
                } else {
                    State::Cleared
                };
                all.push((n, said(minute, *rng.pick(&flags), state)));
            }
        }
    }
    all.sort_by_key(|(_, event)| event.ts);
    all
}

/// In order, each by itself.
async fn in_order(events: &[(u128, EventNote)]) -> Vec<FlagAlert> {
    let mut rig = Rig::new(&homes(), ms(NOW)).await;
    let mut worker = rig.worker();
    for (n, event) in events {
        rig.append(&[told(*n, vec![event.clone()])]).await;
    }
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    stored(&rig).await
}

/// Late, twice, in any order, with checkpoints, new workers and a store that fails in between.
async fn in_disorder(mut rig: Rig, events: &[(u128, EventNote)], rng: &mut Rng) -> Rig {
    let mut left: Vec<_> = events.to_vec();
    left.extend(events.iter().filter(|_| rng.once_in(4)).cloned());
    let archive = rig.stores.archive.clone();
    rig.stores.archive = std::sync::Arc::new(Faulty {
        inner: archive,
        fault: Fault::Now(25, Mutex::new(Rng::new(rng.below(1_000)))),
    });
    let mut worker = rig.worker();
    while !left.is_empty() {
        let place = usize::try_from(rng.below(left.len() as u64)).unwrap();
        let place = if rng.once_in(3) { place } else { 0 };
        let (n, event) = left.remove(place);
        rig.append(&[told(n, vec![event])]).await;
        match rng.below(10) {
            0..3 => while worker.turn().await.is_err() {},
            3..6 => while worker.store_all().await.is_err() {},
            6 => worker = rig.worker(),
            _ => {}
        }
    }
    rig.stores.archive = std::sync::Arc::new(rig.store.clone());
    worker = rig.worker();
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    rig
}

#[tokio::test]
async fn late_repeated_and_reordered_events_end_in_the_same_alerts() {
    for seed in 0..4 {
        let mut rng = Rng::new(seed);
        let events = events(&mut rng);
        let expected = in_order(&events).await;
        assert!(expected.len() > 20, "{expected:?}");
        let rig = in_disorder(Rig::new(&homes(), ms(NOW)).await, &events, &mut rng).await;
        assert_eq!(stored(&rig).await, expected, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_too() {
    let mut rng = Rng::new(77);
    let events = events(&mut rng);
    let database = Database::fresh().unwrap();
    let rig = Rig::on_postgres(database.url(), &homes(), ms(NOW)).await;
    let rig = in_disorder(rig, &events, &mut rng).await;
    assert_eq!(stored(&rig).await, in_order(&events).await);
}

#[tokio::test]
async fn a_flag_is_an_alert_from_raised_to_cleared() {
    let mut rig = Rig::new(&homes()[..1], ms(NOW)).await;
    rig.assignments.lock().unwrap()[0].to_at = None;
    let mut worker = rig.worker();
    let clamp = ("ct_reversed", "a");
    let at_once =
        [State::Raised, State::Cleared].map(|state| said(1, ("service_restart", ""), state));
    rig.append(&[told(1, vec![said(2, clamp, State::Raised)])])
        .await;
    rig.append(&[told(1, at_once.into())]).await;
    rig.append(&[told(1, vec![said(5, clamp, State::Raised)])])
        .await;
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    let open = alerts(&rig, site(1)).await;
    assert_eq!(open.len(), 1, "{open:?}");
    let one = &open[0];
    assert_eq!(
        (one.code.as_str(), one.subject.as_str(), one.state.as_str()),
        ("ct_reversed", "a", "firing")
    );
    assert_eq!(
        (one.severity.as_str(), one.message.as_str()),
        ("warning", "of minute 5")
    );
    assert_eq!(
        (one.device, one.began_at),
        (Some(device(1)), at(start() + 2 * MINUTE))
    );
    // It began earlier than was known, and is over.
    rig.append(&[told(
        1,
        vec![
            said(9, clamp, State::Cleared),
            said(0, clamp, State::Raised),
        ],
    )])
    .await;
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    let over = alerts(&rig, site(1)).await;
    assert_eq!(
        over.len(),
        1,
        "it was raised again soon after the start: {over:?}"
    );
    assert_eq!(over[0].began_at, at(start()));
    assert_eq!(over[0].resolved_at, Some(at(start() + 9 * MINUTE)));
}

#[tokio::test]
async fn a_move_ends_what_was_up_and_it_stays_where_it_was() {
    let mut rig = Rig::new(&homes()[..1], ms(NOW)).await;
    rig.assignments.lock().unwrap()[0].to_at = None;
    let mut worker = rig.worker();
    let clamp = ("ct_reversed", "a");
    rig.append(&[told(1, vec![said(2, clamp, State::Raised)])])
        .await;
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    assert_eq!(alerts(&rig, site(1)).await[0].resolved_at, None);
    // No event tells of the move, and nothing else comes.
    let mut moved = homes()[..2].to_vec();
    for stay in &mut moved {
        stay.revision = 2;
    }
    *rig.assignments.lock().unwrap() = moved;
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    let left = stored(&rig).await;
    let end = at(start() + 24 * 60 * MINUTE);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].ended, Some((end, Ending::Left)));
    assert_eq!(alerts(&rig, site(2)).await, []);
    // What it clears there was never up there.
    rig.append(&[told(1, vec![said(2 * 24 * 60, clamp, State::Cleared)])])
        .await;
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    assert_eq!(stored(&rig).await, left);
}

/// What a person did about an alert stays when it turns out that it began earlier.
#[tokio::test]
async fn an_acknowledged_alert_stays_so_when_it_turns_out_to_be_older() {
    let mut rig = Rig::new(&homes(), ms(NOW)).await;
    let mut worker = rig.worker();
    let clamp = ("ct_reversed", "a");
    rig.append(&[told(1, vec![said(6, clamp, State::Raised)])])
        .await;
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    let file = rig.folder().join("archive");
    let db = rusqlite::Connection::open(file).unwrap();
    assert_eq!(
        db.execute("UPDATE alert SET acknowledged_at = 7", [])
            .unwrap(),
        1
    );
    rig.append(&[told(1, vec![said(4, clamp, State::Raised)])])
        .await;
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    let found = alerts(&rig, site(1)).await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].began_at, found[0].acknowledged_at),
        (at(start() + 4 * MINUTE), Some(at(7)))
    );
}
