//! Second factors.

use serde_json::json;
use solthrive_domain::UserId;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::parse;
use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::{Factor, Proof};
use crate::sql::audit::{Act, audit};
use crate::sql::{SqlStore, ask, transaction};

/// Lets a session of the person go all the way.
macro_rules! pass {
    ($tx:ident, $user:ident, $session:ident, $now:ident) => {
        sqlx::query("UPDATE session SET factor_at = $3 WHERE id = $1 AND app_user = $2")
            .bind($session)
            .bind($user.as_uuid())
            .bind($now.get())
            .execute(&mut *$tx)
            .await?
            .rows_affected()
    };
}

pub(super) async fn one(db: &SqlStore, user: UserId) -> Result<Option<Factor>, StoreError> {
    type Row = (Option<Vec<u8>>, Option<i64>, Option<i64>);
    let row: Option<Row> = ask!(db, |pool| {
        sqlx::query_as("SELECT totp, totp_proven_at, totp_step FROM app_user WHERE id = $1")
            .bind(user.as_uuid())
            .fetch_optional(pool)
            .await?
    });
    Ok(row.and_then(|(sealed, proven, step)| {
        Some(Factor {
            sealed: sealed?,
            proven: proven.is_some(),
            step,
        })
    }))
}

pub(super) async fn begin(db: &SqlStore, user: UserId, sealed: &[u8]) -> Result<bool, StoreError> {
    let begun = ask!(db, |pool| {
        sqlx::query(
            "UPDATE app_user SET totp = $2, totp_step = NULL WHERE id = $1 AND totp_proven_at IS NULL",
        )
        .bind(user.as_uuid())
        .bind(sealed)
        .execute(pool)
        .await?
        .rows_affected()
    });
    Ok(begun > 0)
}

pub(super) async fn prove(
    db: &SqlStore,
    user: UserId,
    session: Uuid,
    step: i64,
    recovery: &[TokenHash],
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let proven = sqlx::query(
            "UPDATE app_user SET totp_proven_at = $2, totp_step = $3, version = version + 1
             WHERE id = $1 AND totp IS NOT NULL AND totp_proven_at IS NULL",
        )
        .bind(user.as_uuid())
        .bind(now.get())
        .bind(step)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if proven == 0 || pass!(tx, user, session, now) == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM recovery_code WHERE app_user = $1")
            .bind(user.as_uuid())
            .execute(&mut *tx)
            .await?;
        for hash in recovery {
            sqlx::query("INSERT INTO recovery_code (app_user, hash) VALUES ($1, $2)")
                .bind(user.as_uuid())
                .bind(parse::hash(*hash))
                .execute(&mut *tx)
                .await?;
        }
        audit!(tx, now, Act::by(By::User(user), "factor.set_up"));
    });
    Ok(true)
}

pub(super) async fn pass(
    db: &SqlStore,
    user: UserId,
    session: Uuid,
    proof: &Proof,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let taken = match proof {
            Proof::Code(step) => sqlx::query(
                "UPDATE app_user SET totp_step = $2
                 WHERE id = $1 AND totp_proven_at IS NOT NULL AND (totp_step IS NULL OR totp_step < $2)",
            )
            .bind(user.as_uuid())
            .bind(*step)
            .execute(&mut *tx)
            .await?
            .rows_affected(),
            Proof::Recovery(hash) => sqlx::query(
                "UPDATE recovery_code SET used_at = $3 WHERE app_user = $1 AND hash = $2 AND used_at IS NULL",
            )
            .bind(user.as_uuid())
            .bind(parse::hash(*hash))
            .bind(now.get())
            .execute(&mut *tx)
            .await?
            .rows_affected(),
        };
        if taken == 0 || pass!(tx, user, session, now) == 0 {
            return Ok(false);
        }
        if matches!(proof, Proof::Recovery(_)) {
            let act = Act {
                details: Some(json!({ "with": "recovery code" })),
                ..Act::by(By::User(user), "factor.passed")
            };
            audit!(tx, now, act);
        }
    });
    Ok(true)
}
