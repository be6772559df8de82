//! What happened at a site.

#![expect(unused_qualifications, reason = "of the code that makes the document")]

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::Api;
use super::answer::tagged;
use super::arrival::Queried;
use super::guard::{Alerts, Allowed, Reads};
use super::problem::{Problem, ProblemBody};
use super::typed::limit;

/// How many.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// At most so many, 1 to 500; 100 if it is not said.
    limit: Option<u32>,
}

/// A flag that went up or down, totals that were restated, a day on which device and cloud disagree.
#[derive(Serialize, ToSchema)]
pub(super) struct Event {
    at: Timestamp,
    /// When the cloud heard of it.
    received_at: Timestamp,
    /// The device, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Uuid>,
    /// What happened, for a program.
    code: String,
    /// Which meter, channel or part.
    #[serde(skip_serializing_if = "String::is_empty")]
    subject: String,
    /// `raised`, `cleared` or `happened`.
    state: String,
    /// `info`, `warning`, `high` or `critical`.
    severity: String,
    /// For a person.
    message: String,
}

impl From<solthrive_cloud_store::archive::Event> for Event {
    fn from(event: solthrive_cloud_store::archive::Event) -> Self {
        Self {
            at: event.at.into(),
            received_at: event.received_at.into(),
            device: event.device.map(solthrive_domain::DeviceId::as_uuid),
            code: event.code,
            subject: event.subject,
            state: event.state,
            severity: event.severity,
            message: event.message,
        }
    }
}

/// Events, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Events {
    items: Vec<Event>,
}

/// `GET /api/v1/sites/{site}/events`.
#[utoipa::path(get, path = "/api/v1/sites/{site}/events", tag = "sites", operation_id = "events", params(("site" = Uuid, Path), Wanted), responses(
    (status = 200, body = Events), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn events(
    Allowed((_, right)): Allowed<Reads<Alerts>>,
    State(api): State<Arc<Api>>,
    Queried(wanted): Queried<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let most = limit(wanted.limit, 100)?;
    let events = api.views.events(right, most).await?;
    let items = events.into_iter().map(Event::from);
    let events = Events {
        items: items.collect(),
    };
    Ok(tagged(&headers, &events))
}
