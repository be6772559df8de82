//! A past that is imported is what its rows would have become, had they been delivered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use solthrive_cloud::rows::row_of;
use solthrive_cloud::worker::history::{Brought, Importer, Pace, Refused};
use solthrive_cloud_store::archive::Archive as _;
use solthrive_cloud_store::chunk::{Codec, ColumnId, Pick, Value};
use solthrive_cloud_store::hot::{Delivery, Row, Rows};
use solthrive_cloud_store::meta::Assignment;
use solthrive_domain::{Bucket, Buckets, LedgerId, Quarter, SiteId};
use solthrive_protocol::DayBody;
use solthrive_protocol::history::{Header, HistoryError, Next, Part, Reader};
use solthrive_sim::fleet::history::{Span, write};
use solthrive_sim::fleet::{Books, Entry, House, Shelf};
use solthrive_testkit::Database;
use uuid::Uuid;

use super::laws::same;
use super::rig::{DATES, DAYS, Rig, Things, catch_up, interrupted};
use super::world::{assignment, at, device, installer, ms, site};

/// The clocks of Europe and America went back in the weeks before.
const NOW: &str = "2026-11-20T14:37:42Z";
const SEED: u64 = 7;
const MINUTE: Duration = Duration::from_secs(60);
/// Time zones, with where the sun agrees.
const PLACES: [(&str, f64, f64); 3] = [
    ("America/Los_Angeles", 34.1, -118.1),
    ("Europe/Berlin", 48.1, 11.6),
    ("America/New_York", 40.7, -74.0),
];

fn homes() -> Vec<Assignment> {
    let at_home = |(n, (zone, ..)): (u128, (&str, f64, f64))| {
        assignment(n, n, 1 + n % 2, zone, ms(NOW), None)
    };
    (1..).zip(PLACES).map(at_home).collect()
}

fn sites() -> Vec<SiteId> {
    (1..=3).map(site).collect()
}

fn roster() -> Vec<Entry> {
    let entry = |(n, (zone, latitude, longitude)): (u128, (&str, f64, f64))| Entry {
        serial: format!("ST-{n}"),
        device_id: device(n),
        token: String::new(),
        installer_code: String::new(),
        time_zone: zone.to_owned(),
        latitude,
        longitude,
        // One has no array.
        size_kw: (n as f64 - 1.0) * 4.0,
    };
    (1..).zip(PLACES).map(entry).collect()
}

/// A stream, and where a live fleet would go on.
fn past(days: u32, raw_days: u32) -> (Span, Vec<u8>, Shelf) {
    let now = NOW.parse().unwrap();
    let span = Span::until(now, days, raw_days, MINUTE).unwrap();
    let mut stream = Vec::new();
    let shelf = write(&roster(), SEED, &span, &mut stream, |_| {}).unwrap();
    (span, stream, shelf)
}

async fn import(rig: &Rig, stream: &[u8], homes_at_once: usize) -> Result<Brought, Refused> {
    let clock = Arc::clone(&rig.clock);
    let now = Arc::new(move || at(clock.load(Ordering::Relaxed)));
    let pace = Pace {
        homes_at_once,
        patience: Duration::ZERO,
    };
    let importer = Importer::new(rig.stores.clone(), pace, now, Uuid::from_u128(77));
    let (header, reader) = Reader::begin(std::io::Cursor::new(stream.to_vec()))?;
    importer.import(header, reader, |_| {}).await
}

/// The same rows as deliveries, a block of a home each; at the seam the one row that both parts have, once.
fn deliveries(stream: &[u8]) -> (Header, Vec<Delivery>) {
    let (header, mut reader) = Reader::begin(stream).unwrap();
    let mut all = Vec::new();
    while let Next::Block(packed) = reader.next().unwrap() {
        let source = &header.homes[packed.home];
        let snapshots = packed.unpack().unwrap().snapshots().unwrap();
        let is_seam = |ts| packed.part == Part::Coarse && ts == header.rows_from;
        let rows = snapshots.iter().filter(|snapshot| !is_seam(snapshot.ts));
        let rows = rows.map(|snapshot| row_of(snapshot, source.ledger_id));
        all.push(Delivery::Rows(Rows {
            device: source.device_id,
            ledger: source.ledger_id,
            rows: rows.collect(),
        }));
    }
    (header, all)
}

