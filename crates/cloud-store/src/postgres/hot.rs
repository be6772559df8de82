//! The hot log in PostgreSQL, where several nodes append to one.
//!
//! An append is one statement, so one round trip: a function (see the migration) takes the next
//! number under a row lock, compares, inserts. Entries lie in a table for each day of receipt, made
//! ahead by [`HotLog::prepare`] and dropped as a whole once all of it is forgotten.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use solthrive_domain::telemetry::UnixMillis;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection, PgPool};
use tokio::sync::Mutex;

use super::patience;
use crate::StoreError;
use crate::hot::{Appended, Entry, HotLog, Seq};
use crate::sql::migrations;

/// How long anything may take before the caller is told to come again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections for reading and for jobs; the appends of a node have one of their own.
const CONNECTIONS: u32 = 3;
/// Days whose tables are made ahead, beside today's.
const DAYS_AHEAD: i64 = 3;
/// Entries that are read at a time.
const PAGE: i64 = 256;
const DAY_MS: i64 = 86_400_000;

/// The hot log in a database.
#[derive(Debug)]
pub struct PostgresHotLog {
    options: PgConnectOptions,
    pool: PgPool,
    /// `None` before the first append and after one that failed: the next one connects anew.
    writer: Mutex<Option<PgConnection>>,
    /// The day of the last [`HotLog::prepare`]; tables of days before it may be dropped.
    today: AtomicI64,
}

impl PostgresHotLog {
    /// Opens the log in a database of PostgreSQL 15 or newer, or begins one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options = patience::options(url)?;
        let pool = patience::pool(CONNECTIONS)
            .connect_with(options.clone())
            .await?;
        migrations::postgres()
            .run(&pool)
            .await
            .map_err(migrations::trouble)?;
        Ok(Self {
            options,
            pool,
            writer: Mutex::new(None),
            today: AtomicI64::new(i64::MIN),
        })
    }

    /// The number of a new entry; `None` when others came before it.
    ///
    /// The connection is taken out and put back only when all went well: after an error, or when the
    /// caller goes away in between, nobody knows what it would answer to the next question.
    async fn try_append(
        &self,
        last: Seq,
        received_at: UnixMillis,
        blob: &[u8],
    ) -> Result<Option<i64>, StoreError> {
        let mut writer = self.writer.lock().await;
        let mut connection = match writer.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        let (number,): (Option<i64>,) = sqlx::query_as("SELECT hot_append($1, $2, $3)")
            .bind(last.get())
            .bind(received_at.get())
            .bind(blob)
            .fetch_one(&mut connection)
            .await?;
        *writer = Some(connection);
        Ok(number)
    }

    /// Up to [`PAGE`] entries, as many as have `bytes` bytes but at least one.
    async fn page(&self, seq: Seq, bytes: usize) -> Result<Vec<Entry>, StoreError> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        // The sizes are known without reading the blobs.
        let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT seq, received_at, blob FROM (
                 SELECT *, sum(octet_length(blob)) OVER (ORDER BY seq) - octet_length(blob) AS before
                 FROM (
                     SELECT seq, received_at, blob FROM hot_entry
                     WHERE seq > greatest($1, (SELECT forgotten FROM hot_head))
                     ORDER BY seq LIMIT $3
                 ) AS next
             ) AS sized
             WHERE before < $2 ORDER BY seq",
        )
        .bind(seq.get())
        .bind(bytes)
        .bind(PAGE)
        .fetch_all(&self.pool)
        .await?;
        let entry = |(seq, received_at, blob)| {
            let received_at = UnixMillis::try_from(received_at)
                .map_err(|error| StoreError::Damaged(format!("entry {seq}: {error}")))?;
            Ok(Entry {
                seq: Seq::new(seq),
                received_at,
                blob,
            })
        };
        rows.into_iter().map(entry).collect()
    }
}

#[async_trait]
impl HotLog for PostgresHotLog {
    async fn append(
        &self,
        last: Seq,
        received_at: UnixMillis,
        blob: Vec<u8>,
    ) -> Result<Appended, StoreError> {
        match in_time(self.try_append(last, received_at, &blob)).await? {
            Some(number) => Ok(Appended::At(Seq::new(number))),
            None => self.after(last, usize::MAX).await.map(Appended::Behind),
        }
    }

    async fn after(&self, seq: Seq, bytes: usize) -> Result<Vec<Entry>, StoreError> {
        let (mut entries, mut size) = (Vec::<Entry>::new(), 0usize);
        while size < bytes {
            let last = entries.last().map_or(seq, |entry| entry.seq);
            let page = in_time(self.page(last, bytes - size)).await?;
            if page.is_empty() {
                break;
            }
            let read: usize = page.iter().map(|entry| entry.blob.len()).sum();
            size = size.saturating_add(read);
            entries.extend(page);
        }
        Ok(entries)
    }

    async fn newest(&self) -> Result<Seq, StoreError> {
        let asked = async {
            let (newest,): (i64,) = sqlx::query_as("SELECT newest FROM hot_head")
                .fetch_one(&self.pool)
                .await?;
            Ok(Seq::new(newest))
        };
        in_time(asked).await
    }

    async fn forget_through(&self, seq: Seq) -> Result<(), StoreError> {
        in_time(async {
            sqlx::query("UPDATE hot_head SET forgotten = $1 WHERE forgotten < $1")
                .bind(seq.get())
                .execute(&self.pool)
                .await?;
            sqlx::query("DELETE FROM hot_entry_other WHERE seq <= $1")
                .bind(seq.get())
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await?;
        let today = self.today.load(Ordering::Relaxed);
        loop {
            // Each in a transaction of its own, so that appends wait for one table at most.
            let dropped = in_time(async {
                let (dropped,): (bool,) = sqlx::query_as("SELECT hot_drop_day($1)")
                    .bind(today)
                    .fetch_one(&self.pool)
                    .await?;
                Ok(dropped)
            });
            if today == i64::MIN || !dropped.await? {
                return Ok(());
            }
        }
    }

    async fn prepare(&self, now: UnixMillis) -> Result<(), StoreError> {
        let today = now.get().div_euclid(DAY_MS);
        self.today.store(today, Ordering::Relaxed);
        in_time(async {
            // What is missing still goes to the default table, and is tried again next time.
            sqlx::query("SELECT hot_prepare($1, $2)")
                .bind(today)
                .bind(DAYS_AHEAD)
                .execute(&self.pool)
                .await?;
            Ok(())
        })
        .await
    }
}

/// A database that does not answer is one that cannot be reached.
async fn in_time<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let answered = tokio::time::timeout(PATIENCE, asked).await;
    answered.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer in time".to_owned())))
}
