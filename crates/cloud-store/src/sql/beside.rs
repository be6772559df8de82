//! Stores that are looked at and not brought up to date: one that belongs to a service which runs, or
//! a copy that must stay as it is.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::{CONNECTIONS, PATIENCE, Pool, SqlStore, migrations};
use crate::StoreError;
use crate::postgres::patience;

impl SqlStore {
    /// Opens the store in a file beside the service that it belongs to. SQLite lets several processes
    /// read and write; only the schema is left to the service.
    ///
    /// # Errors
    /// [`StoreError::Older`] when the service has to bring it up to date first.
    pub async fn sqlite_beside(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        Self::as_it_is(options, CONNECTIONS).await
    }

    /// Opens a copy that nobody writes, and writes nothing either.
    ///
    /// # Errors
    /// [`StoreError::Older`] when an older program made it: its content can be read once it was
    /// restored.
    pub async fn sqlite_copy(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(true);
        Self::as_it_is(options, 1).await
    }

    /// Opens whatever store is there to be asked a question, however old or new it is; a question that it cannot answer is
    /// an error.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sqlite_glance(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(PATIENCE);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .connect_with(options)
            .await?;
        Ok(Self {
            pool: Pool::Sqlite(pool),
            reader: None,
        })
    }

    /// The same of a database of PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn postgres_glance(url: &str) -> Result<Self, StoreError> {
        let options = patience::options(url)?;
        let pool = patience::pool(1).connect_with(options).await?;
        Ok(Self {
            pool: Pool::Postgres(pool),
            reader: None,
        })
    }

    async fn as_it_is(options: SqliteConnectOptions, connections: u32) -> Result<Self, StoreError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE)
            .connect_with(options)
            .await?;
        let (found,): (i64,) =
            sqlx::query_as("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
                .fetch_one(&pool)
                .await?;
        let known = migrations::sqlite().iter().map(|step| step.version).max();
        let known = known.unwrap_or(0);
        match found.cmp(&known) {
            std::cmp::Ordering::Less => Err(StoreError::Older { found, known }),
            std::cmp::Ordering::Greater => Err(StoreError::Newer { found, known }),
            std::cmp::Ordering::Equal => Ok(Self {
                pool: Pool::Sqlite(pool),
                reader: None,
            }),
        }
    }
}