async fn delivered(rig: &mut Rig, deliveries: Vec<Delivery>) {
    for delivery in deliveries {
        rig.append(&[delivery]).await;
    }
    let mut worker = rig.worker();
    rig.finish(&mut worker).await;
    worker.seal().await.unwrap();
}

/// Everything but when it was heard of.
async fn things(rig: &Rig) -> Things {
    let mut things = rig.things(&sites(), &[installer(1), installer(2)]).await;
    for status in &mut things.statuses {
        status.last_seen = at(0);
        status.firmware = None;
        status.firmware_since = None;
    }
    things
}

type Kept = BTreeMap<(u128, i64), Vec<(ColumnId, Value)>>;

/// Every row of every chunk.
async fn rows(rig: &Rig) -> Kept {
    let mut codec = Codec::new().unwrap();
    let mut rows = Kept::new();
    for n in 1..=3 {
        for part in rig.store.parts_of_days(device(n), DAYS).await.unwrap() {
            let table = codec.decode(&part.bytes, Pick::All).unwrap();
            for row in 0..table.rows() {
                let cells = table.row(row).map(|(id, value)| (id.clone(), value));
                let before = rows.insert((n, table.time(row).unwrap()), cells.collect());
                assert_eq!(before, None);
            }
        }
    }
    rows
}

