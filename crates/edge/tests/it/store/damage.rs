//! Files that are not what was written.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};

use solthrive_edge::store::{FILE, Happening, LedgerSource};

use super::*;

fn start() -> Timestamp {
    ts("2026-06-20T00:00:00Z")
}

fn a_history(folder: &Path, count: i64) {
    let (store, _) = open(utc(folder, 1));
    for chunk in 0..count / 100 {
        let rows = (0..100).map(|minute| row(1, start() + minutes(chunk * 100 + minute), 0, 1000));
        super::store(&store, a_batch(rows.collect()));
    }
}

/// The store goes on whatever was found, and the next start finds nothing wrong.
fn assert_it_goes_on(folder: &Path, store: Store) {
    super::store(
        &store,
        a_batch(vec![row(2, start() + minutes(50_000), 0, 1000)]),
    );
    assert_eq!(
        all(&store.reader()).last().unwrap().start,
        start() + minutes(50_000)
    );
    drop(store);
    let (store, opened) = open(utc(folder, 3));
    assert_eq!(opened.set_aside, None, "damaged again");
    assert_eq!(opened.clean_stop, Some(true));
    drop(store);
}

#[rstest::rstest]
#[case::garbage(|bytes: &mut Vec<u8>| bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(31) ^ 0x5a))]
#[case::truncated(|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2))]
#[case::emptied(|bytes: &mut Vec<u8>| bytes.clear())]
#[case::zeroes(|bytes: &mut Vec<u8>| bytes.fill(0))]
#[case::another_file(|bytes: &mut Vec<u8>| *bytes = b"PK\x03\x04 a zip file, or so".to_vec())]
#[case::no_header(|bytes: &mut Vec<u8>| bytes[..100].fill(0xff))]
fn a_damaged_history_is_set_aside_and_reported(#[case] damage: fn(&mut Vec<u8>)) {
    let folder = tempfile::tempdir().unwrap();
    a_history(folder.path(), 1000);
    let path = folder.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    damage(&mut bytes);
    fs::write(&path, &bytes).unwrap();

    let (store, opened) = open(utc(folder.path(), 2));
    let name = opened.set_aside.unwrap();
    assert_eq!(name, "solthrive.db.damaged-20260621T120000Z");
    assert!(folder.path().join(&name).exists());
    let health = store.health();
    assert!(
        health.has_error() && health.error_message().contains(&name),
        "{health:?}"
    );
    let events = store
        .reader()
        .events(Timestamp::MIN, Timestamp::MAX, 100)
        .unwrap();
    assert!(
        events
            .iter()
            .any(|event| event.what == Happening::SetAside { file: name.clone() }),
        "{events:?}"
    );
    // The totals and the counts go on: from the copy where not even they could be read.
    assert_eq!(opened.ledger.unwrap().state, a_ledger());
    assert_eq!(opened.boot_count, 2);
    assert_it_goes_on(folder.path(), store);
}

#[test]
fn totals_come_from_the_copy_when_the_history_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    a_history(folder.path(), 100);
    fs::write(folder.path().join(FILE), [0xab; 9000]).unwrap();
    let (_store, opened) = open(utc(folder.path(), 2));
    let ledger = opened.ledger.unwrap();
    assert_eq!(ledger.source, LedgerSource::Copy);
    assert_eq!(ledger.at, Some(start() + minutes(100)));
}

#[test]
fn a_copy_that_is_damaged_too_is_no_total() {
    let folder = tempfile::tempdir().unwrap();
    a_history(folder.path(), 100);
    fs::write(folder.path().join(FILE), [0xab; 9000]).unwrap();
    let copy = folder.path().join("ledger.json");
    let text = fs::read_to_string(&copy).unwrap();
    fs::write(&copy, text.replacen("\"total\":0.0", "\"total\":9.0", 1)).unwrap();
    let (_store, opened) = open(utc(folder.path(), 2));
    assert!(opened.ledger.is_none());
}

