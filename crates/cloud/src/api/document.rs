//! The operations in the OpenAPI document, and what keeps both in step.

use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, OpenApi as Document, Ref, RefOr, Response as UtoipaResponse, ResponseBuilder,
};

use super::{
    admin, alerts, auth, caller, clients, commands, commissioning, days, erasures, events, exports,
    factor, fleet, grants, health, homes, identity, installed, invitations, live, me, oauth, orgs,
    passwords, setup, support, telemetry, transfers,
};

#[derive(OpenApi)]
#[openapi(
    paths(
        setup::needed, setup::set_up, auth::sign_in, auth::sign_out, passwords::forgotten, passwords::by_link, passwords::change, factor::pass, factor::begin, factor::prove, identity::providers, identity::begin, identity::back, identity::list, identity::begin_to_link, identity::unlink, me::me, me::sessions, me::end_session, me::tokens, me::add_token, me::revoke_token,
        orgs::list, orgs::members, orgs::set_role, orgs::remove, orgs::invitations, orgs::invite, orgs::revoke, invitations::look, invitations::accept,
        clients::list, clients::add, clients::revoke, oauth::app, oauth::let_in, oauth::consents, oauth::revoke_consent, oauth::token, oauth::revoke, oauth::keys, oauth::metadata,
        homes::list, homes::one, homes::edit, transfers::list, transfers::offer, transfers::withdraw, transfers::look, transfers::accept, transfers::decline, homes::devices, health::health, installed::config, telemetry::telemetry, live::live, days::daily, days::monthly, events::events,
        grants::list, grants::add, grants::revoke, fleet::fleet, support::list, support::end_at_home, support::open, support::end_own,
        exports::ask, exports::list, exports::one, exports::cancel, exports::file,
        commands::list, commands::ask, commands::one, commands::take_back,
        erasures::ask, erasures::of_site, erasures::cancel, erasures::one, erasures::key,
        alerts::list, commissioning::begin, commissioning::codes, commissioning::add_code, commissioning::revoke_code,
        admin::search, admin::acts, admin::device, admin::deactivate, admin::rotate, admin::person, admin::shut_out, admin::let_in,
    ),
    tags(
        (name = "sign-in", description = "Sessions of browsers."),
        (name = "me", description = "The caller himself."),
        (name = "orgs", description = "Households and companies: who belongs to them, and who is asked to join."),
        (name = "oauth", description = "Programs of partners, and apps that people let in: OAuth 2 with client credentials, or with codes and PKCE (S256)."),
        (name = "sites", description = "Homes that the caller owns or was shown. What he may not know of is answered 404, like what does not exist."),
        (name = "installers", description = "Fleets of installers."),
        (name = "admin", description = "Who runs the platform."),
    ),
    security(("session" = []), ("token" = [])),
)]
struct People;

/// Adds the API for people to the document of the device's calls.
#[must_use]
pub fn add_to(mut document: Document) -> Document {
    let mut people = People::openapi();
    // Each operation says for itself what it needs; the device's calls need something else.
    let security = people.security.take();
    for item in people.paths.paths.values_mut() {
        let all = [
            &mut item.get,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in all.into_iter().flatten() {
            operation.security = operation.security.take().or_else(|| security.clone());
            let responses = &mut operation.responses.responses;
            responses.entry("429".to_owned()).or_insert_with(too_many);
        }
    }
    document.merge(people);
    let components = document.components.get_or_insert_default();
    let cookie = ApiKeyValue::with_description(caller::COOKIE, "A browser's session.");
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let mut token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    token.description =
        Some("A person's token for scripts, made at `/api/v1/me/tokens`, or an access token of `/oauth/token`.".to_owned());
    components.add_security_scheme("token", SecurityScheme::Http(token));
    document
}

/// Any call can be one too many.
fn too_many() -> RefOr<UtoipaResponse> {
    let body = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    ResponseBuilder::new()
        .description("Too many calls: wait for as long as `Retry-After` says. `RateLimit` of each answer tells what is left.")
        .content("application/problem+json", body)
        .build()
        .into()
}

/// Method and path of every documented operation.
#[must_use]
pub fn operations() -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for (path, item) in People::openapi().paths.paths {
        for (method, operation) in [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ] {
            if operation.is_some() {
                all.push((method, path.clone()));
            }
        }
    }
    all
}
