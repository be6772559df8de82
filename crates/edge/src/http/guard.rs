//! What every request passes before a handler sees it, and what every answer carries.

use std::net::{IpAddr, Ipv6Addr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::ApiError;
use super::state::AppState;

const CSP: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self' ws:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Refuses what no handler should see, bounds the time until an answer begins, and adds the headers
/// that tell a browser to be strict.
pub(super) async fn guard(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = match check(&app, &request) {
        Ok(()) => match tokio::time::timeout(app.limits.request, next.run(request)).await {
            Ok(response) => response,
            Err(_elapsed) => ApiError::TooSlow.into_response(),
        },
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What a handler does not say otherwise is about now, and may be for the holder of a token only.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

fn check(app: &AppState, request: &Request) -> Result<(), ApiError> {
    let headers = request.headers();
    check_length(headers, app.limits.body)?;
    let host = host(request.uri(), headers);
    if !host
        .as_deref()
        .is_some_and(|host| is_ours(host, &app.host_names))
    {
        let host = host.unwrap_or_default().chars().take(100).collect();
        return Err(ApiError::UnknownHost { host });
    }
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if changes || request.uri().path() == "/ws" {
        check_origin(headers, host.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

/// A body that announces more than is ever needed is refused before it is read.
fn check_length(headers: &HeaderMap, limit: u64) -> Result<(), ApiError> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit) {
        Err(ApiError::BodyTooLarge { limit })
    } else {
        Ok(())
    }
}

/// The authority that the request is for: of an absolute URI if there is one, else of `Host`.
/// Two that differ are none.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(header::HOST).iter();
    let line = lines
        .next()
        .and_then(|line| line.to_str().ok())
        .map(str::to_ascii_lowercase);
    if lines.next().is_some() {
        return None;
    }
    match uri
        .authority()
        .map(|authority| authority.as_str().to_ascii_lowercase())
    {
        Some(authority) if line.as_ref().is_none_or(|line| *line == authority) => Some(authority),
        Some(_) => None,
        None => line,
    }
}

/// An IP address, `localhost`, or a configured name: a name of somebody else's, made to point here,
/// would let that site's pages read the appliance.
fn is_ours(host: &str, names: &[String]) -> bool {
    let name = without_port(host);
    let bare = name.strip_suffix('.').unwrap_or(name);
    let address = match bare
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(inside) => inside.parse::<Ipv6Addr>().is_ok(),
        None => bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_ipv4()),
    };
    address || bare == "localhost" || names.iter().any(|known| known == bare)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') =>
        {
            name
        }
        _ => host,
    }
}

/// A browser says which page asks; programs say nothing. Only our own pages may.
fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), ApiError> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
    let from = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    if from.is_some_and(|from| from == host) {
        return Ok(());
    }
    Err(ApiError::ForeignOrigin {
        origin: origin.chars().take(100).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::an_address("192.168.1.20:8080", true)]
    #[case::an_address_without_port("192.168.1.20", true)]
    #[case::a_v6_address("[fe80::1]:8080", true)]
    #[case::a_v6_address_without_brackets("fe80::1", false)]
    #[case::this_machine("localhost:8080", true)]
    #[case::a_configured_name("solthrive.local:8080", true)]
    #[case::a_configured_name_with_its_root_dot("solthrive.local.", true)]
    #[case::a_strangers_name("evil.example:8080", false)]
    #[case::a_name_that_ends_like_ours("not-solthrive.local", false)]
    #[case::a_name_that_starts_like_an_address("192.168.1.20.evil.example", false)]
    #[case::nothing("", false)]
    fn hosts(#[case] host: &str, #[case] ours: bool) {
        assert_eq!(is_ours(host, &["solthrive.local".to_owned()]), ours);
    }

    proptest::proptest! {
        #[test]
        fn a_name_that_resolves_by_dns_is_never_ours(host in "[a-z]{1,8}(\\.[a-z0-9-]{1,8}){1,3}(:[0-9]{1,5})?") {
            proptest::prop_assert!(!is_ours(&host, &[]), "{host}");
        }

        #[test]
        fn every_address_is_ours(address: IpAddr, port: u16) {
            let host = SocketAddr::new(address, port).to_string();
            proptest::prop_assert!(is_ours(&host, &[]), "{host}");
        }
    }
}
