//! Browsers that are signed in.

use solthrive_domain::UserId;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::{callers, parse};
use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::{Caller, NewSession, SessionLine};
use crate::sql::{SqlStore, ask, instant, transaction};

/// A session's last use is noted once a minute: a page that polls must not write with each call.
const NOTE_MS: i64 = 60_000;

/// Begins a session in the transaction at hand, unless its person is shut out; whether it did.
macro_rules! begin_session {
    ($tx:ident, $session:expr, $now:expr) => {
        sqlx::query(
            "INSERT INTO session (hash, id, app_user, created_at, seen_at, expires_at, factor_at, agent)
             SELECT $1, $2, id, $4, $4, $5, $6, $7 FROM app_user WHERE id = $3 AND deactivated_at IS NULL",
        )
        .bind($crate::sql::people::parse::hash($session.hash))
        .bind($session.id)
        .bind($session.user.as_uuid())
        .bind($now.get())
        .bind($session.expires_at.get())
        .bind($session.factor.then(|| $now.get()))
        .bind(&$session.agent)
        .execute(&mut *$tx)
        .await?
        .rows_affected()
            > 0
    };
}

pub(super) use begin_session;

pub(super) async fn begin(
    db: &SqlStore,
    session: &NewSession,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        sqlx::query("DELETE FROM session WHERE expires_at <= $1")
            .bind(now.get())
            .execute(&mut *tx)
            .await?;
        if !begin_session!(tx, session, now) {
            return Ok(false);
        }
    });
    Ok(true)
}

pub(super) async fn caller(
    db: &SqlStore,
    hash: TokenHash,
    idle_ms: i64,
    now: UnixMillis,
) -> Result<Option<Caller>, StoreError> {
    type Row = (Uuid, Uuid, i64, i64, Option<i64>, Option<i64>);
    let row: Option<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT session.id, app_user.id, session.seen_at, session.expires_at, session.factor_at, app_user.totp_proven_at
             FROM session JOIN app_user ON app_user.id = session.app_user
             WHERE session.hash = $1 AND session.expires_at > $2 AND session.seen_at > $3
             AND session.created_at >= app_user.sessions_since AND app_user.deactivated_at IS NULL",
        )
        .bind(parse::hash(hash))
        .bind(now.get())
        .bind(now.get().saturating_sub(idle_ms))
        .fetch_optional(pool)
        .await?
    });
    let Some((id, user, seen_at, expires_at, factor_at, totp)) = row else {
        return Ok(None);
    };
    if now.get().saturating_sub(seen_at) >= NOTE_MS {
        ask!(db, |pool| {
            sqlx::query("UPDATE session SET seen_at = $2 WHERE hash = $1 AND seen_at < $2")
                .bind(parse::hash(hash))
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
        support: callers::support(db, user, now).await?,
        credential: id,
        confined: None,
        factor: factor_at.is_some(),
        factor_set_up: totp.is_some(),
        expires_at: Some(instant(expires_at)?),
    }))
}

pub(super) async fn end(db: &SqlStore, user: UserId, session: Uuid) -> Result<bool, StoreError> {
    let ended = ask!(db, |pool| {
        sqlx::query("DELETE FROM session WHERE app_user = $1 AND id = $2")
            .bind(user.as_uuid())
            .bind(session)
            .execute(pool)
            .await?
            .rows_affected()
    });
    Ok(ended > 0)
}

pub(super) async fn end_all(
    db: &SqlStore,
    user: UserId,
    but: Option<Uuid>,
) -> Result<u64, StoreError> {
    let ended = ask!(db, |pool| {
        sqlx::query("DELETE FROM session WHERE app_user = $1 AND ($2 IS NULL OR id <> $2)")
            .bind(user.as_uuid())
            .bind(but)
            .execute(pool)
            .await?
            .rows_affected()
    });
    Ok(ended)
}

pub(super) async fn list(
    db: &SqlStore,
    user: UserId,
    idle_ms: i64,
    now: UnixMillis,
) -> Result<Vec<SessionLine>, StoreError> {
    let rows: Vec<(Uuid, i64, i64, i64, Option<String>)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT session.id, session.created_at, session.seen_at, session.expires_at, session.agent
             FROM session JOIN app_user ON app_user.id = session.app_user
             WHERE app_user = $1 AND session.expires_at > $2 AND session.seen_at > $3
             AND session.created_at >= app_user.sessions_since
             ORDER BY session.created_at DESC, session.id LIMIT 500",
        )
        .bind(user.as_uuid())
        .bind(now.get())
        .bind(now.get().saturating_sub(idle_ms))
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(id, created_at, seen_at, expires_at, agent)| {
            Ok(SessionLine {
                id,
                created_at: instant(created_at)?,
                seen_at: instant(seen_at)?,
                expires_at: instant(expires_at)?,
                agent,
            })
        })
        .collect()
}
