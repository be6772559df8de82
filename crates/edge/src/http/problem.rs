//! Every error that leaves the appliance, as RFC 9457 problem details.
//!
//! `type` is a promise to clients: add, never rename. Faults of our own are logged, never shown.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// There is nothing at this path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path exists, the method does not.
    #[error("this path does not know the method")]
    MethodNotAllowed,
    /// Parameters that are wrong, each with its rule.
    #[error("{}", list(.0))]
    BadQuery(Vec<BadParameter>),
    /// The body is not what was expected.
    #[error("{0}")]
    BadBody(&'static str),
    /// The body is larger than is ever needed.
    #[error("a request body may have at most {limit} bytes")]
    BodyTooLarge {
        /// In bytes.
        limit: u64,
    },
    /// The body is not JSON by its content type.
    #[error("the body must be sent as application/json")]
    NotJson,
    /// The body did not arrive in time.
    #[error("the request did not arrive in time")]
    TooSlow,
    /// `Host` names another machine: a page of somebody else may be behind it.
    #[error(
        "`{host}` is no name of this appliance; use its IP address, or add the name to network.host_names"
    )]
    UnknownHost {
        /// As the request has it.
        host: String,
    },
    /// A page of another origin asks.
    #[error("requests from pages of {origin} are refused")]
    ForeignOrigin {
        /// As the request has it.
        origin: String,
    },
    /// No token, or a wrong one.
    #[error("this needs the token from the appliance's token file, as `Authorization: Bearer …`")]
    Unauthorized,
    /// Too many wrong tokens from one address.
    #[error("too many wrong tokens; try again in {retry_after_s} s")]
    TooManyGuesses {
        /// In seconds.
        retry_after_s: u64,
    },
    /// `/ws` was asked for without an upgrade.
    #[error("this path speaks WebSocket (version 13) only")]
    UpgradeRequired,
    /// Every place of the live stream is taken.
    #[error("{limit} clients already watch; close one, or raise api.max_ws_clients")]
    TooManyStreams {
        /// Clients served at once.
        limit: u32,
    },
    /// There is no cloud to register in.
    #[error("there is no cloud to register in: {0}")]
    NoCloud(String),
    /// The cloud refuses the registration.
    #[error("the cloud does not register this appliance: {0}")]
    RegistrationRefused(String),
    /// The cloud does not answer.
    #[error("the cloud cannot be asked now: {0}")]
    CloudUnreachable(String),
    /// No snapshot yet.
    #[error("no meter has answered since the start; /api/health says why")]
    NoDataYet,
    /// The history cannot be read.
    #[error("the history cannot be read")]
    History(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A fault of our own.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A parameter that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct BadParameter {
    /// Its name.
    pub(super) parameter: String,
    /// What it should be.
    pub(super) rule: String,
}

/// Problem details (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Problem {
    /// What kind of problem: stable, for programs.
    r#type: &'static str,
    /// The same in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// This problem in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The parameters that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<BadParameter>,
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadQuery(_) | Self::BadBody(_) => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::UnknownHost { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::ForeignOrigin { .. } => StatusCode::FORBIDDEN,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TooManyGuesses { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Self::NoCloud(_) | Self::RegistrationRefused(_) => StatusCode::CONFLICT,
            Self::CloudUnreachable(_) => StatusCode::BAD_GATEWAY,
            Self::TooManyStreams { .. } | Self::NoDataYet | Self::History(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// `type` and `title`.
    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::NotFound => ("/problems/not-found", "Not found"),
            Self::MethodNotAllowed => ("/problems/method", "Method not allowed"),
            Self::BadQuery(_) => ("/problems/bad-query", "Bad query"),
            Self::BadBody(_) => ("/problems/bad-body", "Bad body"),
            Self::BodyTooLarge { .. } => ("/problems/too-large", "Request too large"),
            Self::NotJson => ("/problems/not-json", "Not JSON"),
            Self::TooSlow => ("/problems/too-slow", "Too slow"),
            Self::UnknownHost { .. } => ("/problems/unknown-host", "Unknown host"),
            Self::ForeignOrigin { .. } => ("/problems/foreign-origin", "Foreign origin"),
            Self::Unauthorized => ("/problems/unauthorized", "Token needed"),
            Self::TooManyGuesses { .. } => ("/problems/too-many-guesses", "Too many wrong tokens"),
            Self::UpgradeRequired => ("/problems/upgrade-required", "WebSocket only"),
            Self::TooManyStreams { .. } => ("/problems/too-many-streams", "Too many live streams"),
            Self::NoCloud(_) => ("/problems/no-cloud", "No cloud"),
            Self::RegistrationRefused(_) => ("/problems/registration-refused", "Not registered"),
            Self::CloudUnreachable(_) => ("/problems/cloud-unreachable", "Cloud not reached"),
            Self::NoDataYet => ("/problems/no-data-yet", "No data yet"),
            Self::History(_) => ("/problems/history", "History unavailable"),
            Self::Internal(_) => ("/problems/internal", "Something broke on our side"),
        }
    }

    /// Headers that tell a client what to do.
    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let close = || (header::CONNECTION, HeaderValue::from_static("close"));
        let retry = |seconds: u64| (header::RETRY_AFTER, HeaderValue::from(seconds));
        match self {
            Self::Unauthorized => {
                vec![(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"solthrive\""),
                )]
            }
            Self::TooManyGuesses { retry_after_s } => vec![retry(*retry_after_s)],
            Self::TooManyStreams { .. } => vec![retry(30), close()],
            Self::NoDataYet => vec![retry(2)],
            Self::History(_) => vec![retry(5)],
            Self::BodyTooLarge { .. } | Self::TooSlow => vec![close()],
            Self::UpgradeRequired => vec![
                (header::UPGRADE, HeaderValue::from_static("websocket")),
                (header::CONNECTION, HeaderValue::from_static("upgrade")),
            ],
            _ => Vec::new(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, (kind, title)) = (self.status(), self.kind());
        if let Self::History(source) | Self::Internal(source) = &self {
            tracing::error!(
                error = &**source as &dyn std::error::Error,
                "request failed: {self}"
            );
        }
        let detail = (!matches!(self, Self::Internal(_))).then(|| self.to_string());
        let headers = self.headers();
        let errors = if let Self::BadQuery(errors) = self {
            errors
        } else {
            Vec::new()
        };
        let body = Problem {
            r#type: kind,
            title,
            status: status.as_u16(),
            detail,
            errors,
        };
        let mut response = (status, Json(body)).into_response();
        let content_type = HeaderValue::from_static("application/problem+json");
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        response.headers_mut().extend(headers);
        response
    }
}

fn list(errors: &[BadParameter]) -> String {
    let parts: Vec<_> = errors
        .iter()
        .map(|bad| format!("{}: {}", bad.parameter, bad.rule))
        .collect();
    parts.join("; ")
}