async fn the_law(mut rig: Rig, other: &Rig) {
    let (_, stream, _) = past(40, 40);
    let brought = import(other, &stream, 2).await.unwrap();
    let (_, deliveries) = deliveries(&stream);
    delivered(&mut rig, deliveries).await;
    let (expected, imported) = (things(&rig).await, things(other).await);
    same(0, &imported, &expected);
    let kept = rows(other).await;
    assert!(kept == rows(&rig).await, "the rows of chunks are others");
    assert_eq!(brought.homes, 3);
    assert_eq!(brought.rows, kept.len() as u64);
    assert!(expected.sites.values().all(|site| site.days.len() >= 40));
    let events = imported.sites.values().flat_map(|site| &site.events);
    assert_eq!(events.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_imported_is_what_would_have_been_delivered() {
    let rig = Rig::new(&homes(), ms(NOW)).await;
    let other = Rig::new(&homes(), ms(NOW)).await;
    the_law(rig, &other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_too() {
    let database = Database::fresh().unwrap();
    let rig = Rig::new(&homes(), ms(NOW)).await;
    let other = Rig::on_postgres(database.url(), &homes(), ms(NOW)).await;
    the_law(rig, &other).await;
    other.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_rows_the_energy_is_the_same_and_the_time_is_covered() {
    let (span, stream, _) = past(40, 5);
    let mut rig = Rig::new(&homes(), ms(NOW)).await;
    let other = Rig::new(&homes(), ms(NOW)).await;
    let brought = import(&other, &stream, 20).await.unwrap();
    let (_, deliveries) = deliveries(&stream);
    delivered(&mut rig, deliveries).await;
    let (expected, imported) = (things(&rig).await, things(&other).await);
    let seam = Quarter::of(span.rows_from);
    let energies = |buckets: &Buckets| -> Vec<_> {
        let energy = |bucket: &Bucket| (bucket.quarter, bucket.energy);
        buckets.values().map(energy).collect()
    };
    for (site, things) in &imported.sites {
        assert_eq!(
            energies(&things.buckets),
            energies(&expected.sites[site].buckets)
        );
        let before = things.buckets.range(..seam);
        assert!(before.clone().count() == 35 * 96);
        for (_, bucket) in before {
            assert_eq!((bucket.covered_ms, bucket.revision), (900_000, 0));
            assert!(bucket.home.is_some() && bucket.bridged_import.get() == 0);
        }
    }
    // What is kept of the rows is what is said of them.
    let first = rows(&other).await.keys().map(|(_, time)| *time).min();
    assert_eq!(first, Some(span.rows_from.get()));
    assert_eq!(brought.samples, 3 * (35 * 96 + 1));
}

/// The days that the homes' own books have, by site.
fn books(span: &Span) -> BTreeMap<SiteId, Vec<DayBody>> {
    let mut all = BTreeMap::new();
    for (n, entry) in (0..).zip(roster()) {
        let begin = Timestamp::from(span.from);
        let mut house = House::new(&entry, SEED + n, begin, MINUTE).unwrap();
        let mut days = Vec::new();
        while house.next_at() <= Timestamp::from(span.to) {
            days.extend(house.go_on().1);
        }
        all.insert(site(u128::from(n) + 1), days);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_are_those_of_the_homes_books_to_the_watt_hour() {
    let (span, stream, _) = past(40, 40);
    let rig = Rig::new(&homes(), ms(NOW)).await;
    import(&rig, &stream, 20).await.unwrap();
    let close = |cloud: Option<solthrive_domain::telemetry::MicroWattHours>, own: Option<f64>| {
        let (Some(cloud), Some(own)) = (cloud, own) else {
            return cloud.is_none() && own.is_none();
        };
        // Totals are told in whole watt-hours, so each end of a day is half of one off.
        (cloud.get() as f64 / 1e6 - own * 1e3).abs() <= 1.001
    };
    for (site, told) in books(&span) {
        assert!(told.len() >= 38);
        let days = rig.store.site_days(site, DATES).await.unwrap();
        for own in told {
            let day = days.iter().find(|day| day.day.date == own.date).unwrap();
            let energy = day.day.rollup.sums.energy;
            assert!(close(energy.solar, own.solar_kwh), "{own:?}, {energy:?}");
            assert!(close(energy.import, own.import_kwh), "{own:?}, {energy:?}");
            assert!(close(energy.export, own.export_kwh), "{own:?}, {energy:?}");
            assert!(day.day.rollup.is_final);
        }
    }
}

/// What a live fleet measures after the past, each 15 s.
fn live(shelf: &Shelf, minutes: i64) -> Vec<Delivery> {
    let mut all = Vec::new();
    for (n, entry) in (0..).zip(roster()) {
        let books: &Books = &shelf.homes[&entry.device_id];
        let step = Duration::from_secs(15);
        let mut house = House::going_on(&entry, SEED + n, books, step).unwrap();
        house.go_on();
        let ledger = LedgerId::from_uuid(entry.device_id.as_uuid());
        let rows: Vec<Row> = (0..4 * minutes)
            .map(|_| told(&house.go_on().0.body(false), ledger))
            .collect();
        all.push(Delivery::Rows(Rows {
            device: entry.device_id,
            ledger,
            rows,
        }));
    }
    all
}

fn told(body: &solthrive_protocol::SnapshotBody, ledger: LedgerId) -> Row {
    let text = serde_json::json!({
        "device_id": Uuid::nil(), "firmware": "", "sent_at": body.ts, "ledger_id": ledger, "snapshots": [body],
    });
    let now = body.ts.try_into().unwrap();
    let heard = solthrive_protocol::Telemetry::parse(text.to_string().as_bytes(), now).unwrap();
    row_of(&heard.snapshots[0].1, ledger)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_rows_go_on_where_the_past_ends() {
    let (span, stream, shelf) = past(3, 2);
    let mut rig = Rig::new(&homes(), ms(NOW)).await;
    import(&rig, &stream, 20).await.unwrap();
    rig.clock.fetch_add(2 * 3_600_000, Ordering::Relaxed);
    for delivery in live(&shelf, 120) {
        rig.append(&[delivery]).await;
    }
    let mut worker = rig.worker();
    catch_up(&mut worker).await;
    worker.seal().await.unwrap();
    for (n, entry) in (0..).zip(roster()) {
        let site = site(u128::from(n) + 1);
        let (today, buckets) = rig.today(site).await;
        let today = today.unwrap().rollup;
        // The books of that day: those of the past's own steps, and then finer ones.
        let midnight = Timestamp::from(today.span.start.start());
        let coarse = Books::empty(span.from.into());
        let mut house =
            House::going_on(&entry, SEED + n, &coarse, Duration::from_secs(300)).unwrap();
        while house.next_at() <= Timestamp::from(span.rows_from) {
            house.go_on();
        }
        let mut house = House::going_on(&entry, SEED + n, &house.books(), MINUTE).unwrap();
        while house.next_at() <= midnight {
            house.go_on();
        }
        let before = house.books().energy;
        let step = Duration::from_secs(15);
        let at_end = &shelf.homes[&entry.device_id];
        let mut house = House::going_on(&entry, SEED + n, at_end, step).unwrap();
        for _ in 0..=4 * 120 {
            house.go_on();
        }
        let own = house.books().energy.import_kwh - before.import_kwh;
        let cloud = today.sums.energy.import.unwrap().get() as f64 / 1e9;
        assert!((own - cloud).abs() < 0.002, "{site}: {own} and {cloud} kWh");
        // The clock stood still 42 s after the past's end, and two hours after that.
        let missing = today.elapsed().as_millis() - u128::from(today.sums.covered_ms);
        assert!(missing <= 60_000, "{missing} ms are not covered");
        let is_whole = |bucket: &&Bucket| bucket.covered_ms == 900_000;
        assert!(buckets.values().filter(|bucket| !is_whole(bucket)).count() <= 1);
    }
    let things = things(&rig).await;
    assert!(things.sites.values().all(|site| site.events.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_refused_while_somebody_follows_the_log() {
    let (_, stream, _) = past(2, 1);
    let rig = Rig::new(&homes(), ms(NOW)).await;
    let (now, until) = (at(ms(NOW)), at(ms(NOW) + 15_000));
    let archive = &rig.store;
    let lease = archive
        .lease("worker", Uuid::from_u128(5), now, until)
        .await;
    assert!(lease.unwrap().is_some());
    let refused = import(&rig, &stream, 20).await.unwrap_err();
    assert!(matches!(refused, Refused::Held), "{refused}");
    archive
        .release("worker", Uuid::from_u128(5), None)
        .await
        .unwrap();
    import(&rig, &stream, 20).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_refused_for_whoever_has_delivered_and_then_changes_nothing() {
    let (_, stream, shelf) = past(2, 1);
    let why = |refused: Result<Brought, Refused>| match refused {
        Err(Refused::Homes(why)) => why,
        other => panic!("{other:?}"),
    };
    let mut rig = Rig::new(&homes(), ms(NOW)).await;
    // First in the log only, then folded, then sealed.
    rig.append(&live(&shelf, 1)[1..2]).await;
    let mut worker = rig.worker();
    for _ in 0..3 {
        let why = why(import(&rig, &stream, 20).await);
        assert!(why.starts_with("ST-2 has delivered already"), "{why}");
        assert!(rig.store.site_state(site(1)).await.unwrap().is_none());
        catch_up(&mut worker).await;
        worker.store_all().await.unwrap();
    }
    worker.seal().await.unwrap();
    why(import(&rig, &stream, 20).await);
    // A past, and then news: it does not come in twice.
    let mut rig = Rig::new(&homes(), ms(NOW)).await;
    import(&rig, &stream, 20).await.unwrap();
    rig.append(&live(&shelf, 1)).await;
    let mut worker = rig.worker();
    catch_up(&mut worker).await;
    worker.store_all().await.unwrap();
    why(import(&rig, &stream, 20).await);
    // At no site.
    let rig = Rig::new(&homes()[..2], ms(NOW)).await;
    let why = why(import(&rig, &stream, 20).await);
    assert!(why.starts_with("ST-3 is at no site"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_was_cut_off_goes_on_with_the_homes_that_are_missing() {
    let (_, stream, _) = past(3, 2);
    let whole = Rig::new(&homes(), ms(NOW)).await;
    import(&whole, &stream, 20).await.unwrap();
    let expected = (things(&whole).await, rows(&whole).await);

    let rig = Rig::new(&homes(), ms(NOW)).await;
    let torn = import(&rig, &stream[..stream.len() * 3 / 4], 1).await;
    assert!(matches!(torn, Err(Refused::History(HistoryError::Torn(_)))));
    let again = import(&rig, &stream, 1).await.unwrap();
    assert!(
        again.already > 0 && again.homes + again.already == 3,
        "{again:?}"
    );
    assert_eq!((things(&rig).await, rows(&rig).await), expected);
    let third = import(&rig, &stream, 1).await.unwrap();
    assert_eq!((third.already, third.homes, third.rows), (3, 0, 0));

    // Killed wherever it waits: homes are there as a whole or not at all.
    let rig = Rig::new(&homes(), ms(NOW)).await;
    for polls in [3, 8, 20, 40, 80, 160] {
        interrupted(polls, import(&rig, &stream, 1)).await;
        let release = rig.store.release("worker", Uuid::from_u128(77), None);
        release.await.unwrap();
    }
    import(&rig, &stream, 1).await.unwrap();
    assert_eq!((things(&rig).await, rows(&rig).await), expected);
}
