//! Power cuts.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use solthrive_domain::{Flag, FlagChange, FlagCode, Severity};
use solthrive_edge::store::{Event, FILE, Reader};

use super::*;

const KILLS: u64 = 60;

fn start_of_day() -> Timestamp {
    ts("2026-06-21T00:00:00Z")
}

#[test]
#[ignore = "the other half of the test below, run as a child that is killed"]
fn child_stores_until_it_is_killed() {
    let Some((folder, number)) = child::task() else {
        return;
    };
    let (store, opened) = open(utc(&folder, number.into()));
    let mut start = opened.newest.unwrap_or(start_of_day());
    loop {
        let flag = Flag {
            code: FlagCode::DataStale,
            subject: String::new(),
            severity: Severity::High,
            since: start,
            message: "a test".to_owned(),
        };
        let mut batch = a_batch(vec![row(number.into(), start, 0, 1000)]);
        batch
            .events
            .push(Event::flag(start, FlagChange::Raised(flag)));
        super::store(&store, batch);
        println!("stored {}", start.as_second());
        start += minutes(1);
    }
}

/// Every minute that was acknowledged is there once, with its event, whenever the process dies.
#[test]
fn what_was_acknowledged_survives_sixty_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let mut acknowledged = BTreeSet::new();
    for number in 1..=KILLS {
        let mut child = child::spawn(
            "store::survival::child_stores_until_it_is_killed",
            folder.path(),
            number,
        );
        let mut said = child::lines(&mut child, "stored ");
        for line in said
            .by_ref()
            .take(1 + usize::try_from(dice.roll(4)).unwrap())
        {
            acknowledged.insert(line.parse::<i64>().unwrap());
        }
        // Anywhere in the next commits.
        thread::sleep(Duration::from_micros(dice.roll(8000)));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(said.filter_map(|line| line.parse::<i64>().ok()));
    }
    assert!(acknowledged.len() >= 60, "{}", acknowledged.len());

    let (store, opened) = open(utc(folder.path(), 1000));
    assert_eq!((opened.set_aside, opened.clean_stop), (None, Some(false)));
    assert_eq!(opened.starts_since_boot, 1);
    assert_eq!(opened.boot_count, KILLS + 1);
    let rows = all(&store.reader());
    let stored: Vec<_> = rows.iter().map(|row| row.start.as_second()).collect();
    let once: BTreeSet<_> = stored.iter().copied().collect();
    assert_eq!(stored.len(), once.len(), "a minute is there twice");
    assert!(
        acknowledged.is_subset(&once),
        "lost: {:?}",
        acknowledged.difference(&once)
    );
    // A kill may come between a commit and its acknowledgement, which is one minute each time.
    let unheard = once.len() - acknowledged.len();
    assert!(unheard as u64 <= KILLS, "{unheard}");
    let events = store
        .reader()
        .events(Timestamp::MIN, Timestamp::MAX, usize::MAX)
        .unwrap();
    let flags = events
        .iter()
        .filter(|event| matches!(event.what, solthrive_edge::store::Happening::Flag(_)))
        .count();
    assert_eq!(flags, rows.len());
    days::assert_days_equal_rows(&store.reader(), &TimeZone::UTC);
    drop(store);
    let db = Connection::open(folder.path().join(FILE)).unwrap();
    let verdict: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
}

/// What the disk had not taken when the power went is missing at the end, never in the middle.
#[test]
fn a_log_that_was_cut_off_anywhere_gives_all_earlier_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    for index in 0..12 {
        super::store(
            &store,
            a_batch(vec![row(1, start_of_day() + minutes(index), 0, 1000)]),
        );
    }
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let (file, log) = (read(FILE), read(&format!("{FILE}-wal")));
    let mut counts = BTreeSet::new();
    for eighth in 0..=24 {
        let torn = tempfile::tempdir().unwrap();
        fs::write(torn.path().join(FILE), &file).unwrap();
        fs::write(
            torn.path().join(format!("{FILE}-wal")),
            &log[..log.len() * eighth / 24],
        )
        .unwrap();
        let (store, opened) = open(utc(torn.path(), 2));
        let rows = all(&store.reader());
        let expected: Vec<_> = (0..rows.len())
            .map(|index| start_of_day() + minutes(i64::try_from(index).unwrap()))
            .collect();
        assert_eq!(
            rows.iter().map(|row| row.start).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(opened.set_aside, None);
        counts.insert(rows.len());
    }
    assert!(counts.len() > 6 && counts.contains(&12), "{counts:?}");
}

#[test]
fn a_minute_sent_twice_is_stored_once_and_the_first_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    let first = row(1, start_of_day(), 0, 1000);
    super::store(&store, a_batch(vec![first.clone()]));
    super::store(
        &store,
        a_batch(vec![
            row(1, start_of_day(), 0, 9000),
            row(1, start_of_day(), 1, 500),
            row(2, start_of_day(), 0, 250),
        ]),
    );
    let rows = all(&store.reader());
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0], first);
    let day = &store
        .reader()
        .days("2026-06-21".parse().unwrap(), "2026-06-22".parse().unwrap())
        .unwrap()[0];
    assert_eq!(day.summary.energy.import, WattHours::try_from(1.75).ok());
}

#[test]
fn a_row_comes_back_as_it_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(utc(folder.path(), 1));
    let mut full = row(1, start_of_day(), 3, 1234);
    full.bridged = Energies {
        import: WattHours::try_from(0.25).ok(),
        ..Energies::default()
    };
    full.battery = full.grid;
    full.ev = full.home;
    full.quality = vec![FlagCode::MeterNotResponding, FlagCode::CtReversed];
    let start = start_of_day() + minutes(1);
    let empty = MinuteRow {
        samples: 0,
        covered: Duration::ZERO,
        energy: Energies::default(),
        totals: Energies::default(),
        solar: None,
        home: None,
        grid: None,
        voltages: BTreeMap::new(),
        currents: BTreeMap::new(),
        powers: BTreeMap::new(),
        pf: None,
        frequency: None,
        quality: Vec::new(),
        ..row(1, start, 0, 0)
    };
    super::store(&store, a_batch(vec![full.clone(), empty.clone()]));
    assert_eq!(all(&store.reader()), [full.clone(), empty]);
    drop(store);
    // Without a daemon, as the command line reads it.
    let reader = Reader::open(folder.path()).unwrap();
    assert_eq!(
        reader.minutes(start_of_day(), start, 10).unwrap(),
        [full.clone()]
    );
    assert_eq!(
        reader.minutes(start_of_day(), Timestamp::MAX, 1).unwrap(),
        [full]
    );
    assert_eq!(reader.newest().unwrap(), Some(start + minutes(1)));
    assert_eq!(reader.ledger().unwrap().unwrap().state, a_ledger());
}
