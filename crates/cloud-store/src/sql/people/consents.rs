//! What people let apps do.

use async_trait::async_trait;
use serde_json::json;
use solthrive_domain::access::{By, Scopes};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{ClientId, UserId};
use uuid::Uuid;

use super::{callers, exchanges, parse};
use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::{
    BroughtCode, Caller, ConsentLine, Consents, Exchanged, NewConsent, NewRefresh,
};
use crate::sql::audit::{Act, audit};
use crate::sql::{SqlStore, ask, instant, transaction};

/// A code that is over is kept so long, to tell one that comes again from one that never was.
const KEPT_MS: i64 = 86_400_000;

#[async_trait]
impl Consents for SqlStore {
    async fn add_consent(&self, consent: &NewConsent, now: UnixMillis) -> Result<(), StoreError> {
        add(self, consent, now).await
    }

    async fn consents(
        &self,
        user: UserId,
        now: UnixMillis,
    ) -> Result<Vec<ConsentLine>, StoreError> {
        list(self, user, now).await
    }

    async fn revoke_consent(
        &self,
        user: UserId,
        consent: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        revoke(self, user, consent, now).await
    }

    async fn redeem(
        &self,
        code: BroughtCode<'_>,
        next: NewRefresh,
        now: UnixMillis,
    ) -> Result<Exchanged, StoreError> {
        exchanges::redeem(self, code, next, now).await
    }

    async fn refresh(
        &self,
        client: ClientId,
        token: TokenHash,
        asked: Option<Scopes>,
        next: NewRefresh,
        now: UnixMillis,
    ) -> Result<Exchanged, StoreError> {
        exchanges::refresh(self, client, token, asked, next, now).await
    }

    async fn end_refresh(
        &self,
        client: ClientId,
        token: TokenHash,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        exchanges::end(self, client, token, now).await
    }

    async fn by_consent(
        &self,
        client: ClientId,
        consent: Uuid,
    ) -> Result<Option<Caller>, StoreError> {
        caller(self, client, consent).await
    }
}

pub(super) fn act(by: By, action: &'static str, details: serde_json::Value) -> Act {
    Act {
        details: Some(details),
        ..Act::by(by, action)
    }
}

async fn add(db: &SqlStore, new: &NewConsent, now: UnixMillis) -> Result<(), StoreError> {
    transaction!(db, |tx| {
        sqlx::query("DELETE FROM oauth_code WHERE expires_at < $1")
            .bind(now.get().saturating_sub(KEPT_MS))
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO oauth_consent (id, client, app_user, scopes, sites, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(new.id)
        .bind(new.client.as_uuid())
        .bind(new.user.as_uuid())
        .bind(new.scopes.to_string())
        .bind(parse::sites_text(new.sites.as_ref()))
        .bind(now.get())
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO oauth_code (hash, consent, redirect_uri, challenge, expires_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(parse::hash(new.code))
        .bind(new.id)
        .bind(&new.redirect_uri)
        .bind(new.challenge.to_vec())
        .bind(new.expires_at.get())
        .execute(&mut *tx)
        .await?;
        let details = json!({
            "consent": new.id, "client": new.client.to_string(), "scopes": new.scopes.to_string(),
        });
        audit!(tx, now, act(By::User(new.user), "consent.given", details));
    });
    Ok(())
}

async fn list(
    db: &SqlStore,
    user: UserId,
    now: UnixMillis,
) -> Result<Vec<ConsentLine>, StoreError> {
    type Row = (Uuid, Uuid, String, String, String, Option<String>, i64);
    let rows: Vec<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT given.id, client.id, client.name, org.name, given.scopes, given.sites, given.created_at
             FROM oauth_consent AS given JOIN oauth_client AS client ON client.id = given.client
             JOIN org ON org.id = client.org
             WHERE given.app_user = $1 AND given.revoked_at IS NULL AND client.revoked_at IS NULL
             AND (EXISTS (SELECT 1 FROM oauth_code WHERE consent = given.id AND used_at IS NULL AND expires_at > $2)
              OR EXISTS (SELECT 1 FROM oauth_refresh WHERE consent = given.id AND used_at IS NULL AND expires_at > $2))
             ORDER BY given.created_at DESC, given.id LIMIT 500",
        )
        .bind(user.as_uuid())
        .bind(now.get())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(id, client, name, org, scopes, sites, created_at)| {
            Ok(ConsentLine {
                id,
                client: ClientId::from_uuid(client),
                name,
                org,
                scopes: parse::scopes(&scopes)?,
                sites: parse::sites(sites.as_deref())?,
                created_at: instant(created_at)?,
            })
        })
        .collect()
}

async fn revoke(
    db: &SqlStore,
    user: UserId,
    consent: Uuid,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let revoked = sqlx::query(
            "UPDATE oauth_consent SET revoked_at = $3
             WHERE id = $1 AND app_user = $2 AND revoked_at IS NULL",
        )
        .bind(consent)
        .bind(user.as_uuid())
        .bind(now.get())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if revoked == 0 {
            return Ok(false);
        }
        let details = json!({ "consent": consent });
        audit!(tx, now, act(By::User(user), "consent.revoked", details));
    });
    Ok(true)
}

async fn caller(
    db: &SqlStore,
    client: ClientId,
    consent: Uuid,
) -> Result<Option<Caller>, StoreError> {
    let row: Option<(Uuid, String, Option<String>, Option<i64>)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT given.app_user, given.scopes, given.sites, app_user.totp_proven_at
             FROM oauth_consent AS given JOIN oauth_client AS client ON client.id = given.client
             JOIN app_user ON app_user.id = given.app_user
             WHERE given.id = $1 AND given.client = $2 AND given.revoked_at IS NULL
             AND client.revoked_at IS NULL AND app_user.deactivated_at IS NULL",
        )
        .bind(consent)
        .bind(client.as_uuid())
        .fetch_optional(pool)
        .await?
    });
    let Some((user, scopes, sites, totp)) = row else {
        return Ok(None);
    };
    let user = UserId::from_uuid(user);
    Ok(Some(Caller {
        user,
        memberships: callers::memberships(db, user).await?,
        support: Vec::new(),
        credential: consent,
        confined: Some((parse::scopes(&scopes)?, parse::sites(sites.as_deref())?)),
        factor: false,
        factor_set_up: totp.is_some(),
        expires_at: None,
    }))
}
