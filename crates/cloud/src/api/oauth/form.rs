//! Bodies as OAuth has them: `application/x-www-form-urlencoded`.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, header};

use super::refusal::Refusal;
use crate::api::arrival::LARGEST_BODY;

/// Fields by their name. One without a value is not there (RFC 6749, section 3.2).
#[derive(Debug)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is of another type, too large, or has a field twice.
    pub(super) fn read(headers: &HeaderMap, bytes: &Bytes) -> Result<Self, Refusal> {
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
        let form = "application/x-www-form-urlencoded";
        if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case(form)) {
            return Err(Refusal::request(
                "send a form, with content-type: application/x-www-form-urlencoded",
            ));
        }
        if bytes.len() > LARGEST_BODY {
            return Err(Refusal::request("a body has at most 16 kB"));
        }
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(bytes) {
            if fields
                .insert(name.into_owned(), value.into_owned())
                .is_some()
            {
                return Err(Refusal::request("a field is there twice"));
            }
        }
        fields.retain(|_, value| !value.is_empty());
        Ok(Self(fields))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn need(&self, name: &'static str, missing: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or(Refusal::request(missing))
    }
}
