//! An id for every call, a count of it, and a line about those that went wrong.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::state::AppState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A call that takes longer than this has a line of its own.
const SLOW: Duration = Duration::from_secs(1);
/// Lines a second about calls; a flood of wrong calls must not fill the disk.
const LINES: u64 = 50;

/// What every answer says to browsers, unless it says it itself.
const HARDENED: [(HeaderName, HeaderValue); 4] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=31536000"),
    ),
];

tokio::task_local! {
    /// Of the call that the task answers.
    static CALL: RequestId;
}

/// The id of the call that is being answered.
pub(crate) fn request_id() -> Option<String> {
    CALL.try_with(|id| id.as_str().to_owned()).ok()
}

/// The id of a call, as a request extension.
#[derive(Debug, Clone)]
pub(super) struct RequestId(HeaderValue);

/// Gives the call an id, and says in the log when it went wrong or took long.
pub(super) async fn trace(
    State(app): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::of(&app, &request);
    let route = route(&request);
    let began = app.clock.elapsed();
    request.extensions_mut().insert(id.clone());
    let mut response = CALL.scope(id.clone(), next.run(request)).await;
    let took = app.clock.elapsed().saturating_sub(began);
    let status = response.status();
    app.metrics.call(route, status.as_u16(), took);
    let wrong = status.is_client_error() || status.is_server_error();
    if (wrong || took > SLOW) && may_say(began.as_secs()) {
        let (request_id, took_ms) = (id.as_str(), took.as_secs_f64() * 1e3);
        tracing::info!(
            request_id,
            route,
            status = status.as_u16(),
            took_ms,
            "a call went wrong or took long"
        );
    }
    let headers = response.headers_mut();
    for (name, value) in HARDENED {
        headers.entry(name).or_insert(value);
    }
    headers.insert(REQUEST_ID, id.0);
    response
}

impl RequestId {
    /// What a proxy said, if that looks like an id; else the next of our own.
    fn of(app: &AppState, request: &Request) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let said = request
            .headers()
            .get(REQUEST_ID)
            .filter(|id| is_sound(id.as_bytes()));
        Self(said.cloned().unwrap_or_else(|| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            HeaderValue::from_str(&format!("{:08x}-{number:x}", app.run))
                .unwrap_or(HeaderValue::from_static("-"))
        }))
    }

    fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("-")
    }
}

fn is_sound(id: &[u8]) -> bool {
    (8..=64).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The route as it is written in the router: a bounded number of names, whatever is called.
fn route(request: &Request) -> &'static str {
    const KNOWN: [&str; 9] = [
        "/v1/ingest/telemetry",
        "/v1/ingest/daily",
        "/v1/ingest/health",
        "/v1/device/register",
        "/v1/device/channel",
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/openapi.json",
    ];
    let matched = request
        .extensions()
        .get::<MatchedPath>()
        .map(MatchedPath::as_str);
    let known = KNOWN.into_iter().find(|known| Some(*known) == matched);
    known
        .or_else(|| crate::api::path(matched?))
        .unwrap_or("other")
}

/// Whether another line may be written in this second.
fn may_say(second: u64) -> bool {
    // Second in the upper bits, lines in the lower ones: one number, so no lock.
    static SAID: AtomicU64 = AtomicU64::new(0);
    let said = SAID.load(Ordering::Relaxed);
    let lines = if said >> 16 == second {
        said & 0xffff
    } else {
        0
    };
    if lines >= LINES {
        return false;
    }
    SAID.store((second << 16) | (lines + 1), Ordering::Relaxed);
    true
}
