//! Opening the history at the start: checked, set aside when it is damaged, and entered as a run.

use std::fs;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::batch::{Event, Happening};
use super::calendar::Calendar;
use super::columns;
use super::error::{OpenError, StoreError, Trouble};
use super::options::{Opened, Options};
use super::packed::instant;
use super::place::Place;
use super::retain::{self, TIGHT};
use super::saved::{self, Copy};
use super::session::{Session, put_event};
use super::{delivery, meta, rollup, salvage, schema};

/// A history up to this size is checked as a whole before the service starts: three times what 30
/// days need. Of a larger one the small tables are, and the rest by the store's thread.
const CHECKED_WHOLE: u64 = 32 * 1024 * 1024;
/// Rows dropped when there is not even room to enter a start.
const ROOM: i64 = 240;
/// The tables checked in any case; `minute` is the large one.
const SMALL_TABLES: [&str; 8] = [
    "meta", "run", "name", "day", "month", "event", "state", "sample",
];

/// Opens the history for writing. `damaged`: it is known to be, and set aside unseen.
///
/// # Errors
/// When it is out of reach, or a newer version's. A damaged one is no error: it is set aside.
pub(super) fn open(
    place: &Place,
    options: &Options,
    damaged: bool,
) -> Result<(Session, Opened), StoreError> {
    let error = match damaged {
        true => OpenError::Damaged("while it was written to".to_owned()),
        false => match try_open(place, options, None) {
            Ok(open) => return Ok(open),
            Err(error) if Trouble::at_opening(&error) == Trouble::Damaged => error,
            Err(error) => return Err(failed(place, error)),
        },
    };
    tracing::error!(%error, "the history is damaged; it is set aside and a new one begins");
    let name = place.set_aside(options.now);
    let name = name.map_err(|error| {
        let path = place.database();
        StoreError::File { path, error }
    })?;
    try_open(place, options, Some(name)).map_err(|error| failed(place, error))
}

/// `set_aside` is the name of a damaged file whose place a new one takes.
fn try_open(
    place: &Place,
    options: &Options,
    set_aside: Option<String>,
) -> Result<(Session, Opened), OpenError> {
    // Opening alone takes some space, for the log's index.
    if (options.free_space)(place.folder()).is_some_and(|free| free < TIGHT) {
        place.release();
    }
    let (db, checked) = open_checked(place, options)?;
    if let Some(name) = &set_aside {
        let calendar = Calendar::new(options.zone.clone());
        salvage::from(&db, &place.folder().join(name), &calendar);
    }
    let opened = match begin(&db, place, options, set_aside.as_deref()) {
        Err(error) if Trouble::of(&error) == Trouble::Full => {
            tracing::warn!("the disk is full; the oldest minutes go");
            retain::relieve(&db, ROOM)?;
            begin(&db, place, options, set_aside.as_deref())?
        }
        begun => begun?,
    };
    let session = Session::new(db, options, place.identity(), checked)?;
    let opened = Opened {
        set_aside,
        ..opened
    };
    Ok((session, opened))
}

/// Opens the file; says whether all of it was looked at.
fn open_checked(place: &Place, options: &Options) -> Result<(Connection, bool), OpenError> {
    let path = place.database();
    let file = fs::metadata(&path).ok();
    if file.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(OpenError::Damaged("it is a folder".to_owned()));
    }
    let size = file.map(|file| file.len());
    // The first thing SQLite does with a new file is to fill it: an empty one beside a copy of the
    // totals has lost its content.
    if size == Some(0) && place.copy().exists() {
        return Err(OpenError::Emptied);
    }
    let db = schema::open_for_writing(&path)?;
    if let Some(most) = options.max_size {
        let pages = i64::try_from(most).unwrap_or(i64::MAX) / schema::PAGE_SIZE;
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    let small = size.is_none_or(|size| size <= CHECKED_WHOLE);
    if small {
        check(&db, "PRAGMA quick_check(1)")?;
    } else {
        for table in SMALL_TABLES {
            check(&db, &format!("PRAGMA quick_check({table})"))?;
        }
    }
    Ok((db, small))
}

/// Asks SQLite whether the file is sound.
pub(super) fn check(db: &Connection, sql: &str) -> Result<(), OpenError> {
    let found: String = db.query_row(sql, [], |row| row.get(0))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(OpenError::Damaged(found))
    }
}

fn failed(place: &Place, error: OpenError) -> StoreError {
    let path = place.database();
    match error {
        OpenError::Newer { found, known } => StoreError::Newer { path, found, known },
        OpenError::Sqlite(error) => StoreError::Unreadable(error),
        error @ (OpenError::ReadOnly
        | OpenError::Foreign
        | OpenError::Emptied
        | OpenError::Damaged(_)) => StoreError::File {
            path,
            error: std::io::Error::other(error),
        },
    }
}

