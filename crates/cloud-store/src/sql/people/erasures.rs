//! The end of homes, from the question to the receipt.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::json;
use solthrive_domain::access::{By, OwnedSite};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{OrgId, SiteId, UserId};
use uuid::Uuid;

use super::rights::still_owned;
use super::{backups, closing, remnants};
use crate::StoreError;
use crate::hot::Seq;
use crate::people::{Backup, Closing, Erasure, Erasures, NewErasure, Passed, Remnant};
use crate::sql::audit::{Act, audit};
use crate::sql::{SqlStore, ask, instant, transaction};

type Row = (
    Uuid,
    Uuid,
    Option<Uuid>,
    i64,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    String,
    Option<String>,
);

const COLUMNS: &str = "id, site, asked_by, created_at, due_at, cancelled_at, closed_at, purged_at, log_through, done_at, deleted, receipt";

fn erasure(row: Row) -> Result<Erasure, StoreError> {
    let (id, site, by, created, due, cancelled, closed, purged, through, done, deleted, receipt) =
        row;
    let purged = match purged.zip(through) {
        Some((at, seq)) => Some((instant(at)?, Seq::new(seq))),
        None => None,
    };
    Ok(Erasure {
        id,
        site: SiteId::from_uuid(site),
        asked_by: by.map(UserId::from_uuid),
        created_at: instant(created)?,
        due_at: instant(due)?,
        cancelled_at: cancelled.map(instant).transpose()?,
        closed_at: closed.map(instant).transpose()?,
        purged,
        done_at: done.map(instant).transpose()?,
        deleted: counts(&deleted)?,
        receipt,
    })
}

/// Counts as they are stored.
pub(in crate::sql) fn counts(text: &str) -> Result<BTreeMap<String, u64>, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Damaged("counts of an erasure".to_owned()))
}

/// Adds to what was deleted so far.
macro_rules! deleted {
    ($tx:ident, $id:expr, $counts:expr) => {{
        let (before,): (String,) = sqlx::query_as("SELECT deleted FROM erasure WHERE id = $1")
            .bind($id)
            .fetch_one(&mut *$tx)
            .await?;
        let mut all = $crate::sql::people::erasures::counts(&before)?;
        for (table, rows) in $counts {
            if rows > 0 {
                *all.entry(String::from(table)).or_default() += rows;
            }
        }
        sqlx::query("UPDATE erasure SET deleted = $2 WHERE id = $1")
            .bind($id)
            .bind(serde_json::json!(all).to_string())
            .execute(&mut *$tx)
            .await?;
    }};
}

pub(in crate::sql) use deleted;

/// A line of the audit log about the end of a home.
pub(super) fn act(by: By, action: &'static str, site: SiteId, id: Uuid) -> Act {
    Act {
        site: Some(site),
        details: Some(json!({ "erasure": id.to_string() })),
        ..Act::by(by, action)
    }
}

