//! Who belongs to an org.

use serde_json::json;
use solthrive_domain::access::{By, Role};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{OrgId, UserId};
use uuid::Uuid;

use super::parse;
use super::rights::still_managed;
use crate::StoreError;
use crate::people::{Changed, MemberLine, OrgLine};
use crate::sql::audit::{Act, audit};
use crate::sql::{SqlStore, ask, instant, transaction};

pub(super) async fn org(db: &SqlStore, org: OrgId) -> Result<Option<OrgLine>, StoreError> {
    let row: Option<(String, String)> = ask!(db, |pool| {
        sqlx::query_as("SELECT kind, name FROM org WHERE id = $1")
            .bind(org.as_uuid())
            .fetch_optional(pool)
            .await?
    });
    row.map(|(kind, name)| {
        Ok(OrgLine {
            id: org,
            kind: parse::org_kind(&kind)?,
            name,
        })
    })
    .transpose()
}

pub(super) async fn list(db: &SqlStore, org: OrgId) -> Result<Vec<MemberLine>, StoreError> {
    type Row = (Uuid, String, String, String, i64, Option<i64>);
    let rows: Vec<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT app_user.id, app_user.name, app_user.email, membership.role, membership.created_at, app_user.totp_proven_at
             FROM membership JOIN app_user ON app_user.id = membership.app_user
             WHERE membership.org = $1 AND app_user.deactivated_at IS NULL ORDER BY app_user.name, app_user.id LIMIT 500",
        )
        .bind(org.as_uuid())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(user, name, email, role, since, totp)| {
            Ok(MemberLine {
                user: UserId::from_uuid(user),
                name,
                email,
                role: parse::role(&role)?,
                since: instant(since)?,
                second_factor: totp.is_some(),
            })
        })
        .collect()
}

/// Gives a member another role, or none.
pub(super) async fn change(
    db: &SqlStore,
    by: By,
    org: OrgId,
    member: UserId,
    role: Option<Role>,
    now: UnixMillis,
) -> Result<Changed, StoreError> {
    transaction!(db, |tx| {
        still_managed!(tx, by, org);
        let was: Option<(String,)> =
            sqlx::query_as("SELECT role FROM membership WHERE org = $1 AND app_user = $2")
                .bind(org.as_uuid())
                .bind(member.as_uuid())
                .fetch_optional(&mut *tx)
                .await?;
        let Some((was,)) = was else {
            return Ok(Changed::NoSuchMember);
        };
        let (others,): (i64,) = sqlx::query_as(
            "SELECT count(*) FROM membership JOIN app_user ON app_user.id = membership.app_user
             WHERE membership.org = $1 AND membership.app_user <> $2 AND membership.role = 'admin'
             AND app_user.deactivated_at IS NULL",
        )
        .bind(org.as_uuid())
        .bind(member.as_uuid())
        .fetch_one(&mut *tx)
        .await?;
        if was == Role::Admin.as_str() && role != Some(Role::Admin) && others == 0 {
            return Ok(Changed::LastAdmin);
        }
        let statement = match role {
            Some(_) => "UPDATE membership SET role = $3 WHERE org = $1 AND app_user = $2",
            None => "DELETE FROM membership WHERE org = $1 AND app_user = $2 AND role = $3",
        };
        sqlx::query(statement)
            .bind(org.as_uuid())
            .bind(member.as_uuid())
            .bind(role.map_or_else(|| was.clone(), |role| role.as_str().to_owned()))
            .execute(&mut *tx)
            .await?;
        let details =
            json!({ "user": member.to_string(), "was": was, "role": role.map(Role::as_str) });
        let action = if role.is_some() {
            "member.changed"
        } else {
            "member.removed"
        };
        audit!(tx, now, act(by, action, org, details));
    });
    Ok(Changed::Done)
}

pub(super) fn act(by: By, action: &'static str, org: OrgId, details: serde_json::Value) -> Act {
    Act {
        org: Some(org),
        details: Some(details),
        ..Act::by(by, action)
    }
}
