//! `/api/session`: a cookie that stands for the token, so that a browser asks a person for it once.

use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Asker, COOKIE, Holder};
use super::problem::ApiError;
use super::reply::{Problems, json};
use super::state::AppState;

/// What a browser sends to be remembered.
#[derive(Deserialize, ToSchema)]
pub(super) struct SessionRequest {
    /// Content of the appliance's token file.
    token: String,
}

/// Whether this client may read what needs the token.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionBody {
    /// It may.
    signed_in: bool,
}

/// Whether the request carries the token or a session. Never an error, so that a page can ask.
#[utoipa::path(get, path = "/api/session", tag = "session", operation_id = "session",
    responses((status = 200, body = SessionBody), Problems))]
pub(super) async fn show(holder: Result<Holder, ApiError>) -> Response {
    json(&SessionBody {
        signed_in: holder.is_ok(),
    })
}

/// Starts a session: sets an `HttpOnly`, `SameSite=Strict` cookie that stands for the token.
#[utoipa::path(post, path = "/api/session", tag = "session", operation_id = "openSession", request_body = SessionRequest,
    responses((status = 204, description = "The cookie is set."), Problems))]
pub(super) async fn open(
    State(app): State<AppState>,
    request: Request,
) -> Result<Response, ApiError> {
    if !is_json(request.headers()) {
        return Err(ApiError::NotJson);
    }
    let asker = Asker::of(request.extensions(), &app);
    let body: Result<Bytes, BytesRejection> = request.extract().await;
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge {
            limit: app.limits.body,
        },
        _ => ApiError::BadBody("the body did not arrive whole"),
    })?;
    let SessionRequest { token } = serde_json::from_slice(&body)
        .map_err(|_| ApiError::BadBody("expected {\"token\": \"…\"}"))?;
    let id = app.access.open_session(token.trim(), asker)?;
    Ok(with_cookie(&id, app.access.session_length().as_secs()))
}

/// Ends the session.
#[utoipa::path(delete, path = "/api/session", tag = "session", operation_id = "closeSession",
    responses((status = 204, description = "The session is over."), Problems))]
pub(super) async fn close(State(app): State<AppState>, headers: HeaderMap) -> Response {
    app.access.close_session(&headers);
    with_cookie("", 0)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    kind.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn with_cookie(id: &str, seconds: u64) -> Response {
    let cookie = format!("{COOKIE}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict");
    match HeaderValue::from_str(&cookie) {
        Ok(cookie) => (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response(),
        Err(error) => ApiError::Internal(error.into()).into_response(),
    }
}
