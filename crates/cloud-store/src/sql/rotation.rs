//! A device's token on its way from one to the next.

use solthrive_domain::DeviceId;
use solthrive_domain::access::By;
use solthrive_domain::rotation::{self, Asking, Standing};
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::audit::{Act, audit};
use super::{SqlStore, ask, instant, next_revision, transaction};
use crate::StoreError;
use crate::meta::{RotationLine, TokenHash};

/// Takes a rotation's unused token out of use and closes the rotation; whether one was open.
macro_rules! end {
    ($tx:ident, $device:expr) => {{
        let device: uuid::Uuid = $device;
        sqlx::query("DELETE FROM device_token WHERE device = $1 AND rotation IS NOT NULL")
            .bind(device)
            .execute(&mut *$tx)
            .await?;
        let closed = sqlx::query(
            "UPDATE device SET rotation_asked_at = NULL WHERE id = $1 AND rotation_asked_at IS NOT NULL",
        )
        .bind(device)
        .execute(&mut *$tx)
        .await?;
        closed.rows_affected() > 0
    }};
}

/// Takes every token of the device but one out of use, and makes that one the current one; how many went.
macro_rules! keep_only {
    ($tx:ident, $device:expr, $keep:expr) => {{
        let gone = sqlx::query("DELETE FROM device_token WHERE device = $1 AND hash <> $2")
            .bind($device.as_uuid())
            .bind($keep.0.as_slice())
            .execute(&mut *$tx)
            .await?;
        sqlx::query(
            "UPDATE device_token SET rotation = NULL WHERE device = $1 AND rotation IS NOT NULL",
        )
        .bind($device.as_uuid())
        .execute(&mut *$tx)
        .await?;
        gone.rows_affected()
    }};
}

pub(super) use {end, keep_only};

type DeviceRow = (Option<i64>, Option<i64>, i64);

pub(super) async fn ask(
    db: &SqlStore,
    by: By,
    devices: &[DeviceId],
    now: UnixMillis,
) -> Result<Vec<Option<Asking>>, StoreError> {
    let mut told = Vec::with_capacity(devices.len());
    transaction!(db, |tx| {
        let revision = next_revision!(tx);
        for device in devices {
            let row: Option<DeviceRow> = sqlx::query_as(
                "SELECT deactivated_at, rotation_asked_at,
                    (SELECT count(*) FROM device_token WHERE device = device.id AND rotation IS NULL)
                 FROM device WHERE id = $1",
            )
            .bind(device.as_uuid())
            .fetch_optional(&mut *tx)
            .await?;
            let asking = row.map(|row| rotation::ask(standing(row)));
            told.push(asking);
            if asking != Some(Asking::Begin) {
                continue;
            }
            sqlx::query(
                "UPDATE device SET rotation = rotation + 1, rotation_asked_at = $2, revision = $3
                 WHERE id = $1",
            )
            .bind(device.as_uuid())
            .bind(now.get())
            .bind(revision)
            .execute(&mut *tx)
            .await?;
            audit!(tx, now, act(by, "device.token_rotation_asked", *device));
        }
    });
    Ok(told)
}

fn standing((deactivated_at, asked_at, tokens): DeviceRow) -> Standing {
    Standing {
        deactivated: deactivated_at.is_some(),
        tokens: usize::try_from(tokens).unwrap_or(0),
        open: asked_at.is_some(),
    }
}

pub(super) async fn prepare(
    db: &SqlStore,
    device: DeviceId,
    number: i64,
    [current, next]: [TokenHash; 2],
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let revision = next_revision!(tx);
        let open: Option<(i64,)> = sqlx::query_as(
            "SELECT device_token.slot FROM device
             JOIN device_token ON device_token.device = device.id
             WHERE device.id = $1 AND device.rotation = $2 AND device.rotation_asked_at IS NOT NULL
             AND device.deactivated_at IS NULL
             AND device_token.hash = $3 AND device_token.rotation IS NULL",
        )
        .bind(device.as_uuid())
        .bind(number)
        .bind(current.0.as_slice())
        .fetch_optional(&mut *tx)
        .await?;
        let other: Option<(Vec<u8>,)> =
            sqlx::query_as("SELECT hash FROM device_token WHERE device = $1 AND hash <> $2")
                .bind(device.as_uuid())
                .bind(current.0.as_slice())
                .fetch_optional(&mut *tx)
                .await?;
        match (open, other) {
            (Some((slot,)), None) => {
                sqlx::query(
                    "INSERT INTO device_token (device, slot, hash, created_at, rotation)
                     VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(device.as_uuid())
                .bind(1 - slot)
                .bind(next.0.as_slice())
                .bind(now.get())
                .bind(number)
                .execute(&mut *tx)
                .await?;
            }
            // Another node was faster: nothing changes.
            (Some(_), Some((prepared,))) => return Ok(prepared == next.0),
            (None, _) => return Ok(false),
        }
        sqlx::query("UPDATE device SET revision = $2 WHERE id = $1")
            .bind(device.as_uuid())
            .bind(revision)
            .execute(&mut *tx)
            .await?;
        audit!(tx, now, act(By::Service, "device.token_prepared", device));
    });
    Ok(true)
}

pub(super) async fn complete(
    db: &SqlStore,
    device: DeviceId,
    next: TokenHash,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let revision = next_revision!(tx);
        let waiting: Option<(i64,)> = sqlx::query_as(
            "SELECT slot FROM device_token WHERE device = $1 AND hash = $2 AND rotation IS NOT NULL",
        )
        .bind(device.as_uuid())
        .bind(next.0.as_slice())
        .fetch_optional(&mut *tx)
        .await?;
        if waiting.is_none() {
            return Ok(false);
        }
        keep_only!(tx, device, next);
        sqlx::query("UPDATE device SET rotation_asked_at = NULL, revision = $2 WHERE id = $1")
            .bind(device.as_uuid())
            .bind(revision)
            .execute(&mut *tx)
            .await?;
        audit!(tx, now, act(By::Device, "device.token_rotated", device));
    });
    Ok(true)
}

pub(super) async fn list(db: &SqlStore) -> Result<Vec<RotationLine>, StoreError> {
    let rows: Vec<(Uuid, i64, Option<i64>)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT device.id, device.rotation_asked_at, device_token.created_at
             FROM device LEFT JOIN device_token
             ON device_token.device = device.id AND device_token.rotation IS NOT NULL
             WHERE device.rotation_asked_at IS NOT NULL
             ORDER BY device.rotation_asked_at, device.id",
        )
        .fetch_all(pool)
        .await?
    });
    let line = |(device, asked_at, prepared_at): (_, _, Option<i64>)| {
        Ok(RotationLine {
            device: DeviceId::from_uuid(device),
            asked_at: instant(asked_at)?,
            prepared_at: prepared_at.map(instant).transpose()?,
        })
    };
    rows.into_iter().map(line).collect()
}

fn act(by: By, action: &'static str, device: DeviceId) -> Act {
    Act {
        device: Some(device),
        ..Act::by(by, action)
    }
}
