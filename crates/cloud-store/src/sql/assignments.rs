//! Which device is where, and who takes whose place.

use serde_json::json;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use uuid::Uuid;

use super::audit::{Act, audit};
use super::{SqlStore, ask, instant, next_revision, transaction};
use crate::StoreError;
use crate::meta::Assignment;

pub(super) async fn replace(
    db: &SqlStore,
    by: By,
    old: DeviceId,
    new: DeviceId,
    now: UnixMillis,
) -> Result<Option<SiteId>, StoreError> {
    let site = transaction!(db, |tx| {
        let revision = next_revision!(tx);
        let place: Option<(Uuid, Uuid)> = sqlx::query_as(
            "UPDATE assignment SET to_at = $2 WHERE device = $1 AND to_at IS NULL AND from_at <= $2
             RETURNING site, installer_org",
        )
        .bind(old.as_uuid())
        .bind(now.get())
        .fetch_optional(&mut *tx)
        .await?;
        let Some((site, installer)) = place else {
            return Ok(None);
        };
        let moved = sqlx::query(
            "INSERT INTO assignment (device, site, installer_org, from_at)
             SELECT id, $2, $3, $4 FROM device WHERE id = $1 AND deactivated_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM assignment WHERE device = $1 AND to_at IS NULL)",
        )
        .bind(new.as_uuid())
        .bind(site)
        .bind(installer)
        .bind(now.get())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if moved == 0 {
            tx.rollback().await?;
            return Ok(None);
        }
        sqlx::query("UPDATE device SET revision = $3 WHERE id = $1 OR id = $2")
            .bind(old.as_uuid())
            .bind(new.as_uuid())
            .bind(revision)
            .execute(&mut *tx)
            .await?;
        let site = SiteId::from_uuid(site);
        let act = Act {
            org: Some(OrgId::from_uuid(installer)),
            site: Some(site),
            device: Some(new),
            details: Some(json!({ "replaces": old.as_uuid() })),
            ..Act::by(by, "device.replaced")
        };
        audit!(tx, now, act);
        site
    });
    Ok(Some(site))
}

pub(super) async fn changed_after(
    db: &SqlStore,
    revision: i64,
) -> Result<Vec<Assignment>, StoreError> {
    type Row = (Uuid, Uuid, Uuid, String, i64, Option<i64>, i64, bool);
    let rows: Vec<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT assignment.device, assignment.site, assignment.installer_org, site.time_zone,
                 assignment.from_at, assignment.to_at, device.revision, site.erased_at IS NOT NULL
             FROM device
             JOIN assignment ON assignment.device = device.id
             JOIN site ON site.id = assignment.site
             WHERE device.revision > $1
             ORDER BY assignment.device, assignment.from_at",
        )
        .bind(revision)
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(
            |(device, site, installer, time_zone, from_at, to_at, revision, is_erased)| {
                Ok(Assignment {
                    device: DeviceId::from_uuid(device),
                    site: SiteId::from_uuid(site),
                    installer: OrgId::from_uuid(installer),
                    time_zone,
                    from_at: instant(from_at)?,
                    to_at: to_at.map(instant).transpose()?,
                    revision,
                    is_erased,
                })
            },
        )
        .collect()
}
