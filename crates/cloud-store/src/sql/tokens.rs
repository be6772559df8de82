//! Tokens of devices: two slots each, so that one can take over from the other.

use serde_json::json;
use solthrive_domain::DeviceId;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::audit::{Act, audit};
use super::{SqlStore, ask, devices, instant, next_revision, rotation, transaction};
use crate::StoreError;
use crate::meta::{TokenHash, TokenLine};

pub(super) async fn add(
    db: &SqlStore,
    by: By,
    device: DeviceId,
    token: TokenHash,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let revision = next_revision!(tx);
        let known = sqlx::query("UPDATE device SET revision = $2 WHERE id = $1")
            .bind(device.as_uuid())
            .bind(revision)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if known == 0 {
            return Ok(false);
        }
        let ended = rotation::end!(tx, device.as_uuid());
        let slots: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT slot, created_at FROM device_token WHERE device = $1 ORDER BY created_at, slot",
        )
        .bind(device.as_uuid())
        .fetch_all(&mut *tx)
        .await?;
        let free = (0..2).find(|slot| slots.iter().all(|(taken, _)| taken != slot));
        let oldest = slots.first().map_or(0, |(slot, _)| *slot);
        let slot = free.unwrap_or(oldest);
        sqlx::query("DELETE FROM device_token WHERE device = $1 AND slot = $2")
            .bind(device.as_uuid())
            .bind(slot)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO device_token (device, slot, hash, created_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(device.as_uuid())
        .bind(slot)
        .bind(token.0.as_slice())
        .bind(now.get())
        .execute(&mut *tx)
        .await?;
        audit!(tx, now, act(by, "device.token_added", device, ended));
    });
    Ok(true)
}

pub(super) async fn revoke(
    db: &SqlStore,
    by: By,
    token: TokenHash,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let revision = next_revision!(tx);
        let whose: Option<(Uuid,)> =
            sqlx::query_as("DELETE FROM device_token WHERE hash = $1 RETURNING device")
                .bind(token.0.as_slice())
                .fetch_optional(&mut *tx)
                .await?;
        let Some((device,)) = whose else {
            return Ok(false);
        };
        sqlx::query("UPDATE device SET revision = $2 WHERE id = $1")
            .bind(device)
            .bind(revision)
            .execute(&mut *tx)
            .await?;
        let ended = rotation::end!(tx, device);
        let device = DeviceId::from_uuid(device);
        audit!(tx, now, act(by, "device.token_revoked", device, ended));
    });
    Ok(true)
}

pub(super) async fn retire_older(
    db: &SqlStore,
    by: By,
    device: DeviceId,
    keep: TokenHash,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let revision = next_revision!(tx);
        let known: Option<(Uuid,)> =
            sqlx::query_as("SELECT device FROM device_token WHERE device = $1 AND hash = $2")
                .bind(device.as_uuid())
                .bind(keep.0.as_slice())
                .fetch_optional(&mut *tx)
                .await?;
        if known.is_none() {
            return Ok(false);
        }
        let retired = rotation::keep_only!(tx, device, keep);
        let ended = rotation::end!(tx, device.as_uuid());
        if retired > 0 || ended {
            sqlx::query("UPDATE device SET revision = $2 WHERE id = $1")
                .bind(device.as_uuid())
                .bind(revision)
                .execute(&mut *tx)
                .await?;
            audit!(
                tx,
                now,
                act(by, "device.older_tokens_retired", device, ended)
            );
        }
    });
    Ok(true)
}

pub(super) async fn list(db: &SqlStore) -> Result<Vec<TokenLine>, StoreError> {
    let rows: Vec<(Uuid, Vec<u8>, i64, Option<i64>)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT device, hash, created_at, rotation FROM device_token
             ORDER BY created_at, device, slot",
        )
        .fetch_all(pool)
        .await?
    });
    let line = |(device, hash, created_at, rotation): (_, _, _, Option<i64>)| {
        Ok(TokenLine {
            device: DeviceId::from_uuid(device),
            hash: devices::hash_of(hash)?,
            created_at: instant(created_at)?,
            is_next: rotation.is_some(),
        })
    };
    rows.into_iter().map(line).collect()
}

/// What was done to a device's tokens, and whether a rotation was over with it.
fn act(by: By, action: &'static str, device: DeviceId, ended_rotation: bool) -> Act {
    Act {
        device: Some(device),
        details: ended_rotation.then(|| json!({ "rotation": "ended" })),
        ..Act::by(by, action)
    }
}
