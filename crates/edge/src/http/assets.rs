//! The dashboard's files: built into the binary by `build.rs`, compressed ahead of time.

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::boot;
use super::problem::ApiError;
use super::state::AppState;

/// One file of the built dashboard.
pub(super) struct Asset {
    /// Path below the root, without a slash in front.
    path: &'static str,
    /// Content type.
    kind: &'static str,
    /// Quoted.
    etag: &'static str,
    /// As it is.
    identity: &'static [u8],
    /// With brotli, where that is smaller.
    br: Option<&'static [u8]>,
    /// With gzip, where that is smaller.
    gz: Option<&'static [u8]>,
}

// `ASSETS`: every file but the page, sorted by path; `PAGE`: the page, if there was a build.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What the page puts its first data in place of.
const PLACEHOLDER: &str = "<!--boot-->";
/// Shown when the binary was built without the dashboard.
const NO_PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>SolThrive</title>\
    <!--boot--><h1>SolThrive</h1><p>This build has no dashboard. Build it with <code>npm ci &amp;&amp; npm run build</code> \
    in <code>web/</code>, then build the appliance again. The numbers are at <a href=\"/api/latest\">/api/latest</a>.</p>";

/// `GET /`: the dashboard is the page.
pub(super) async fn root() -> Redirect {
    Redirect::temporary("/dashboard")
}

/// `GET /dashboard` and every address below it that a person navigates to.
pub(super) async fn page(
    State(app): State<AppState>,
    headers: HeaderMap,
    below: Option<Path<String>>,
) -> Result<Response, ApiError> {
    if below.is_some() && !is_navigation(&headers) {
        return Err(ApiError::NotFound);
    }
    let html = PAGE
        .unwrap_or(NO_PAGE)
        .replacen(PLACEHOLDER, &boot::script(&app), 1);
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let fresh = HeaderValue::from_static("no-cache");
    Ok((
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, fresh)],
        html,
    )
        .into_response())
}

/// A browser says so; anything else that asks for HTML is taken for one.
fn is_navigation(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html")),
    }
}

/// Any other path: a file of the dashboard, or nothing. Never the page: an old tab that asks for a
/// script of the build before must not get HTML.
pub(super) async fn file(
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let path = uri.path().trim_start_matches('/');
    let index = ASSETS
        .binary_search_by_key(&path, |asset| asset.path)
        .map_err(|_| ApiError::NotFound)?;
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(ApiError::MethodNotAllowed);
    }
    Ok(ASSETS[index].response(&headers))
}

impl Asset {
    fn response(&self, headers: &HeaderMap) -> Response {
        let mut response = if is_known(headers, self.etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.body(headers)
        };
        // Names below assets/ carry a hash of their content; others may change with the next build.
        let immutable = self.path.starts_with("assets/");
        let cache = if immutable {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.insert(header::ETAG, HeaderValue::from_static(self.etag));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        response
    }

    fn body(&self, headers: &HeaderMap) -> Response {
        let (bytes, encoding) = match (self.br, self.gz) {
            (Some(br), _) if accepts(headers, "br") => (br, Some("br")),
            (_, Some(gz)) if accepts(headers, "gzip") => (gz, Some("gzip")),
            _ => (self.identity, None),
        };
        let mut response = Response::new(Body::from(Bytes::from_static(bytes)));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if let Some(encoding) = encoding {
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }
}

/// Whether `If-None-Match` names this content, whatever its encoding was.
pub(super) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    known
        .split(',')
        .any(|known| known.trim().trim_start_matches("W/") == etag)
}

/// Whether `Accept-Encoding` names this coding and does not forbid it.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let lines = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut codings = lines.flat_map(|line| line.split(','));
    codings.any(|one| {
        let (name, parameters) = one.split_once(';').unwrap_or((one, ""));
        let forbidden = parameters
            .trim()
            .strip_prefix("q=")
            .is_some_and(|q| q.trim_matches(['0', '.']).is_empty());
        name.trim().eq_ignore_ascii_case(coding) && !forbidden
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("gzip, deflate, br", true)]
    #[case("br;q=0.5", true)]
    #[case("br;q=0", false)]
    #[case("br;q=0.0, gzip", false)]
    #[case("brotli", false)]
    #[case("", false)]
    fn brotli_is_sent_to_who_takes_it(#[case] accept: &str, #[case] taken: bool) {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accept.parse().unwrap())]);
        assert_eq!(accepts(&headers, "br"), taken);
    }

    #[test]
    fn files_are_sorted_so_that_the_search_finds_them() {
        assert!(ASSETS.is_sorted_by_key(|asset| asset.path));
    }
}
