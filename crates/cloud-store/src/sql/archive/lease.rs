//! Jobs that one process at a time does.

use solthrive_domain::telemetry::UnixMillis;
use sqlx::types::Uuid;

use crate::StoreError;
use crate::archive::Lease;
use crate::sql::{SqlStore, instant, transaction};

type LeaseRow = (String, Uuid, i64, Option<i64>);

pub(super) async fn lease(
    db: &SqlStore,
    job: &str,
    holder: Uuid,
    now: UnixMillis,
    until: UnixMillis,
) -> Result<Option<Lease>, StoreError> {
    let row: Option<LeaseRow> = transaction!(db, |tx| {
        sqlx::query_as(
            "INSERT INTO lease (job, holder, held_until) VALUES ($1, $2, $4)
             ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
             WHERE lease.holder IS NULL OR lease.holder = excluded.holder OR lease.held_until <= $3
             RETURNING job, holder, held_until, done_at",
        )
        .bind(job)
        .bind(holder)
        .bind(now.get())
        .bind(until.get())
        .fetch_optional(&mut *tx)
        .await?
    });
    let lease = |(job, holder, until, done_at): LeaseRow| {
        Ok(Lease {
            job,
            holder,
            until: instant(until)?,
            done_at: done_at.map(instant).transpose()?,
        })
    };
    row.map(lease).transpose()
}

pub(super) async fn release(
    db: &SqlStore,
    job: &str,
    holder: Uuid,
    done_at: Option<UnixMillis>,
) -> Result<(), StoreError> {
    transaction!(db, |tx| {
        sqlx::query(
            "UPDATE lease SET holder = NULL, done_at = coalesce($3, done_at) WHERE job = $1 AND holder = $2",
        )
        .bind(job)
        .bind(holder)
        .bind(done_at.map(UnixMillis::get))
        .execute(&mut *tx)
        .await?;
    });
    Ok(())
}
