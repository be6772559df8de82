//! Codes and refresh tokens, each taken once for the next.

use serde_json::json;
use solthrive_domain::access::{By, Scopes};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{ClientId, UserId};
use uuid::Uuid;

use super::consents::act;
use super::parse;
use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::{BroughtCode, Exchanged, Given, NewRefresh};
use crate::sql::audit::audit;
use crate::sql::{SqlStore, transaction};

/// The consent of an app, if app, person and consent still count.
macro_rules! counting {
    ($tx:ident, $consent:expr, $client:expr) => {{
        let row: Option<(Uuid, String)> = sqlx::query_as(
            "SELECT given.app_user, given.scopes
             FROM oauth_consent AS given JOIN oauth_client AS client ON client.id = given.client
             JOIN app_user ON app_user.id = given.app_user
             WHERE given.id = $1 AND given.client = $2 AND given.revoked_at IS NULL
             AND client.revoked_at IS NULL AND app_user.deactivated_at IS NULL",
        )
        .bind($consent)
        .bind($client.as_uuid())
        .fetch_optional(&mut *$tx)
        .await?;
        row.map(|(user, scopes)| {
            Ok::<_, StoreError>(Given {
                consent: $consent,
                user: UserId::from_uuid(user),
                scopes: parse::scopes(&scopes)?,
            })
        })
        .transpose()?
    }};
}

/// Remembers the next refresh token of a consent, and forgets those that are over.
macro_rules! remember {
    ($tx:ident, $consent:expr, $next:expr, $now:expr) => {{
        sqlx::query("DELETE FROM oauth_refresh WHERE consent = $1 AND expires_at < $2")
            .bind($consent)
            .bind($now.get())
            .execute(&mut *$tx)
            .await?;
        // A consent is one family.
        sqlx::query(
            "INSERT INTO oauth_refresh (hash, family, consent, created_at, expires_at)
             VALUES ($1, $2, $2, $3, $4)",
        )
        .bind(parse::hash($next.hash))
        .bind($consent)
        .bind($now.get())
        .bind($next.expires_at.get())
        .execute(&mut *$tx)
        .await?;
    }};
}

/// Ends a consent; how many ended.
macro_rules! end {
    ($tx:ident, $consent:expr, $client:expr, $action:literal, $now:expr) => {{
        let ended = sqlx::query(
            "UPDATE oauth_consent SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
        )
        .bind($consent)
        .bind($now.get())
        .execute(&mut *$tx)
        .await?
        .rows_affected();
        if ended > 0 {
            let details = json!({ "consent": $consent });
            audit!($tx, $now, act(By::Client($client), $action, details));
        }
        ended
    }};
}

pub(super) async fn redeem(
    db: &SqlStore,
    code: BroughtCode<'_>,
    next: NewRefresh,
    now: UnixMillis,
) -> Result<Exchanged, StoreError> {
    Ok(transaction!(db, |tx| {
        let row: Option<(Uuid, String, Vec<u8>)> = sqlx::query_as(
            "UPDATE oauth_code SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND expires_at > $2
             RETURNING consent, redirect_uri, challenge",
        )
        .bind(parse::hash(code.hash))
        .bind(now.get())
        .fetch_optional(&mut *tx)
        .await?;
        if let Some((consent, redirect_uri, challenge)) = row {
            let proven = redirect_uri == code.redirect_uri && challenge == code.challenge;
            let given = counting!(tx, consent, code.client);
            match given.filter(|_| proven) {
                Some(given) => {
                    remember!(tx, consent, next, now);
                    Exchanged::Done(given)
                }
                None => Exchanged::Refused,
            }
        } else {
            let used: Option<(Uuid,)> = sqlx::query_as(
                "SELECT consent FROM oauth_code WHERE hash = $1 AND used_at IS NOT NULL",
            )
            .bind(parse::hash(code.hash))
            .fetch_optional(&mut *tx)
            .await?;
            match used {
                Some((consent,)) => {
                    end!(tx, consent, code.client, "consent.code_reused", now);
                    Exchanged::Again
                }
                None => Exchanged::Refused,
            }
        }
    }))
}

pub(super) async fn refresh(
    db: &SqlStore,
    client: ClientId,
    token: TokenHash,
    asked: Option<Scopes>,
    next: NewRefresh,
    now: UnixMillis,
) -> Result<Exchanged, StoreError> {
    Ok(transaction!(db, |tx| {
        let row: Option<(Uuid,)> = sqlx::query_as(
            "UPDATE oauth_refresh SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND expires_at > $2
             AND consent IN (SELECT id FROM oauth_consent WHERE client = $3) RETURNING consent",
        )
        .bind(parse::hash(token))
        .bind(now.get())
        .bind(client.as_uuid())
        .fetch_optional(&mut *tx)
        .await?;
        if let Some((consent,)) = row {
            match counting!(tx, consent, client) {
                // Undone, so that the app may ask for less with the same token.
                Some(given) if asked.is_some_and(|asked| asked.and(given.scopes) != asked) => {
                    return Ok(Exchanged::TooWide);
                }
                Some(given) => {
                    remember!(tx, consent, next, now);
                    let scopes = asked.unwrap_or(given.scopes);
                    Exchanged::Done(Given { scopes, ..given })
                }
                None => Exchanged::Refused,
            }
        } else {
            let used: Option<(Uuid,)> = sqlx::query_as(
                "SELECT consent FROM oauth_refresh WHERE hash = $1 AND used_at IS NOT NULL",
            )
            .bind(parse::hash(token))
            .fetch_optional(&mut *tx)
            .await?;
            match used {
                Some((consent,)) => {
                    end!(tx, consent, client, "consent.refresh_reused", now);
                    Exchanged::Again
                }
                None => Exchanged::Refused,
            }
        }
    }))
}

pub(super) async fn end(
    db: &SqlStore,
    client: ClientId,
    token: TokenHash,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    Ok(transaction!(db, |tx| {
        let row: Option<(Uuid,)> = sqlx::query_as(
            "SELECT given.id FROM oauth_refresh AS token JOIN oauth_consent AS given ON given.id = token.consent
             WHERE token.hash = $1 AND given.client = $2",
        )
        .bind(parse::hash(token))
        .bind(client.as_uuid())
        .fetch_optional(&mut *tx)
        .await?;
        match row {
            Some((consent,)) => end!(tx, consent, client, "consent.ended", now) > 0,
            None => false,
        }
    }))
}
