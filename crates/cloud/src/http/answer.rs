//! Answers to devices.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use solthrive_protocol::{BodyError, Failure, FailureCode};

use crate::devices::NotLetIn;
use crate::ingest::NotStored;

/// A call that was not taken.
#[derive(Debug)]
pub(super) struct Refusal {
    code: FailureCode,
    detail: String,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// More than its share: come again after `wait`.
    pub(super) fn too_many(wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..Self::new(
                FailureCode::TooManyRequests,
                "more than this device's share; wait for as long as Retry-After says",
            )
        }
    }

    /// The store takes nothing now.
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(5)),
            ..Self::new(FailureCode::Unavailable, detail)
        }
    }
}

impl From<NotLetIn> for Refusal {
    fn from(why: NotLetIn) -> Self {
        match why {
            NotLetIn::Unknown => Self::new(FailureCode::UnknownToken, "this token is not known"),
            NotLetIn::NotRegistered => Self::new(
                FailureCode::NotRegistered,
                "this device belongs to no site yet: call /v1/device/register first",
            ),
            NotLetIn::Deactivated => Self::new(
                FailureCode::Deactivated,
                "this device was deactivated: it may go on locally, and must not send any more",
            ),
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::TooMany { .. } => FailureCode::TooLarge,
            BodyError::Malformed(_) | BodyError::Empty(_) => FailureCode::NothingAcceptable,
        };
        Self::new(code, error.to_string())
    }
}

impl From<NotStored> for Refusal {
    fn from(error: NotStored) -> Self {
        match error {
            NotStored::Busy => Self::unavailable("busy: come again shortly"),
            // What the store says is for the operator's log.
            NotStored::Store(_) => {
                Self::unavailable("nothing can be stored now: keep it and come again")
            }
            NotStored::TooManyDays(_) => Self::new(FailureCode::TooLarge, error.to_string()),
            NotStored::Unacceptable(why) => Self::new(FailureCode::NothingAcceptable, why),
        }
    }
}

/// What was checked can be written down; should it not be, that is our fault.
impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        tracing::error!(%error, "a note could not be written");
        Self::new(FailureCode::Internal, "what was sent could not be kept")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let failure = Failure {
            code: self.code,
            detail: self.detail,
        };
        let mut response = (status, Json(failure)).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            headers.insert(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static("zstd, gzip"),
            );
        }
        response
    }
}

/// A path that nothing answers on.
pub(super) async fn no_such_path() -> Response {
    problem(
        StatusCode::NOT_FOUND,
        "no-such-path",
        "There is nothing at this path",
    )
}

/// A path that is called another way.
pub(super) async fn wrong_method() -> Response {
    problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong-method",
        "This path is called with another method",
    )
}

/// RFC 9457, for what is no device's call.
fn problem(status: StatusCode, code: &str, title: &str) -> Response {
    let body = serde_json::json!({
        "type": format!("/problems/{code}"), "code": code, "title": title, "status": status.as_u16(),
    });
    let kind = HeaderValue::from_static("application/problem+json");
    (
        status,
        [(header::CONTENT_TYPE, kind)],
        Json(body).0.to_string(),
    )
        .into_response()
}