/// Enters this start and collects what the service wants to know of those before it. Doing it
/// twice for one start, after a lost card came back, counts once.
fn begin(
    db: &Connection,
    place: &Place,
    options: &Options,
    set_aside: Option<&str>,
) -> rusqlite::Result<Opened> {
    let tx = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let copy = Copy::read(&place.copy());
    let ledger = saved::get(&tx)?.or_else(|| copy.clone().map(Copy::into_saved));
    let newest: Option<i64> = tx.query_row("SELECT max(id) FROM minute", [], |row| row.get(0))?;
    let newest = newest.map(|id| instant(columns::minute_of_id(id) + 1));
    let mut opened = Opened {
        newest,
        ledger,
        samples: delivery::known(&tx)?,
        progress: delivery::progress(&tx)?.unwrap_or_default(),
        ..Opened::default()
    };
    let last = "SELECT clean FROM run WHERE run <> ?1 ORDER BY seq DESC LIMIT 1";
    opened.clean_stop = tx
        .query_row(last, [options.run.to_string()], |row| row.get(0))
        .optional()?;
    count_starts(&tx, options, copy.as_ref(), &mut opened)?;
    // A machine without a clock battery: it cannot be earlier. Set right when the time is known.
    let started = options.now.max(newest.unwrap_or(options.now));
    let insert = "INSERT OR IGNORE INTO run (run, version, started) VALUES (?1, ?2, ?3)";
    let fresh = tx.execute(
        insert,
        params![
            options.run.to_string(),
            options.version,
            started.as_microsecond()
        ],
    )? == 1;
    if fresh {
        let (run, version) = (options.run, options.version.clone());
        let after_clean_stop = opened.clean_stop;
        put_event(
            &tx,
            &Event {
                at: started,
                what: Happening::Started {
                    run,
                    version,
                    after_clean_stop,
                },
            },
        )?;
    }
    if let Some(file) = set_aside {
        put_event(
            &tx,
            &Event {
                at: started,
                what: Happening::SetAside {
                    file: file.to_owned(),
                },
            },
        )?;
    }
    drop_old_runs(&tx)?;
    follow_zone(&tx, options)?;
    tx.commit()?;
    Ok(opened)
}

fn count_starts(
    tx: &Connection,
    options: &Options,
    copy: Option<&Copy>,
    opened: &mut Opened,
) -> rusqlite::Result<()> {
    let known = "SELECT count(*) FROM run WHERE run = ?1";
    let again = tx.query_row(known, [options.run.to_string()], |row| row.get::<_, i64>(0))? > 0;
    let stored = |key| {
        meta::number(tx, key).map(|number| number.and_then(|number| u64::try_from(number).ok()))
    };
    // A new file goes on counting where the copy stands.
    let boots = stored(meta::BOOT_COUNT)?
        .or(copy.map(|copy| copy.boot_count))
        .unwrap_or(0);
    let starts = stored(meta::STARTS)?
        .or(copy.map(|copy| copy.starts))
        .unwrap_or(0);
    let boot = meta::text(tx, meta::BOOT)?.or(copy.and_then(|copy| copy.boot.clone()));
    // Without an identity of the machine's start each start of the service counts as one of its.
    let same_boot = boot.is_some() && boot == options.boot;
    (opened.boot_count, opened.starts_since_boot) = match (again, same_boot) {
        (true, _) => (boots, starts),
        (false, true) => (boots, starts + 1),
        (false, false) => (boots + 1, 1),
    };
    meta::put(tx, meta::BOOT_COUNT, &opened.boot_count.to_string())?;
    meta::put(tx, meta::STARTS, &opened.starts_since_boot.to_string())?;
    match &options.boot {
        Some(boot) => meta::put(tx, meta::BOOT, boot),
        None => Ok(()),
    }
}

/// Keeps the runs that rows point to, and the last few hundred.
fn drop_old_runs(tx: &Connection) -> rusqlite::Result<()> {
    const KEPT: i64 = 500;
    let count: i64 = tx.query_row("SELECT count(*) FROM run", [], |row| row.get(0))?;
    if count > 2 * KEPT {
        let sql = "DELETE FROM run WHERE seq <= (SELECT max(seq) FROM run) - ?1 AND seq NOT IN (SELECT run FROM minute)";
        tx.execute(sql, [KEPT])?;
    }
    Ok(())
}

/// Cuts the days anew when the site's zone is another than before.
fn follow_zone(tx: &Connection, options: &Options) -> rusqlite::Result<()> {
    let name = options.zone.iana_name().unwrap_or("fixed");
    let before = meta::text(tx, meta::TIMEZONE)?;
    if before.as_deref() == Some(name) {
        return Ok(());
    }
    if before.is_some() {
        tracing::info!(
            zone = name,
            "the site's zone is another one: its days are summed up again"
        );
        rollup::rebuild(tx, &Calendar::new(options.zone.clone()))?;
    }
    meta::put(tx, meta::TIMEZONE, name)
}
