//! What only the writer knows: doubtful commits and late checks.

use jiff::tz::TimeZone;
use solthrive_domain::clock::ClockEvent;
use solthrive_domain::ids::RunId;
use uuid::Uuid;

use super::*;

fn a_writer(folder: &std::path::Path) -> Writer {
    let run = RunId::from_uuid(Uuid::from_u128(1));
    let options = Options::new(folder, TimeZone::UTC, run, Timestamp::UNIX_EPOCH);
    let shared = Arc::new(Shared::default());
    let place = Place::new(folder);
    Writer::new(place, options, None, None, Opened::default(), shared)
}

fn events(writer: &Writer) -> usize {
    let reader = crate::store::Reader::open(writer.place.folder()).unwrap();
    reader
        .events(Timestamp::MIN, Timestamp::MAX, 100)
        .unwrap()
        .len()
}

/// The disk may say no after it took everything: a card that answers too late.
#[test]
fn a_commit_that_took_effect_although_it_failed_is_not_stored_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = a_writer(folder.path());
    let event = Event::clock(Timestamp::UNIX_EPOCH, ClockEvent::BecamePlausible);
    let batch = || Batch {
        events: vec![event.clone()],
        ..Batch::default()
    };
    writer.waiting = batch();
    writer.ship(Space::Enough, false).unwrap();
    let before = events(&writer);
    // As after a failure: it waits still, and nothing is known of the last attempt.
    writer.failed(&Failure::Write(SqliteError::InvalidQuery));
    writer.turn(Taken {
        batch: batch(),
        lost: 0,
        closing: false,
    });
    assert_eq!(events(&writer), before + 1);
    // The same, but the attempt left nothing behind.
    writer.waiting = batch();
    writer.number += 1;
    writer.failed(&Failure::Write(SqliteError::InvalidQuery));
    writer.turn(Taken {
        batch: batch(),
        lost: 0,
        closing: false,
    });
    assert_eq!(events(&writer), before + 3);
}

/// The same, and then the card is gone for a while: what came meanwhile is not taken for stored.
#[test]
fn what_came_while_a_commit_was_in_doubt_is_stored_too() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut writer = a_writer(&data);
    let event = Event::clock(Timestamp::UNIX_EPOCH, ClockEvent::BecamePlausible);
    let taken = || Taken {
        batch: Batch {
            events: vec![event.clone()],
            ..Batch::default()
        },
        lost: 0,
        closing: false,
    };
    writer.waiting = taken().batch;
    writer.ship(Space::Enough, false).unwrap();
    let before = events(&writer);
    writer.failed(&Failure::Write(SqliteError::InvalidQuery));
    let away = folder.path().join("away");
    std::fs::rename(&data, &away).unwrap();
    writer.turn(taken());
    writer.turn(taken());
    std::fs::rename(&away, &data).unwrap();
    writer.turn(taken());
    assert_eq!(events(&writer), before + 3);
}

/// Of a large file only a part is looked at before the start: the rest is, before the first commit.
#[test]
fn damage_in_a_large_file_is_found_before_anything_is_stored_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = a_writer(folder.path());
    let event = Event::clock(Timestamp::UNIX_EPOCH, ClockEvent::BecamePlausible);
    writer.waiting.events = vec![event; 1000];
    writer.ship(Space::Enough, true).unwrap();
    writer.session = None;
    let path = writer.place.database();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 2048 * 2048;
    bytes[middle..middle + 2048].fill(0xff);
    std::fs::write(&path, bytes).unwrap();

    let db = crate::store::schema::open_for_writing(&path).unwrap();
    writer.session =
        Some(Session::new(db, &writer.options, writer.place.identity(), false).unwrap());
    writer.turn(Taken {
        batch: Batch::default(),
        lost: 0,
        closing: true,
    });
    let health = writer.shared.health();
    assert!(
        health.set_aside.is_some() && health.error.is_none(),
        "{health:?}"
    );
}
