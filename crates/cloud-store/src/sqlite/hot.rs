//! The hot log as a file of SQLite with a thread of its own.
//!
//! `synchronous=FULL`: a commit returns when the write-ahead log is on the disk. The thread is the
//! only one that touches the file, so nobody waits for a lock.

use std::path::Path;
use std::thread::{self, JoinHandle};

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use solthrive_domain::telemetry::UnixMillis;
use tokio::sync::{mpsc, oneshot};

use crate::StoreError;
use crate::hot::{Appended, Entry, HotLog, Seq};

/// `PRAGMA user_version` of the file.
const SCHEMA: i64 = 1;
/// Pages of the write-ahead log after which it is copied into the file: 16 MB, so that a busy minute
/// is not copied many times over.
const CHECKPOINT_PAGES: i64 = 4_000;
/// Commands that may wait; more callers wait to hand theirs over.
const QUEUE: usize = 64;

/// The hot log in one file.
#[derive(Debug)]
pub struct SqliteHotLog {
    /// `None` once it is being dropped.
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

enum Command {
    Append {
        last: Seq,
        received_at: UnixMillis,
        blob: Vec<u8>,
        answer: oneshot::Sender<Result<Appended, StoreError>>,
    },
    After {
        seq: Seq,
        bytes: usize,
        answer: oneshot::Sender<Result<Vec<Entry>, StoreError>>,
    },
    Newest {
        answer: oneshot::Sender<Result<Seq, StoreError>>,
    },
    Forget {
        through: Seq,
        answer: oneshot::Sender<Result<(), StoreError>>,
    },
}

impl SqliteHotLog {
    /// Opens the log, or begins one.
    ///
    /// # Errors
    /// [`StoreError`]; a damaged file is named and left as it is.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::start(LogFile::open(path)?)
    }

