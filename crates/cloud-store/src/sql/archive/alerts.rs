//! Alerts, as people see them.

use solthrive_domain::DeviceId;
use solthrive_domain::access::ReadableSite;
use sqlx::types::Uuid;

use super::views::since;
use crate::StoreError;
use crate::archive::Alert;
use crate::sql::sees::seen;
use crate::sql::{SqlStore, instant};

type Row = (
    Uuid,
    String,
    String,
    Option<Uuid>,
    String,
    String,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    String,
);

pub(super) async fn of_site(
    db: &SqlStore,
    site: ReadableSite,
    open_only: bool,
    most: u32,
) -> Result<Vec<Alert>, StoreError> {
    let rows: Vec<Row> = seen!(db, site.into(), |pool| {
        sqlx::query_as(
            "SELECT id, code, part, device, severity, state, began_at, fired_at, resolved_at, acknowledged_at, lost_wh, message
             FROM alert WHERE site = $1 AND state <> 'pending' AND (resolved_at IS NULL OR NOT $2)
             AND (resolved_at IS NULL OR resolved_at >= $3)
             ORDER BY resolved_at DESC NULLS FIRST, began_at DESC, id LIMIT $4",
        )
        .bind(site.site().as_uuid())
        .bind(open_only)
        .bind(since(site))
        .bind(i64::from(most))
        .fetch_all(pool)
        .await?
    });
    rows.into_iter().map(alert).collect()
}

fn alert(row: Row) -> Result<Alert, StoreError> {
    let (
        id,
        code,
        subject,
        device,
        severity,
        state,
        began,
        fired,
        resolved,
        acknowledged,
        lost_wh,
        message,
    ) = row;
    Ok(Alert {
        id,
        code,
        subject,
        device: device.map(DeviceId::from_uuid),
        severity,
        state,
        began_at: instant(began)?,
        fired_at: fired.map(instant).transpose()?,
        resolved_at: resolved.map(instant).transpose()?,
        acknowledged_at: acknowledged.map(instant).transpose()?,
        lost_wh,
        message,
    })
}
