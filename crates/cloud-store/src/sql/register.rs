//! One registration in one transaction: gather the facts, decide, carry it out.

use solthrive_domain::registration::{Decision, KnownCode, KnownDevice, decide};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, SiteId};
use uuid::Uuid;

use super::{SqlRegistry, instant, next_revision, transaction};
use crate::StoreError;
use crate::meta::Asked;

/// What both installers are told of a device that was claimed for a second site.
const CLAIMED_ELSEWHERE: &str = "device_claimed_elsewhere";

type DeviceRow = (Uuid, String, Option<i64>, Option<Uuid>, Option<Uuid>);
type CodeRow = (Uuid, Uuid, i64, i64);

/// The device that the token belongs to, and where it is.
macro_rules! device_of {
    ($tx:ident, $asked:ident) => {
        sqlx::query_as::<_, DeviceRow>(
            "SELECT device.id, device.serial, device.deactivated_at, assignment.site, assignment.installer_org
             FROM device_token
             JOIN device ON device.id = device_token.device
             LEFT JOIN assignment ON assignment.device = device.id AND assignment.to_at IS NULL
             WHERE device_token.hash = $1",
        )
        .bind($asked.token.0.as_slice())
        .fetch_optional(&mut *$tx)
        .await?
    };
}

/// The code that was named.
macro_rules! code_of {
    ($tx:ident, $asked:ident) => {
        sqlx::query_as::<_, CodeRow>(
            "SELECT site, installer_org, expires_at, uses_left FROM installer_code WHERE hash = $1",
        )
        .bind($asked.code.0.as_slice())
        .fetch_optional(&mut *$tx)
        .await?
    };
}

/// Puts the device at the site and uses the code up once.
macro_rules! bind {
    ($tx:ident, $asked:ident, $site:ident, $installer:ident, $now:ident) => {
        sqlx::query("UPDATE installer_code SET uses_left = uses_left - 1 WHERE hash = $1")
            .bind($asked.code.0.as_slice())
            .execute(&mut *$tx)
            .await?;
        sqlx::query(
            "INSERT INTO assignment (device, site, installer_org, from_at) VALUES ($1, $2, $3, $4)",
        )
        .bind($asked.claim.device.as_uuid())
        .bind($site.as_uuid())
        .bind($installer)
        .bind($now.get())
        .execute(&mut *$tx)
        .await?;
    };
}

/// Leaves a notice with each org.
macro_rules! tell {
    ($tx:ident, $asked:ident, $notices:ident, $orgs:expr, $now:ident) => {
        for (id, org) in $notices.into_iter().zip($orgs) {
            sqlx::query(
                "INSERT INTO notice (id, org, code, device, created_at) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(id)
            .bind(org)
            .bind(CLAIMED_ELSEWHERE)
            .bind($asked.claim.device.as_uuid())
            .bind($now.get())
            .execute(&mut *$tx)
            .await?;
        }
    };
}

pub(super) async fn register(
    db: &SqlRegistry,
    asked: &Asked<'_>,
    notices: [Uuid; 2],
    now: UnixMillis,
) -> Result<Decision, StoreError> {
    let decision = transaction!(db, |tx| {
        let revision = next_revision!(tx);
        let device = device_of!(tx, asked);
        let code = code_of!(tx, asked);
        let known = device.as_ref().map(known_device);
        let named = code.as_ref().map(known_code).transpose()?;
        let decision = decide(asked.claim, known.as_ref(), named, now);
        match (decision, code) {
            (Decision::Bind(site), Some((_, installer, _, _))) => {
                bind!(tx, asked, site, installer, now);
            }
            (Decision::Elsewhere { .. }, Some((_, wanted_by, _, _))) => {
                let there = device.as_ref().and_then(|row| row.4).unwrap_or(wanted_by);
                tell!(tx, asked, notices, [there, wanted_by], now);
            }
            _ => {}
        }
        if matches!(decision, Decision::Bind(_) | Decision::Bound(_)) {
            sqlx::query(
                "UPDATE device SET model = $2, firmware = $3, config = coalesce($4, config), revision = $5 WHERE id = $1",
            )
            .bind(asked.claim.device.as_uuid())
            .bind(asked.model)
            .bind(asked.firmware)
            .bind(asked.config)
            .bind(revision)
            .execute(&mut *tx)
            .await?;
        }
        decision
    });
    Ok(decision)
}

fn known_device((id, serial, gone, site, _): &DeviceRow) -> KnownDevice {
    KnownDevice {
        serial: serial.clone(),
        device: DeviceId::from_uuid(*id),
        deactivated: gone.is_some(),
        site: site.map(SiteId::from_uuid),
    }
}

fn known_code((site, _, expires_at, uses_left): &CodeRow) -> Result<KnownCode, StoreError> {
    Ok(KnownCode {
        site: SiteId::from_uuid(*site),
        expires_at: instant(*expires_at)?,
        uses_left: u32::try_from(*uses_left)
            .map_err(|_| StoreError::Damaged("uses of a code".to_owned()))?,
    })
}
