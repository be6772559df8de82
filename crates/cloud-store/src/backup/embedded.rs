//! A copy of the embedded store, made while the service goes on writing.
//!
//! The archive says how far into the log its followers are, so the two files must fit together:
//!
//! * `forgotten <= sealed`: what the log has let go is in chunks, or it would be in neither copy;
//! * `folded <= newest`: no follower is ahead of the log, or what is appended next, under numbers that
//!   the followers believe done, would never reach a chunk.
//!
//! Copying one file after the other keeps only one of the two, whichever comes first: the log first,
//! and the archive folds on meanwhile; the archive first, and what is sealed after it may be forgotten
//! before the log's turn. So nothing is copied at first. A read transaction is opened on the archive
//! and then one on the log, which takes milliseconds and freezes both (SQLite's write-ahead log keeps
//! the old pages for as long as anybody reads them). The archive's is the older one, and a follower
//! never is ahead of the log, hence `folded <= newest`. Whether entries were sealed and forgotten just
//! between the two can be seen (`forgotten > sealed`); then both are opened anew. Sealing happens once
//! in minutes, so a second time is rare. What is frozen is copied at leisure.
//!
//! Everything that was acknowledged before [`Snapshot::take`] was called is in it.

use std::fs::File;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::Held;
use crate::StoreError;
use crate::archive::Cursors;
use crate::hot::Seq;

/// How often two transactions are opened before it is called hopeless.
const ATTEMPTS: u32 = 100;
/// Pages of a step: 4 MB, so that progress can be told.
const STEP: i32 = 1024;

/// Both files of the embedded store as they were at one moment. Holds the write-ahead logs from being
/// cut short until it is dropped.
#[derive(Debug)]
pub struct Snapshot {
    archive: Connection,
    log: Connection,
    held: Held,
}

/// Bytes that were copied, of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// So far.
    pub done: u64,
    /// Of both files together.
    pub total: u64,
}

impl Snapshot {
    /// Freezes the two files for this reader. The service writes on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take(database: &Path, log: &Path) -> Result<Self, StoreError> {
        Self::take_between(database, log, |_| {})
    }

    /// `between` is told the attempt once the archive is frozen and the log is not.
    fn take_between(
        database: &Path,
        log: &Path,
        mut between: impl FnMut(u32),
    ) -> Result<Self, StoreError> {
        let (archive, log) = (open(database)?, open(log)?);
        for attempt in 0..ATTEMPTS {
            archive.execute_batch("BEGIN")?;
            // A transaction begins with its first read.
            let cursors = cursors(&archive)?;
            between(attempt);
            log.execute_batch("BEGIN")?;
            let (forgotten, newest) = bounds(&log)?;
            if forgotten <= cursors.sealed {
                let held = held(&archive, cursors, (forgotten, newest))?;
                return Ok(Self { archive, log, held });
            }
            log.execute_batch("ROLLBACK")?;
            archive.execute_batch("ROLLBACK")?;
        }
        Err(StoreError::Unavailable(
            "the log forgets entries that are not sealed, or seals all the time".to_owned(),
        ))
    }

    /// How much it holds.
    #[must_use]
    pub const fn held(&self) -> Held {
        self.held
    }

    /// Copies both into new files, each of them whole in itself and on the disk when this returns.
    /// `progress` says whether to go on.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Closed`] when `progress` said no. What was copied stays there.
    pub fn copy(
        &self,
        database: &Path,
        log: &Path,
        progress: &mut dyn FnMut(Copied) -> bool,
    ) -> Result<(), StoreError> {
        let sizes = [bytes(&self.archive)?, bytes(&self.log)?];
        let total = sizes.iter().sum();
        let mut before = 0;
        for ((from, to), size) in [(&self.archive, database), (&self.log, log)]
            .into_iter()
            .zip(sizes)
        {
            copy(from, to, &mut |done| {
                let done = before + done;
                progress(Copied { done, total })
            })?;
            before += size;
        }
        Ok(())
    }
}

/// Neither made nor changed by us, but the shared memory of the write-ahead log may have to be written.
fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::Unavailable(format!("{}: {error}", path.display())))?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

