//! Grants of a site, for its owner.

use serde_json::json;
use solthrive_domain::access::{Basis, By, OwnedSite};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{GrantId, UserId};
use uuid::Uuid;

use super::homes::{GrantRow, grant_of};
use super::rights::still_owned;
use crate::StoreError;
use crate::people::{GrantLine, NewGrant};
use crate::sql::audit::{Act, audit};
use crate::sql::sees::seen;
use crate::sql::{SqlStore, instant, transaction};

pub(super) async fn list(db: &SqlStore, site: OwnedSite) -> Result<Vec<GrantLine>, StoreError> {
    type Beside = (Uuid, Option<String>, i64, Option<Uuid>);
    let grants: Vec<GrantRow> = seen!(db, site.into(), |pool| {
        sqlx::query_as(
            "SELECT id, site, grantee_org, grantee_user, scopes, basis, valid_from, valid_to, data_from, revoked_at
             FROM site_grant WHERE site = $1 ORDER BY created_at DESC, id LIMIT 500",
        )
        .bind(site.site().as_uuid())
        .fetch_all(pool)
        .await?
    });
    let beside: Vec<Beside> = seen!(db, site.into(), |pool| {
        sqlx::query_as(
            "SELECT given.id, coalesce(org.name, app_user.name), given.created_at, given.granted_by
             FROM site_grant AS given LEFT JOIN org ON org.id = given.grantee_org
             LEFT JOIN app_user ON app_user.id = given.grantee_user
             WHERE given.site = $1 ORDER BY given.created_at DESC, given.id LIMIT 500",
        )
        .bind(site.site().as_uuid())
        .fetch_all(pool)
        .await?
    });
    // One that came between the two questions is seen next time.
    let lines = grants.into_iter().filter_map(|row| {
        let (_, grantee, created_at, by) = beside.iter().find(|(id, ..)| *id == row.0)?;
        Some((row, grantee.clone(), *created_at, *by))
    });
    lines
        .map(|(row, grantee, created_at, by)| {
            Ok(GrantLine {
                grant: grant_of(row)?.1,
                grantee: grantee.unwrap_or_default(),
                created_at: instant(created_at)?,
                granted_by: by.map(UserId::from_uuid),
            })
        })
        .collect()
}

pub(super) async fn add(
    db: &SqlStore,
    by: By,
    site: OwnedSite,
    grant: &NewGrant,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let user = by.user().map(UserId::as_uuid);
    transaction!(db, |tx| {
        still_owned!(tx, by, site);
        let added = sqlx::query(
            "INSERT INTO site_grant (id, site, grantee_org, scopes, basis, granted_by, created_at, valid_from, valid_to, data_from)
             SELECT $1, $2, id, $4, $5, $6, $7, $7, $8, $9 FROM org WHERE id = $3",
        )
        .bind(grant.id.as_uuid())
        .bind(site.site().as_uuid())
        .bind(grant.org.as_uuid())
        .bind(grant.scopes.to_string())
        .bind(Basis::OwnerConsent.as_str())
        .bind(user)
        .bind(now.get())
        .bind(grant.valid_to.map(UnixMillis::get))
        .bind(grant.data_from.map(UnixMillis::get))
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if added == 0 {
            return Ok(false);
        }
        let act = Act {
            org: Some(grant.org),
            site: Some(site.site()),
            details: Some(
                json!({ "grant": grant.id.to_string(), "scopes": grant.scopes.to_string() }),
            ),
            ..Act::by(by, "grant.added")
        };
        audit!(tx, now, act);
    });
    Ok(true)
}

pub(super) async fn revoke(
    db: &SqlStore,
    by: By,
    site: OwnedSite,
    grant: GrantId,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        still_owned!(tx, by, site);
        let revoked: Option<(Option<Uuid>,)> = sqlx::query_as(
            "UPDATE site_grant SET revoked_at = $3 WHERE id = $1 AND site = $2 AND revoked_at IS NULL
             RETURNING grantee_org",
        )
        .bind(grant.as_uuid())
        .bind(site.site().as_uuid())
        .bind(now.get())
        .fetch_optional(&mut *tx)
        .await?;
        let Some((org,)) = revoked else {
            return Ok(false);
        };
        // Who binds an appliance with a code of theirs would be let in again.
        sqlx::query(
            "UPDATE installer_code SET revoked_at = $3 WHERE site = $1 AND installer_org = $2 AND revoked_at IS NULL",
        )
        .bind(site.site().as_uuid())
        .bind(org)
        .bind(now.get())
        .execute(&mut *tx)
        .await?;
        let act = Act {
            site: Some(site.site()),
            details: Some(json!({ "grant": grant.to_string() })),
            ..Act::by(by, "grant.revoked")
        };
        audit!(tx, now, act);
    });
    Ok(true)
}
