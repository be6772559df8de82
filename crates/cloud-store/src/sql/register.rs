//! One registration in one transaction: gather the facts, decide, carry it out.

use solthrive_domain::access::{Basis, Scopes};
use solthrive_domain::registration::{Decision, KnownCode, KnownDevice, decide};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use uuid::Uuid;

use super::audit::{Act, DEVICE, audit};
use super::{SqlStore, codes, instant, next_revision, transaction};
use crate::StoreError;
use crate::meta::Asked;

/// What both installers are told of a device that was claimed for a second site.
const CLAIMED_ELSEWHERE: &str = "device_claimed_elsewhere";
/// What an installer is told whose code is for a site that another device measures.
const SITE_TAKEN: &str = "site_taken";
/// A device asks again and again; its installer is told once in this time, in ms.
const TOLD_EVERY: i64 = 24 * 60 * 60 * 1_000;

type DeviceRow = (Uuid, String, Option<i64>, Option<Uuid>, Option<Uuid>);
type CodeRow = (Uuid, Uuid, i64, i64);
type HolderRow = (Uuid, Option<i64>);

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
            "SELECT site, installer_org, expires_at, CASE WHEN revoked_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM site WHERE site.id = installer_code.site AND erased_at IS NOT NULL)
                 THEN uses_left ELSE 0 END
             FROM installer_code WHERE hash = $1",
        )
        .bind($asked.code.0.as_slice())
        .fetch_optional(&mut *$tx)
        .await?
    };
}

/// Who measures the site that a code is for, and when that one was deactivated.
macro_rules! holder_of {
    ($tx:ident, $code:expr) => {
        match $code {
            None => None,
            Some((site, ..)) => {
                sqlx::query_as::<_, HolderRow>(
                    "SELECT device.id, device.deactivated_at FROM assignment
                     JOIN device ON device.id = assignment.device
                     WHERE assignment.site = $1 AND assignment.to_at IS NULL",
                )
                .bind(site)
                .fetch_optional(&mut *$tx)
                .await?
            }
        }
    };
}

