//! Tokens for people's own scripts.

use serde_json::json;
use solthrive_domain::UserId;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::{callers, parse};
use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::{Caller, NewToken, TokenLine};
use crate::sql::audit::{Act, audit};
use crate::sql::{SqlStore, ask, instant, transaction};

/// A token's last use is noted once an hour: nobody needs it closer.
const NOTE_MS: i64 = 3_600_000;

pub(super) async fn add(
    db: &SqlStore,
    token: &NewToken,
    now: UnixMillis,
) -> Result<(), StoreError> {
    transaction!(db, |tx| {
        sqlx::query(
            "INSERT INTO personal_token (id, hash, app_user, name, scopes, sites, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(token.id)
        .bind(parse::hash(token.hash))
        .bind(token.user.as_uuid())
        .bind(&token.name)
        .bind(token.scopes.to_string())
        .bind(parse::sites_text(token.sites.as_ref()))
        .bind(now.get())
        .bind(token.expires_at.map(UnixMillis::get))
        .execute(&mut *tx)
        .await?;
        let details = json!({ "token": token.id, "scopes": token.scopes.to_string() });
        audit!(tx, now, act("token.added", token.user, details));
    });
    Ok(())
}

fn act(action: &'static str, user: UserId, details: serde_json::Value) -> Act {
    Act {
        details: Some(details),
        ..Act::by(By::User(user), action)
    }
}

pub(super) async fn caller(
    db: &SqlStore,
    hash: TokenHash,
    now: UnixMillis,
) -> Result<Option<Caller>, StoreError> {
    type Row = (
        Uuid,
        Uuid,
        String,
        Option<String>,
        Option<i64>,
        Option<i64>,
        Option<i64>,
    );
    let row: Option<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT token.id, token.app_user, token.scopes, token.sites, token.expires_at, token.used_at, app_user.totp_proven_at
             FROM personal_token AS token JOIN app_user ON app_user.id = token.app_user
             WHERE token.hash = $1 AND token.revoked_at IS NULL AND app_user.deactivated_at IS NULL
             AND (token.expires_at IS NULL OR token.expires_at > $2)",
        )
        .bind(parse::hash(hash))
        .bind(now.get())
        .fetch_optional(pool)
        .await?
    });
    let Some((id, user, scopes, sites, expires_at, used_at, totp)) = row else {
        return Ok(None);
    };
    if used_at.is_none_or(|used_at| now.get().saturating_sub(used_at) >= NOTE_MS) {
        ask!(db, |pool| {
            sqlx::query("UPDATE personal_token SET used_at = $2 WHERE id = $1")
                .bind(id)
                .bind(now.get())
                .execute(pool)
                .await?
                .rows_affected()
        });
    }
    let user = UserId::from_uuid(user);
    Ok(Some(Caller {
        user,
        memberships: callers::memberships(db, user).await?,
        support: Vec::new(),
        credential: id,
        confined: Some((parse::scopes(&scopes)?, parse::sites(sites.as_deref())?)),
        factor: false,
        factor_set_up: totp.is_some(),
        expires_at: expires_at.map(instant).transpose()?,
    }))
}

pub(super) async fn list(
    db: &SqlStore,
    user: UserId,
    now: UnixMillis,
) -> Result<Vec<TokenLine>, StoreError> {
    type Row = (
        Uuid,
        String,
        String,
        Option<String>,
        i64,
        Option<i64>,
        Option<i64>,
    );
    let rows: Vec<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, name, scopes, sites, created_at, expires_at, used_at FROM personal_token
             WHERE app_user = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
             ORDER BY created_at DESC, id LIMIT 500",
        )
        .bind(user.as_uuid())
        .bind(now.get())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(
            |(id, name, scopes, sites, created_at, expires_at, used_at)| {
                Ok(TokenLine {
                    id,
                    name,
                    scopes: parse::scopes(&scopes)?,
                    sites: parse::sites(sites.as_deref())?,
                    created_at: instant(created_at)?,
                    expires_at: expires_at.map(instant).transpose()?,
                    used_at: used_at.map(instant).transpose()?,
                })
            },
        )
        .collect()
}

pub(super) async fn revoke(
    db: &SqlStore,
    user: UserId,
    token: Uuid,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let revoked = sqlx::query(
            "UPDATE personal_token SET revoked_at = $3
             WHERE id = $1 AND app_user = $2 AND revoked_at IS NULL",
        )
        .bind(token)
        .bind(user.as_uuid())
        .bind(now.get())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if revoked == 0 {
            return Ok(false);
        }
        audit!(
            tx,
            now,
            act("token.revoked", user, json!({ "token": token }))
        );
    });
    Ok(true)
}
