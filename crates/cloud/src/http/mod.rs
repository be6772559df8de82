//! The HTTP interface: what devices call, and what operators look at.
//!
//! One file a call. Devices are answered in the shapes of `solthrive_protocol`: `{"status":"ok",…}`
//! or `{"status":"error","code":…,"detail":…}`.

mod answer;
mod body;
mod channel;
mod daily;
mod health;
mod offer;
mod openapi;
mod ops;
mod pages;
mod register;
mod server;
mod state;
mod telemetry;
mod trace;

pub(crate) use self::trace::request_id;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

pub use self::body::{NotUnpacked, Packing};
pub use self::openapi::{document as openapi_document, served as openapi_served};
pub(crate) use self::server::Peer;
pub use self::server::{Listener, serve};
pub use self::state::{AppState, Bounds, Readiness, Shared, bearer_text};
use crate::config::Role;

/// Every path of these roles.
fn router(app: AppState, roles: &[Role]) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics));
    if roles.contains(&Role::Ingest) {
        router = router
            .route("/v1/device/register", post(register::register))
            .route("/v1/device/channel", get(channel::channel))
            .route("/v1/ingest/telemetry", post(telemetry::telemetry))
            .route("/v1/ingest/daily", post(daily::daily))
            .route("/v1/ingest/health", post(health::health));
    }
    if roles.contains(&Role::Api) {
        router = router
            .route("/api/v1/openapi.json", get(openapi::get))
            .merge(pages::router());
        if let Some(api) = &app.api {
            router = router.merge(crate::api::router(Arc::clone(api)));
        }
    }
    router
        .fallback(answer::no_such_path)
        .method_not_allowed_fallback(answer::wrong_method)
        .layer(from_fn_with_state(app.clone(), trace::trace))
        .with_state(app)
}
