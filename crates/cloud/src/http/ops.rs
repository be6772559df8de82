//! What operators and load balancers look at.

use std::net::IpAddr;

use axum::extract::{Extension, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::answer;
use super::server::Peer;
use super::state::AppState;

/// The process runs.
#[utoipa::path(get, path = "/healthz", tag = "operation", operation_id = "healthz", responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Calls can be taken now: the database answers, and the process is not about to end.
#[utoipa::path(get, path = "/readyz", tag = "operation", operation_id = "readyz",
    responses((status = 200, body = String, content_type = "text/plain"), (status = 503, body = String, content_type = "text/plain")))]
pub(super) async fn readyz(State(app): State<AppState>) -> Response {
    if app.readiness.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    if app.devices.is_fresh(app.clock.elapsed()) {
        "ready\n".into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer\n",
        )
            .into_response()
    }
}

/// Prometheus text, for addresses of this host and its own networks; to others there is nothing here.
#[utoipa::path(get, path = "/metrics", tag = "operation", operation_id = "metrics", responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn metrics(
    State(app): State<AppState>,
    Extension(peer): Extension<Peer>,
) -> Response {
    if !is_private(peer.address()) {
        return answer::no_such_path().await;
    }
    let kind =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], app.metrics.text()).into_response()
}

/// Of this host, or of a network that is not reached from outside.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_networks_see_the_metrics() {
        for own in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "192.168.0.9",
            "::ffff:10.0.0.1",
            "fd00::1",
        ] {
            assert!(is_private(own.parse().unwrap()), "{own}");
        }
        for foreign in [
            "8.8.8.8",
            "2001:db8::1",
            "::ffff:8.8.8.8",
            "172.32.0.1",
            "0.0.0.0",
        ] {
            assert!(!is_private(foreign.parse().unwrap()), "{foreign}");
        }
    }
}
