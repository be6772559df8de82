//! `GET /api/events`: the error log, as far back as this run of the service remembers.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::Holder;
use super::problem::ApiError;
use super::query::Params;
use super::reply::{Problems, json};
use super::state::AppState;
use super::wire::{Code, FlagEvent, FlagState};
use crate::live::FlagChange;

/// Flags that came and went.
#[derive(Serialize, ToSchema)]
pub(super) struct Events {
    /// Newest first.
    items: Vec<FlagEvent>,
}

/// Flags that came and went since the service started, newest first, at most 256.
#[utoipa::path(get, path = "/api/events", tag = "history", operation_id = "events", security(("token" = []), ("session" = [])),
    responses((status = 200, body = Events), Problems))]
pub(super) async fn events(
    State(app): State<AppState>,
    _: Holder,
    params: Params,
) -> Result<Response, ApiError> {
    params.finish(&[])?;
    Ok(json(&Events {
        items: newest_first(app.live.changes()),
    }))
}

pub(super) fn newest_first(changes: Vec<FlagChange>) -> Vec<FlagEvent> {
    changes.into_iter().rev().map(event).collect()
}

fn event(change: FlagChange) -> FlagEvent {
    FlagEvent {
        ts: change.at,
        state: if change.raised {
            FlagState::Raised
        } else {
            FlagState::Cleared
        },
        code: Code(change.flag.code),
        subject: change.flag.subject,
        severity: change.flag.severity.into(),
        message: change.flag.message,
    }
}
