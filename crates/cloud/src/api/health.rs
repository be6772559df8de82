//! How a device is.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use solthrive_cloud_store::archive::DeviceStatus;
use solthrive_domain::DeviceId;
use solthrive_domain::access::{ReadableSite, Scope};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::alerts::Alert;
use super::answer::tagged;
use super::guard::{Allowed, ConfigRead, ReadsDevice};
use super::problem::{Problem, ProblemBody};
use super::telemetry::words;

/// Flags that are told at most; a device has a few dozen.
const MOST_FLAGS: u32 = 500;

/// How a device is.
#[derive(Default, Serialize, ToSchema)]
pub(super) struct Health {
    id: Uuid,
    /// The site where it is.
    site: Uuid,
    /// When it was heard of last, by the cloud's clock; absent before that.
    last_seen: Option<Timestamp>,
    /// Time of its newest sample, by its own clock; absent where there is none that the caller may see.
    newest: Option<Timestamp>,
    /// How old that sample is by the cloud's clock, in whole seconds; below zero where the device's clock is ahead.
    newest_age_s: Option<i64>,
    /// What speaks against that sample: `ok`, or codes of flags by spaces.
    quality: Option<String>,
    /// Rows that were taken from it since it was made.
    rows: u64,
    /// Version of its software.
    firmware: Option<String>,
    /// When the cloud heard first that it runs this version.
    firmware_since: Option<Timestamp>,
    /// The machine, as it said last: load, memory, disk, temperature. It does so every hour, and when something changed.
    system: Option<Value>,
    /// When it said so, by the cloud's clock.
    system_at: Option<Timestamp>,
    /// Seconds since its service started, when it said so.
    uptime_s: Option<u64>,
    /// How far its clock is ahead of the cloud's, by its last report; what it took to arrive counts as behind.
    clock_offset_ms: Option<i64>,
    /// `true` where its channel for commands is open at the node that answers; absent where that is not known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_open: Option<bool>,
    /// Its flags that are up, as alerts of the site, the newest first; absent without the scope `alerts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<Vec<Alert>>,
}

impl Health {
    fn take(&mut self, status: DeviceStatus, now: Timestamp) {
        let newest = status.newest.map(|newest| Timestamp::from(newest.ts));
        let system: Option<Value> = status
            .system
            .and_then(|text| serde_json::from_str(&text).ok());
        self.last_seen = Some(status.last_seen.into());
        self.newest = newest;
        self.newest_age_s = newest.map(|newest| now.duration_since(newest).as_secs());
        self.quality = status.newest.map(|newest| words(newest.quality));
        self.rows = status.rows;
        self.firmware = status.firmware;
        self.firmware_since = status.firmware_since.map(Timestamp::from);
        self.uptime_s = system
            .as_ref()
            .and_then(|system| system["uptime_s"].as_u64());
        self.system = system;
        self.system_at = status.system_at.map(Timestamp::from);
        self.clock_offset_ms = status.clock_offset_ms;
    }
}

/// `GET /api/v1/device/{device}/health`: how a device is that is at a site now.
#[utoipa::path(get, path = "/api/v1/device/{device}/health", tag = "sites", operation_id = "deviceHealth", params(("device" = Uuid, Path)), responses(
    (status = 200, body = Health), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn health(
    Allowed((device, home, right)): Allowed<ReadsDevice<ConfigRead>>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut health = Health {
        id: device.as_uuid(),
        site: right.site().as_uuid(),
        channel_open: api.present.is_here(device).then_some(true),
        ..Health::default()
    };
    let statuses = api.views.status(right).await?;
    let status = statuses.into_iter().find(|status| status.device == device);
    // It was bound, and was not heard of since: all of it is unknown.
    if let Some(status) = status {
        health.take(status, api.clock.now().into());
    }
    if let Some(right) = home.access.readable(Scope::Alerts) {
        health.flags = Some(flags(&api, right, device).await?);
    }
    Ok(tagged(&headers, &health))
}

async fn flags(api: &Api, right: ReadableSite, device: DeviceId) -> Result<Vec<Alert>, Problem> {
    let open = api.views.alerts(right, true, MOST_FLAGS).await?;
    let its = open
        .into_iter()
        .filter(|alert| alert.device == Some(device));
    Ok(its.map(Alert::from).collect())
}
