//! Identities at providers, and trips to them.

use async_trait::async_trait;
use serde_json::json;
use solthrive_domain::UserId;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::parse;
use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::{Identities, IdentityLine, Linked, NewTrip, Trip, WhoElsewhere};
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
                "INSERT INTO identity_trip (hash, issuer, nonce, verifier, return_to, app_user, created_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(parse::hash(trip.hash))
            .bind(&trip.issuer)
            .bind(&trip.nonce)
            .bind(&trip.verifier)
            .bind(&trip.return_to)
            .bind(trip.links.map(UserId::as_uuid))
            .bind(now.get())
            .bind(trip.expires_at.get())
            .execute(&mut *tx)
            .await?;
        });
        Ok(())
    }

    async fn end_trip(&self, hash: TokenHash, now: UnixMillis) -> Result<Option<Trip>, StoreError> {
        type Row = (String, String, Vec<u8>, String, Option<Uuid>, i64);
        let row: Option<Row> = transaction!(self, |tx| {
            sqlx::query_as(
                "DELETE FROM identity_trip WHERE hash = $1
                 RETURNING issuer, nonce, verifier, return_to, app_user, expires_at",
            )
            .bind(parse::hash(hash))
            .fetch_optional(&mut *tx)
            .await?
        });
        let row = row.filter(|row| row.5 > now.get());
        Ok(
            row.map(|(issuer, nonce, verifier, return_to, links, _)| Trip {
                issuer,
                nonce,
                verifier,
                return_to,
                links: links.map(UserId::from_uuid),
            }),
        )
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
        user: UserId,
        who: &WhoElsewhere,
        id: Uuid,
        now: UnixMillis,
    ) -> Result<Linked, StoreError> {
        let linked = transaction!(self, |tx| {
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
                audit!(
                    tx,
                    now,
                    act(By::User(user), "identity.linked", &who.issuer, None)
                );
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
            audit!(
                tx,
                now,
                act(By::User(user), "identity.unlinked", &issuer, None)
            );
        });
        Ok(true)
    }

    async fn note(
        &self,
        by: By,
        action: &'static str,
        issuer: &str,
        why: Option<&str>,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        transaction!(self, |tx| {
            audit!(tx, now, act(by, action, issuer, why));
        });
        Ok(())
    }
}

/// Whose it is elsewhere is personal, and the audit log is never deleted.
fn act(by: By, action: &'static str, issuer: &str, why: Option<&str>) -> Act {
    let details = match why {
        Some(why) => json!({ "issuer": issuer, "why": why }),
        None => json!({ "issuer": issuer }),
    };
    Act {
        details: Some(details),
        ..Act::by(by, action)
    }
}
