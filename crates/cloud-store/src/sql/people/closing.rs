//! A home closes: from one moment to the next it is nobody's, and nothing that was said of it is left but its telemetry,
//! which takes longer and which nobody reaches any more.

use solthrive_domain::SiteId;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::erasures::{act, deleted};
use crate::StoreError;
use crate::people::{Closing, Passed};
use crate::sql::audit::audit;
use crate::sql::{SqlStore, ask, next_revision, transaction, wiping};

/// What is deleted at once, and where: rows of the site. Those come first that others refer to.
const SAID_OF_IT: [(&str, &str); 11] = [
    (
        "export_part",
        "DELETE FROM export_part WHERE job IN (SELECT id FROM site_job WHERE site = $1)",
    ),
    ("site_job", "DELETE FROM site_job WHERE site = $1"),
    ("command", "DELETE FROM command WHERE site = $1"),
    ("live_watch", "DELETE FROM live_watch WHERE site = $1"),
    ("site_grant", "DELETE FROM site_grant WHERE site = $1"),
    (
        "installer_code",
        "DELETE FROM installer_code WHERE site = $1",
    ),
    ("site_transfer", "DELETE FROM site_transfer WHERE site = $1"),
    (
        "support_session",
        "DELETE FROM support_session WHERE site = $1",
    ),
    ("site_config", "DELETE FROM site_config WHERE site = $1"),
    ("tariff", "DELETE FROM tariff WHERE site = $1"),
    ("alert", "DELETE FROM alert WHERE site = $1"),
];

/// Whose homes are that are nobody's.
pub(in crate::sql) const NOBODY: Uuid = Uuid::nil();

/// The site's row becomes a stone, and its devices are free. What a device measured there belongs to the stone, so that it is
/// thrown away whenever it comes.
macro_rules! leave_a_stone {
    ($tx:ident, $site:expr, $revision:expr, $now:expr) => {
        sqlx::query(
            "INSERT INTO org (id, kind, name, created_at) VALUES ($1, 'household', '', 0) ON CONFLICT DO NOTHING",
        )
        .bind(NOBODY)
        .execute(&mut *$tx)
        .await?;
        sqlx::query(
            "UPDATE site SET owner_org = $3, name = '', time_zone = 'UTC', size_w = NULL, latitude_tenths = NULL,
             longitude_tenths = NULL, owner_data_from = NULL, handed_over_at = NULL, archived_at = NULL, raw_days = NULL,
             erased_at = $2, version = version + 1 WHERE id = $1",
        )
        .bind($site)
        .bind($now.get())
        .bind(NOBODY)
        .execute(&mut *$tx)
        .await?;
        // Every node hears of it, and of where its devices were. What meters and clamps a device has is of the home it is
        // at: one that is elsewhere by now keeps it.
        sqlx::query(
            "UPDATE device SET revision = $2, config = CASE WHEN EXISTS (
                 SELECT 1 FROM assignment AS there WHERE there.device = device.id AND there.to_at IS NULL AND there.site <> $1
             ) THEN config END WHERE id IN (SELECT device FROM assignment WHERE site = $1)",
        )
        .bind($site)
        .bind($revision)
        .execute(&mut *$tx)
        .await?;
        sqlx::query(
            "UPDATE assignment SET to_at = CASE WHEN from_at > $2 THEN from_at ELSE $2 END WHERE site = $1 AND to_at IS NULL",
        )
        .bind($site)
        .bind($now.get())
        .execute(&mut *$tx)
        .await?;
    };
}

pub(super) async fn close_due(
    db: &SqlStore,
    now: UnixMillis,
) -> Result<Option<Closing>, StoreError> {
    let due: Option<(Uuid, Uuid)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT id, site FROM erasure WHERE due_at <= $1 AND cancelled_at IS NULL AND closed_at IS NULL
             ORDER BY due_at, id LIMIT 1",
        )
        .bind(now.get())
        .fetch_optional(pool)
        .await?
    });
    match due {
        Some((id, site)) => close(db, id, site, now).await,
        None => Ok(None),
    }
}

/// `None` where another node was faster, or it was taken back.
async fn close(
    db: &SqlStore,
    id: Uuid,
    site: Uuid,
    now: UnixMillis,
) -> Result<Option<Closing>, StoreError> {
    let closing = wiping!(db, |tx| {
        // The site first, as a sale and every write of its owner does; then the revision, as a registration does.
        let owner: Option<(Uuid,)> =
            sqlx::query_as("UPDATE site SET version = version WHERE id = $1 RETURNING owner_org")
                .bind(site)
                .fetch_optional(&mut *tx)
                .await?;
        let revision = next_revision!(tx);
        let asked: Option<(Uuid,)> = sqlx::query_as(
            "UPDATE erasure SET closed_at = $2 WHERE id = $1 AND cancelled_at IS NULL AND closed_at IS NULL
             RETURNING owner_org",
        )
        .bind(id)
        .bind(now.get())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(asked) = asked else {
            return Ok(None);
        };
        let of = SiteId::from_uuid(site);
        if owner != Some(asked) {
            sqlx::query("UPDATE erasure SET closed_at = NULL, cancelled_at = $2 WHERE id = $1")
                .bind(id)
                .bind(now.get())
                .execute(&mut *tx)
                .await?;
            audit!(tx, now, act(By::Service, "erasure.cancelled", of, id));
            Closing::Cancelled(of)
        } else {
            let mut gone = Vec::new();
            for (table, delete) in SAID_OF_IT {
                let rows = sqlx::query(delete).bind(site).execute(&mut *tx).await?;
                gone.push((table, rows.rows_affected()));
            }
            leave_a_stone!(tx, site, revision, now);
            deleted!(tx, id, gone);
            audit!(tx, now, act(By::Service, "erasure.closed", of, id));
            Closing::Closed(of)
        }
    });
    Ok(Some(closing))
}

/// The home of an older store is closed like the one of the newer: at once, and whoever it belongs to there.
pub(super) async fn again(
    db: &SqlStore,
    passed: &Passed,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    transaction!(db, |tx| {
        let known: Option<(Uuid,)> = sqlx::query_as(
            "UPDATE site SET version = version WHERE id = $1 AND erased_at IS NULL RETURNING owner_org",
        )
        .bind(passed.site)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((owner,)) = known else {
            return Ok(false);
        };
        sqlx::query("UPDATE erasure SET cancelled_at = $2 WHERE site = $1 AND id <> $3 AND cancelled_at IS NULL")
            .bind(passed.site)
            .bind(now.get())
            .bind(passed.id)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO erasure (id, site, owner_org, created_at, due_at) VALUES ($1, $2, $3, $4, $4)
             ON CONFLICT (id) DO UPDATE SET owner_org = excluded.owner_org, due_at = excluded.due_at, cancelled_at = NULL",
        )
        .bind(passed.id)
        .bind(passed.site)
        .bind(owner)
        .bind(now.get())
        .execute(&mut *tx)
        .await?;
        let site = SiteId::from_uuid(passed.site);
        audit!(tx, now, act(By::Console, "erasure.again", site, passed.id));
    });
    Ok(true)
}
