//! What a device says is installed: meters and clamps, with their history.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use solthrive_cloud_store::meta::SiteConfig;
use solthrive_domain::DeviceId;
use solthrive_domain::access::ReadableSite;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::answer::tagged;
use super::guard::{Allowed, ConfigRead, ReadsDevice};
use super::problem::{Problem, ProblemBody};

/// A configuration, and from when on it holds.
#[derive(Serialize, ToSchema)]
pub(super) struct Held {
    /// When the cloud was told of it, or from when on the caller may see it.
    from: Timestamp,
    /// As the device told it.
    config: Value,
}

/// What is installed.
#[derive(Serialize, ToSchema)]
pub(super) struct Installed {
    id: Uuid,
    /// As the device told it last; `null` where it told nothing.
    current: Value,
    /// From when on it is so.
    since: Option<Timestamp>,
    /// All of them at this site, the newest first; at most 500.
    history: Vec<Held>,
}

/// `GET /api/v1/device/{device}/config`: meters and clamps of a device that is at a site now, as it told them there.
#[utoipa::path(get, path = "/api/v1/device/{device}/config", tag = "sites", operation_id = "deviceConfig", params(("device" = Uuid, Path)), responses(
    (status = 200, body = Installed), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn config(
    Allowed((device, _, right)): Allowed<ReadsDevice<ConfigRead>>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let told = api.registry.site_configs(right).await?;
    let history = held(told, right);
    let history: Vec<_> = history
        .into_iter()
        .filter(|(of, _)| *of == Some(device))
        .map(|(_, held)| held)
        .collect();
    let current = history.first();
    let installed = Installed {
        id: device.as_uuid(),
        current: current.map_or(Value::Null, |current| current.config.clone()),
        since: current.map(|current| current.from),
        history,
    };
    Ok(tagged(&headers, &installed))
}

/// What the right shows, the newest first: of what began before it, only what still held.
pub(super) fn held(told: Vec<SiteConfig>, right: ReadableSite) -> Vec<(Option<DeviceId>, Held)> {
    let mut shown = Vec::with_capacity(told.len());
    for one in told {
        let since = right.since().filter(|since| one.at < *since);
        let held = Held {
            from: since.unwrap_or(one.at).into(),
            config: serde_json::from_str(&one.json).unwrap_or_default(),
        };
        shown.push((one.device, held));
        if since.is_some() {
            break;
        }
    }
    shown
}
