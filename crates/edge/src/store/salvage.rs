//! Takes what is sound over from a damaged history: one bad page should not cost a year of days.
//!
//! Small tables are taken over whole or not at all. Of the minutes, everything but the pieces that
//! cannot be read is. Days outlive their minutes: one whose minutes were lost goes on from its sums.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params, params_from_iter};

use super::calendar::Calendar;
use super::columns::{first_id, minute_of_id};
use super::error::OpenError;
use super::{meta, rollup, schema};

/// Tables that are taken over whole when SQLite finds nothing wrong with them; the totals first.
const TABLES: [&[&str]; 7] = [
    &["state"],
    &["sample"],
    &["meta"],
    &["day"],
    &["month"],
    &["event"],
    &["run", "name"],
];
const MINUTES: &str = "minute";
/// Minutes read at once, and where those cannot be: a page holds nine.
const PIECE: i64 = 60;
const SMALL_PIECE: i64 = 15;
/// Small pieces that may fail before the rest is given up: reading must not keep the service waiting.
const PATIENCE: u32 = 1000;

/// Copies what it can; what it cannot stays in the damaged file.
pub(super) fn from(db: &Connection, damaged: &Path, calendar: &Calendar) {
    let path = damaged.to_string_lossy();
    if let Err(error) = db.execute("ATTACH ?1 AS damaged", params![path]) {
        tracing::warn!(%error, "nothing of the damaged history can be read");
        return;
    }
    let mut lost = Vec::new();
    for tables in TABLES.into_iter().chain([&[MINUTES][..]]) {
        match copy(db, tables) {
            Ok(rows) => tracing::info!(?tables, rows, "taken over from the damaged history"),
            Err(error) => {
                tracing::warn!(?tables, %error, "not sound in the damaged history");
                lost.extend(tables);
            }
        }
    }
    if let Err(error) = db.execute("DETACH damaged", []) {
        tracing::debug!(%error, "the damaged history stays open");
    }
    if let Err(error) = mend(db, damaged, calendar, &lost) {
        tracing::warn!(%error, "the history could not be mended");
    }
}

/// All of these tables or none.
fn copy(db: &Connection, tables: &[&str]) -> rusqlite::Result<usize> {
    let tx = db.unchecked_transaction()?;
    let mut rows = 0;
    for table in tables {
        let check = format!("PRAGMA damaged.quick_check({table})");
        let found: String = tx.query_row(&check, [], |row| row.get(0))?;
        if found != "ok" {
            return Err(rusqlite::Error::InvalidParameterName(found));
        }
        let columns = common_columns(&tx, table)?;
        let sql = format!(
            "INSERT OR IGNORE INTO main.{table} ({columns}) SELECT {columns} FROM damaged.{table}"
        );
        rows += tx.execute(&sql, [])?;
    }
    tx.commit()?;
    Ok(rows)
}

/// The columns that both files have: a damaged one may be of an older version.
fn common_columns(db: &Connection, table: &str) -> rusqlite::Result<String> {
    let sql = "SELECT group_concat(name, ', ') FROM pragma_table_info(?1, 'main') WHERE name IN (SELECT name FROM pragma_table_info(?1, 'damaged'))";
    db.query_row(sql, [table], |row| row.get(0))
}

/// Makes up for lost tables with those that were taken over.
fn mend(
    db: &Connection,
    damaged: &Path,
    calendar: &Calendar,
    lost: &[&str],
) -> rusqlite::Result<()> {
    let tx = db.unchecked_transaction()?;
    let is_lost = |table| lost.contains(&table);
    if is_lost(MINUTES) && !is_lost("day") {
        // Rows without their run and names could not be read.
        let readable = !is_lost("run") && !is_lost("name");
        let gone = if readable {
            copy_pieces(&tx, damaged)?
        } else {
            last_day(&tx)?
        };
        if let Some(minute) = gone {
            set_pruned_to(&tx, minute)?;
        }
    }
    if is_lost("meta")
        && let Some(first) = tx.query_row("SELECT min(id) FROM minute", [], |row| {
            row.get::<_, Option<i64>>(0)
        })?
    {
        set_pruned_to(&tx, minute_of_id(first))?;
    }
    if is_lost("day") {
        rollup::rebuild(&tx, calendar)?;
    } else if is_lost("month") {
        rollup::sum_months(&tx, calendar)?;
    }
    tx.commit()
}

/// Takes minutes over day by day, the newest first. Returns the end of the newest piece that
/// cannot be read: days before it are not to be summed up from their minutes again.
fn copy_pieces(db: &Connection, damaged: &Path) -> rusqlite::Result<Option<i64>> {
    // By a connection of its own: after an error in an attached file nothing more can be inserted.
    let source = match schema::open_for_reading(damaged) {
        Ok(source) => source,
        Err(OpenError::Sqlite(error)) => return Err(error),
        Err(_) => return last_day(db),
    };
    let mut select = db.prepare("SELECT from_minute, to_minute FROM day ORDER BY key DESC")?;
    let days = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let days: Vec<(i64, i64)> = days.collect::<rusqlite::Result<_>>()?;
    let (mut gone, mut failures, mut rows) = (None, 0, 0);
    for hour in days
        .into_iter()
        .flat_map(|(from, to)| pieces(from, to, PIECE))
    {
        if let Ok(read) = read_piece(&source, hour) {
            rows += put_rows(db, read)?;
            continue;
        }
        for small in pieces(hour.0, hour.1, SMALL_PIECE) {
            if let Ok(read) = read_piece(&source, small) {
                rows += put_rows(db, read)?;
            } else {
                failures += 1;
                gone = gone.max(Some(small.1));
            }
        }
        if failures > PATIENCE {
            break;
        }
    }
    tracing::info!(rows, failures, "minutes taken over around the damage");
    Ok(gone)
}

/// The pieces of a span, the last one first.
fn pieces(from: i64, to: i64, length: i64) -> impl Iterator<Item = (i64, i64)> {
    let count = (to - from)
        .max(0)
        .unsigned_abs()
        .div_ceil(length.unsigned_abs());
    (0..count.cast_signed())
        .rev()
        .map(move |index| (from + index * length, (from + (index + 1) * length).min(to)))
}

fn read_piece(source: &Connection, (from, to): (i64, i64)) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut select = source.prepare("SELECT * FROM minute WHERE id >= ?1 AND id < ?2")?;
    let width = select.column_count();
    let rows = select.query_map([first_id(from), first_id(to)], |row| {
        (0..width).map(|column| row.get(column)).collect()
    })?;
    rows.collect()
}

/// What the columns' types or an earlier row of the same minute do not allow is left out.
fn put_rows(db: &Connection, rows: Vec<Vec<Value>>) -> rusqlite::Result<usize> {
    let mut stored = 0;
    for row in rows {
        let sql = format!(
            "INSERT OR IGNORE INTO minute VALUES ({})",
            placeholders(row.len())
        );
        match db.prepare_cached(&sql)?.execute(params_from_iter(row)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {}
            done => stored += done?,
        }
    }
    Ok(stored)
}

fn placeholders(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// The end of the newest day.
fn last_day(db: &Connection) -> rusqlite::Result<Option<i64>> {
    db.query_row("SELECT max(to_minute) FROM day", [], |row| row.get(0))
}

fn set_pruned_to(db: &Connection, minute: i64) -> rusqlite::Result<()> {
    let known = meta::number(db, meta::PRUNED_TO)?;
    meta::put(
        db,
        meta::PRUNED_TO,
        &known.unwrap_or(minute).max(minute).to_string(),
    )
}
