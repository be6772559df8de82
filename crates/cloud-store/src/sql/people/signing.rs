//! Keys that access tokens are signed with.

use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use crate::StoreError;
use crate::people::SigningKey;
use crate::sql::{SqlStore, ask, instant, transaction};

type Row = (Uuid, Vec<u8>, Vec<u8>, i64);

fn key((id, public, sealed, retires_at): Row) -> Result<SigningKey, StoreError> {
    Ok(SigningKey {
        id,
        public,
        sealed,
        retires_at: instant(retires_at)?,
    })
}

pub(super) async fn list(db: &SqlStore, after: UnixMillis) -> Result<Vec<SigningKey>, StoreError> {
    let rows: Vec<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, public_key, sealed, retires_at FROM signing_key WHERE retires_at > $1
             ORDER BY retires_at DESC, id LIMIT 500",
        )
        .bind(after.get())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter().map(key).collect()
}

pub(super) async fn one(db: &SqlStore, id: Uuid) -> Result<Option<SigningKey>, StoreError> {
    let row: Option<Row> = ask!(db, |pool| {
        sqlx::query_as("SELECT id, public_key, sealed, retires_at FROM signing_key WHERE id = $1")
            .bind(id)
            .fetch_optional(pool)
            .await?
    });
    row.map(key).transpose()
}

pub(super) async fn add(
    db: &SqlStore,
    key: &SigningKey,
    forget: UnixMillis,
    now: UnixMillis,
) -> Result<(), StoreError> {
    transaction!(db, |tx| {
        sqlx::query("DELETE FROM signing_key WHERE retires_at < $1")
            .bind(forget.get())
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO signing_key (id, public_key, sealed, created_at, retires_at)
             SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE retires_at > $4)",
        )
        .bind(key.id)
        .bind(&key.public)
        .bind(&key.sealed)
        .bind(now.get())
        .bind(key.retires_at.get())
        .execute(&mut *tx)
        .await?;
    });
    Ok(())
}
