//! Takes what is sound over from a damaged history: one bad page should not cost a year of days.

use std::path::Path;

use rusqlite::{Connection, params};

/// Tables that are taken over whole when SQLite finds nothing wrong with them; the totals first.
/// Rows of `minute` need the other two of its line.
const TABLES: [&[&str]; 5] = [
    &["state"],
    &["meta"],
    &["day", "month"],
    &["event"],
    &["run", "name", "minute"],
];

/// Copies what it can; what it cannot stays in the damaged file.
pub(super) fn from(db: &Connection, damaged: &Path) {
    let path = damaged.to_string_lossy();
    if let Err(error) = db.execute("ATTACH ?1 AS damaged", params![path]) {
        tracing::warn!(%error, "nothing of the damaged history can be read");
        return;
    }
    for tables in TABLES {
        match copy(db, tables) {
            Ok(rows) => tracing::info!(?tables, rows, "taken over from the damaged history"),
            Err(error) => tracing::warn!(?tables, %error, "lost with the damaged history"),
        }
    }
    if let Err(error) = db.execute("DETACH damaged", []) {
        tracing::debug!(%error, "the damaged history stays open");
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
        let sql = format!("INSERT OR IGNORE INTO main.{table} SELECT * FROM damaged.{table}");
        rows += tx.execute(&sql, [])?;
    }
    tx.commit()?;
    Ok(rows)
}
