//! Facts about the file itself.

use rusqlite::{Connection, OptionalExtension as _, params};

/// Identity of the start of the machine that wrote last.
pub(super) const BOOT: &str = "boot";
/// Starts of the machine.
pub(super) const BOOT_COUNT: &str = "boot_count";
/// Starts of the service in that start of the machine.
pub(super) const STARTS: &str = "starts";
/// The zone that days and months were cut by.
pub(super) const TIMEZONE: &str = "timezone";
/// Minutes before this one were pruned, at least in part.
pub(super) const PRUNED_TO: &str = "pruned_to";

/// The fact, where it is known.
pub(super) fn text(db: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT value FROM meta WHERE key = ?1";
    db.query_row(sql, [key], |row| row.get(0)).optional()
}

/// The fact as a number.
pub(super) fn number(db: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    Ok(text(db, key)?.and_then(|text| text.parse().ok()))
}

/// Writes it.
pub(super) fn put(db: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    db.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)",
        params![key, value],
    )?;
    Ok(())
}
