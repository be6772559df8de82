//! Identities at providers, and trips to them.

use async_trait::async_trait;
use serde_json::json;
use solthrive_domain::UserId;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::parse;
use super::sessions::begin_session;
use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::{
    Identities, IdentityLine, Linked, Linking, NewSession, NewTrip, Trip, WhoElsewhere,
};
use crate::sql::audit::{Act, audit};
use crate::sql::{SqlStore, ask, instant, transaction};

#[async_trait]
impl Identities for SqlStore {
    async fn begin_trip(&self, trip: &NewTrip, now: UnixMillis) -> Result<(), StoreError> {
        transaction!(self, |tx| {
            sqlx::query("DELETE FROM identity_trip WHERE expires_at <= $1")
                .bind(now.get())
                .execute(&mut *tx)
                .await?;
            sqlx::query(
                "INSERT INTO identity_trip (hash, issuer, nonce, verifier, return_to, app_user, created_at, expires_at, session)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(parse::hash(trip.hash))
            .bind(&trip.issuer)
            .bind(&trip.nonce)
            .bind(&trip.verifier)
            .bind(&trip.return_to)
            .bind(trip.links.map(|linking| linking.user.as_uuid()))
            .bind(now.get())
            .bind(trip.expires_at.get())
            .bind(trip.links.map(|linking| linking.session))
            .execute(&mut *tx)
            .await?;
        });
        Ok(())
    }

    async fn end_trip(&self, hash: TokenHash, now: UnixMillis) -> Result<Option<Trip>, StoreError> {
        type Row = (
            String,
            String,
            Vec<u8>,
            String,
            Option<Uuid>,
            Option<Uuid>,
            i64,
            i64,
        );
        let row: Option<Row> = transaction!(self, |tx| {
            sqlx::query_as(
                "DELETE FROM identity_trip WHERE hash = $1
                 RETURNING issuer, nonce, verifier, return_to, app_user, session, created_at, expires_at",
            )
            .bind(parse::hash(hash))
            .fetch_optional(&mut *tx)
            .await?
        });
        let row = row.filter(|(.., expires_at)| *expires_at > now.get());
        row.map(
            |(issuer, nonce, verifier, return_to, user, session, created_at, _)| {
                let linking = |(user, session)| Linking {
                    user: UserId::from_uuid(user),
                    session,
                };
                Ok(Trip {
                    issuer,
                    nonce,
                    verifier,
                    return_to,
                    links: user.zip(session).map(linking),
                    created_at: instant(created_at)?,
                })
            },
        )
        .transpose()
    }

    async fn whose(&self, who: &WhoElsewhere) -> Result<Option<UserId>, StoreError> {
        let row: Option<(Uuid,)> = ask!(self, |pool| {
            sqlx::query_as("SELECT app_user FROM identity WHERE issuer = $1 AND subject = $2")
                .bind(&who.issuer)
                .bind(&who.subject)
                .fetch_optional(pool)
                .await?
        });
        Ok(row.map(|(user,)| UserId::from_uuid(user)))
    }

    async fn link(
        &self,
        linking: Linking,
        who: &WhoElsewhere,
        id: Uuid,
        now: UnixMillis,
    ) -> Result<Linked, StoreError> {
        let user = linking.user;
        let linked = transaction!(self, |tx| {
            // Locked until the link is there: who is shut out, or whose session ends, is so before all of this or after it.
            let there = sqlx::query(
                "UPDATE app_user SET version = version WHERE id = $1 AND deactivated_at IS NULL",
            )
            .bind(user.as_uuid())
            .execute(&mut *tx)
            .await?
            .rows_affected();
            let counts = sqlx::query(
                "UPDATE session SET seen_at = seen_at WHERE id = $1 AND app_user = $2 AND expires_at > $3
                 AND created_at >= (SELECT sessions_since FROM app_user WHERE app_user.id = $2)",
            )
            .bind(linking.session)
            .bind(user.as_uuid())
            .bind(now.get())
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if there == 0 || counts == 0 {
                return Ok(Linked::Over);
            }
            let added = sqlx::query(
                "INSERT INTO identity (issuer, subject, app_user, created_at, id) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (issuer, subject) DO NOTHING",
            )
            .bind(&who.issuer)
            .bind(&who.subject)
            .bind(user.as_uuid())
            .bind(now.get())
            .bind(id)
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if added > 0 {
                let details = json!({ "issuer": who.issuer, "identity": id.to_string() });
                audit!(tx, now, act(By::User(user), "identity.linked", details));
            }
            // In a statement of its own: one that waited for another's insert sees what was there before.
            let (whose,): (Uuid,) =
                sqlx::query_as("SELECT app_user FROM identity WHERE issuer = $1 AND subject = $2")
                    .bind(&who.issuer)
                    .bind(&who.subject)
                    .fetch_one(&mut *tx)
                    .await?;
            if whose == user.as_uuid() {
                Linked::Done
            } else {
                Linked::Taken
            }
        });
        Ok(linked)
    }

    async fn let_in(
        &self,
        who: &WhoElsewhere,
        session: &NewSession,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            // Locked: an identity that is unlinked meanwhile begins no session after that.
            let known = sqlx::query(
                "UPDATE identity SET created_at = created_at WHERE issuer = $1 AND subject = $2 AND app_user = $3",
            )
            .bind(&who.issuer)
            .bind(&who.subject)
            .bind(session.user.as_uuid())
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if known == 0 || !begin_session!(tx, session, now) {
                return Ok(false);
            }
            let details = json!({ "issuer": who.issuer });
            let by = By::User(session.user);
            audit!(tx, now, act(by, "identity.signed_in", details));
        });
        Ok(true)
    }

    async fn identities(&self, user: UserId) -> Result<Vec<IdentityLine>, StoreError> {
        let rows: Vec<(Uuid, String, i64)> = ask!(self, |pool| {
            sqlx::query_as(
                "SELECT id, issuer, created_at FROM identity WHERE app_user = $1 AND id IS NOT NULL
                 ORDER BY created_at, id LIMIT 100",
            )
            .bind(user.as_uuid())
            .fetch_all(pool)
            .await?
        });
        rows.into_iter()
            .map(|(id, issuer, created_at)| {
                Ok(IdentityLine {
                    id,
                    issuer,
                    created_at: instant(created_at)?,
                })
            })
            .collect()
    }

    async fn unlink(&self, user: UserId, id: Uuid, now: UnixMillis) -> Result<bool, StoreError> {
        transaction!(self, |tx| {
            let gone: Option<(String,)> = sqlx::query_as(
                "DELETE FROM identity WHERE id = $1 AND app_user = $2 RETURNING issuer",
            )
            .bind(id)
            .bind(user.as_uuid())
            .fetch_optional(&mut *tx)
            .await?;
            let Some((issuer,)) = gone else {
                return Ok(false);
            };
            let details = json!({ "issuer": issuer, "identity": id.to_string() });
            audit!(tx, now, act(By::User(user), "identity.unlinked", details));
        });
        Ok(true)
    }

    async fn refused(
        &self,
        by: By,
        issuer: &str,
        why: &'static str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        transaction!(self, |tx| {
            let details = json!({ "issuer": issuer, "why": why });
            audit!(tx, now, act(by, "identity.refused", details));
        });
        Ok(())
    }
}

/// Whose it is elsewhere is personal, and the audit log is never deleted.
fn act(by: By, action: &'static str, details: serde_json::Value) -> Act {
    Act {
        details: Some(details),
        ..Act::by(by, action)
    }
}
