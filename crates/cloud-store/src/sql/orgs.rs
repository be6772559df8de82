//! Orgs, their sites, codes for their installers, and what they are told.

use std::num::NonZeroU32;

use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use uuid::Uuid;

use super::{SqlRegistry, ask, instant, transaction};
use crate::StoreError;
use crate::meta::{NewCode, Notice, Org, OrgKind, Site};

pub(super) async fn add_org(
    db: &SqlRegistry,
    org: &Org,
    now: UnixMillis,
) -> Result<(), StoreError> {
    transaction!(db, |tx| {
        sqlx::query(
            "INSERT INTO org (id, kind, name, contact, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(org.id.as_uuid())
        .bind(org.kind.as_str())
        .bind(&org.name)
        .bind(&org.contact)
        .bind(now.get())
        .execute(&mut *tx)
        .await?;
    });
    Ok(())
}

pub(super) async fn orgs(db: &SqlRegistry) -> Result<Vec<Org>, StoreError> {
    type Row = (Uuid, String, String, Option<String>);
    let rows: Vec<Row> = ask!(db, |pool| {
        sqlx::query_as("SELECT id, kind, name, contact FROM org ORDER BY name, id")
            .fetch_all(pool)
            .await?
    });
    rows.into_iter()
        .map(|(id, kind, name, contact)| {
            let kind = OrgKind::ALL
                .into_iter()
                .find(|known| known.as_str() == kind);
            Ok(Org {
                id: OrgId::from_uuid(id),
                kind: kind.ok_or_else(|| StoreError::Damaged("kind of an org".to_owned()))?,
                name,
                contact,
            })
        })
        .collect()
}

pub(super) async fn add_site(
    db: &SqlRegistry,
    site: &Site,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let (latitude, longitude) = site.place.unzip();
    let done = transaction!(db, |tx| {
        sqlx::query(
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
        .rows_affected()
    });
    Ok(done == 1)
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

pub(super) async fn site(db: &SqlRegistry, site: SiteId) -> Result<Option<Site>, StoreError> {
    let row: Option<SiteRow> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, owner_org, name, time_zone, size_w, latitude_tenths, longitude_tenths
             FROM site WHERE id = $1",
        )
        .bind(site.as_uuid())
        .fetch_optional(pool)
        .await?
    });
    row.map(site_of).transpose()
}

pub(super) async fn sites(db: &SqlRegistry) -> Result<Vec<Site>, StoreError> {
    let rows: Vec<SiteRow> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, owner_org, name, time_zone, size_w, latitude_tenths, longitude_tenths
             FROM site ORDER BY name, id",
        )
        .fetch_all(pool)
        .await?
    });
    rows.into_iter().map(site_of).collect()
}

pub(super) async fn keep_raw(
    db: &SqlRegistry,
    site: SiteId,
    days: Option<NonZeroU32>,
) -> Result<bool, StoreError> {
    let done = transaction!(db, |tx| {
        sqlx::query("UPDATE site SET raw_days = $2 WHERE id = $1")
            .bind(site.as_uuid())
            .bind(days.map(|days| i64::from(days.get())))
            .execute(&mut *tx)
            .await?
            .rows_affected()
    });
    Ok(done == 1)
}

pub(super) async fn add_code(
    db: &SqlRegistry,
    code: &NewCode,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let done = transaction!(db, |tx| {
        sqlx::query(
            "INSERT INTO installer_code (hash, site, installer_org, created_at, expires_at, uses_left)
             SELECT $1, site.id, org.id, $4, $5, $6 FROM site, org WHERE site.id = $2 AND org.id = $3",
        )
        .bind(code.hash.0.as_slice())
        .bind(code.site.as_uuid())
        .bind(code.installer.as_uuid())
        .bind(now.get())
        .bind(code.expires_at.get())
        .bind(i64::from(code.uses))
        .execute(&mut *tx)
        .await?
        .rows_affected()
    });
    Ok(done == 1)
}

pub(super) async fn notices(db: &SqlRegistry, org: OrgId) -> Result<Vec<Notice>, StoreError> {
    let rows: Vec<(String, Uuid, i64)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT code, device, created_at FROM notice WHERE org = $1
             ORDER BY created_at DESC, id LIMIT 500",
        )
        .bind(org.as_uuid())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(code, device, created_at)| {
            Ok(Notice {
                code,
                device: DeviceId::from_uuid(device),
                created_at: instant(created_at)?,
            })
        })
        .collect()
}
