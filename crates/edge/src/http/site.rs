//! `GET /api/site`: what a page needs to know before it shows numbers.

use axum::extract::State;
use axum::response::Response;
use solthrive_domain::HomeModel;

use super::reply::{Problems, json_bytes};
use super::state::AppState;
use super::wire::SiteBody;
use crate::config::{Site, Tariff};

/// Name, zone and what is installed.
#[utoipa::path(get, path = "/api/site", tag = "live", operation_id = "site",
    responses((status = 200, body = SiteBody), Problems))]
pub(super) async fn site(State(app): State<AppState>) -> Response {
    json_bytes(app.site_json())
}

/// What is installed, as the cloud is told it: what `/api/site` says.
pub(crate) fn described(
    site: &Site,
    home: &HomeModel,
    tariff: Option<&Tariff>,
) -> Option<serde_json::Value> {
    serde_json::to_value(SiteBody::new(site, home, tariff)).ok()
}
