//! The OpenAPI document of the HTTP interface, made from the handlers and the shapes they answer with.
//!
//! It is written to `openapi/edge.json` by a test, reviewed like code, and served from there: the
//! daemon never computes it.

use std::hash::{DefaultHasher, Hasher};
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr};
use utoipa::{Modify, OpenApi};

use super::access::COOKIE;
use super::{
    assets, boot, cloud, debug, device, events, health, history, latest, metrics, problem, session,
    site, summary, system, wire, ws,
};

/// The document as it is checked in.
const TEXT: &str = include_str!("../../../../openapi/edge.json");
/// Its fingerprint, computed when somebody asks for the first time.
static ETAG: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    hasher.write(TEXT.as_bytes());
    format!("\"{:016x}\"", hasher.finish())
});

/// `GET /api/openapi.json`.
pub(super) async fn document(headers: HeaderMap) -> Response {
    let mut response = if assets::is_known(&headers, &ETAG) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (
            [(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            )],
            TEXT,
        )
            .into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(etag) = HeaderValue::from_str(&ETAG) {
        headers.insert(header::ETAG, etag);
    }
    response
}

#[derive(OpenApi)]
#[openapi(
    info(title = "SolThrive appliance", description = "The HTTP interface of the appliance on the local network."),
    paths(
        latest::latest, latest::powerflow, site::site, ws::live,
        health::health, system::system, cloud::cloud, cloud::register, device::device, debug::debug, metrics::metrics,
        history::history, summary::daily, summary::monthly, summary::list, events::events,
        session::show, session::open, session::close,
    ),
    components(schemas(
        boot::Boot, problem::Problem, wire::LiveMessage, wire::HelloMessage, wire::SnapshotMessage,
        wire::HeartbeatMessage, wire::ErrorsMessage, wire::GapMessage, history::Resolution, history::Format,
    )),
    tags(
        (name = "live", description = "The home now. No token."),
        (name = "history", description = "The home before. Needs the token."),
        (name = "system", description = "The appliance itself. `health` and `system` need no token."),
        (name = "session", description = "A cookie that stands for the token."),
    ),
    modifiers(&Finish),
)]
struct Api;

/// The document as the code says it is, as pretty JSON with a line feed at the end.
///
/// # Panics
/// Never: the document holds only text, numbers and maps with text keys.
#[must_use]
pub fn render() -> String {
    let mut text = Api::openapi()
        .to_pretty_json()
        .expect("the document is plain data");
    text.push('\n');
    text
}

struct Finish;

impl Modify for Finish {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("Content of the token file."))
            .build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE))),
        );
        for schema in components.schemas.values_mut() {
            tighten(schema);
        }
        for path in document.paths.paths.values_mut() {
            for operation in [&mut path.get, &mut path.post, &mut path.delete]
                .into_iter()
                .flatten()
            {
                describe(operation);
            }
        }
    }
}

/// Every response must have a description; where the handler gives none, the body's says enough.
fn describe(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            response.description = "As asked.".to_owned();
        }
    }
}

/// What is not known is left out, never null: a property that is not required cannot be null.
fn tighten(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            for (name, property) in &mut object.properties {
                merge_description(property);
                if !object.required.contains(name) {
                    never_null(property);
                }
            }
        }
        Schema::AllOf(all) => all.items.iter_mut().for_each(tighten),
        Schema::OneOf(one) => one.items.iter_mut().for_each(merge_description),
        _ => {}
    }
}

/// An inlined schema with a description of its own comes as `allOf [schema, {object, description}]`,
/// which nothing but an object can satisfy: the description goes into the schema.
fn merge_description(property: &mut RefOr<Schema>) {
    let RefOr::T(Schema::AllOf(all)) = property else {
        return;
    };
    let [
        RefOr::T(Schema::Object(inner)),
        RefOr::T(Schema::Object(note)),
    ] = all.items.as_slice()
    else {
        return;
    };
    if note.properties.is_empty() {
        let mut merged = inner.clone();
        merged.description.clone_from(&note.description);
        *property = RefOr::T(Schema::Object(merged));
    }
}

fn never_null(property: &mut RefOr<Schema>) {
    let RefOr::T(schema) = property else { return };
    match schema {
        Schema::Object(object) => object.schema_type = without_null(&object.schema_type),
        Schema::Array(array) => array.schema_type = without_null(&array.schema_type),
        Schema::OneOf(one) => {
            one.items.retain(|item| !matches!(item, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null)));
            if let [RefOr::Ref(only)] = one.items.as_slice() {
                let mut only = only.clone();
                if let Some(description) = one.description.take() {
                    only.description = description;
                }
                *property = RefOr::Ref(only);
            }
        }
        _ => {}
    }
}

fn without_null(kind: &SchemaType) -> SchemaType {
    let SchemaType::Array(kinds) = kind else {
        return kind.clone();
    };
    let rest: Vec<_> = kinds
        .iter()
        .filter(|kind| **kind != Type::Null)
        .cloned()
        .collect();
    match rest.as_slice() {
        [only] => SchemaType::Type(only.clone()),
        _ => SchemaType::Array(rest),
    }
}
