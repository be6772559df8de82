//! What goes, and when: old rows in small steps, and old minutes first when space runs out.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::columns::{first_id, minute_of_id};
use super::delivery;
use super::meta;
use super::options::Options;

const DAY: i64 = 24 * 60;
/// Minutes past their time are dropped an hour at a time, so that most commits touch new pages only.
const STEP: i64 = 60;
/// At most this many rows go with one commit: whoever frees the disk within an hour or two loses
/// little.
const MOST_AT_ONCE: i64 = 240;
/// Minutes kept however little space there is: they are the dashboard's day.
const KEPT_WHEN_LOW: i64 = DAY;
/// Minutes kept even then, unless SQLite itself says that nothing else helps.
const KEPT_WHEN_FULL: i64 = 6 * 60;
/// Events kept at most, whatever their age: a flag that flickers must not fill the disk.
const MOST_EVENTS: i64 = 50_000;
/// Free pages that stay in the file for the rows to come.
const SPARE_PAGES: i64 = 256;
/// Pages given back to the file system with one commit.
const VACUUM_AT_ONCE: i64 = 512;

/// While the disk is full the file must not grow: it keeps this many free pages, for the next rows
/// and for the log to be copied back.
const SPARE_WHEN_FULL: i64 = 64;

/// With less free space than this, in bytes, the file does not grow any more.
pub(super) const TIGHT: u64 = 2 * 1024 * 1024;

/// How the disk is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// There is enough.
    Enough,
    /// Little enough for old minutes to go.
    Low,
    /// So little that the file must not grow any more.
    Full,
}

/// How long things are kept, in minutes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    minutes: i64,
    keep: i64,
    /// The newest minute that counts as the present, and the hour it was looked up in.
    present: Option<(i64, i64)>,
}

/// What is old is told from the minute that so many rows are newer than. A clock that is wrong for
/// less than six hours then costs nothing, however far ahead it is.
const CREDIBLE: i64 = 6 * 60;

impl Retention {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            minutes: i64::from(options.minute_days) * DAY,
            keep: i64::from(options.keep_days) * DAY,
            present: None,
        }
    }

    /// Drops what is past its time when the newest minute is `newest`.
    pub(super) fn prune(
        &mut self,
        db: &Connection,
        newest: i64,
        space: Space,
    ) -> rusqlite::Result<()> {
        let hour = newest.div_euclid(STEP);
        if self.present.is_none_or(|(_, looked)| looked != hour) {
            let Some(now) = present(db)? else {
                return Ok(());
            };
            self.drop_summaries(db, now.saturating_sub(self.keep))?;
            self.present = Some((now, hour));
        }
        let Some((now, _)) = self.present else {
            return Ok(());
        };
        if space == Space::Full {
            let free: i64 = db.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
            if free < SPARE_WHEN_FULL {
                delivery::drop_before(db, now.saturating_sub(KEPT_WHEN_FULL), MOST_AT_ONCE)?;
                drop_minutes(db, now.saturating_sub(KEPT_WHEN_FULL), MOST_AT_ONCE)?;
            }
        }
        let cutoff = now.saturating_sub(self.minutes);
        if oldest(db)?.is_some_and(|oldest| oldest < cutoff.saturating_sub(STEP)) {
            drop_minutes(db, cutoff, MOST_AT_ONCE)?;
        }
        if delivery::oldest(db)?.is_some_and(|oldest| oldest < cutoff.saturating_sub(STEP)) {
            delivery::drop_before(db, cutoff, MOST_AT_ONCE)?;
        }
        if space != Space::Enough {
            delivery::drop_before(db, now.saturating_sub(KEPT_WHEN_LOW), MOST_AT_ONCE)?;
            drop_minutes(db, now.saturating_sub(KEPT_WHEN_LOW), MOST_AT_ONCE)?;
        }
        Ok(())
    }

    fn drop_summaries(self, db: &Connection, cutoff: i64) -> rusqlite::Result<()> {
        for table in ["day", "month"] {
            db.execute(
                &format!("DELETE FROM {table} WHERE to_minute <= ?1"),
                [cutoff],
            )?;
        }
        db.execute(
            "DELETE FROM event WHERE at < ?1",
            [cutoff.saturating_mul(60_000_000)],
        )?;
        db.execute(
            "DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?1",
            [MOST_EVENTS],
        )?;
        Ok(())
    }
}

/// Drops the oldest minutes to make room in a file that cannot grow; returns how many.
pub(super) fn relieve(db: &Connection, rows: i64) -> rusqlite::Result<usize> {
    let tx = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    // What the cloud is to be told goes with the minutes; days, events and totals stay.
    let dropped = drop_minutes(&tx, i64::MAX, rows)? + delivery::drop_before(&tx, i64::MAX, rows)?;
    tx.commit()?;
    // The log's pages are free again once they are copied back; no disk space is needed for it.
    checkpoint(db, "PASSIVE");
    Ok(dropped)
}

/// Copies the log back into the file.
pub(super) fn checkpoint(db: &Connection, mode: &str) {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    if let Err(error) = db.query_row(&sql, [], |_| Ok(())) {
        tracing::debug!(%error, "the log could not be copied back");
    }
}

/// Gives free pages back to the file system, a few at a time; all of them while space is low, none
/// while there is no space for it.
pub(super) fn shrink(db: &Connection, space: Space) -> rusqlite::Result<()> {
    let free: i64 = db.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    let spare = match space {
        Space::Enough => SPARE_PAGES,
        Space::Low => 0,
        Space::Full => return Ok(()),
    };
    let pages = (free - spare).min(VACUUM_AT_ONCE);
    if pages <= 0 {
        return Ok(());
    }
    let mut vacuum = db.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut steps = vacuum.query([])?;
    // Each step frees a page.
    while steps.next()?.is_some() {}
    Ok(())
}

/// The newest minute that enough rows are newer than, as if those followed it without a gap.
fn present(db: &Connection) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id FROM minute ORDER BY id DESC LIMIT 1 OFFSET ?1";
    let id: Option<i64> = db
        .query_row(sql, [CREDIBLE - 1], |row| row.get(0))
        .optional()?;
    Ok(id.map(|id| minute_of_id(id) + CREDIBLE))
}

fn oldest(db: &Connection) -> rusqlite::Result<Option<i64>> {
    let id: Option<i64> = db
        .prepare_cached("SELECT min(id) FROM minute")?
        .query_row([], |row| row.get(0))?;
    Ok(id.map(minute_of_id))
}

/// Drops at most so many of the rows before this minute, the oldest first.
fn drop_minutes(db: &Connection, before: i64, most: i64) -> rusqlite::Result<usize> {
    let last: Option<i64> = db
        .prepare_cached(
            "SELECT max(id) FROM (SELECT id FROM minute WHERE id < ?1 ORDER BY id LIMIT ?2)",
        )?
        .query_row(params![first_id(before), most], |row| row.get(0))?;
    let Some(last) = last else { return Ok(0) };
    let dropped = db
        .prepare_cached("DELETE FROM minute WHERE id <= ?1")?
        .execute([last])?;
    let pruned_to = minute_of_id(last) + 1;
    if meta::number(db, meta::PRUNED_TO)?.is_none_or(|before| before < pruned_to) {
        meta::put(db, meta::PRUNED_TO, &pruned_to.to_string())?;
    }
    Ok(dropped)
}
