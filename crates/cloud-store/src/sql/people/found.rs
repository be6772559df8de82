//! Sites, devices, people and orgs by what is known of them.

use solthrive_domain::{DeviceId, OrgId, SiteId, UserId};
use uuid::Uuid;

use super::closing::NOBODY;
use super::homes::pattern;
use super::parse;
use crate::StoreError;
use crate::meta::DeviceLine;
use crate::people::{FoundDevice, FoundOrg, FoundPerson, FoundSite};
use crate::sql::devices::standing;
use crate::sql::{SqlStore, ask, instant};

/// An id, or letters that something has in it.
pub(super) struct Wanted {
    id: Option<Uuid>,
    letters: Option<String>,
    most: i64,
}

impl Wanted {
    pub(super) fn of(text: &str, most: u32) -> Self {
        let text = text.trim();
        let id = text.parse().ok();
        Self {
            id,
            letters: id.is_none().then(|| pattern(text)),
            most: most.into(),
        }
    }

    pub(super) const fn id(id: Uuid) -> Self {
        Self {
            id: Some(id),
            letters: None,
            most: 1,
        }
    }
}

pub(super) async fn sites(db: &SqlStore, wanted: &Wanted) -> Result<Vec<FoundSite>, StoreError> {
    let rows: Vec<(Uuid, String, Uuid, String, Option<i64>)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT site.id, site.name, org.id, org.name, site.handed_over_at FROM site JOIN org ON org.id = site.owner_org
             WHERE (site.id = $1 OR lower(site.name) LIKE $2 ESCAPE '\\')
             AND site.erased_at IS NULL ORDER BY site.name, site.id LIMIT $3",
        )
        .bind(wanted.id)
        .bind(&wanted.letters)
        .bind(wanted.most)
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(id, name, owner, owner_name, handed)| {
            Ok(FoundSite {
                id: SiteId::from_uuid(id),
                name,
                owner: OrgId::from_uuid(owner),
                owner_name,
                handed_over_at: handed.map(instant).transpose()?,
            })
        })
        .collect()
}

pub(super) async fn devices(
    db: &SqlStore,
    wanted: &Wanted,
) -> Result<Vec<FoundDevice>, StoreError> {
    type Row = (
        Uuid,
        String,
        Option<String>,
        Option<i64>,
        Option<Uuid>,
        Option<i64>,
    );
    let rows: Vec<Row> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT device.id, device.serial, device.firmware, device.deactivated_at, there.site, known.last_seen
             FROM device LEFT JOIN assignment AS there ON there.device = device.id AND there.to_at IS NULL
             LEFT JOIN device_status AS known ON known.device = device.id
             WHERE (device.id = $1 OR lower(device.serial) LIKE $2 ESCAPE '\\') ORDER BY device.serial LIMIT $3",
        )
        .bind(wanted.id)
        .bind(&wanted.letters)
        .bind(wanted.most)
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(id, serial, firmware, gone, site, last_seen)| {
            Ok(FoundDevice {
                line: DeviceLine {
                    id: DeviceId::from_uuid(id),
                    serial,
                    standing: standing(site, gone),
                    firmware,
                },
                last_seen: last_seen.map(instant).transpose()?,
            })
        })
        .collect()
}

pub(super) async fn people(db: &SqlStore, wanted: &Wanted) -> Result<Vec<FoundPerson>, StoreError> {
    let rows: Vec<(Uuid, String, String, Option<i64>)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, name, email, deactivated_at FROM app_user
             WHERE (id = $1 OR lower(name) LIKE $2 ESCAPE '\\' OR lower(email) LIKE $2 ESCAPE '\\')
             ORDER BY name, id LIMIT $3",
        )
        .bind(wanted.id)
        .bind(&wanted.letters)
        .bind(wanted.most)
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(id, name, email, gone)| {
            Ok(FoundPerson {
                id: UserId::from_uuid(id),
                name,
                email,
                deactivated_at: gone.map(instant).transpose()?,
            })
        })
        .collect()
}

pub(super) async fn orgs(db: &SqlStore, wanted: &Wanted) -> Result<Vec<FoundOrg>, StoreError> {
    let rows: Vec<(Uuid, String, String)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, kind, name FROM org WHERE (id = $1 OR lower(name) LIKE $2 ESCAPE '\\') AND id <> $4
             ORDER BY name, id LIMIT $3",
        )
        .bind(wanted.id)
        .bind(&wanted.letters)
        .bind(wanted.most)
        .bind(NOBODY)
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(id, kind, name)| {
            Ok(FoundOrg {
                id: OrgId::from_uuid(id),
                kind: parse::org_kind(&kind)?,
                name,
            })
        })
        .collect()
}
