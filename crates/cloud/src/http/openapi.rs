//! The OpenAPI document, made from the handlers and the shapes they answer with.
//!
//! It is written to `openapi/cloud.json` by a test, reviewed like code, and served from there.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{channel, daily, health, ops, register, telemetry};

/// The document as it is checked in.
const TEXT: &str = include_str!("../../../../openapi/cloud.json");

/// The document as it is served.
#[must_use]
pub const fn served() -> &'static str {
    TEXT
}

/// `GET /api/v1/openapi.json`.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "operation", operation_id = "openapi", responses((status = 200, body = serde_json::Value)))]
pub(super) async fn get() -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], TEXT).into_response()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "SolThrive cloud", description = "What appliances call, and what operators look at."),
    paths(
        register::register, telemetry::telemetry, daily::daily, health::health, channel::channel,
        ops::healthz, ops::readyz, ops::metrics, get,
    ),
    tags(
        (name = "device", description = "Called by appliances, with the device's token."),
        (name = "operation", description = "For load balancers and monitoring. `/metrics` answers private addresses only."),
    ),
    modifiers(&Finish),
)]
struct Api;

struct Finish;

impl Modify for Finish {
    fn modify(&self, document: &mut Document) {
        document.info.license = None;
        let mut scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        scheme.description =
            Some("The token that the device was made with, or one it was given since.".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("device", SecurityScheme::Http(scheme));
    }
}

/// The document as the code says it is, as pretty JSON with a line feed at the end.
///
/// # Errors
/// Never in practice: the document holds only text, numbers and maps with text keys.
pub fn document() -> Result<String, serde_json::Error> {
    Ok(crate::api::add_to_document(Api::openapi()).to_pretty_json()? + "\n")
}
