//! Registry and archive in SQL, on SQLite and on PostgreSQL.
//!
//! One text serves both: placeholders are `$1`, ids are uuids, instants and counts are 64-bit
//! integers. A conformance suite runs every statement on both.

mod archive;
mod assignments;
mod audit;
mod beside;
mod codes;
mod devices;
pub(crate) mod migrations;
mod orgs;
mod people;
mod register;
mod rotation;
mod sees;
mod sites;
mod tokens;
mod trouble;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use solthrive_domain::access::{Operator, ReadableSite};
use solthrive_domain::registration::Decision;
use solthrive_domain::rotation::Asking;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, PgPool, SqlitePool};
use uuid::Uuid;

use crate::StoreError;
use crate::meta::{
    Asked, Assignment, AuditCheck, AuditRow, CodeLine, Credential, DeviceLine, NewCode, NewDevice,
    Notice, Org, Provisioned, Registry, RotationLine, Site, SiteConfig, TokenHash, TokenLine,
};
use crate::postgres::patience;
use crate::sqlite::Reader;

/// How long a statement may wait for the database before the caller is told to come again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections of one process. The registry is asked rarely: what every call needs is kept in memory.
const CONNECTIONS: u32 = 8;

/// Bytes of a page of SQLite. A chunk of 11 kB ends in a page of its own: with 2 kB that wastes 7 %,
/// with the usual 4 kB 11 %; 1 kB wastes 5 % and takes half as long again to write and to read.
const PAGE: u32 = 2_048;
/// Pages that the write-ahead log gathers before they go to their places: 8 MB, a few checkpoints' worth.
const GATHERED: &str = "4000";

/// Registry and archive in a database.
#[derive(Debug, Clone)]
pub struct SqlStore {
    pool: Pool,
    /// Of the embedded store, for what reads many rows.
    reader: Option<Arc<Reader>>,
}

#[derive(Debug, Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same statements in one transaction of whichever database it is. A `?` in the body rolls back.
macro_rules! transaction {
    ($registry:expr, |$tx:ident| $body:block) => {
        match &$registry.pool {
            $crate::sql::Pool::Sqlite(pool) => {
                let mut $tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                let done = $body;
                $tx.commit().await?;
                done
            }
            $crate::sql::Pool::Postgres(pool) => {
                let mut $tx = pool.begin().await?;
                let done = $body;
                $tx.commit().await?;
                done
            }
        }
    };
}

/// The same for what deletes a home: SQLite overwrites what it deletes then, where it would only mark it as free.
/// (PostgreSQL has no such thing; it uses what `VACUUM` finds free again.) Connections keep to it afterwards, which is harmless.
macro_rules! wiping {
    ($registry:expr, |$tx:ident| $body:block) => {
        match &$registry.pool {
            $crate::sql::Pool::Sqlite(pool) => {
                let mut connection = pool.acquire().await?;
                sqlx::query("PRAGMA secure_delete = ON")
                    .execute(&mut *connection)
                    .await?;
                let mut $tx =
                    sqlx::Connection::begin_with(&mut *connection, "BEGIN IMMEDIATE").await?;
                let done = $body;
                $tx.commit().await?;
                done
            }
            $crate::sql::Pool::Postgres(pool) => {
                let mut $tx = pool.begin().await?;
                let done = $body;
                $tx.commit().await?;
                done
            }
        }
    };
}

/// Runs one reading statement on whichever database it is.
macro_rules! ask {
    ($registry:expr, |$pool:ident| $body:expr) => {
        match &$registry.pool {
            $crate::sql::Pool::Sqlite($pool) => $body,
            $crate::sql::Pool::Postgres($pool) => $body,
        }
    };
}

/// Takes the next revision. Its row is locked until the transaction ends, so writers come one after
/// the other and revisions are seen in their order.
macro_rules! next_revision {
    ($tx:ident) => {{
        let (revision,): (i64,) =
            sqlx::query_as("UPDATE revision SET newest = newest + 1 RETURNING newest")
                .fetch_one(&mut *$tx)
                .await?;
        revision
    }};
}

use {ask, next_revision, transaction, wiping};

