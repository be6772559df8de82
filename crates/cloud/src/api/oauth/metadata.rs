//! What programs read to find their way: keys (RFC 7517) and the server's metadata (RFC 8414).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use solthrive_cloud_store::people::SigningKey;
use solthrive_domain::access::Scope;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::guard::{Allowed, Anyone};
use super::super::jwt::encode;
use super::super::problem::{Problem, ProblemBody};
use super::super::{Api, signing};

/// A key that access tokens are signed with.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Jwk {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    purpose: &'static str,
    kid: Uuid,
    /// The public half.
    x: String,
}

impl From<&SigningKey> for Jwk {
    fn from(key: &SigningKey) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            purpose: "sig",
            kid: key.id,
            x: encode(&key.public),
        }
    }
}

/// Keys whose tokens may still count.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Jwks {
    keys: Vec<Jwk>,
}

fn for_all(body: impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    let minute = HeaderValue::from_static("public, max-age=60");
    response.headers_mut().insert(header::CACHE_CONTROL, minute);
    response
}

/// `GET /oauth/jwks.json`.
#[utoipa::path(get, path = "/oauth/jwks.json", tag = "oauth", operation_id = "keys", responses(
    (status = 200, body = Jwks),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")), security(()))]
pub(in super::super) async fn keys(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    let keys = signing::believed(&api).await?;
    let keys = keys.iter().map(Jwk::from).collect();
    Ok(for_all(Jwks { keys }))
}

/// Where everything is, and what of OAuth there is.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
    jwks_uri: String,
    scopes_supported: Vec<&'static str>,
    response_types_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 3],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
}

/// `GET /.well-known/oauth-authorization-server`.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "oauth", operation_id = "oauthMetadata",
    responses((status = 200, body = Metadata)), security(()))]
pub(in super::super) async fn metadata(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
) -> Response {
    let issuer = signing::realm(&api).issuer;
    let ways = ["client_secret_basic", "client_secret_post", "none"];
    for_all(Metadata {
        authorization_endpoint: format!("{issuer}/oauth/authorize"),
        token_endpoint: format!("{issuer}/oauth/token"),
        revocation_endpoint: format!("{issuer}/oauth/revoke"),
        jwks_uri: format!("{issuer}/oauth/jwks.json"),
        issuer,
        scopes_supported: Scope::ALL.iter().map(|scope| scope.as_str()).collect(),
        response_types_supported: ["code"],
        grant_types_supported: ["client_credentials", "authorization_code", "refresh_token"],
        token_endpoint_auth_methods_supported: ways,
        revocation_endpoint_auth_methods_supported: ways,
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
    })
}
