//! Sites, and what they consist of.

use std::num::NonZeroU32;

use serde_json::json;
use solthrive_domain::access::{By, ReadableSite};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use uuid::Uuid;

use super::audit::{Act, audit};
use super::sees::seen;
use super::{SqlStore, ask, instant, next_revision, transaction};
use crate::StoreError;
use crate::meta::{Site, SiteConfig};

pub(super) async fn add(
    db: &SqlStore,
    by: By,
    site: &Site,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let (latitude, longitude) = site.place.unzip();
    transaction!(db, |tx| {
        let done = sqlx::query(
            "INSERT INTO site (id, owner_org, name, time_zone, size_w, latitude_tenths, longitude_tenths, created_at)
             SELECT $1, id, $3, $4, $5, $6, $7, $8 FROM org WHERE id = $2",
        )
        .bind(site.id.as_uuid())
        .bind(site.owner.as_uuid())
        .bind(&site.name)
        .bind(&site.time_zone)
        .bind(site.size_w.map(i64::from))
        .bind(latitude.map(i64::from))
        .bind(longitude.map(i64::from))
        .bind(now.get())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if done == 0 {
            return Ok(false);
        }
        let act = Act {
            org: Some(site.owner),
            site: Some(site.id),
            ..Act::by(by, "site.added")
        };
        audit!(tx, now, act);
    });
    Ok(true)
}

pub(super) async fn update(
    db: &SqlStore,
    by: By,
    site: &Site,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let (latitude, longitude) = site.place.unzip();
    transaction!(db, |tx| {
        let revision = next_revision!(tx);
        let before: Option<SiteRow> = sqlx::query_as(
            "SELECT id, owner_org, name, time_zone, size_w, latitude_tenths, longitude_tenths
             FROM site WHERE id = $1 AND owner_org = $2 AND erased_at IS NULL",
        )
        .bind(site.id.as_uuid())
        .bind(site.owner.as_uuid())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(before) = before.map(site_of).transpose()? else {
            return Ok(false);
        };
        sqlx::query(
            "UPDATE site SET name = $2, time_zone = $3, size_w = $4,
             latitude_tenths = $5, longitude_tenths = $6, version = version + 1 WHERE id = $1",
        )
        .bind(site.id.as_uuid())
        .bind(&site.name)
        .bind(&site.time_zone)
        .bind(site.size_w.map(i64::from))
        .bind(latitude.map(i64::from))
        .bind(longitude.map(i64::from))
        .execute(&mut *tx)
        .await?;
        if before.time_zone != site.time_zone {
            sqlx::query(
                "UPDATE device SET revision = $2
                 WHERE id IN (SELECT device FROM assignment WHERE site = $1)",
            )
            .bind(site.id.as_uuid())
            .bind(revision)
            .execute(&mut *tx)
            .await?;
        }
        let act = Act {
            org: Some(site.owner),
            site: Some(site.id),
            details: Some(json!({ "changed": changed(&before, site) })),
            ..Act::by(by, "site.updated")
        };
        audit!(tx, now, act);
    });
    Ok(true)
}

/// The names of what changed, without what is personal: the audit log is never deleted.
fn changed(before: &Site, after: &Site) -> Vec<&'static str> {
    let all = [
        ("name", before.name != after.name),
        ("time_zone", before.time_zone != after.time_zone),
        ("size_w", before.size_w != after.size_w),
        ("place", before.place != after.place),
    ];
    let changed = all.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(name, _)| name).collect()
}

pub(super) async fn configs(
    db: &SqlStore,
    site: ReadableSite,
) -> Result<Vec<SiteConfig>, StoreError> {
    type Row = (i64, i64, String, Option<Uuid>, String);
    let rows: Vec<Row> = seen!(db, site.into(), |pool| {
        sqlx::query_as(
            "SELECT revision, at, told_by, device, json FROM site_config WHERE site = $1
             ORDER BY revision DESC LIMIT 500",
        )
        .bind(site.site().as_uuid())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(revision, at, told_by, device, json)| {
            Ok(SiteConfig {
                revision,
                at: instant(at)?,
                told_by,
                device: device.map(DeviceId::from_uuid),
                json,
            })
        })
        .collect()
}

type SiteRow = (
    Uuid,
    Uuid,
    String,
    String,
    Option<i64>,
    Option<i64>,
    Option<i64>,
);

fn site_of(row: SiteRow) -> Result<Site, StoreError> {
    let (id, owner, name, time_zone, size_w, latitude, longitude) = row;
    let odd = |_| StoreError::Damaged("size or place of a site".to_owned());
    let place = match latitude.zip(longitude) {
        Some((latitude, longitude)) => Some((
            i16::try_from(latitude).map_err(odd)?,
            i16::try_from(longitude).map_err(odd)?,
        )),
        None => None,
    };
    Ok(Site {
        id: SiteId::from_uuid(id),
        owner: OrgId::from_uuid(owner),
        name,
        time_zone,
        size_w: size_w.map(u32::try_from).transpose().map_err(odd)?,
        place,
    })
}

pub(super) async fn one(db: &SqlStore, site: ReadableSite) -> Result<Option<Site>, StoreError> {
    let row: Option<SiteRow> = seen!(db, site.into(), |pool| {
        sqlx::query_as(
            "SELECT id, owner_org, name, time_zone, size_w, latitude_tenths, longitude_tenths
             FROM site WHERE id = $1",
        )
        .bind(site.site().as_uuid())
        .fetch_optional(pool)
        .await?
    });
    row.map(site_of).transpose()
}

pub(super) async fn list(db: &SqlStore) -> Result<Vec<Site>, StoreError> {
    let rows: Vec<SiteRow> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, owner_org, name, time_zone, size_w, latitude_tenths, longitude_tenths
             FROM site WHERE erased_at IS NULL ORDER BY name, id",
        )
        .fetch_all(pool)
        .await?
    });
    rows.into_iter().map(site_of).collect()
}

pub(super) async fn keep_raw(
    db: &SqlStore,
    by: By,
    site: SiteId,
    days: Option<NonZeroU32>,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let done = sqlx::query("UPDATE site SET raw_days = $2 WHERE id = $1 AND erased_at IS NULL")
            .bind(site.as_uuid())
            .bind(days.map(|days| i64::from(days.get())))
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if done == 0 {
            return Ok(false);
        }
        let act = Act {
            site: Some(site),
            details: Some(json!({ "raw_days": days })),
            ..Act::by(by, "site.raw_days_set")
        };
        audit!(tx, now, act);
    });
    Ok(true)
}

pub(super) async fn raw_days(
    db: &SqlStore,
    site: SiteId,
) -> Result<Option<NonZeroU32>, StoreError> {
    let row: Option<(Option<i64>,)> = ask!(db, |pool| {
        sqlx::query_as("SELECT raw_days FROM site WHERE id = $1")
            .bind(site.as_uuid())
            .fetch_optional(pool)
            .await?
    });
    let days = row.and_then(|(days,)| days);
    Ok(days.and_then(|days| NonZeroU32::new(u32::try_from(days).ok()?)))
}
