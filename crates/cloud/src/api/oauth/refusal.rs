//! Errors as RFC 6749, section 5.2 has them.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use solthrive_cloud_store::StoreError;
use utoipa::ToSchema;

use super::super::problem::Problem;

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
    wait: Option<Duration>,
}

/// Why there is no token.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthError)]
pub(in super::super) struct RefusalBody {
    /// For a program.
    error: &'static str,
    /// For whoever writes it.
    error_description: &'static str,
}

impl Refusal {
    const fn bad(error: &'static str, description: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description,
            wait: None,
        }
    }

    pub(super) const fn request(description: &'static str) -> Self {
        Self::bad("invalid_request", description)
    }

    pub(super) const fn scope() -> Self {
        let description = "a scope that nobody knows, or more than was given";
        Self::bad("invalid_scope", description)
    }

    /// The code or refresh token is not good; which of all reasons it is, is not said.
    pub(super) const fn grant() -> Self {
        let description = "unknown, over, used before, of another client, or not proven";
        Self::bad("invalid_grant", description)
    }

    pub(super) const fn grant_type() -> Self {
        let description = "client_credentials, authorization_code or refresh_token";
        Self::bad("unsupported_grant_type", description)
    }

    pub(super) const fn unauthorized() -> Self {
        let description = "this client may not have tokens in this way";
        Self::bad("unauthorized_client", description)
    }

    pub(super) const fn token_type() -> Self {
        let description = "access tokens end by themselves; revoke the refresh token";
        Self::bad("unsupported_token_type", description)
    }

    /// Unknown, ended, or not proven; which of them is not said.
    pub(super) const fn client() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::bad("invalid_client", "the client or its secret is wrong")
        }
    }

    pub(super) const fn too_many(wait: Duration) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            wait: Some(wait),
            ..Self::bad("temporarily_unavailable", "too many tries")
        }
    }
}

/// What is wrong on our side.
impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        if problem.is_passing() {
            return Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                wait: Some(Duration::from_secs(5)),
                ..Self::bad("temporarily_unavailable", "come again shortly")
            };
        }
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Self::bad("server_error", "something broke here; it was written down")
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = RefusalBody {
            error: self.error,
            error_description: self.description,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.wait {
            let seconds = wait.as_secs().max(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let basic = HeaderValue::from_static("Basic realm=\"solthrive\"");
            headers.insert(header::WWW_AUTHENTICATE, basic);
        }
        response
    }
}
