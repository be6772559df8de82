//! `POST /oauth/revoke` (RFC 7009).

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::Api;
use super::super::guard::{Allowed, Anyone};
use super::client::proven;
use super::form::Form;
use super::refusal::{Refusal, RefusalBody};
use crate::http::Peer;
use crate::secrets::hash_token;

/// What shall end. The client says who it is here, or by HTTP Basic.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the form; it is read field by field")]
pub(in super::super) struct RevokeRequest {
    /// A refresh token. With it end the access tokens that came of the same consent.
    token: String,
    token_type_hint: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// `POST /oauth/revoke`: answers 200 also where there is nothing to end.
#[utoipa::path(post, path = "/oauth/revoke", tag = "oauth", operation_id = "revokeRefreshToken",
    request_body(content = RevokeRequest, content_type = "application/x-www-form-urlencoded"), responses(
    (status = 200), (status = 400, body = RefusalBody), (status = 401, body = RefusalBody),
    (status = 429, body = RefusalBody), (status = 503, body = RefusalBody)), security(()))]
pub(in super::super) async fn revoke(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Refusal> {
    let form = Form::read(&headers, &bytes)?;
    let program = proven(&api, peer.household(), &headers, &form).await?;
    let token = form.need("token", "token is missing")?;
    if token.contains('.') {
        return Err(Refusal::token_type());
    }
    let now = api.clock.now();
    let ended = api.consents.end_refresh(program.id, hash_token(token), now);
    ended.await?;
    Ok(StatusCode::OK.into_response())
}
