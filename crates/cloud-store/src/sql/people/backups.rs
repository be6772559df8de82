//! Which copies of everything there are, and until when.

use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use crate::StoreError;
use crate::people::Backup;
use crate::sql::{SqlStore, ask, instant, transaction};

pub(super) async fn began(db: &SqlStore, backup: &Backup) -> Result<(), StoreError> {
    transaction!(db, |tx| {
        sqlx::query(
            "INSERT INTO backup (id, began_at, ended_at, place, keep_until, deleted_at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (id) DO UPDATE SET began_at = excluded.began_at, ended_at = excluded.ended_at, place = excluded.place,
             keep_until = excluded.keep_until, deleted_at = excluded.deleted_at",
        )
        .bind(backup.id)
        .bind(backup.began_at.get())
        .bind(backup.ended_at.map(UnixMillis::get))
        .bind(&backup.place)
        .bind(backup.keep_until.get())
        .bind(backup.deleted_at.map(UnixMillis::get))
        .execute(&mut *tx)
        .await?;
    });
    Ok(())
}

pub(super) async fn ended(db: &SqlStore, id: Uuid, now: UnixMillis) -> Result<(), StoreError> {
    transaction!(db, |tx| {
        sqlx::query("UPDATE backup SET ended_at = $2 WHERE id = $1")
            .bind(id)
            .bind(now.get())
            .execute(&mut *tx)
            .await?;
    });
    Ok(())
}

pub(super) async fn deleted(db: &SqlStore, id: Uuid, now: UnixMillis) -> Result<bool, StoreError> {
    let gone = transaction!(db, |tx| {
        sqlx::query("UPDATE backup SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL")
            .bind(id)
            .bind(now.get())
            .execute(&mut *tx)
            .await?
            .rows_affected()
    });
    Ok(gone > 0)
}

pub(super) async fn list(db: &SqlStore) -> Result<Vec<Backup>, StoreError> {
    type Row = (Uuid, i64, Option<i64>, String, i64, Option<i64>);
    let rows: Vec<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, began_at, ended_at, place, keep_until, deleted_at FROM backup ORDER BY began_at, id",
        )
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(id, began, ended, place, keep_until, deleted)| {
            Ok(Backup {
                id,
                began_at: instant(began)?,
                ended_at: ended.map(instant).transpose()?,
                place,
                keep_until: instant(keep_until)?,
                deleted_at: deleted.map(instant).transpose()?,
            })
        })
        .collect()
}
