//! A PostgreSQL database as `pg_dump` and `pg_restore` find it.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use super::Held;
use crate::StoreError;
use crate::archive::Cursors;
use crate::hot::Seq;

/// What is told of the tables that a snapshot holds.
type Row = (i64, i64, i64, i64, i64, i64, i64, i64, i64);

/// A snapshot that other sessions may read, until this is dropped: registry, archive and log are one
/// database, so one snapshot makes them fit.
#[derive(Debug)]
pub struct Exported {
    /// Its transaction is open.
    session: PgConnection,
    /// For `pg_dump --snapshot`.
    pub id: String,
    /// How much it holds.
    pub held: Held,
}

impl Exported {
    /// Opens one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take(url: &str) -> Result<Self, StoreError> {
        let mut session = PgConnectOptions::from_str(url)?.connect().await?;
        sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .execute(&mut session)
            .await?;
        let (id,): (String,) = sqlx::query_as("SELECT pg_export_snapshot()")
            .fetch_one(&mut session)
            .await?;
        let row: Row = sqlx::query_as(
            "SELECT folded, sealed, newest, forgotten,
                 (SELECT count(*) FROM org), (SELECT count(*) FROM site),
                 (SELECT count(*) FROM device), (SELECT count(*) FROM chunk),
                 (SELECT coalesce(max(version), 0) FROM _sqlx_migrations)
             FROM log_cursor, hot_head",
        )
        .fetch_one(&mut session)
        .await?;
        Ok(Self {
            session,
            id,
            held: held(row),
        })
    }

    /// Lets the snapshot go.
    ///
    /// # Errors
    /// [`StoreError`], when the session had ended before: what was exported is not to be trusted then.
    pub async fn close(mut self) -> Result<(), StoreError> {
        sqlx::query("COMMIT").execute(&mut self.session).await?;
        self.session.close().await?;
        Ok(())
    }
}

fn held(row: Row) -> Held {
    let (folded, sealed, newest, forgotten, orgs, sites, devices, chunks, schema) = row;
    Held {
        cursors: Cursors {
            folded: Seq::new(folded),
            sealed: Seq::new(sealed),
        },
        forgotten: Seq::new(forgotten),
        newest: Seq::new(newest),
        orgs: orgs.cast_unsigned(),
        sites: sites.cast_unsigned(),
        devices: devices.cast_unsigned(),
        chunks: chunks.cast_unsigned(),
        schema,
    }
}

/// A database that something is to be restored into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Tables, views and sequences in it that are neither PostgreSQL's nor an extension's own.
    pub relations: u64,
    /// Other sessions that use it now.
    pub sessions: u64,
    /// Where its tables are.
    pub schema: String,
}

impl Target {
    /// What begins the names of schemas that were set aside by a restore; they are nobody's any more.
    pub const ASIDE: &str = "before_restore_";

    /// Looks at it, and changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn look(url: &str) -> Result<Self, StoreError> {
        let mut session = PgConnectOptions::from_str(url)?.connect().await?;
        let (relations, sessions, schema): (i64, i64, Option<String>) = sqlx::query_as(
            "SELECT
                 (SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                  WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
                  AND NOT starts_with(nspname, 'pg_') AND nspname <> 'information_schema'
                  AND NOT starts_with(nspname, $1)
                  AND NOT EXISTS (
                      SELECT 1 FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e'
                  )),
                 (SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()
                  AND backend_type = 'client backend'),
                 current_schema()",
        )
        .bind(Self::ASIDE)
        .fetch_one(&mut session)
        .await?;
        session.close().await?;
        Ok(Self {
            relations: relations.cast_unsigned(),
            sessions: sessions.cast_unsigned(),
            schema: schema.unwrap_or_else(|| "public".to_owned()),
        })
    }
}
