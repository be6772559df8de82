//! What the problems mean that the API answers with: their `type` leads here.

use std::fmt::Write as _;
use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::html::{document, escaped};
use crate::api::problems;

/// All of them; the page is made once.
pub(super) fn page() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| {
        let mut body = "<table><tr><th>code</th><th>status</th><th>meaning</th></tr>".to_owned();
        for (code, status, title) in problems() {
            let (code, title) = (escaped(code), escaped(title));
            // Writing to a string cannot fail.
            let _ = write!(
                body,
                "<tr id=\"{code}\"><td><code>{code}</code></td><td>{status}</td><td>{title}</td></tr>"
            );
        }
        body.push_str("</table><p><a href=\"/api/docs\">How the API is called</a></p>");
        document("Problems of the SolThrive API", &body)
    })
}

/// One of them.
pub(super) async fn one(Path(code): Path<String>) -> Response {
    let found = problems().find(|(known, ..)| *known == code);
    let Some((code, status, title)) = found else {
        let body = "<p><a href=\"/problems\">Those that there are</a></p>";
        let page = super::page(document("There is no such problem", body));
        return (StatusCode::NOT_FOUND, page).into_response();
    };
    let body = format!(
        "<p>{}</p><p>HTTP status {status}. <a href=\"/problems\">All problems</a></p>",
        escaped(title)
    );
    super::page(document(code, &body))
}