impl SqlStore {
    /// Opens the store in a file, or begins one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sqlite(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .page_size(PAGE)
            .pragma("wal_autocheckpoint", GATHERED)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            // A full disk makes SQLite end the transaction by itself; sqlx then believes for ever that
            // the connection is still in it. Such a connection is replaced.
            .before_acquire(|connection, _| {
                Box::pin(async move { Ok(!connection.is_in_transaction()) })
            })
            .connect_with(options)
            .await?;
        migrations::sqlite()
            .run(&pool)
            .await
            .map_err(migrations::trouble)?;
        Ok(Self {
            pool: Pool::Sqlite(pool),
            reader: Some(Arc::new(Reader::new(path, PATIENCE))),
        })
    }

    /// Opens the store in a database of PostgreSQL 15 or newer, or begins one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn postgres(url: &str) -> Result<Self, StoreError> {
        let pool = patience::pool(CONNECTIONS)
            .connect_with(patience::options(url)?)
            .await?;
        migrations::postgres()
            .run(&pool)
            .await
            .map_err(migrations::trouble)?;
        Ok(Self {
            pool: Pool::Postgres(pool),
            reader: None,
        })
    }

    /// Whether the database holds other people's rows back when something is read for somebody: `None` where it cannot,
    /// false where the user it is reached by is one that no policy holds back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn second_wall(&self) -> Result<Option<bool>, StoreError> {
        let Pool::Postgres(pool) = &self.pool else {
            return Ok(None);
        };
        let (holds,): (bool,) = sqlx::query_as(
            "SELECT NOT (rolsuper OR rolbypassrls) FROM pg_roles WHERE rolname = current_user",
        )
        .fetch_one(pool)
        .await?;
        Ok(Some(holds))
    }

    /// What was overwritten in SQLite's file was so in its write-ahead log at first. It is emptied if nobody reads at this
    /// moment, else when it is used next.
    async fn empty_the_write_ahead_log(&self) {
        if let Pool::Sqlite(pool) = &self.pool {
            let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(pool);
            let _or_later = emptied.await;
        }
    }

    /// Closes every connection.
    pub async fn close(&self) {
        if let Some(reader) = &self.reader {
            reader.close();
        }
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

fn instant(ms: i64) -> Result<UnixMillis, StoreError> {
    UnixMillis::try_from(ms).map_err(|error| StoreError::Damaged(error.to_string()))
}

#[async_trait]
impl Registry for SqlStore {
    async fn add_org(&self, by: &Operator, org: &Org, now: UnixMillis) -> Result<(), StoreError> {
        orgs::add(self, by.by(), org, now).await
    }

    async fn orgs(&self, _: &Operator) -> Result<Vec<Org>, StoreError> {
        orgs::list(self).await
    }

    async fn add_site(
        &self,
        by: &Operator,
        site: &Site,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        sites::add(self, by.by(), site, now).await
    }

    async fn site(&self, site: ReadableSite) -> Result<Option<Site>, StoreError> {
        sites::one(self, site).await
    }

    async fn update_site(
        &self,
        by: &Operator,
        site: &Site,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        sites::update(self, by.by(), site, now).await
    }

    async fn site_configs(&self, site: ReadableSite) -> Result<Vec<SiteConfig>, StoreError> {
        sites::configs(self, site).await
    }

    async fn sites(&self, _: &Operator) -> Result<Vec<Site>, StoreError> {
        sites::list(self).await
    }

    async fn keep_raw(
        &self,
        by: &Operator,
        site: SiteId,
        days: Option<NonZeroU32>,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        sites::keep_raw(self, by.by(), site, days, now).await
    }

    async fn raw_days(&self, _: &Operator, site: SiteId) -> Result<Option<NonZeroU32>, StoreError> {
        sites::raw_days(self, site).await
    }

    async fn add_code(
        &self,
        by: &Operator,
        code: &NewCode,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        codes::add(self, by.by(), code, now).await
    }

    async fn codes(&self, _: &Operator) -> Result<Vec<CodeLine>, StoreError> {
        codes::list(self).await
    }

    async fn revoke_code(
        &self,
        by: &Operator,
        code: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        codes::revoke(self, by.by(), code, now).await
    }

    async fn provision(
        &self,
        by: &Operator,
        devices: &[NewDevice],
        now: UnixMillis,
    ) -> Result<Vec<Provisioned>, StoreError> {
        devices::provision(self, by.by(), devices, now).await
    }

    async fn devices(&self, _: &Operator) -> Result<Vec<DeviceLine>, StoreError> {
        devices::list(self).await
    }

    async fn register(
        &self,
        asked: &Asked<'_>,
        ids: [Uuid; 2],
        now: UnixMillis,
    ) -> Result<Decision, StoreError> {
        register::register(self, asked, ids, now).await
    }

    async fn notices(&self, _: &Operator, org: OrgId) -> Result<Vec<Notice>, StoreError> {
        orgs::notices(self, org).await
    }

    async fn deactivate(
        &self,
        by: &Operator,
        device: DeviceId,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        devices::deactivate(self, by.by(), device, now).await
    }

    async fn add_token(
        &self,
        by: &Operator,
        device: DeviceId,
        token: TokenHash,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        tokens::add(self, by.by(), device, token, now).await
    }

    async fn revoke_token(
        &self,
        by: &Operator,
        token: TokenHash,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        tokens::revoke(self, by.by(), token, now).await
    }

    async fn retire_older_tokens(
        &self,
        by: &Operator,
        device: DeviceId,
        keep: TokenHash,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        tokens::retire_older(self, by.by(), device, keep, now).await
    }

    async fn ask_rotation(
        &self,
        by: &Operator,
        devices: &[DeviceId],
        now: UnixMillis,
    ) -> Result<Vec<Option<Asking>>, StoreError> {
        rotation::ask(self, by.by(), devices, now).await
    }

    async fn prepare_token(
        &self,
        device: DeviceId,
        number: i64,
        tokens: [TokenHash; 2],
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        rotation::prepare(self, device, number, tokens, now).await
    }

    async fn complete_rotation(
        &self,
        device: DeviceId,
        next: TokenHash,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        rotation::complete(self, device, next, now).await
    }

    async fn device_tokens(&self, _: &Operator) -> Result<Vec<TokenLine>, StoreError> {
        tokens::list(self).await
    }

    async fn rotations(&self, _: &Operator) -> Result<Vec<RotationLine>, StoreError> {
        rotation::list(self).await
    }

    async fn replace(
        &self,
        by: &Operator,
        old: DeviceId,
        new: DeviceId,
        now: UnixMillis,
    ) -> Result<Option<SiteId>, StoreError> {
        assignments::replace(self, by.by(), old, new, now).await
    }

    async fn credentials(&self, revision: i64) -> Result<Vec<Credential>, StoreError> {
        devices::credentials(self, revision).await
    }

    async fn assignments(&self, revision: i64) -> Result<Vec<Assignment>, StoreError> {
        assignments::changed_after(self, revision).await
    }

    async fn audit(
        &self,
        _: &Operator,
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        audit::list(self, before, most).await
    }

    async fn audit_check(&self, _: &Operator) -> Result<AuditCheck, StoreError> {
        audit::check(self).await
    }
}
