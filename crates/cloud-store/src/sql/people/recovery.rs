//! Passwords that were forgotten, or are changed.

use async_trait::async_trait;
use solthrive_domain::UserId;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::parse;
use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::{Addressee, EmailKey, Recovery};
use crate::sql::audit::{Act, audit};
use crate::sql::{SqlStore, ask, transaction};

const HOUR_MS: i64 = 3_600_000;
/// Letters to one person in an hour.
const MOST: i64 = 5;

#[async_trait]
impl Recovery for SqlStore {
    async fn begin_reset(
        &self,
        email: &EmailKey,
        hash: TokenHash,
        expires_at: UnixMillis,
        now: UnixMillis,
    ) -> Result<Option<Addressee>, StoreError> {
        let found = transaction!(self, |tx| {
            let found: Option<(Uuid, String, String)> = sqlx::query_as(
                "SELECT id, email, name FROM app_user WHERE email_key = $1 AND deactivated_at IS NULL",
            )
            .bind(email.as_str())
            .fetch_optional(&mut *tx)
            .await?;
            let Some(found) = found else {
                return Ok(None);
            };
            let added = sqlx::query(
                "INSERT INTO mail_link (hash, app_user, purpose, created_at, expires_at)
                 SELECT $1, $2, 'reset', $3, $4 WHERE
                 (SELECT count(*) FROM mail_link WHERE app_user = $2 AND created_at > $5) < $6",
            )
            .bind(parse::hash(hash))
            .bind(found.0)
            .bind(now.get())
            .bind(expires_at.get())
            .bind(now.get().saturating_sub(HOUR_MS))
            .bind(MOST)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if added == 0 {
                return Ok(None);
            }
            audit!(tx, now, act(found.0, "user.reset_asked", By::Service));
            found
        });
        let (user, email, name) = found;
        let user = UserId::from_uuid(user);
        Ok(Some(Addressee { user, email, name }))
    }

    async fn reset_password(
        &self,
        hash: TokenHash,
        password: &str,
        now: UnixMillis,
    ) -> Result<Option<UserId>, StoreError> {
        let user = transaction!(self, |tx| {
            let link: Option<(Uuid,)> = sqlx::query_as(
                "UPDATE mail_link SET used_at = $2 WHERE hash = $1 AND purpose = 'reset'
                 AND used_at IS NULL AND expires_at > $2 RETURNING app_user",
            )
            .bind(parse::hash(hash))
            .bind(now.get())
            .fetch_optional(&mut *tx)
            .await?;
            let Some((user,)) = link else {
                return Ok(None);
            };
            let set = sqlx::query(
                "UPDATE app_user SET password = $2, sessions_since = $3, version = version + 1,
                 email_proven_at = coalesce(email_proven_at, $3) WHERE id = $1 AND deactivated_at IS NULL",
            )
            .bind(user)
            .bind(password)
            .bind(now.get())
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if set == 0 {
                return Ok(None);
            }
            for over in [
                "UPDATE mail_link SET used_at = $2 WHERE app_user = $1 AND purpose = 'reset' AND used_at IS NULL",
                "DELETE FROM session WHERE app_user = $1 AND created_at <= $2",
            ] {
                sqlx::query(over)
                    .bind(user)
                    .bind(now.get())
                    .execute(&mut *tx)
                    .await?;
            }
            let by = By::User(UserId::from_uuid(user));
            audit!(tx, now, act(user, "user.password_reset", by));
            user
        });
        Ok(Some(UserId::from_uuid(user)))
    }

    async fn password_of(&self, user: UserId) -> Result<Option<String>, StoreError> {
        let row: Option<(Option<String>,)> = ask!(self, |pool| {
            sqlx::query_as("SELECT password FROM app_user WHERE id = $1 AND deactivated_at IS NULL")
                .bind(user.as_uuid())
                .fetch_optional(pool)
                .await?
        });
        Ok(row.and_then(|(password,)| password))
    }

    async fn change_password(
        &self,
        user: UserId,
        password: &str,
        but: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            let set = sqlx::query(
                "UPDATE app_user SET password = $2, version = version + 1 WHERE id = $1 AND deactivated_at IS NULL",
            )
            .bind(user.as_uuid())
            .bind(password)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if set == 0 {
                return Ok(false);
            }
            sqlx::query("DELETE FROM session WHERE app_user = $1 AND id <> $2")
                .bind(user.as_uuid())
                .bind(but)
                .execute(&mut *tx)
                .await?;
            let by = By::User(user);
            audit!(tx, now, act(user.as_uuid(), "user.password_changed", by));
        });
        Ok(true)
    }
}

fn act(user: Uuid, action: &'static str, by: By) -> Act {
    Act {
        details: Some(serde_json::json!({ "user": user.to_string() })),
        ..Act::by(by, action)
    }
}
