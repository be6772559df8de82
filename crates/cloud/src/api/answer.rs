//! What is common to answers: JSON that nobody keeps, entity tags, bodies that are read strictly.

use aws_lc_rs::digest;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use uuid::Uuid;

use super::arrival::LARGEST_BODY;
use super::cursor::hex;
use super::problem::Problem;

/// JSON for the caller alone; no cache between keeps it for another.
pub(super) fn private(body: &impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    keep_private(response.headers_mut());
    response
}

/// The same, or nothing where the caller has it already.
pub(super) fn tagged(headers: &HeaderMap, body: &impl Serialize) -> Response {
    let Ok(text) = serde_json::to_vec(body) else {
        return Problem::unavailable().into_response();
    };
    let hash = digest::digest(&digest::SHA256, &text);
    let tag = format!("\"{}\"", hex(&hash.as_ref()[..16]));
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let has_it = known.any(|one| one.trim().trim_start_matches("W/") == tag);
    let json = HeaderValue::from_static("application/json");
    let mut response = if has_it {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, json)], text).into_response()
    };
    keep_private(response.headers_mut());
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// It is over now, if there was something that could end.
pub(super) fn gone(was: bool) -> Result<Response, Problem> {
    let done = || StatusCode::NO_CONTENT.into_response();
    was.then(done).ok_or(Problem::not_found())
}

/// What was made, by which it is found again.
#[derive(Serialize, ToSchema)]
pub(super) struct Made {
    id: Uuid,
}

impl Made {
    /// 201 with its id.
    pub(super) fn answer(id: Uuid) -> Response {
        (StatusCode::CREATED, private(&Self { id })).into_response()
    }
}

/// Work that was taken on: 202, with how far it is now and the path where it is told from here on.
pub(super) fn accepted(told: &impl Serialize, there: &str) -> Response {
    let mut response = (StatusCode::ACCEPTED, private(told)).into_response();
    if let Ok(there) = there.parse() {
        response.headers_mut().insert(header::LOCATION, there);
    }
    response
}

/// A body that is kept as a file of this name, and by no cache.
pub(super) fn download(body: Body, mime: &'static str, name: &str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    let nobody = HeaderValue::from_static("private, no-store");
    headers.insert(header::CACHE_CONTROL, nobody);
    let file = format!("attachment; filename=\"{name}\"");
    if let Ok(file) = HeaderValue::from_str(&file) {
        headers.insert(header::CONTENT_DISPOSITION, file);
    }
    response
}

fn keep_private(headers: &mut HeaderMap) {
    let none = HeaderValue::from_static("private, no-cache");
    headers.insert(header::CACHE_CONTROL, none);
    let vary = HeaderValue::from_static("cookie, authorization");
    headers.insert(header::VARY, vary);
}

/// A body of JSON. Another type is refused: a form of another site's page can send no JSON.
pub(super) fn body<T: DeserializeOwned>(headers: &HeaderMap, bytes: &Bytes) -> Result<T, Problem> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let is_json = kind.is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/json")
    });
    if !is_json {
        return Err(Problem::body(
            "send JSON, with content-type: application/json",
        ));
    }
    if bytes.len() > LARGEST_BODY {
        let detail = format!("a body has at most {LARGEST_BODY} bytes");
        return Err(Problem::body(detail));
    }
    serde_json::from_slice(bytes).map_err(|error| Problem::body(error.to_string()))
}
