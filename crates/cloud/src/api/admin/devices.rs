//! A device: how it stands, and the end of its right to send.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use solthrive_domain::DeviceId;
use solthrive_domain::rotation::Asking;
use utoipa::ToSchema;

use super::super::Api;
use super::super::answer::{body, gone, private, tagged};
use super::super::arrival::Only;
use super::super::guard::{Allowed, RunsThePlatform};
use super::super::problem::{Problem, ProblemBody};
use super::find::OfficeDevice;

/// `GET /api/v1/admin/devices/{device}`.
#[utoipa::path(get, path = "/api/v1/admin/devices/{device}", tag = "admin", operation_id = "officeDevice", params(("device" = Uuid, Path)), responses(
    (status = 200, body = OfficeDevice), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(in super::super) async fn device(
    Allowed((_, operator)): Allowed<RunsThePlatform>,
    State(api): State<Arc<Api>>,
    Only(device): Only,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = api.office.device(&operator, DeviceId::from_uuid(device));
    let found = found.await?.ok_or(Problem::not_found())?;
    Ok(tagged(&headers, &OfficeDevice::from(found)))
}

/// What makes sure that it is the right one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Deactivation {
    /// The number on its case, typed once more: it cannot be undone.
    serial: String,
}

/// `POST /api/v1/admin/devices/{device}/deactivation`: it is told to stop sending (410) and keeps working for its home. It cannot be undone; its history stays.
#[utoipa::path(post, path = "/api/v1/admin/devices/{device}/deactivation", tag = "admin", operation_id = "deactivateDevice", params(("device" = Uuid, Path)), request_body = Deactivation, responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(in super::super) async fn deactivate(
    Allowed((_, operator)): Allowed<RunsThePlatform>,
    State(api): State<Arc<Api>>,
    Only(device): Only,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: Deactivation = body(&headers, &bytes)?;
    let device = DeviceId::from_uuid(device);
    let found = api.office.device(&operator, device).await?;
    let found = found.ok_or(Problem::not_found())?;
    if found.line.serial != asked.serial.trim() {
        return Err(Problem::field("serial", "not the number of this device"));
    }
    let now = api.clock.now();
    gone(api.registry.deactivate(&operator, device, now).await?)
}

/// How far a device is with its new token.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Rotation {
    /// `begun`, `open` (it was asked for before), `deactivated`, `two_tokens` (revoke the one that is not used first) or
    /// `no_token`.
    state: &'static str,
}

/// `POST /api/v1/admin/devices/{device}/rotation`: asks for another token; the device gets it with its next call and takes it over by using it.
#[utoipa::path(post, path = "/api/v1/admin/devices/{device}/rotation", tag = "admin", operation_id = "rotateToken", params(("device" = Uuid, Path)), responses(
    (status = 202, body = Rotation), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(in super::super) async fn rotate(
    Allowed((_, operator)): Allowed<RunsThePlatform>,
    State(api): State<Arc<Api>>,
    Only(device): Only,
) -> Result<Response, Problem> {
    let (device, now) = (DeviceId::from_uuid(device), api.clock.now());
    let asked = api.registry.ask_rotation(&operator, &[device], now).await?;
    let state = match asked.into_iter().next().flatten() {
        None => return Err(Problem::not_found()),
        Some(Asking::Begin) => "begun",
        Some(Asking::Open) => "open",
        Some(Asking::Deactivated) => "deactivated",
        Some(Asking::TwoTokens) => "two_tokens",
        Some(Asking::NoToken) => "no_token",
    };
    Ok((StatusCode::ACCEPTED, private(&Rotation { state })).into_response())
}
