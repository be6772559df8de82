//! What is known of whoever has a credential, read anew for each call.

use solthrive_domain::access::{Membership, Support};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{OrgId, SiteId, SupportId, UserId};
use uuid::Uuid;

use super::parse;
use crate::StoreError;
use crate::sql::{SqlStore, ask, instant};

pub(super) async fn memberships(
    db: &SqlStore,
    user: UserId,
) -> Result<Vec<Membership>, StoreError> {
    let rows: Vec<(Uuid, String, String)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT org.id, org.kind, membership.role FROM membership JOIN org ON org.id = membership.org
             WHERE membership.app_user = $1 ORDER BY membership.created_at, org.id",
        )
        .bind(user.as_uuid())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(org, kind, role)| {
            Ok(Membership {
                org: OrgId::from_uuid(org),
                kind: parse::org_kind(&kind)?,
                role: parse::role(&role)?,
            })
        })
        .collect()
}

/// Those that are open, for who may have one: asked of admins of the platform only.
pub(super) async fn support(
    db: &SqlStore,
    user: UserId,
    now: UnixMillis,
) -> Result<Vec<Support>, StoreError> {
    let rows: Vec<(Uuid, Uuid, i64, i64)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, site, created_at, until_at FROM support_session
             WHERE app_user = $1 AND until_at > $2 AND ended_at IS NULL ORDER BY created_at, id",
        )
        .bind(user.as_uuid())
        .bind(now.get())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(id, site, from, until)| {
            Ok(Support {
                id: SupportId::from_uuid(id),
                site: SiteId::from_uuid(site),
                from: instant(from)?,
                until: instant(until)?,
            })
        })
        .collect()
}
