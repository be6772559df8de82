//! What is or was wrong at a site.

#![expect(unused_qualifications, reason = "of the code that makes the document")]

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_domain::DeviceId;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::Api;
use super::answer::tagged;
use super::arrival::Queried;
use super::guard::{Alerts, Allowed, Reads};
use super::problem::{Problem, ProblemBody};
use super::typed::limit;

/// Which ones.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// `open` for those that last, `all` if it is not said.
    state: Option<String>,
    /// At most so many, 1 to 500; 100 if it is not said.
    limit: Option<u32>,
}

/// Something that is or was wrong.
#[derive(Serialize, ToSchema)]
pub(super) struct Alert {
    id: Uuid,
    /// The rule, or the flag that the device raised, for a program.
    code: String,
    /// Which meter, channel or part.
    #[serde(skip_serializing_if = "String::is_empty")]
    subject: String,
    /// The device, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Uuid>,
    /// `info`, `warning`, `high` or `critical`.
    severity: String,
    /// `firing`, `recovering` or `resolved`.
    state: String,
    /// Since when it is so.
    began_at: Timestamp,
    /// Since when it is told.
    fired_at: Option<Timestamp>,
    /// Until when it was so.
    resolved_at: Option<Timestamp>,
    /// When somebody took note of it.
    acknowledged_at: Option<Timestamp>,
    /// What it cost so far; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_wh: Option<i64>,
    /// For a person.
    message: String,
}

impl From<solthrive_cloud_store::archive::Alert> for Alert {
    fn from(alert: solthrive_cloud_store::archive::Alert) -> Self {
        Self {
            id: alert.id,
            code: alert.code,
            subject: alert.subject,
            device: alert.device.map(DeviceId::as_uuid),
            severity: alert.severity,
            state: alert.state,
            began_at: alert.began_at.into(),
            fired_at: alert.fired_at.map(Timestamp::from),
            resolved_at: alert.resolved_at.map(Timestamp::from),
            acknowledged_at: alert.acknowledged_at.map(Timestamp::from),
            lost_wh: alert.lost_wh,
            message: alert.message,
        }
    }
}

/// Alerts: those that last first, then the newest.
#[derive(Serialize, ToSchema)]
pub(super) struct AllAlerts {
    items: Vec<Alert>,
}

/// `GET /api/v1/sites/{site}/alerts`.
#[utoipa::path(get, path = "/api/v1/sites/{site}/alerts", tag = "sites", operation_id = "alerts", params(("site" = Uuid, Path), Wanted), responses(
    (status = 200, body = AllAlerts), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn list(
    Allowed((_, right)): Allowed<Reads<Alerts>>,
    State(api): State<Arc<Api>>,
    Queried(wanted): Queried<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let most = limit(wanted.limit, 100)?;
    let open_only = match wanted.state.as_deref() {
        None | Some("all") => false,
        Some("open") => true,
        Some(_) => return Err(Problem::field("state", "open or all")),
    };
    let alerts = api.views.alerts(right, open_only, most).await?;
    let items = alerts.into_iter().map(Alert::from).collect();
    Ok(tagged(&headers, &AllAlerts { items }))
}
