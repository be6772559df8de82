//! Work on a site that takes a while.

use async_trait::async_trait;
use serde_json::json;
use solthrive_domain::access::{By, Membership, ReadableSite};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{SiteId, UserId};
use uuid::Uuid;

use super::callers;
use super::rights::lock_site;
use crate::StoreError;
use crate::people::{Job, JobKind, JobState, Jobs, NewJob};
use crate::sql::audit::{Act, audit};
use crate::sql::sees::seen;
use crate::sql::{SqlStore, ask, instant, transaction};

type Row = (
    Uuid,
    Uuid,
    Option<String>,
    Option<Uuid>,
    String,
    i64,
    String,
    Option<String>,
    Option<String>,
    i64,
    Option<i64>,
);

const COLUMNS: &str = "id, site, format, asked_by, asked, created_at, state, progress, result, changed_at, expires_at";

fn job_of(row: Row) -> Result<Job, StoreError> {
    let (id, site, format, by, asked, created, state, progress, result, changed, expires) = row;
    let damaged = || StoreError::Damaged(format!("job {id}"));
    let mut states = JobState::ALL.into_iter();
    Ok(Job {
        id,
        site: SiteId::from_uuid(site),
        format: format.ok_or_else(damaged)?,
        asked_by: UserId::from_uuid(by.ok_or_else(damaged)?),
        asked,
        created_at: instant(created)?,
        state: states
            .find(|known| known.as_str() == state)
            .ok_or_else(damaged)?,
        progress,
        result,
        changed_at: instant(changed)?,
        expires_at: expires.map(instant).transpose()?,
    })
}

/// Nothing is left of the file.
macro_rules! drop_parts {
    ($tx:ident, $job:expr) => {
        sqlx::query("DELETE FROM export_part WHERE job = $1")
            .bind($job)
            .execute(&mut *$tx)
            .await?
    };
}