/// Takes a deactivated device away from the site that it still has.
macro_rules! make_room {
    ($tx:ident, $site:ident, $revision:ident, $now:ident) => {
        sqlx::query(
            "UPDATE device SET revision = $2
             WHERE id IN (SELECT device FROM assignment WHERE site = $1 AND to_at IS NULL)",
        )
        .bind($site.as_uuid())
        .bind($revision)
        .execute(&mut *$tx)
        .await?;
        sqlx::query(
            "UPDATE assignment SET to_at = CASE WHEN from_at > $2 THEN from_at ELSE $2 END
             WHERE site = $1 AND to_at IS NULL",
        )
        .bind($site.as_uuid())
        .bind($now.get())
        .execute(&mut *$tx)
        .await?;
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

/// What an installer's company gets at a site that it builds, unless it has that already.
macro_rules! let_in {
    ($tx:ident, $id:expr, $site:ident, $installer:ident, $now:ident) => {
        sqlx::query(
            "INSERT INTO site_grant (id, site, grantee_org, scopes, basis, created_at, valid_from)
             SELECT $1, $2, $3, $4, $5, $6, $6 WHERE NOT EXISTS (
                 SELECT 1 FROM site_grant WHERE site = $2 AND grantee_org = $3 AND basis = $5
                 AND revoked_at IS NULL AND valid_to IS NULL
             )",
        )
        .bind($id)
        .bind($site.as_uuid())
        .bind($installer)
        .bind(Scopes::ALL.to_string())
        .bind(Basis::Commissioning.as_str())
        .bind($now.get())
        .execute(&mut *$tx)
        .await?;
    };
}

/// Leaves a notice with each org, unless it has just been told.
macro_rules! tell {
    ($tx:ident, $asked:ident, $what:ident, $notices:ident, $orgs:expr, $now:ident) => {
        for (id, org) in $notices.into_iter().zip($orgs) {
            sqlx::query(
                "INSERT INTO notice (id, org, code, device, created_at)
                 SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (
                     SELECT 1 FROM notice WHERE org = $2 AND code = $3 AND device = $4 AND created_at > $6
                 )",
            )
            .bind(id)
            .bind(org)
            .bind($what)
            .bind($asked.claim.device.as_uuid())
            .bind($now.get())
            .bind($now.get() - TOLD_EVERY)
            .execute(&mut *$tx)
            .await?;
        }
    };
}

/// Keeps what a device said of itself, and its configuration with the site if that is another now.
macro_rules! describe {
    ($tx:ident, $asked:ident, $site:ident, $revision:ident, $now:ident) => {
        sqlx::query(
            "UPDATE device SET model = $2, firmware = $3, config = coalesce($4, config), revision = $5 WHERE id = $1",
        )
        .bind($asked.claim.device.as_uuid())
        .bind($asked.model)
        .bind($asked.firmware)
        .bind($asked.config)
        .bind($revision)
        .execute(&mut *$tx)
        .await?;
        if let Some(config) = $asked.config {
            sqlx::query(
                "INSERT INTO site_config (site, revision, at, told_by, device, json)
                 SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (
                     SELECT 1 FROM site_config WHERE site = $1 AND json = $6
                     AND revision = (SELECT max(revision) FROM site_config WHERE site = $1)
                 )",
            )
            .bind($site.as_uuid())
            .bind($revision)
            .bind($now.get())
            .bind(DEVICE)
            .bind($asked.claim.device.as_uuid())
            .bind(config)
            .execute(&mut *$tx)
            .await?;
        }
    };
}

pub(super) async fn register(
    db: &SqlStore,
    asked: &Asked<'_>,
    ids: [Uuid; 2],
    now: UnixMillis,
) -> Result<Decision, StoreError> {
    let decision = transaction!(db, |tx| {
        let revision = next_revision!(tx);
        let device = device_of!(tx, asked);
        let code = code_of!(tx, asked);
        let holder = holder_of!(tx, code);
        let known = device.as_ref().map(known_device);
        let named = code.map(|code| known_code(&code, holder)).transpose()?;
        let decision = decide(asked.claim, known.as_ref(), named, now);
        let installer = code.map(|(_, installer, ..)| installer);
        match (decision, installer) {
            (Decision::Bind(site), Some(installer)) => {
                make_room!(tx, site, revision, now);
                bind!(tx, asked, site, installer, now);
                let_in!(tx, ids[0], site, installer, now);
                describe!(tx, asked, site, revision, now);
                let act = bound(asked, site, installer);
                audit!(tx, now, act);
            }
            (Decision::Bound(site), _) => {
                describe!(tx, asked, site, revision, now);
            }
            (Decision::Elsewhere { .. }, Some(wanted_by)) => {
                let there = device.as_ref().and_then(|row| row.4).unwrap_or(wanted_by);
                let orgs = [there, wanted_by];
                tell!(tx, asked, CLAIMED_ELSEWHERE, ids, orgs, now);
            }
            (Decision::Taken(_), Some(wanted_by)) => {
                tell!(tx, asked, SITE_TAKEN, ids, [wanted_by], now);
            }
            _ => {}
        }
        decision
    });
    Ok(decision)
}

fn bound(asked: &Asked<'_>, site: SiteId, installer: Uuid) -> Act {
    Act {
        actor: DEVICE.into(),
        action: "device.bound",
        org: Some(OrgId::from_uuid(installer)),
        site: Some(site),
        device: Some(asked.claim.device),
        details: None,
    }
}

fn known_device((id, serial, gone, site, _): &DeviceRow) -> KnownDevice {
    KnownDevice {
        serial: serial.clone(),
        device: DeviceId::from_uuid(*id),
        deactivated: gone.is_some(),
        site: site.map(SiteId::from_uuid),
    }
}

fn known_code(
    (site, _, expires_at, uses_left): &CodeRow,
    holder: Option<HolderRow>,
) -> Result<KnownCode, StoreError> {
    Ok(KnownCode {
        site: SiteId::from_uuid(*site),
        expires_at: instant(*expires_at)?,
        uses_left: codes::uses(*uses_left)?,
        // Where the device itself is the one, it is bound there already.
        site_taken: holder.is_some_and(|(_, deactivated_at)| deactivated_at.is_none()),
    })
}