/// Any page may go bad. Whatever it hits, the service starts, says so or does not depend on it, and
/// goes on; sound tables are taken over.
#[test]
fn with_any_page_flipped_the_service_starts_and_keeps_what_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    a_history(folder.path(), 1000);
    let bytes = fs::read(folder.path().join(FILE)).unwrap();
    let pages = bytes.len() / 2048;
    let (mut damaged, mut days_kept) = (0, 0);
    for page in (0..pages).step_by(pages / 40 + 1).chain(0..20) {
        let place = tempfile::tempdir().unwrap();
        let mut bytes = bytes.clone();
        bytes[page * 2048..(page + 1) * 2048]
            .iter_mut()
            .for_each(|byte| *byte ^= 0xff);
        fs::write(place.path().join(FILE), &bytes).unwrap();
        fs::copy(
            folder.path().join("ledger.json"),
            place.path().join("ledger.json"),
        )
        .unwrap();
        let (store, opened) = open(utc(place.path(), 2));
        if opened.set_aside.is_some() {
            damaged += 1;
            let days = store
                .reader()
                .days("2026-06-20".parse().unwrap(), "2026-06-21".parse().unwrap())
                .unwrap();
            let whole = days
                .first()
                .is_some_and(|day| day.summary.energy.import == WattHours::try_from(1000.0).ok());
            days_kept += usize::from(whole);
        }
        assert_eq!(opened.ledger.unwrap().state, a_ledger(), "page {page}");
        assert_it_goes_on(place.path(), store);
    }
    assert!(damaged > 30, "{damaged} of {pages} pages were noticed");
    assert!(days_kept > damaged / 2, "{days_kept} of {damaged}");
}

/// The pages of a table that hold its rows, counted from 0.
fn pages_of(folder: &Path, table: &str) -> Vec<usize> {
    let db = rusqlite::Connection::open(folder.join(FILE)).unwrap();
    let sql = "SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype = 'leaf'";
    let mut select = db.prepare(sql).unwrap();
    let pages = select.query_map([table], |row| row.get::<_, i64>(0));
    let pages = pages.unwrap().map(|page| page.unwrap() - 1);
    pages.map(|page| usize::try_from(page).unwrap()).collect()
}

fn flip(folder: &Path, page: usize) {
    let path = folder.join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    bytes[page * 2048..(page + 1) * 2048]
        .iter_mut()
        .for_each(|byte| *byte ^= 0xff);
    fs::write(&path, bytes).unwrap();
}

fn import_of(store: &Store, date: &str) -> Option<f64> {
    let date: jiff::civil::Date = date.parse().unwrap();
    let days = store.reader().days(date, date.tomorrow().unwrap());
    Some(days.unwrap().first()?.summary.energy.import?.get())
}

/// A page of minutes goes bad, in the middle or at the end, on an earlier day or on the current one.
#[rstest::rstest]
#[case::of_yesterday(30)]
#[case::of_today(80)]
#[case::the_newest(100)]
#[case::the_oldest(0)]
fn a_bad_page_of_minutes_costs_the_minutes_around_it_and_no_day(#[case] percent: usize) {
    let folder = tempfile::tempdir().unwrap();
    a_history(folder.path(), 2500);
    let pages = pages_of(folder.path(), "minute");
    flip(folder.path(), pages[(pages.len() - 1) * percent / 100]);
    let (store, opened) = open(utc(folder.path(), 2));
    assert!(opened.set_aside.is_some());
    let kept = all(&store.reader()).len();
    assert!((2460..2500).contains(&kept), "{kept}");
    // A day of 1 Wh a minute, and 1060 minutes of the next, with one more now.
    super::store(
        &store,
        a_batch(vec![row(2, start() + minutes(2500), 0, 1000)]),
    );
    let days = ["2026-06-20", "2026-06-21"].map(|date| import_of(&store, date));
    assert_eq!(days, [Some(1440.0), Some(1061.0)]);
    assert_it_goes_on(folder.path(), store);
}

#[rstest::rstest]
#[case::days("day")]
#[case::months("month")]
#[case::facts("meta")]
fn lost_sums_are_made_again_from_the_minutes(#[case] table: &str) {
    let folder = tempfile::tempdir().unwrap();
    a_history(folder.path(), 2500);
    let before = {
        let reader = Reader::open(folder.path()).unwrap();
        let (from, to) = ("2026-01-01".parse().unwrap(), "2027-01-01".parse().unwrap());
        (
            reader.days(from, to).unwrap(),
            reader.months(from, to).unwrap(),
        )
    };
    flip(folder.path(), pages_of(folder.path(), table)[0]);
    let (store, opened) = open(utc(folder.path(), 2));
    assert!(opened.set_aside.is_some());
    let (from, to) = ("2026-01-01".parse().unwrap(), "2027-01-01".parse().unwrap());
    let reader = store.reader();
    assert_eq!(
        (
            reader.days(from, to).unwrap(),
            reader.months(from, to).unwrap()
        ),
        before
    );
    assert_eq!(all(&reader).len(), 2500);
    super::store(
        &store,
        a_batch(vec![row(2, start() + minutes(2500), 0, 1000)]),
    );
    assert_eq!(import_of(&store, "2026-06-21"), Some(1061.0));
    assert_it_goes_on(folder.path(), store);
}

