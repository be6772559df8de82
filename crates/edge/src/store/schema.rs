//! Opening the file as SolThrive's: pragmas, ownership and forward-only migrations.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::error::OpenError;

/// In SQLite's header: `SolT`. A database with another one is somebody else's.
const APPLICATION_ID: i64 = 0x536f_6c54;
/// Pages are this small because a minute touches four of them, and each goes to the card twice:
/// 2 kB writes 23 MB a day at the block device where 4 kB writes 36.
pub(super) const PAGE_SIZE: i64 = 2048;
/// Frames after which the WAL is copied back: it stays at 1 MB, and a day has about 11 checkpoints.
pub(super) const CHECKPOINT_PAGES: i64 = 512;
/// Whoever else has the file open (an export, an installer's `sqlite3`) is waited for this long.
const BUSY: Duration = Duration::from_secs(2);

/// Schema changes in order. The number of those applied is the file's `user_version`.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001_first.sql"),
    include_str!("schema/0002_delivery.sql"),
];
/// Schema of the history that this program writes.
pub const VERSION: usize = MIGRATIONS.len();

/// Opens the file for writing, created where it is missing, and brings its schema up to date.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, OpenError> {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.busy_timeout(BUSY)?;
    let version = version(&db)?;
    if version == 0 {
        // Both hold only when they come before the first table.
        db.pragma_update(None, "page_size", PAGE_SIZE)?;
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::ReadOnly);
    }
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    db.pragma_update(None, "journal_size_limit", CHECKPOINT_PAGES * PAGE_SIZE * 2)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "cache_size", -512)?;
    db.pragma_update(None, "foreign_keys", false)?;
    if db.is_readonly("main")? {
        return Err(OpenError::ReadOnly);
    }
    migrate(&db, version, MIGRATIONS)?;
    Ok(db)
}

/// Opens the file for reading only.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, OpenError> {
    match open_with(path, OpenFlags::SQLITE_OPEN_READ_ONLY) {
        // Whoever may not write the folder cannot have a log's index there. Without a log none is
        // needed: nobody writes.
        Err(OpenError::Sqlite(error))
            if error.sqlite_error_code() == Some(ErrorCode::CannotOpen)
                && !log_of(path).exists() =>
        {
            open_frozen(path)
        }
        opened => opened,
    }
}

/// Opens a file that nobody writes.
fn open_frozen(path: &Path) -> Result<Connection, OpenError> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    let path = path.as_os_str().as_encoded_bytes();
    let escaped: String = path
        .iter()
        .map(|byte| {
            if plain(byte) {
                char::from(*byte).to_string()
            } else {
                format!("%{byte:02x}")
            }
        })
        .collect();
    let uri = format!("file:{escaped}?immutable=1");
    open_with(
        Path::new(&uri),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
    )
}

fn open_with(path: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "cache_size", -256)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    version(&db)?;
    Ok(db)
}

fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// The schema's version; 0 for a file with nothing in it yet.
fn version(db: &Connection) -> Result<usize, OpenError> {
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (tables > 0 || version != 0) {
        return Err(OpenError::Foreign);
    }
    let version = usize::try_from(version).map_err(|_| OpenError::Foreign)?;
    if version > MIGRATIONS.len() {
        return Err(OpenError::Newer {
            found: version,
            known: MIGRATIONS.len(),
        });
    }
    Ok(version)
}

/// Applies what is missing, each change and its number in one transaction.
fn migrate(db: &Connection, from: usize, migrations: &[&str]) -> Result<(), OpenError> {
    for (index, sql) in migrations.iter().enumerate().skip(from) {
        let step = rusqlite::Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
        step.execute_batch(sql)?;
        step.pragma_update(None, "application_id", APPLICATION_ID)?;
        step.pragma_update(
            None,
            "user_version",
            i64::try_from(index + 1).unwrap_or(i64::MAX),
        )?;
        step.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(db: &Connection, pragma: &str) -> i64 {
        db.pragma_query_value(None, pragma, |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn a_new_file_gets_its_pages_and_survives_power_cuts_by_its_settings() {
        let folder = tempfile::tempdir().unwrap();
        let db = open_for_writing(&folder.path().join("a.db")).unwrap();
        let settings = [
            "page_size",
            "auto_vacuum",
            "synchronous",
            "wal_autocheckpoint",
            "user_version",
        ]
        .map(|name| number(&db, name));
        assert_eq!(settings, [2048, 2, 2, 512, 2]);
    }

    #[test]
    fn a_migration_runs_once_and_a_failing_one_leaves_the_file_as_it_was() {
        let db = Connection::open_in_memory().unwrap();
        migrate(&db, 0, &["CREATE TABLE a (x)"]).unwrap();
        migrate(
            &db,
            1,
            &["CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y"],
        )
        .unwrap();
        assert_eq!(number(&db, "user_version"), 2);
        assert!(migrate(&db, 2, &["", "", "CREATE TABLE b (x); CREATE TABLE a (x)"]).is_err());
        let b: i64 = db
            .query_row(
                "SELECT count(*) FROM sqlite_schema WHERE name = 'b'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!((b, number(&db, "user_version")), (0, 2));
    }

    #[test]
    fn a_file_of_a_newer_version_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        open_for_writing(&path)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = open_for_writing(&path).unwrap_err();
        assert!(
            matches!(error, OpenError::Newer { found: 99, .. }),
            "{error}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_folder_that_may_not_be_written_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("100 %? #1.db");
        let db = open_for_writing(&path).unwrap();
        db.execute("INSERT INTO meta VALUES ('a', 'b')", [])
            .unwrap();
        drop(db);
        assert!(!log_of(&path).exists());
        let db = open_frozen(&path).unwrap();
        let value: String = db
            .query_row("SELECT value FROM meta", [], |row| row.get(0))
            .unwrap();
        assert_eq!(value, "b");
        // Nothing was created to read it.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_database_of_another_program_is_not_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        Connection::open(&path)
            .unwrap()
            .execute_batch("CREATE TABLE photos (id)")
            .unwrap();
        assert!(matches!(open_for_writing(&path), Err(OpenError::Foreign)));
    }
}
