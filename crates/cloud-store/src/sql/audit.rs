//! The audit log: a row in the transaction of each act, a chain of hashes over all.

use std::borrow::Cow;

use serde_json::Value;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use uuid::Uuid;

use super::{SqlStore, ask, instant};
use crate::StoreError;
use crate::meta::{AuditCheck, AuditRow};

/// Rows that are checked at a time.
const PAGE: i64 = 1_000;
/// The actor of what a device brings about.
pub(super) const DEVICE: &str = "device";

/// What was done, before it has its place in the chain.
#[derive(Debug, Default)]
pub(super) struct Act {
    pub(super) actor: Cow<'static, str>,
    pub(super) action: &'static str,
    pub(super) org: Option<OrgId>,
    pub(super) site: Option<SiteId>,
    pub(super) device: Option<DeviceId>,
    pub(super) details: Option<Value>,
}

impl Act {
    /// Something that somebody does.
    pub(super) fn by(by: By, action: &'static str) -> Self {
        Self {
            actor: Cow::Owned(by.to_string()),
            action,
            ..Self::default()
        }
    }

    pub(super) fn row(
        self,
        seq: i64,
        at: UnixMillis,
        prev_hash: Vec<u8>,
    ) -> Result<AuditRow, StoreError> {
        let mut row = AuditRow {
            seq,
            at,
            actor: self.actor.into_owned(),
            action: self.action.to_owned(),
            org: self.org,
            site: self.site,
            device: self.device,
            details: self.details.map(|details| details.to_string()),
            prev_hash: hash_of(prev_hash)?,
            hash: [0; 32],
        };
        row.hash = row.expected_hash();
        Ok(row)
    }
}

/// Writes down an [`Act`] in the transaction at hand.
macro_rules! audit {
    ($tx:ident, $now:expr, $act:expr) => {{
        let (seq, prev_hash): (i64, Vec<u8>) =
            sqlx::query_as("UPDATE audit_head SET newest = newest + 1 RETURNING newest, hash")
                .fetch_one(&mut *$tx)
                .await?;
        let act: $crate::sql::audit::Act = $act;
        let row = act.row(seq, $now, prev_hash)?;
        sqlx::query(
            "INSERT INTO audit (seq, at, actor, action, org, site, device, details, prev_hash, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(row.seq)
        .bind(row.at.get())
        .bind(&row.actor)
        .bind(&row.action)
        .bind(row.org.map(|org| org.as_uuid()))
        .bind(row.site.map(|site| site.as_uuid()))
        .bind(row.device.map(|device| device.as_uuid()))
        .bind(&row.details)
        .bind(row.prev_hash.as_slice())
        .bind(row.hash.as_slice())
        .execute(&mut *$tx)
        .await?;
        sqlx::query("UPDATE audit_head SET hash = $1")
            .bind(row.hash.as_slice())
            .execute(&mut *$tx)
            .await?;
    }};
}

pub(super) use audit;

pub(super) type Row = (
    i64,
    i64,
    String,
    String,
    Option<Uuid>,
    Option<Uuid>,
    Option<Uuid>,
    Option<String>,
    Vec<u8>,
    Vec<u8>,
);

pub(super) fn row_of(row: Row) -> Result<AuditRow, StoreError> {
    let (seq, at, actor, action, org, site, device, details, prev_hash, hash) = row;
    Ok(AuditRow {
        seq,
        at: instant(at)?,
        actor,
        action,
        org: org.map(OrgId::from_uuid),
        site: site.map(SiteId::from_uuid),
        device: device.map(DeviceId::from_uuid),
        details,
        prev_hash: hash_of(prev_hash)?,
        hash: hash_of(hash)?,
    })
}

fn hash_of(bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    bytes
        .try_into()
        .map_err(|_| StoreError::Damaged("hash of the audit log".to_owned()))
}

pub(super) async fn list(
    db: &SqlStore,
    before: Option<i64>,
    most: u32,
) -> Result<Vec<AuditRow>, StoreError> {
    let rows: Vec<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT seq, at, actor, action, org, site, device, details, prev_hash, hash
             FROM audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(most))
        .fetch_all(pool)
        .await?
    });
    rows.into_iter().map(row_of).collect()
}

/// Rows that are added meanwhile are not looked at.
pub(super) async fn check(db: &SqlStore) -> Result<AuditCheck, StoreError> {
    let (newest, end): (i64, Vec<u8>) = ask!(db, |pool| {
        sqlx::query_as("SELECT newest, hash FROM audit_head")
            .fetch_one(pool)
            .await?
    });
    let (mut seq, mut hash) = (0, [0; 32]);
    while seq < newest {
        let page = page_after(db, seq, newest).await?;
        if page.is_empty() {
            return Ok(AuditCheck::Broken { seq: seq + 1 });
        }
        for row in page {
            let expected = seq + 1;
            let fits = match row_of(row) {
                Ok(row) => {
                    let before = std::mem::replace(&mut hash, row.hash);
                    row.seq == expected
                        && row.prev_hash == before
                        && row.hash == row.expected_hash()
                }
                Err(_) => false,
            };
            if !fits {
                return Ok(AuditCheck::Broken { seq: expected });
            }
            seq = expected;
        }
    }
    Ok(if end == hash {
        AuditCheck::Whole { rows: newest, hash }
    } else {
        AuditCheck::Broken { seq: newest }
    })
}

async fn page_after(db: &SqlStore, seq: i64, newest: i64) -> Result<Vec<Row>, StoreError> {
    Ok(ask!(db, |pool| {
        sqlx::query_as(
            "SELECT seq, at, actor, action, org, site, device, details, prev_hash, hash
             FROM audit WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3",
        )
        .bind(seq)
        .bind(newest)
        .bind(PAGE)
        .fetch_all(pool)
        .await?
    }))
}
