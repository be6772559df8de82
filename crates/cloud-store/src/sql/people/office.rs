//! What who runs the platform looks up, and whom he shuts out.

use async_trait::async_trait;
use serde_json::json;
use solthrive_domain::access::{Operator, Role};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId, UserId};
use uuid::Uuid;

use super::found;
use super::parse;
use crate::StoreError;
use crate::meta::AuditRow;
use crate::people::{AuditFilter, Found, FoundDevice, FoundOrg, Office, Person, ShutOut};
use crate::sql::audit::{self, Act, audit};
use crate::sql::{SqlStore, ask, transaction};

#[async_trait]
impl Office for SqlStore {
    async fn find(&self, _: &Operator, text: &str, most: u32) -> Result<Found, StoreError> {
        let wanted = found::Wanted::of(text, most);
        Ok(Found {
            sites: found::sites(self, &wanted).await?,
            devices: found::devices(self, &wanted).await?,
            people: found::people(self, &wanted).await?,
            orgs: found::orgs(self, &wanted).await?,
        })
    }

    async fn device(
        &self,
        _: &Operator,
        device: DeviceId,
    ) -> Result<Option<FoundDevice>, StoreError> {
        let wanted = found::Wanted::id(device.as_uuid());
        Ok(found::devices(self, &wanted).await?.pop())
    }

    async fn person(&self, _: &Operator, user: UserId) -> Result<Option<Person>, StoreError> {
        let wanted = found::Wanted::id(user.as_uuid());
        let Some(found) = found::people(self, &wanted).await?.pop() else {
            return Ok(None);
        };
        let orgs = orgs_of(self, user).await?;
        Ok(Some(Person { found, orgs }))
    }

    async fn shut_out(
        &self,
        by: &Operator,
        user: UserId,
        now: UnixMillis,
    ) -> Result<ShutOut, StoreError> {
        shut_out(self, by, user, now).await
    }

    async fn let_in_again(
        &self,
        by: &Operator,
        user: UserId,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            // No session of before comes back.
            let done = sqlx::query(
                "UPDATE app_user SET deactivated_at = NULL, sessions_since = $2, version = version + 1
                 WHERE id = $1 AND deactivated_at IS NOT NULL",
            )
            .bind(user.as_uuid())
            .bind(now.get())
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if done == 0 {
                return Ok(false);
            }
            audit!(tx, now, act(by, "user.reactivated", user));
        });
        Ok(true)
    }

    async fn acts(
        &self,
        _: &Operator,
        filter: &AuditFilter,
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        acts(self, filter, before, most).await
    }
}

async fn acts(
    db: &SqlStore,
    filter: &AuditFilter,
    before: Option<i64>,
    most: u32,
) -> Result<Vec<AuditRow>, StoreError> {
    let rows: Vec<audit::Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT seq, at, actor, action, org, site, device, details, prev_hash, hash FROM audit
             WHERE seq < $1 AND ($2 IS NULL OR site = $2) AND ($3 IS NULL OR device = $3) AND ($4 IS NULL OR org = $4)
             AND ($5 IS NULL OR actor = $5) AND ($6 IS NULL OR substr(action, 1, length($6)) = $6)
             ORDER BY seq DESC LIMIT $7",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(filter.site.map(SiteId::as_uuid))
        .bind(filter.device.map(DeviceId::as_uuid))
        .bind(filter.org.map(OrgId::as_uuid))
        .bind(&filter.actor)
        .bind(&filter.action)
        .bind(i64::from(most))
        .fetch_all(pool)
        .await?
    });
    rows.into_iter().map(audit::row_of).collect()
}

async fn orgs_of(db: &SqlStore, user: UserId) -> Result<Vec<(FoundOrg, Role)>, StoreError> {
    let rows: Vec<(Uuid, String, String, String)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT org.id, org.kind, org.name, membership.role FROM membership JOIN org ON org.id = membership.org
             WHERE membership.app_user = $1 ORDER BY org.name, org.id LIMIT 500",
        )
        .bind(user.as_uuid())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(id, kind, name, role)| {
            let org = FoundOrg {
                id: OrgId::from_uuid(id),
                kind: parse::org_kind(&kind)?,
                name,
            };
            Ok((org, parse::role(&role)?))
        })
        .collect()
}

async fn shut_out(
    db: &SqlStore,
    by: &Operator,
    user: UserId,
    now: UnixMillis,
) -> Result<ShutOut, StoreError> {
    transaction!(db, |tx| {
        // Every org that runs the platform is locked: of two operators who shut each other out one stays.
        sqlx::query("UPDATE org SET version = version + 1 WHERE kind = 'platform'")
            .execute(&mut *tx)
            .await?;
        let done = sqlx::query(
            "UPDATE app_user SET deactivated_at = $2, sessions_since = $2, version = version + 1
             WHERE id = $1 AND deactivated_at IS NULL",
        )
        .bind(user.as_uuid())
        .bind(now.get())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if done == 0 {
            return Ok(ShutOut::Nobody);
        }
        let (left,): (i64,) = sqlx::query_as(
            "SELECT count(*) FROM membership JOIN org ON org.id = membership.org
             JOIN app_user ON app_user.id = membership.app_user
             WHERE org.kind = 'platform' AND membership.role = 'admin' AND app_user.deactivated_at IS NULL",
        )
        .fetch_one(&mut *tx)
        .await?;
        if left == 0 {
            return Ok(ShutOut::LastOperator);
        }
        for over in [
            "UPDATE personal_token SET revoked_at = $2 WHERE app_user = $1 AND revoked_at IS NULL",
            "UPDATE oauth_consent SET revoked_at = $2 WHERE app_user = $1 AND revoked_at IS NULL",
            "UPDATE support_session SET ended_at = $2 WHERE app_user = $1 AND ended_at IS NULL AND until_at > $2",
        ] {
            sqlx::query(over)
                .bind(user.as_uuid())
                .bind(now.get())
                .execute(&mut *tx)
                .await?;
        }
        audit!(tx, now, act(by, "user.deactivated", user));
    });
    Ok(ShutOut::Done)
}

fn act(by: &Operator, action: &'static str, user: UserId) -> Act {
    Act {
        details: Some(json!({ "user": user.to_string() })),
        ..Act::by(by.by(), action)
    }
}
