//! Whether SQLite finds its own file sound.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::StoreError;

/// The most problems that are told of one file.
const MOST: u32 = 20;

/// What SQLite's own check finds wrong with a file: pages, indices, constraints. Reads all of it. A file
/// that is not even a database is a problem as well.
///
/// # Errors
/// [`StoreError::Unavailable`] when it cannot be read.
pub fn problems(path: &Path) -> Result<Vec<String>, StoreError> {
    match check(path) {
        Ok(found) => Ok(found),
        Err(StoreError::Damaged(what)) => Ok(vec![what]),
        Err(other) => Err(other),
    }
}

fn check(path: &Path) -> Result<Vec<String>, StoreError> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = db.prepare(&format!("PRAGMA integrity_check({MOST})"))?;
    let said = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut found = Vec::new();
    for line in said {
        let line = line?;
        if line != "ok" {
            found.push(line);
        }
    }
    Ok(found)
}