#[async_trait]
impl Jobs for SqlStore {
    async fn ask(
        &self,
        by: By,
        site: ReadableSite,
        job: &NewJob,
        most: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let site = site.site();
        transaction!(self, |tx| {
            // Whoever asks at the same time comes after.
            lock_site!(tx, site);
            let (open,): (i64,) = sqlx::query_as(
                "SELECT count(*) FROM site_job WHERE site = $1 AND kind = $2 AND state IN ('waiting', 'running')",
            )
            .bind(site.as_uuid())
            .bind(job.kind.as_str())
            .fetch_one(&mut *tx)
            .await?;
            if open >= i64::from(most) {
                return Ok(false);
            }
            sqlx::query(
                "INSERT INTO site_job (id, site, kind, format, asked_by, created_at, state, asked, changed_at)
                 VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7, $6)",
            )
            .bind(job.id)
            .bind(site.as_uuid())
            .bind(job.kind.as_str())
            .bind(&job.format)
            .bind(job.asked_by.as_uuid())
            .bind(now.get())
            .bind(&job.asked)
            .execute(&mut *tx)
            .await?;
            audit!(tx, now, act(by, "export.asked", site, job.id));
        });
        Ok(true)
    }

    async fn asked_by(
        &self,
        site: ReadableSite,
        user: UserId,
        kind: JobKind,
    ) -> Result<Vec<Job>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM site_job WHERE site = $1 AND asked_by = $2 AND kind = $3
             ORDER BY created_at DESC, id LIMIT 100"
        );
        let rows: Vec<Row> = seen!(self, site.into(), |pool| {
            sqlx::query_as(sqlx::AssertSqlSafe(text))
                .bind(site.site().as_uuid())
                .bind(user.as_uuid())
                .bind(kind.as_str())
                .fetch_all(pool)
                .await?
        });
        rows.into_iter().map(job_of).collect()
    }

    async fn job(&self, id: Uuid, kind: JobKind) -> Result<Option<Job>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM site_job WHERE id = $1 AND kind = $2");
        let row: Option<Row> = ask!(self, |pool| {
            sqlx::query_as(sqlx::AssertSqlSafe(text))
                .bind(id)
                .bind(kind.as_str())
                .fetch_optional(pool)
                .await?
        });
        row.map(job_of).transpose()
    }

    async fn claim(
        &self,
        kind: JobKind,
        silent: UnixMillis,
        now: UnixMillis,
    ) -> Result<Option<Job>, StoreError> {
        // Looked for first: most of the time there is nothing, and then nothing is written.
        let found: Option<(Uuid,)> = ask!(self, |pool| {
            sqlx::query_as(
                "SELECT id FROM site_job WHERE kind = $1 AND (state = 'waiting' OR (state = 'running' AND changed_at < $2))
                 ORDER BY created_at, id LIMIT 1",
            )
            .bind(kind.as_str())
            .bind(silent.get())
            .fetch_optional(pool)
            .await?
        });
        let Some((id,)) = found else {
            return Ok(None);
        };
        // Of two nodes that found the same one the second sees, once it may, that it is gone.
        let text = format!(
            "UPDATE site_job SET state = 'running', progress = NULL, changed_at = $3
             WHERE id = $1 AND (state = 'waiting' OR (state = 'running' AND changed_at < $2)) RETURNING {COLUMNS}"
        );
        let row: Option<Row> = transaction!(self, |tx| {
            let row: Option<Row> = sqlx::query_as(sqlx::AssertSqlSafe(text))
                .bind(id)
                .bind(silent.get())
                .bind(now.get())
                .fetch_optional(&mut *tx)
                .await?;
            if row.is_some() {
                drop_parts!(tx, id);
            }
            row
        });
        row.map(job_of).transpose()
    }

    async fn go_on(
        &self,
        job: &Job,
        progress: &str,
        part: Option<(i64, &[u8])>,
        now: UnixMillis,
    ) -> Result<Option<UnixMillis>, StoreError> {
        transaction!(self, |tx| {
            let ours = sqlx::query(
                "UPDATE site_job SET progress = $3, changed_at = $4 WHERE id = $1 AND state = 'running' AND changed_at = $2",
            )
            .bind(job.id)
            .bind(job.changed_at.get())
            .bind(progress)
            .bind(now.get())
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if ours == 0 {
                return Ok(None);
            }
            if let Some((number, bytes)) = part {
                sqlx::query("INSERT INTO export_part (job, number, bytes) VALUES ($1, $2, $3)")
                    .bind(job.id)
                    .bind(number)
                    .bind(bytes)
                    .execute(&mut *tx)
                    .await?;
            }
        });
        Ok(Some(now))
    }

    async fn done(
        &self,
        job: &Job,
        result: &str,
        expires_at: UnixMillis,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            let ours = sqlx::query(
                "UPDATE site_job SET state = 'done', progress = NULL, result = $3, expires_at = $4, changed_at = $5
                 WHERE id = $1 AND state = 'running' AND changed_at = $2",
            )
            .bind(job.id)
            .bind(job.changed_at.get())
            .bind(result)
            .bind(expires_at.get())
            .bind(now.get())
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if ours == 0 {
                return Ok(false);
            }
            audit!(tx, now, act(By::Service, "export.done", job.site, job.id));
        });
        Ok(true)
    }

    async fn failed(&self, job: &Job, why: &str, now: UnixMillis) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            let ours = sqlx::query(
                "UPDATE site_job SET state = 'failed', progress = NULL, result = $3, changed_at = $4
                 WHERE id = $1 AND state = 'running' AND changed_at = $2",
            )
            .bind(job.id)
            .bind(job.changed_at.get())
            .bind(why)
            .bind(now.get())
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if ours == 0 {
                return Ok(false);
            }
            drop_parts!(tx, job.id);
            audit!(tx, now, act(By::Service, "export.failed", job.site, job.id));
        });
        Ok(true)
    }

    async fn cancel(&self, by: By, id: Uuid, now: UnixMillis) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            let site: Option<(Uuid,)> = sqlx::query_as(
                "UPDATE site_job SET state = 'cancelled', progress = NULL, result = NULL, expires_at = NULL, changed_at = $2
                 WHERE id = $1 AND state IN ('waiting', 'running', 'done') RETURNING site",
            )
            .bind(id)
            .bind(now.get())
            .fetch_optional(&mut *tx)
            .await?;
            let Some((site,)) = site else {
                return Ok(false);
            };
            drop_parts!(tx, id);
            let site = SiteId::from_uuid(site);
            audit!(tx, now, act(by, "export.cancelled", site, id));
        });
        Ok(true)
    }

    async fn part(&self, id: Uuid, number: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let row: Option<(Vec<u8>,)> = ask!(self, |pool| {
            sqlx::query_as("SELECT bytes FROM export_part WHERE job = $1 AND number = $2")
                .bind(id)
                .bind(number)
                .fetch_optional(pool)
                .await?
        });
        Ok(row.map(|(bytes,)| bytes))
    }

    async fn handed_out(&self, by: By, job: &Job, now: UnixMillis) -> Result<(), StoreError> {
        transaction!(self, |tx| {
            audit!(tx, now, act(by, "export.handed_out", job.site, job.id));
        });
        Ok(())
    }

    async fn expire(&self, now: UnixMillis) -> Result<u64, StoreError> {
        let over: Vec<(Uuid,)> = ask!(self, |pool| {
            sqlx::query_as("SELECT id FROM site_job WHERE expires_at <= $1")
                .bind(now.get())
                .fetch_all(pool)
                .await?
        });
        let mut expired = 0;
        for (id,) in over {
            expired += transaction!(self, |tx| {
                drop_parts!(tx, id);
                sqlx::query(
                    "UPDATE site_job SET state = 'cancelled', expires_at = NULL WHERE id = $1 AND expires_at <= $2",
                )
                .bind(id)
                .bind(now.get())
                .execute(&mut *tx)
                .await?
                .rows_affected()
            });
        }
        Ok(expired)
    }

    async fn still(&self, user: UserId) -> Result<Option<Vec<Membership>>, StoreError> {
        let known: Option<(Uuid,)> = ask!(self, |pool| {
            sqlx::query_as("SELECT id FROM app_user WHERE id = $1 AND deactivated_at IS NULL")
                .bind(user.as_uuid())
                .fetch_optional(pool)
                .await?
        });
        match known {
            Some(_) => callers::memberships(self, user).await.map(Some),
            None => Ok(None),
        }
    }
}

fn act(by: By, action: &'static str, site: SiteId, job: Uuid) -> Act {
    Act {
        site: Some(site),
        details: Some(json!({ "job": job })),
        ..Act::by(by, action)
    }
}
