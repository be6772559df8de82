//! Homes on their way.

use async_trait::async_trait;
use serde_json::json;
use solthrive_domain::access::{By, CommissioningOrg, WritableSite};
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::rights::{lock_site, still_works_for};
use crate::StoreError;
use crate::meta::CodeLine;
use crate::people::{Commissioning, NewHome, SiteCode};
use crate::sql::audit::{Act, audit};
use crate::sql::codes::{self, CodeRow};
use crate::sql::{SqlStore, ask, transaction};

#[async_trait]
impl Commissioning for SqlStore {
    async fn begin_home(
        &self,
        by: By,
        org: CommissioningOrg,
        home: &NewHome,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        transaction!(self, |tx| {
            still_works_for!(tx, by, org);
            sqlx::query(
                "INSERT INTO site (id, owner_org, name, time_zone, size_w, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(home.id.as_uuid())
            .bind(org.org().as_uuid())
            .bind(&home.name)
            .bind(&home.time_zone)
            .bind(home.size_w.map(i64::from))
            .bind(now.get())
            .execute(&mut *tx)
            .await?;
            let act = Act {
                org: Some(org.org()),
                site: Some(home.id),
                ..Act::by(by, "site.added")
            };
            audit!(tx, now, act);
        });
        Ok(())
    }

    async fn add_site_code(
        &self,
        by: By,
        org: CommissioningOrg,
        site: WritableSite,
        code: &SiteCode,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        transaction!(self, |tx| {
            // A sale or the end of the grant comes before all of this, or after, and ends the code.
            lock_site!(tx, site.site());
            let reached: Option<(Uuid,)> = sqlx::query_as(
                "SELECT id FROM site WHERE id = $1 AND (owner_org = $2 OR EXISTS
                 (SELECT 1 FROM site_grant WHERE site = $1 AND grantee_org = $2 AND revoked_at IS NULL))",
            )
            .bind(site.site().as_uuid())
            .bind(org.org().as_uuid())
            .fetch_optional(&mut *tx)
            .await?;
            if reached.is_none() {
                return Err(StoreError::RightOver);
            }
            still_works_for!(tx, by, org);
            sqlx::query(
                "INSERT INTO installer_code (id, hash, site, installer_org, created_at, expires_at, uses_left)
                 VALUES ($1, $2, $3, $4, $5, $6, 1)",
            )
            .bind(code.id)
            .bind(code.hash.0.as_slice())
            .bind(site.site().as_uuid())
            .bind(org.org().as_uuid())
            .bind(now.get())
            .bind(code.expires_at.get())
            .execute(&mut *tx)
            .await?;
            let details =
                json!({ "code": code.id, "expires_at": code.expires_at.get(), "uses": 1 });
            let act = Act {
                org: Some(org.org()),
                site: Some(site.site()),
                details: Some(details),
                ..Act::by(by, "code.added")
            };
            audit!(tx, now, act);
        });
        Ok(())
    }

    async fn site_codes(&self, org: CommissioningOrg) -> Result<Vec<CodeLine>, StoreError> {
        let rows: Vec<CodeRow> = ask!(self, |pool| {
            sqlx::query_as(
                "SELECT id, site, installer_org, created_at, expires_at, uses_left, revoked_at
                 FROM installer_code WHERE installer_org = $1 ORDER BY created_at DESC, id LIMIT 500",
            )
            .bind(org.org().as_uuid())
            .fetch_all(pool)
            .await?
        });
        rows.into_iter().map(codes::line).collect()
    }

    async fn revoke_site_code(
        &self,
        by: By,
        org: CommissioningOrg,
        code: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            still_works_for!(tx, by, org);
            let site: Option<(Uuid,)> = sqlx::query_as(
                "UPDATE installer_code SET revoked_at = $3 WHERE id = $1 AND installer_org = $2
                 AND revoked_at IS NULL RETURNING site",
            )
            .bind(code)
            .bind(org.org().as_uuid())
            .bind(now.get())
            .fetch_optional(&mut *tx)
            .await?;
            let Some((site,)) = site else {
                return Ok(false);
            };
            let act = Act {
                org: Some(org.org()),
                site: Some(solthrive_domain::SiteId::from_uuid(site)),
                details: Some(json!({ "code": code })),
                ..Act::by(by, "code.revoked")
            };
            audit!(tx, now, act);
        });
        Ok(true)
    }
}
