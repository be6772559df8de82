//! `GET /api/latest` and `GET /api/powerflow`: the newest snapshot, serialised once for everybody.

use axum::extract::State;
use axum::response::Response;
use solthrive_domain::HomeModel;

use super::problem::ApiError;
use super::reply::{Problems, json_bytes};
use super::state::{AppState, json};
use super::wire::{Latest, PowerflowBody};
use crate::live::Frame;

/// The newest snapshot.
#[utoipa::path(get, path = "/api/latest", tag = "live", operation_id = "latest",
    responses((status = 200, body = Latest), Problems))]
pub(super) async fn latest(State(app): State<AppState>) -> Result<Response, ApiError> {
    let frame = app.live.frame().ok_or(ApiError::NoDataYet)?;
    Ok(json_bytes(latest_json(app.home(), &frame)))
}

/// The newest power flow alone.
#[utoipa::path(get, path = "/api/powerflow", tag = "live", operation_id = "powerflow",
    responses((status = 200, body = PowerflowBody), Problems))]
pub(super) async fn powerflow(State(app): State<AppState>) -> Result<Response, ApiError> {
    let frame = app.live.frame().ok_or(ApiError::NoDataYet)?;
    Ok(json_bytes(frame.powerflow(|frame| {
        json(&PowerflowBody::from(&*frame.snapshot))
    })))
}

/// The body of `/api/latest`, which the stream, the page and version 1's file carry too.
pub(crate) fn latest_json(home: &HomeModel, frame: &Frame) -> axum::body::Bytes {
    frame.latest(|frame| json(&Latest::new(&frame.snapshot, home)))
}
