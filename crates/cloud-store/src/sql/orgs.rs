//! Orgs, and what they are told.

use serde_json::json;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId};
use uuid::Uuid;

use super::audit::{Act, audit};
use super::people::NOBODY;
use super::{SqlStore, ask, instant, transaction};
use crate::StoreError;
use crate::meta::{Notice, Org, OrgKind};

pub(super) async fn add(
    db: &SqlStore,
    by: By,
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
        let act = Act {
            org: Some(org.id),
            details: Some(json!({ "kind": org.kind.as_str() })),
            ..Act::by(by, "org.added")
        };
        audit!(tx, now, act);
    });
    Ok(())
}

pub(super) async fn list(db: &SqlStore) -> Result<Vec<Org>, StoreError> {
    type Row = (Uuid, String, String, Option<String>);
    let rows: Vec<Row> = ask!(db, |pool| {
        sqlx::query_as("SELECT id, kind, name, contact FROM org WHERE id <> $1 ORDER BY name, id")
            .bind(NOBODY)
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

pub(super) async fn notices(db: &SqlStore, org: OrgId) -> Result<Vec<Notice>, StoreError> {
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
