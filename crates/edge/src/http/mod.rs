//! The HTTP interface on the local network: JSON, the live stream and the dashboard.
//!
//! `app` fills a [`Setup`] and calls [`serve`]. Nothing here polls, decides or stores: handlers
//! read the hub, the facts and the store, and say what they found. One file a resource.

mod access;
mod assets;
mod boot;
mod cloud;
mod debug;
mod device;
mod events;
mod facts;
mod guard;
mod health;
mod history;
mod latest;
mod machine;
mod messages;
mod metrics;
pub mod openapi;
mod patience;
mod problem;
mod query;
pub(crate) mod remote;
mod reply;
mod server;
mod session;
mod sessions;
mod site;
mod state;
mod stored;
mod summary;
mod system;
pub mod wire;
mod ws;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use problem::ApiError;

pub use access::{Access, Secret};
pub use facts::{ClockFacts, Facts, FixedFacts, MeterFacts};
pub(crate) use latest::latest_json;
pub use server::{bind, serve};
pub(crate) use site::described as describe_site;
pub use state::{AppState, Clock, History, HistoryError, Limits, Setup, Shared};
pub(crate) use summary::passed;
pub(crate) use system::of as machine_report;

/// Every path.
fn router(app: AppState) -> Router {
    let body = usize::try_from(app.limits.body).unwrap_or(usize::MAX);
    Router::new()
        .route("/", get(assets::root))
        .route("/dashboard", get(assets::page))
        .route("/dashboard/{*below}", get(assets::page))
        .route("/ws", get(ws::live))
        .route("/metrics", get(metrics::metrics))
        .route("/api/latest", get(latest::latest))
        .route("/api/powerflow", get(latest::powerflow))
        .route("/api/site", get(site::site))
        .route("/api/health", get(health::health))
        .route("/api/system", get(system::system))
        .route("/api/cloud", get(cloud::cloud))
        .route("/api/cloud/registration", post(cloud::register))
        .route("/api/history", get(history::history))
        .route("/api/daily_summary", get(summary::daily))
        .route("/api/monthly_summary", get(summary::monthly))
        .route("/api/days", get(summary::list))
        .route("/api/events", get(events::events))
        .route("/api/device", get(device::device))
        .route("/api/debug", get(debug::debug))
        .route(
            "/api/session",
            get(session::show)
                .post(session::open)
                .delete(session::close),
        )
        .route("/api/openapi.json", get(openapi::document))
        .fallback(assets::file)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(body))
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .with_state(app)
}
