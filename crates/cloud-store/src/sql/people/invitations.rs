//! Who is asked to join an org.

use serde_json::json;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{OrgId, UserId};
use uuid::Uuid;

use super::members::act;
use super::parse;
use super::rights::still_managed;
use super::users::insert_person;
use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::{Accepted, Accepting, InvitationLine, Invited, NewInvitation, OrgLine};
use crate::sql::audit::audit;
use crate::sql::{SqlStore, ask, instant, transaction};

pub(super) async fn add(
    db: &SqlStore,
    by: By,
    org: OrgId,
    new: &NewInvitation,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let user = by.user().map(UserId::as_uuid);
    transaction!(db, |tx| {
        still_managed!(tx, by, org);
        // The letter that came last counts.
        sqlx::query(
            "UPDATE invitation SET revoked_at = $3 WHERE org = $1 AND email_key = $2
             AND accepted_at IS NULL AND revoked_at IS NULL",
        )
        .bind(org.as_uuid())
        .bind(new.key.as_str())
        .bind(now.get())
        .execute(&mut *tx)
        .await?;
        let added = sqlx::query(
            "INSERT INTO invitation (id, hash, org, email, email_key, role, invited_by, created_at, expires_at)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE NOT EXISTS
             (SELECT 1 FROM membership JOIN app_user ON app_user.id = membership.app_user
              WHERE membership.org = $3 AND app_user.email_key = $5)",
        )
        .bind(new.id)
        .bind(parse::hash(new.hash))
        .bind(org.as_uuid())
        .bind(&new.email)
        .bind(new.key.as_str())
        .bind(new.role.as_str())
        .bind(user)
        .bind(now.get())
        .bind(new.expires_at.get())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if added == 0 {
            return Ok(false);
        }
        let details = json!({ "invitation": new.id.to_string(), "role": new.role.as_str() });
        audit!(tx, now, act(by, "invitation.sent", org, details));
    });
    Ok(true)
}

pub(super) async fn list(
    db: &SqlStore,
    org: OrgId,
    now: UnixMillis,
) -> Result<Vec<InvitationLine>, StoreError> {
    let rows: Vec<(Uuid, String, String, i64, i64)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, email, role, created_at, expires_at FROM invitation
             WHERE org = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2
             ORDER BY created_at DESC, id LIMIT 500",
        )
        .bind(org.as_uuid())
        .bind(now.get())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(id, email, role, created_at, expires_at)| {
            Ok(InvitationLine {
                id,
                email,
                role: parse::role(&role)?,
                created_at: instant(created_at)?,
                expires_at: instant(expires_at)?,
            })
        })
        .collect()
}

pub(super) async fn revoke(
    db: &SqlStore,
    by: By,
    org: OrgId,
    invitation: Uuid,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        still_managed!(tx, by, org);
        let revoked = sqlx::query(
            "UPDATE invitation SET revoked_at = $3 WHERE id = $1 AND org = $2
             AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $3",
        )
        .bind(invitation)
        .bind(org.as_uuid())
        .bind(now.get())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if revoked == 0 {
            return Ok(false);
        }
        let details = json!({ "invitation": invitation.to_string() });
        audit!(tx, now, act(by, "invitation.revoked", org, details));
    });
    Ok(true)
}

pub(super) async fn one(
    db: &SqlStore,
    hash: TokenHash,
    now: UnixMillis,
) -> Result<Option<Invited>, StoreError> {
    type Row = (Uuid, String, String, String, String, i64);
    let row: Option<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT org.id, org.kind, org.name, invitation.role, invitation.email,
             (SELECT count(*) FROM app_user WHERE app_user.email_key = invitation.email_key)
             FROM invitation JOIN org ON org.id = invitation.org
             WHERE invitation.hash = $1 AND invitation.accepted_at IS NULL AND invitation.revoked_at IS NULL
             AND invitation.expires_at > $2",
        )
        .bind(parse::hash(hash))
        .bind(now.get())
        .fetch_optional(pool)
        .await?
    });
    row.map(|(org, kind, name, role, email, known)| {
        let org = OrgLine {
            id: OrgId::from_uuid(org),
            kind: parse::org_kind(&kind)?,
            name,
        };
        Ok(Invited {
            org,
            role: parse::role(&role)?,
            email,
            known: known > 0,
        })
    })
    .transpose()
}

pub(super) async fn accept(
    db: &SqlStore,
    hash: TokenHash,
    who: &Accepting<'_>,
    now: UnixMillis,
) -> Result<Accepted, StoreError> {
    let user = match who {
        Accepting::Known(user) => *user,
        Accepting::New(new) => new.id,
    };
    let org = transaction!(db, |tx| {
        let row: Option<(Uuid, Uuid, String, String, String)> = sqlx::query_as(
            "UPDATE invitation SET accepted_at = $2 WHERE hash = $1 AND accepted_at IS NULL
             AND revoked_at IS NULL AND expires_at > $2 RETURNING id, org, email, email_key, role",
        )
        .bind(parse::hash(hash))
        .bind(now.get())
        .fetch_optional(&mut *tx)
        .await?;
        let Some((id, org, email, key, role)) = row else {
            return Ok(Accepted::Gone);
        };
        if let Accepting::New(new) = who {
            let added = insert_person!(tx, new, &email, &key, Some(now.get()), now);
            if added == 0 {
                return Ok(Accepted::Known);
            }
        }
        let joined = sqlx::query(
            "INSERT INTO membership (org, app_user, role, created_at)
             SELECT $1, id, $4, $5 FROM app_user WHERE id = $2 AND email_key = $3 AND deactivated_at IS NULL
             ON CONFLICT (org, app_user) DO NOTHING",
        )
        .bind(org)
        .bind(user.as_uuid())
        .bind(&key)
        .bind(&role)
        .bind(now.get())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if joined == 0 {
            return Ok(Accepted::NotTheirs);
        }
        sqlx::query("UPDATE invitation SET accepted_by = $2 WHERE id = $1")
            .bind(id)
            .bind(user.as_uuid())
            .execute(&mut *tx)
            .await?;
        let org = OrgId::from_uuid(org);
        let details =
            json!({ "invitation": id.to_string(), "user": user.to_string(), "role": role });
        audit!(
            tx,
            now,
            act(By::User(user), "invitation.accepted", org, details)
        );
        org
    });
    Ok(Accepted::Done(org, user))
}