#[test]
fn a_folder_in_the_place_of_the_history_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(FILE)).unwrap();
    let (store, opened) = open(utc(folder.path(), 2));
    let name = opened.set_aside.unwrap();
    assert!(folder.path().join(name).is_dir());
    assert_it_goes_on(folder.path(), store);
}

/// Somebody tidied up: what is written from then on must be found again.
#[test]
fn a_history_that_was_removed_while_it_was_open_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    let reader = store.reader();
    super::store(&store, a_batch(vec![row(1, start(), 0, 1000)]));
    assert_eq!(all(&reader).len(), 1);
    fs::remove_file(folder.path().join(FILE)).unwrap();
    super::store(&store, a_batch(vec![row(1, start() + minutes(1), 0, 1000)]));
    super::store(&store, a_batch(vec![row(1, start() + minutes(2), 0, 1000)]));
    assert_eq!(all(&reader).len(), 2, "it reads the removed file");
    drop((store, reader));
    let (store, opened) = open(utc(folder.path(), 2));
    assert_eq!(all(&store.reader()).len(), 2);
    assert_eq!(opened.ledger.unwrap().state, a_ledger());
    assert_eq!((opened.set_aside, opened.clean_stop), (None, Some(true)));
}

/// Only who reads meets the bad page: the writer hears of it and looks, at the file and not at what
/// it remembers of it. The small history fits into the writer's memory whole.
#[rstest::rstest]
#[case::small(600)]
#[case::large(6000)]
fn damage_that_a_reader_meets_is_dealt_with_by_the_writer(#[case] rows: i64) {
    let folder = tempfile::tempdir().unwrap();
    a_history(folder.path(), rows);
    let (store, _) = open(utc(folder.path(), 2));
    let pages = pages_of(folder.path(), "minute");
    flip_in_place(folder.path(), pages[pages.len() / 2]);
    let reader = store.reader();
    let failed = reader.minutes(Timestamp::MIN, Timestamp::MAX, usize::MAX);
    assert!(failed.is_err());
    let next = row(2, start() + minutes(rows), 0, 1000);
    super::store(&store, a_batch(vec![next]));
    assert!(store.health().set_aside.is_some(), "{:?}", store.health());
    let kept = i64::try_from(all(&reader).len()).unwrap();
    assert!((rows - 50..=rows).contains(&kept), "{kept}");
    assert_it_goes_on(folder.path(), store);
}

/// The same file, not another one of its name.
fn flip_in_place(folder: &Path, page: usize) {
    let mut file = File::options().write(true).open(folder.join(FILE)).unwrap();
    file.seek(SeekFrom::Start(page as u64 * 2048)).unwrap();
    file.write_all(&[0xff; 2048]).unwrap();
}

/// The card goes bad while the service runs.
#[test]
fn damage_found_while_running_costs_no_new_row() {
    let folder = tempfile::tempdir().unwrap();
    a_history(folder.path(), 6000);
    let (store, opened) = open(utc(folder.path(), 2));
    assert_eq!(opened.set_aside, None);
    let reader = store.reader();
    assert_eq!(all(&reader).len(), 6000);
    let path = folder.path().join(FILE);
    let length = fs::metadata(&path).unwrap().len();
    let mut file = File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(2048)).unwrap();
    file.write_all(&vec![0xff; usize::try_from(length).unwrap() - 2048])
        .unwrap();
    // A row of the first day cannot be added without looking at that day's others.
    super::store(
        &store,
        a_batch(vec![
            row(2, start() + minutes(7), 0, 1000),
            row(2, start() + minutes(49_999), 0, 1000),
        ]),
    );
    let health = store.health();
    assert!(
        health.set_aside.is_some() && health.error.is_none(),
        "{health:?}"
    );
    assert_eq!(all(&reader).len(), 2, "it reads the old file");
    assert_it_goes_on(folder.path(), store);
}

#[test]
fn a_disk_that_damages_everything_is_not_filled_with_damaged_files() {
    let folder = tempfile::tempdir().unwrap();
    for number in 1..6 {
        let (store, _) = open(utc(folder.path(), number));
        drop(store);
        fs::write(folder.path().join(FILE), [0xab; 9000]).unwrap();
    }
    let (_store, opened) = open(utc(folder.path(), 9));
    assert!(opened.set_aside.is_some());
    let names = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let damaged: Vec<_> = names.filter(|name| name.contains("damaged")).collect();
    assert_eq!(damaged.len(), 2, "{damaged:?}");
}