#[async_trait]
impl Erasures for SqlStore {
    async fn ask_erasure(
        &self,
        by: By,
        site: OwnedSite,
        new: &NewErasure,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            still_owned!(tx, by, site);
            let added = sqlx::query(
                "INSERT INTO erasure (id, site, owner_org, asked_by, created_at, due_at)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            )
            .bind(new.id)
            .bind(site.site().as_uuid())
            .bind(site.owner().as_uuid())
            .bind(new.asked_by.as_uuid())
            .bind(now.get())
            .bind(new.due_at.get())
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if added == 0 {
                return Ok(false);
            }
            let act = Act {
                org: Some(site.owner()),
                ..act(by, "erasure.asked", site.site(), new.id)
            };
            audit!(tx, now, act);
        });
        Ok(true)
    }

    async fn erasure_of(&self, site: OwnedSite) -> Result<Option<Erasure>, StoreError> {
        let text =
            format!("SELECT {COLUMNS} FROM erasure WHERE site = $1 AND cancelled_at IS NULL");
        let row: Option<Row> = ask!(self, |pool| {
            sqlx::query_as(sqlx::AssertSqlSafe(text))
                .bind(site.site().as_uuid())
                .fetch_optional(pool)
                .await?
        });
        row.map(erasure).transpose()
    }

    async fn erasure(&self, id: Uuid) -> Result<Option<Erasure>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM erasure WHERE id = $1");
        let row: Option<Row> = ask!(self, |pool| {
            sqlx::query_as(sqlx::AssertSqlSafe(text))
                .bind(id)
                .fetch_optional(pool)
                .await?
        });
        row.map(erasure).transpose()
    }

    async fn cancel_erasure(
        &self,
        by: By,
        site: OwnedSite,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            still_owned!(tx, by, site);
            let ended: Option<(Uuid,)> = sqlx::query_as(
                "UPDATE erasure SET cancelled_at = $2 WHERE site = $1 AND cancelled_at IS NULL AND closed_at IS NULL
                 RETURNING id",
            )
            .bind(site.site().as_uuid())
            .bind(now.get())
            .fetch_optional(&mut *tx)
            .await?;
            let Some((id,)) = ended else {
                return Ok(false);
            };
            let act = Act {
                org: Some(site.owner()),
                ..act(by, "erasure.cancelled", site.site(), id)
            };
            audit!(tx, now, act);
        });
        Ok(true)
    }

    async fn close_due(&self, now: UnixMillis) -> Result<Option<Closing>, StoreError> {
        closing::close_due(self, now).await
    }

    async fn closed(&self) -> Result<Vec<Erasure>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM erasure WHERE closed_at IS NOT NULL AND done_at IS NULL AND cancelled_at IS NULL
             ORDER BY closed_at, id LIMIT 100"
        );
        let rows: Vec<Row> = ask!(self, |pool| {
            sqlx::query_as(sqlx::AssertSqlSafe(text))
                .fetch_all(pool)
                .await?
        });
        rows.into_iter().map(erasure).collect()
    }

    async fn search(&self, erasure: &Erasure) -> Result<Vec<Remnant>, StoreError> {
        remnants::search(self, erasure.site).await
    }

    async fn erased(
        &self,
        id: Uuid,
        receipt: &str,
        sha256: &str,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            let done: Option<(Uuid, Uuid)> = sqlx::query_as(
                "UPDATE erasure SET done_at = $2, receipt = $3 WHERE id = $1 AND done_at IS NULL AND purged_at IS NOT NULL
                 RETURNING site, owner_org",
            )
            .bind(id)
            .bind(now.get())
            .bind(receipt)
            .fetch_optional(&mut *tx)
            .await?;
            let Some((site, owner)) = done else {
                return Ok(false);
            };
            let act = Act {
                org: Some(OrgId::from_uuid(owner)),
                details: Some(json!({ "erasure": id.to_string(), "receipt_sha256": sha256 })),
                ..act(By::Service, "erasure.done", SiteId::from_uuid(site), id)
            };
            audit!(tx, now, act);
        });
        self.empty_the_write_ahead_log().await;
        Ok(true)
    }

    async fn passed(&self) -> Result<Vec<Passed>, StoreError> {
        let rows: Vec<(Uuid, Uuid, i64)> = ask!(self, |pool| {
            sqlx::query_as(
                "SELECT id, site, closed_at FROM erasure WHERE closed_at IS NOT NULL AND cancelled_at IS NULL
                 ORDER BY closed_at, id",
            )
            .fetch_all(pool)
            .await?
        });
        let passed = |(id, site, closed_at)| {
            let closed_at = instant(closed_at)?.into();
            Ok(Passed {
                id,
                site,
                closed_at,
            })
        };
        rows.into_iter().map(passed).collect()
    }

    async fn erase_again(&self, passed: &Passed, now: UnixMillis) -> Result<bool, StoreError> {
        closing::again(self, passed, now).await
    }

    async fn backup_began(&self, backup: &Backup) -> Result<(), StoreError> {
        backups::began(self, backup).await
    }

    async fn backup_ended(&self, id: Uuid, now: UnixMillis) -> Result<(), StoreError> {
        backups::ended(self, id, now).await
    }

    async fn backup_deleted(&self, id: Uuid, now: UnixMillis) -> Result<bool, StoreError> {
        backups::deleted(self, id, now).await
    }

    async fn backups(&self) -> Result<Vec<Backup>, StoreError> {
        backups::list(self).await
    }
}
