//! Answers that several handlers give, and how the OpenAPI document describes the bad ones.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, ResponsesBuilder};
use utoipa::{IntoResponses, openapi};

use super::state;

/// 200 with a JSON body that is made already.
pub(super) fn json_bytes(body: impl Into<Bytes>) -> Response {
    (
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )],
        body.into(),
    )
        .into_response()
}

/// 200 with a JSON body.
pub(super) fn json<T: Serialize>(body: &T) -> Response {
    json_bytes(state::json(body))
}

/// In the OpenAPI document: any error is a problem document.
pub(super) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let answer = |description: &str| {
            let schema = Ref::from_schema_name("Problem");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            ResponseBuilder::new()
                .description(description)
                .content("application/problem+json", content)
                .build()
        };
        ResponsesBuilder::new()
            .response("4XX", answer("The request is refused; `type` says why."))
            .response("5XX", answer("It cannot be answered now; `type` says why."))
            .build()
            .into()
    }
}
