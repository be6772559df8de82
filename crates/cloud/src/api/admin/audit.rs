//! Who did what.

#![expect(unused_qualifications, reason = "of the code that makes the document")]

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::meta::AuditRow;
use solthrive_cloud_store::people::AuditFilter;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::Api;
use super::super::answer::private;
use super::super::arrival::Queried;
use super::super::cursor::hex;
use super::super::guard::{Allowed, RunsThePlatform};
use super::super::problem::{Problem, ProblemBody};
use super::super::typed::limit;

/// Which acts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct WantedActs {
    /// About this site.
    site: Option<Uuid>,
    /// About this device.
    device: Option<Uuid>,
    /// About this org.
    org: Option<Uuid>,
    /// By this one: `console`, `device`, `service`, `user:<id>` or `client:<id>`.
    actor: Option<String>,
    /// Acts whose name begins so, such as `grant.`.
    action: Option<String>,
    /// At most so many, 1 to 500; 100 if it is not said.
    limit: Option<u32>,
    /// Where the page before ended.
    cursor: Option<i64>,
}

/// An act. Each one's hash covers it and the hash before it.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Act {
    seq: i64,
    at: Timestamp,
    /// `console`, `device`, `service`, `user:<id>` or `client:<id>`.
    actor: String,
    /// Such as `grant.added`.
    action: String,
    org: Option<Uuid>,
    site: Option<Uuid>,
    device: Option<Uuid>,
    /// What more there is to say.
    #[schema(value_type = Option<Object>)]
    details: Option<serde_json::Value>,
    /// SHA-256, hexadecimal.
    hash: String,
}

impl From<AuditRow> for Act {
    fn from(row: AuditRow) -> Self {
        Self {
            seq: row.seq,
            at: row.at.into(),
            actor: row.actor,
            action: row.action,
            org: row.org.map(OrgId::as_uuid),
            site: row.site.map(SiteId::as_uuid),
            device: row.device.map(DeviceId::as_uuid),
            details: row
                .details
                .and_then(|text| serde_json::from_str(&text).ok()),
            hash: hex(&row.hash),
        }
    }
}

/// Acts, the newest first.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Acts {
    items: Vec<Act>,
    /// For the next page; absent on the last one.
    next_cursor: Option<i64>,
}

/// `GET /api/v1/admin/audit`.
#[utoipa::path(get, path = "/api/v1/admin/audit", tag = "admin", operation_id = "audit", params(WantedActs), responses(
    (status = 200, body = Acts), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(in super::super) async fn acts(
    Allowed((_, operator)): Allowed<RunsThePlatform>,
    State(api): State<Arc<Api>>,
    Queried(wanted): Queried<WantedActs>,
) -> Result<Response, Problem> {
    let most = limit(wanted.limit, 100)?;
    let filter = AuditFilter {
        site: wanted.site.map(SiteId::from_uuid),
        device: wanted.device.map(DeviceId::from_uuid),
        org: wanted.org.map(OrgId::from_uuid),
        actor: wanted.actor,
        action: wanted.action,
    };
    let rows = api
        .office
        .acts(&operator, &filter, wanted.cursor, most)
        .await?;
    let full = u32::try_from(rows.len()).is_ok_and(|count| count == most);
    let next_cursor = rows.last().filter(|_| full).map(|row| row.seq);
    let items = rows.into_iter().map(Act::from).collect();
    Ok(private(&Acts { items, next_cursor }))
}