fn cursors(archive: &Connection) -> Result<Cursors, StoreError> {
    let (folded, sealed) =
        archive.query_row("SELECT folded, sealed FROM log_cursor", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    Ok(Cursors {
        folded: Seq::new(folded),
        sealed: Seq::new(sealed),
    })
}

/// What the log has let go of, and its last entry.
fn bounds(log: &Connection) -> Result<(Seq, Seq), StoreError> {
    let newest: Option<i64> = log
        .query_row(
            "SELECT seq FROM sqlite_sequence WHERE name = 'entry'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let newest = newest.unwrap_or(0);
    let oldest: Option<i64> = log.query_row("SELECT min(seq) FROM entry", [], |row| row.get(0))?;
    Ok((
        Seq::new(oldest.map_or(newest, |oldest| oldest - 1)),
        Seq::new(newest),
    ))
}

fn held(
    archive: &Connection,
    cursors: Cursors,
    (forgotten, newest): (Seq, Seq),
) -> Result<Held, StoreError> {
    let number = |sql: &str| -> Result<i64, StoreError> {
        Ok(archive.query_row(sql, [], |row| row.get(0))?)
    };
    let count = |sql: &str| Ok::<_, StoreError>(number(sql)?.cast_unsigned());
    Ok(Held {
        cursors,
        forgotten,
        newest,
        orgs: count("SELECT count(*) FROM org")?,
        sites: count("SELECT count(*) FROM site")?,
        devices: count("SELECT count(*) FROM device")?,
        chunks: count("SELECT count(*) FROM chunk")?,
        schema: number("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")?,
    })
}

fn bytes(db: &Connection) -> Result<u64, StoreError> {
    let pages: i64 = db.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    let page: i64 = db.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    Ok(pages.saturating_mul(page).max(0).cast_unsigned())
}

/// The transaction that is open on `from` is used for every step, so nothing is begun again.
fn copy(
    from: &Connection,
    to: &Path,
    progress: &mut dyn FnMut(u64) -> bool,
) -> Result<(), StoreError> {
    let page: i64 = from.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let mut copy = Connection::open(to)?;
    // It is synced once, at the end.
    copy.pragma_update(None, "synchronous", "OFF")?;
    {
        let backup = Backup::new(from, &mut copy)?;
        loop {
            let step = backup.step(STEP)?;
            let at = backup.progress();
            let done = i64::from(at.pagecount - at.remaining) * page;
            if !progress(done.max(0).cast_unsigned()) {
                return Err(StoreError::Closed);
            }
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                _ => return Err(StoreError::Unavailable("a page is locked".to_owned())),
            }
        }
    }
    // One file, with no write-ahead log beside it.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    copy.close().map_err(|(_, error)| error)?;
    let failed =
        |error: std::io::Error| StoreError::Unavailable(format!("{}: {error}", to.display()));
    File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::sql::SqlStore;
    use crate::sqlite::SqliteHotLog;

    /// An empty store, and connections that write to it as service and worker do.
    struct Store {
        folder: TempDir,
        archive: Connection,
        log: Connection,
    }

    impl Store {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (database, log) = (
                folder.path().join("solthrive.db"),
                folder.path().join("hot.db"),
            );
            SqlStore::sqlite(&database).await.unwrap().close().await;
            drop(SqliteHotLog::open(&log).unwrap());
            let (archive, log) = (
                Connection::open(database).unwrap(),
                Connection::open(log).unwrap(),
            );
            Self {
                folder,
                archive,
                log,
            }
        }

        fn append(&self) {
            let sql = "INSERT INTO entry (received_at, blob) VALUES (0, x'00')";
            self.log.execute(sql, []).unwrap();
        }

        /// As far as the log goes; what was sealed is forgotten at once.
        fn fold_seal_and_forget(&self) {
            let (_, newest) = bounds(&self.log).unwrap();
            let sql = "UPDATE log_cursor SET folded = ?1, sealed = ?1";
            self.archive.execute(sql, [newest.get()]).unwrap();
            let sql = "DELETE FROM entry WHERE seq <= ?1";
            self.log.execute(sql, [newest.get()]).unwrap();
        }

        fn snapshot(&self, between: impl FnMut(u32)) -> Held {
            let folder = self.folder.path();
            let (database, log) = (folder.join("solthrive.db"), folder.join("hot.db"));
            Snapshot::take_between(&database, &log, between)
                .unwrap()
                .held()
        }
    }

    /// Sealed, folded, forgotten, newest.
    fn numbers(held: &Held) -> [i64; 4] {
        let Held {
            cursors,
            forgotten,
            newest,
            ..
        } = held;
        [cursors.sealed, cursors.folded, *forgotten, *newest].map(Seq::get)
    }

    #[tokio::test]
    async fn what_is_sealed_and_forgotten_between_the_two_files_is_in_one_of_them() {
        let store = Store::new().await;
        store.append();
        store.append();
        let mut attempts = 0;
        let held = store.snapshot(|attempt| {
            attempts += 1;
            if attempt == 0 {
                store.fold_seal_and_forget();
            }
        });
        assert_eq!((numbers(&held), attempts), ([2, 2, 2, 2], 2));
    }

    #[tokio::test]
    async fn no_follower_is_ahead_of_a_log_that_goes_on() {
        let store = Store::new().await;
        store.append();
        store.fold_seal_and_forget();
        let held = store.snapshot(|_| {
            store.append();
            let sql = "UPDATE log_cursor SET folded = 2";
            store.archive.execute(sql, []).unwrap();
        });
        assert_eq!(numbers(&held), [1, 1, 1, 2]);
    }

    #[tokio::test]
    async fn a_log_that_forgot_what_is_not_sealed_is_no_endless_work() {
        let store = Store::new().await;
        store.append();
        store.log.execute("DELETE FROM entry", []).unwrap();
        let folder = store.folder.path();
        let taken = Snapshot::take(&folder.join("solthrive.db"), &folder.join("hot.db"));
        assert!(taken.is_err());
    }
}
