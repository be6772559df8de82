//! People themselves.

use serde_json::json;
use solthrive_domain::UserId;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::callers;
use crate::StoreError;
use crate::people::{Added, EmailKey, NewUser, SignIn, User};
use crate::sql::audit::{Act, audit};
use crate::sql::{SqlStore, ask, next_revision, transaction};

/// Inserts a person with this address; how many rows that were: none where somebody has it.
macro_rules! insert_person {
    ($tx:ident, $user:expr, $email:expr, $key:expr, $proven_at:expr, $now:expr) => {
        sqlx::query(
            "INSERT INTO app_user (id, email, email_key, name, locale, password, created_at, sessions_since, email_proven_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8) ON CONFLICT (email_key) DO NOTHING",
        )
        .bind($user.id.as_uuid())
        .bind($email)
        .bind($key)
        .bind(&$user.name)
        .bind(&$user.locale)
        .bind(&$user.password)
        .bind($now.get())
        .bind($proven_at)
        .execute(&mut *$tx)
        .await?
        .rows_affected()
    };
}
pub(super) use insert_person;

pub(super) async fn add(
    db: &SqlStore,
    by: By,
    user: &NewUser,
    now: UnixMillis,
) -> Result<Added, StoreError> {
    transaction!(db, |tx| {
        let added = insert_person!(
            tx,
            user,
            &user.email,
            user.key.as_str(),
            user.proven.then(|| now.get()),
            now
        );
        if added == 0 {
            return Ok(Added::Taken);
        }
        for (org, role) in &user.member_of {
            let joined = sqlx::query(
                "INSERT INTO membership (org, app_user, role, created_at) SELECT id, $2, $3, $4 FROM org WHERE id = $1",
            )
            .bind(org.as_uuid())
            .bind(user.id.as_uuid())
            .bind(role.as_str())
            .bind(now.get())
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if joined == 0 {
                return Ok(Added::NoSuchOrg);
            }
        }
        audit!(tx, now, act_of(by, user));
    });
    Ok(Added::Done)
}

pub(super) async fn add_first(
    db: &SqlStore,
    user: &NewUser,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        // Whoever tries at the same time waits here.
        let _ = next_revision!(tx);
        let added = sqlx::query(
            "INSERT INTO org (id, kind, name, created_at) SELECT $1, 'platform', 'Platform', $2
             WHERE NOT EXISTS (SELECT 1 FROM org WHERE kind = 'platform')",
        )
        .bind(user.id.as_uuid())
        .bind(now.get())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        let (somebody,): (i64,) = sqlx::query_as("SELECT count(*) FROM app_user")
            .fetch_one(&mut *tx)
            .await?;
        if somebody > 0 {
            return Ok(false);
        }
        insert_person!(
            tx,
            user,
            &user.email,
            user.key.as_str(),
            Some(now.get()),
            now
        );
        sqlx::query(
            "INSERT INTO membership (org, app_user, role, created_at) SELECT id, $1, 'admin', $2 FROM org
             WHERE kind = 'platform' ORDER BY created_at, id LIMIT 1",
        )
        .bind(user.id.as_uuid())
        .bind(now.get())
        .execute(&mut *tx)
        .await?;
        let act = Act {
            details: Some(json!({ "user": user.id.to_string(), "org_made": added > 0 })),
            ..Act::by(By::User(user.id), "platform.set_up")
        };
        audit!(tx, now, act);
    });
    Ok(true)
}

/// Without what is personal: the audit log is never deleted.
fn act_of(by: By, user: &NewUser) -> Act {
    let orgs = user.member_of.iter();
    let orgs: Vec<_> = orgs
        .map(|(org, role)| json!({ "org": org.to_string(), "role": role.as_str() }))
        .collect();
    Act {
        org: user.member_of.first().map(|(org, _)| *org),
        details: Some(json!({ "user": user.id.to_string(), "member_of": orgs })),
        ..Act::by(by, "user.added")
    }
}

pub(super) async fn is_empty(db: &SqlStore) -> Result<bool, StoreError> {
    let any: Option<(i64,)> = ask!(db, |pool| {
        sqlx::query_as("SELECT CAST(1 AS BIGINT) FROM app_user LIMIT 1")
            .fetch_optional(pool)
            .await?
    });
    Ok(any.is_none())
}

pub(super) async fn one(db: &SqlStore, user: UserId) -> Result<Option<User>, StoreError> {
    type Row = (String, String, String, Option<i64>, i64);
    let row: Option<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT email, name, locale, totp_proven_at, version FROM app_user
             WHERE id = $1 AND deactivated_at IS NULL",
        )
        .bind(user.as_uuid())
        .fetch_optional(pool)
        .await?
    });
    Ok(row.map(|(email, name, locale, totp, version)| User {
        id: user,
        email,
        name,
        locale,
        second_factor: totp.is_some(),
        version,
    }))
}

pub(super) async fn sign_in(db: &SqlStore, email: &EmailKey) -> Result<Option<SignIn>, StoreError> {
    type Row = (
        Uuid,
        Option<String>,
        Option<Vec<u8>>,
        Option<i64>,
        Option<i64>,
    );
    let row: Option<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, password, CASE WHEN totp_proven_at IS NOT NULL THEN totp END, totp_step, deactivated_at
             FROM app_user WHERE email_key = $1",
        )
        .bind(email.as_str())
        .fetch_optional(pool)
        .await?
    });
    let Some((id, password, totp, totp_step, deactivated)) = row else {
        return Ok(None);
    };
    let user = UserId::from_uuid(id);
    Ok(Some(SignIn {
        user,
        password,
        totp,
        totp_step,
        deactivated: deactivated.is_some(),
        memberships: callers::memberships(db, user).await?,
    }))
}
