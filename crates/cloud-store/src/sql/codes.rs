//! Codes for installers.

use serde_json::json;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{OrgId, SiteId};
use uuid::Uuid;

use super::audit::{Act, audit};
use super::{SqlStore, ask, instant, transaction};
use crate::StoreError;
use crate::meta::{CodeLine, NewCode};

pub(super) async fn add(
    db: &SqlStore,
    by: By,
    code: &NewCode,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let done = sqlx::query(
            "INSERT INTO installer_code (id, hash, site, installer_org, created_at, expires_at, uses_left)
             SELECT $1, $2, site.id, org.id, $5, $6, $7 FROM site, org WHERE site.id = $3 AND org.id = $4
             AND site.erased_at IS NULL",
        )
        .bind(code.id)
        .bind(code.hash.0.as_slice())
        .bind(code.site.as_uuid())
        .bind(code.installer.as_uuid())
        .bind(now.get())
        .bind(code.expires_at.get())
        .bind(i64::from(code.uses))
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if done == 0 {
            return Ok(false);
        }
        let (expires_at, uses) = (code.expires_at.get(), code.uses);
        let act = Act {
            org: Some(code.installer),
            site: Some(code.site),
            details: Some(json!({ "code": code.id, "expires_at": expires_at, "uses": uses })),
            ..Act::by(by, "code.added")
        };
        audit!(tx, now, act);
    });
    Ok(true)
}

pub(super) type CodeRow = (Uuid, Uuid, Uuid, i64, i64, i64, Option<i64>);

pub(super) async fn list(db: &SqlStore) -> Result<Vec<CodeLine>, StoreError> {
    let rows: Vec<CodeRow> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, site, installer_org, created_at, expires_at, uses_left, revoked_at
             FROM installer_code ORDER BY created_at DESC, id",
        )
        .fetch_all(pool)
        .await?
    });
    rows.into_iter().map(line).collect()
}

pub(super) fn line(row: CodeRow) -> Result<CodeLine, StoreError> {
    let (id, site, installer, created_at, expires_at, uses_left, revoked_at) = row;
    Ok(CodeLine {
        id,
        site: SiteId::from_uuid(site),
        installer: OrgId::from_uuid(installer),
        created_at: instant(created_at)?,
        expires_at: instant(expires_at)?,
        uses_left: uses(uses_left)?,
        revoked_at: revoked_at.map(instant).transpose()?,
    })
}

pub(super) fn uses(count: i64) -> Result<u32, StoreError> {
    u32::try_from(count).map_err(|_| StoreError::Damaged("uses of a code".to_owned()))
}

pub(super) async fn revoke(
    db: &SqlStore,
    by: By,
    code: Uuid,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let what: Option<(Uuid, Uuid)> = sqlx::query_as(
            "UPDATE installer_code SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1
             RETURNING site, installer_org",
        )
        .bind(code)
        .bind(now.get())
        .fetch_optional(&mut *tx)
        .await?;
        let Some((site, installer)) = what else {
            return Ok(false);
        };
        let act = Act {
            org: Some(OrgId::from_uuid(installer)),
            site: Some(SiteId::from_uuid(site)),
            details: Some(json!({ "code": code })),
            ..Act::by(by, "code.revoked")
        };
        audit!(tx, now, act);
    });
    Ok(true)
}
