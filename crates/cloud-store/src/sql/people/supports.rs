//! Visits of admins at sites, in sight of their owners.

use serde_json::json;
use solthrive_domain::access::{By, OwnedSite};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{SiteId, SupportId, UserId};
use uuid::Uuid;

use super::rights::still_owned;
use crate::StoreError;
use crate::people::{EndedBy, NewSupport, SupportLine};
use crate::sql::audit::{Act, audit};
use crate::sql::sees::seen;
use crate::sql::{SqlStore, instant, transaction};

pub(super) async fn open(
    db: &SqlStore,
    by: By,
    support: &NewSupport,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let opened = sqlx::query(
            "INSERT INTO support_session (id, app_user, site, reason, created_at, until_at)
             SELECT $1, $2, id, $4, $5, $6 FROM site WHERE id = $3 AND erased_at IS NULL",
        )
        .bind(support.id.as_uuid())
        .bind(support.admin.as_uuid())
        .bind(support.site.as_uuid())
        .bind(&support.reason)
        .bind(now.get())
        .bind(support.until.get())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if opened == 0 {
            return Ok(false);
        }
        // The reason is a person's words about another: it stays where it can be deleted.
        let act = Act {
            site: Some(support.site),
            details: Some(json!({ "support": support.id.to_string() })),
            ..Act::by(by, "support.opened")
        };
        audit!(tx, now, act);
    });
    Ok(true)
}

pub(super) async fn list(db: &SqlStore, site: OwnedSite) -> Result<Vec<SupportLine>, StoreError> {
    type Row = (Uuid, String, String, i64, i64, Option<i64>);
    let rows: Vec<Row> = seen!(db, site.into(), |pool| {
        sqlx::query_as(
            "SELECT visit.id, app_user.name, visit.reason, visit.created_at, visit.until_at, visit.ended_at
             FROM support_session AS visit JOIN app_user ON app_user.id = visit.app_user
             WHERE visit.site = $1 ORDER BY visit.created_at DESC, visit.id LIMIT 500",
        )
        .bind(site.site().as_uuid())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(id, admin, reason, from, until, ended_at)| {
            Ok(SupportLine {
                id: SupportId::from_uuid(id),
                admin,
                reason,
                from: instant(from)?,
                until: instant(until)?,
                ended_at: ended_at.map(instant).transpose()?,
            })
        })
        .collect()
}

pub(super) async fn end(
    db: &SqlStore,
    by: By,
    ended_by: EndedBy,
    support: SupportId,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let (admin, site) = match ended_by {
        EndedBy::Admin(admin) => (Some(admin.as_uuid()), None),
        EndedBy::Owner(site) => (None, Some(site.site().as_uuid())),
    };
    let user = by.user().map(UserId::as_uuid);
    transaction!(db, |tx| {
        if let EndedBy::Owner(site) = ended_by {
            still_owned!(tx, by, site);
        }
        let whose: Option<(Uuid,)> = sqlx::query_as(
            "UPDATE support_session SET ended_at = $2, ended_by = $3
             WHERE id = $1 AND ended_at IS NULL AND until_at > $2 AND (app_user = $4 OR site = $5) RETURNING site",
        )
        .bind(support.as_uuid())
        .bind(now.get())
        .bind(user)
        .bind(admin)
        .bind(site)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((site,)) = whose else {
            return Ok(false);
        };
        let act = Act {
            site: Some(SiteId::from_uuid(site)),
            details: Some(json!({ "support": support.to_string() })),
            ..Act::by(by, "support.ended")
        };
        audit!(tx, now, act);
    });
    Ok(true)
}