    /// Opens a copy of a log to read it. Nothing is written, and appends are refused.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_copy(path: &Path) -> Result<Self, StoreError> {
        Self::start(LogFile::open_copy(path)?)
    }

    fn start(file: LogFile) -> Result<Self, StoreError> {
        let (commands, inbox) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("hot-log".to_owned())
            .spawn(move || serve(file, inbox))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self {
            commands: Some(commands),
            thread: Some(thread),
        })
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Command,
    ) -> Result<T, StoreError> {
        let (answer, heard) = oneshot::channel();
        let commands = self.commands.as_ref().ok_or(StoreError::Closed)?;
        let handed_over = commands.send(command(answer)).await;
        handed_over.map_err(|_| StoreError::Closed)?;
        heard.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for SqliteHotLog {
    /// Waits for what was handed over: it is written before the file is closed.
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[async_trait]
impl HotLog for SqliteHotLog {
    async fn append(
        &self,
        last: Seq,
        received_at: UnixMillis,
        blob: Vec<u8>,
    ) -> Result<Appended, StoreError> {
        self.ask(|answer| Command::Append {
            last,
            received_at,
            blob,
            answer,
        })
        .await
    }

    async fn after(&self, seq: Seq, bytes: usize) -> Result<Vec<Entry>, StoreError> {
        self.ask(|answer| Command::After { seq, bytes, answer })
            .await
    }

    async fn newest(&self) -> Result<Seq, StoreError> {
        self.ask(|answer| Command::Newest { answer }).await
    }

    async fn forget_through(&self, seq: Seq) -> Result<(), StoreError> {
        let through = seq;
        self.ask(|answer| Command::Forget { through, answer }).await
    }
}

fn serve(mut file: LogFile, mut inbox: mpsc::Receiver<Command>) {
    while let Some(command) = inbox.blocking_recv() {
        // Whoever asked may be gone; the work was done all the same.
        match command {
            Command::Append {
                last,
                received_at,
                blob,
                answer,
            } => {
                let _ = answer.send(file.append(last, received_at, &blob));
            }
            Command::After { seq, bytes, answer } => {
                let _ = answer.send(file.after(seq, bytes));
            }
            Command::Newest { answer } => {
                let _ = answer.send(Ok(file.newest));
            }
            Command::Forget { through, answer } => {
                let _ = answer.send(file.forget_through(through));
            }
        }
    }
}

struct LogFile {
    db: Connection,
    newest: Seq,
}

impl LogFile {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        db.pragma_update(None, "journal_size_limit", 64 << 20)?;
        let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match found {
            0 => db.execute_batch(&format!(
                "BEGIN;
                 CREATE TABLE entry (
                     seq INTEGER PRIMARY KEY AUTOINCREMENT,
                     received_at INTEGER NOT NULL,
                     blob BLOB NOT NULL
                 ) STRICT;
                 PRAGMA user_version = {SCHEMA};
                 COMMIT;"
            ))?,
            SCHEMA => {}
            found => {
                return Err(StoreError::Newer {
                    found,
                    known: SCHEMA,
                });
            }
        }
        Self::of(db)
    }

    fn open_copy(path: &Path) -> Result<Self, StoreError> {
        let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match found {
            SCHEMA => Self::of(db),
            found => Err(StoreError::Newer {
                found,
                known: SCHEMA,
            }),
        }
    }

    fn of(db: Connection) -> Result<Self, StoreError> {
        // The sequence outlives the entries, so a number is never used twice.
        let newest: Option<i64> = db
            .query_row(
                "SELECT seq FROM sqlite_sequence WHERE name = 'entry'",
                [],
                |row| row.get(0),
            )
            .optional()?;
        Ok(Self {
            newest: Seq::new(newest.unwrap_or(0)),
            db,
        })
    }

    fn append(
        &mut self,
        last: Seq,
        received_at: UnixMillis,
        blob: &[u8],
    ) -> Result<Appended, StoreError> {
        if last < self.newest {
            return self.after(last, usize::MAX).map(Appended::Behind);
        }
        let mut insert = self
            .db
            .prepare_cached("INSERT INTO entry (received_at, blob) VALUES (?1, ?2)")?;
        let number = insert.insert(params![received_at.get(), blob])?;
        self.newest = Seq::new(number);
        Ok(Appended::At(self.newest))
    }

    fn after(&self, seq: Seq, bytes: usize) -> Result<Vec<Entry>, StoreError> {
        let mut select = self.db.prepare_cached(
            "SELECT seq, received_at, blob FROM entry WHERE seq > ?1 ORDER BY seq",
        )?;
        let mut rows = select.query([seq.get()])?;
        let (mut entries, mut size) = (Vec::new(), 0usize);
        while size < bytes {
            let Some(row) = rows.next()? else { break };
            let received_at: i64 = row.get(1)?;
            let entry = Entry {
                seq: Seq::new(row.get(0)?),
                received_at: UnixMillis::try_from(received_at)
                    .map_err(|error| StoreError::Damaged(error.to_string()))?,
                blob: row.get(2)?,
            };
            size = size.saturating_add(entry.blob.len());
            entries.push(entry);
        }
        Ok(entries)
    }

    fn forget_through(&mut self, through: Seq) -> Result<(), StoreError> {
        self.db
            .execute("DELETE FROM entry WHERE seq <= ?1", [through.get()])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_takes_nothing_and_is_got_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = LogFile::open(&folder.path().join("hot.db")).unwrap();
        let at = UnixMillis::try_from(1).unwrap();
        let first = file.append(Seq::START, at, &[1; 100]).unwrap();
        assert_eq!(first, Appended::At(Seq::new(1)));
        let room = |file: &LogFile, pages: i64| {
            let set = format!("PRAGMA max_page_count = {pages}");
            file.db.query_row(&set, [], |_| Ok(())).unwrap();
        };
        room(&file, 8);
        let large = vec![7; 100_000];
        for _ in 0..2 {
            let error = file.append(Seq::new(1), at, &large).unwrap_err();
            assert!(matches!(error, StoreError::Full(_)), "{error}");
        }
        assert_eq!(file.after(Seq::START, usize::MAX).unwrap().len(), 1);
        room(&file, 1_000);
        let second = file.append(Seq::new(1), at, &large).unwrap();
        assert_eq!(second, Appended::At(Seq::new(2)));
    }
}
