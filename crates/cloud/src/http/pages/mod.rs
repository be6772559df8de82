//! Pages that the program brings along: how its API is called, what its problems mean, and where links in letters
//! lead. They ask nothing of any other place.

mod docs;
mod html;
mod problems;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Looks of the pages.
const STYLE: &str = include_str!("pages.css");
/// Nothing but the style, and from here only.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// What links lead to: one form, filled in by its script.
const LETTER: &str = include_str!("letter.html");
const SCRIPT: &str = include_str!("letter.js");
/// The same, with the one script, which calls this very origin.
const WITH_SCRIPT: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Where an app sends its person.
const AUTHORIZE: &str = include_str!("authorize.html");
const AUTHORIZE_SCRIPT: &str = include_str!("authorize.js");

/// Every page.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/api/docs", get(async || page(docs::page())))
        .route("/api/docs/pages.css", get(style))
        .route("/api/docs/letter.js", get(async || script(SCRIPT)))
        .route("/oauth/authorize", get(async || scripted(AUTHORIZE)))
        .route(
            "/oauth/authorize.js",
            get(async || script(AUTHORIZE_SCRIPT)),
        )
        .route("/setup", get(letter))
        .route("/password", get(letter))
        .route("/invitation", get(letter))
        .route("/transfer", get(letter))
        .route("/problems", get(async || page(problems::page())))
        .route("/problems/{code}", get(problems::one))
}

async fn style() -> Response {
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], STYLE).into_response()
}

fn script(text: &'static str) -> Response {
    let kind = HeaderValue::from_static("text/javascript; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn letter() -> Response {
    scripted(LETTER)
}

fn scripted(text: &'static str) -> Response {
    let mut response = page(text);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, WITH_SCRIPT);
    response
}

fn page(text: impl IntoResponse) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, html);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}
