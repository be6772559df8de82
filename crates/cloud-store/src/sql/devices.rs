//! Devices: made known, let in, shut out.

use std::collections::BTreeMap;

use serde_json::json;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, SiteId};
use uuid::Uuid;

use super::audit::{Act, audit};
use super::{SqlStore, ask, next_revision, transaction};
use crate::StoreError;
use crate::meta::{Credential, DeviceLine, NewDevice, Provisioned, Rotation, Standing, TokenHash};

pub(super) async fn provision(
    db: &SqlStore,
    by: By,
    devices: &[NewDevice],
    now: UnixMillis,
) -> Result<Vec<Provisioned>, StoreError> {
    let mut told = Vec::with_capacity(devices.len());
    transaction!(db, |tx| {
        let revision = next_revision!(tx);
        for device in devices {
            let there: Vec<(Uuid, String, Vec<u8>)> = sqlx::query_as(
                "SELECT device.id, device.serial, device_token.hash
                 FROM device JOIN device_token ON device_token.device = device.id
                 WHERE device.id = $1 OR device.serial = $2 OR device_token.hash = $3",
            )
            .bind(device.id.as_uuid())
            .bind(&device.serial)
            .bind(device.token.0.as_slice())
            .fetch_all(&mut *tx)
            .await?;
            let same = |(id, serial, hash): &(Uuid, String, Vec<u8>)| {
                *id == device.id.as_uuid() && *serial == device.serial && *hash == device.token.0
            };
            if !there.is_empty() {
                let known = there.iter().any(same);
                told.push(if known {
                    Provisioned::Same
                } else {
                    Provisioned::Taken
                });
                continue;
            }
            told.push(Provisioned::New);
            sqlx::query(
                "INSERT INTO device (id, serial, created_at, revision) VALUES ($1, $2, $3, $4)",
            )
            .bind(device.id.as_uuid())
            .bind(&device.serial)
            .bind(now.get())
            .bind(revision)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "INSERT INTO device_token (device, slot, hash, created_at) VALUES ($1, 0, $2, $3)",
            )
            .bind(device.id.as_uuid())
            .bind(device.token.0.as_slice())
            .bind(now.get())
            .execute(&mut *tx)
            .await?;
        }
        if told.contains(&Provisioned::Taken) {
            tx.rollback().await?;
            return Ok(told);
        }
        let told = devices.iter().zip(&told);
        for (device, _) in told.filter(|(_, told)| **told == Provisioned::New) {
            audit!(tx, now, provisioned(by, device));
        }
    });
    Ok(told)
}

fn provisioned(by: By, device: &NewDevice) -> Act {
    Act {
        device: Some(device.id),
        details: Some(json!({ "serial": device.serial })),
        ..Act::by(by, "device.provisioned")
    }
}

pub(super) fn standing(site: Option<Uuid>, deactivated_at: Option<i64>) -> Standing {
    match (deactivated_at, site) {
        (Some(_), _) => Standing::Deactivated,
        (None, Some(site)) => Standing::Bound(SiteId::from_uuid(site)),
        (None, None) => Standing::Waiting,
    }
}

pub(super) async fn list(db: &SqlStore) -> Result<Vec<DeviceLine>, StoreError> {
    type Row = (Uuid, String, Option<String>, Option<i64>, Option<Uuid>);
    let rows: Vec<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT device.id, device.serial, device.firmware, device.deactivated_at, assignment.site
             FROM device LEFT JOIN assignment
             ON assignment.device = device.id AND assignment.to_at IS NULL
             ORDER BY device.serial",
        )
        .fetch_all(pool)
        .await?
    });
    let lines = rows
        .into_iter()
        .map(|(id, serial, firmware, gone, site)| DeviceLine {
            id: DeviceId::from_uuid(id),
            serial,
            standing: standing(site, gone),
            firmware,
        });
    Ok(lines.collect())
}

pub(super) async fn deactivate(
    db: &SqlStore,
    by: By,
    device: DeviceId,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let revision = next_revision!(tx);
        // The tokens stay, so that the device is told to stop and not that nobody knows it.
        let changed = sqlx::query(
            "UPDATE device SET deactivated_at = coalesce(deactivated_at, $2), revision = $3 WHERE id = $1",
        )
        .bind(device.as_uuid())
        .bind(now.get())
        .bind(revision)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        let act = Act {
            device: Some(device),
            ..Act::by(by, "device.deactivated")
        };
        audit!(tx, now, act);
    });
    Ok(true)
}

pub(super) async fn credentials(
    db: &SqlStore,
    revision: i64,
) -> Result<Vec<Credential>, StoreError> {
    let rows: Vec<CredentialRow> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT device.id, device.revision, device.deactivated_at, assignment.site,
                    CASE WHEN device.rotation_asked_at IS NULL THEN NULL ELSE device.rotation END,
                    device_token.hash, device_token.rotation
             FROM device
             LEFT JOIN assignment ON assignment.device = device.id AND assignment.to_at IS NULL
             LEFT JOIN device_token ON device_token.device = device.id
             WHERE device.revision > $1
             ORDER BY device.revision, device.id, device_token.slot",
        )
        .bind(revision)
        .fetch_all(pool)
        .await?
    });
    let mut known: BTreeMap<(i64, Uuid), Credential> = BTreeMap::new();
    for (id, revision, gone, site, rotation, hash, of_rotation) in rows {
        let credential = known.entry((revision, id)).or_insert_with(|| Credential {
            device: DeviceId::from_uuid(id),
            standing: standing(site, gone),
            tokens: Vec::new(),
            rotation: rotation.map(|number| Rotation { number, next: None }),
            revision,
        });
        let Some(hash) = hash.map(hash_of).transpose()? else {
            continue;
        };
        match (of_rotation, &mut credential.rotation) {
            (None, _) => credential.tokens.push(hash),
            (Some(of), Some(rotation)) if of == rotation.number => rotation.next = Some(hash),
            // Nothing leaves one behind; it would let in whoever held an older token.
            (Some(_), _) => {}
        }
    }
    Ok(known.into_values().collect())
}

/// Device, revision, when it was deactivated, site; the rotation that is open; a token's hash, and the
/// rotation that it waits for.
type CredentialRow = (
    Uuid,
    i64,
    Option<i64>,
    Option<Uuid>,
    Option<i64>,
    Option<Vec<u8>>,
    Option<i64>,
);

pub(super) fn hash_of(bytes: Vec<u8>) -> Result<TokenHash, StoreError> {
    let hash = bytes
        .try_into()
        .map_err(|_| StoreError::Damaged("hash of a token".to_owned()))?;
    Ok(TokenHash(hash))
}
