//! `GET /api/debug`: everything that helps to find out why a number is what it is.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::access::Holder;
use super::events::recent;
use super::machine::{self, Task};
use super::problem::ApiError;
use super::query::Params;
use super::reply::{Problems, json};
use super::state::AppState;
use super::system::report;
use super::wire::{FlagEvent, System};

/// The inside of the appliance. Its shape follows the code and may change.
#[derive(Serialize, ToSchema)]
pub(super) struct Debug {
    /// As `/api/system`.
    system: System,
    /// Each bus: counters, plan, budget, registers of the last poll, and the last exchanges on the wire.
    #[schema(value_type = Vec<Object>)]
    buses: Vec<Value>,
    /// Threads of the service.
    tasks: Vec<Task>,
    /// The effective configuration with the origin of every value; secrets are masked.
    #[schema(value_type = Object)]
    config: Value,
    /// Flags that came and went, newest first, of earlier runs too; at most 256.
    recent_errors: Vec<FlagEvent>,
}

/// Raw registers of the last poll, bus trace, threads, effective configuration and recent errors.
#[utoipa::path(get, path = "/api/debug", tag = "system", operation_id = "debug", security(("token" = []), ("session" = [])),
    responses((status = 200, body = Debug), Problems))]
pub(super) async fn debug(
    State(app): State<AppState>,
    holder: Holder,
    params: Params,
) -> Result<Response, ApiError> {
    params.finish(&[])?;
    let recent_errors = recent(&app, &holder).await?;
    Ok(json(&Debug {
        system: report(&app),
        buses: app
            .facts
            .buses(|bus| serde_json::to_value(bus).unwrap_or_default()),
        tasks: machine::tasks(),
        config: app.config.clone(),
        recent_errors,
    }))
}
