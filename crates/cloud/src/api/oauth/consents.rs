//! A person lets an app in, and out again.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{ConsentLine, NewConsent, Program};
use solthrive_domain::access::Scope;
use solthrive_domain::{ClientId, SiteId};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::answer::{body, gone, private};
use super::super::arrival::Only;
use super::super::cursor::secret;
use super::super::guard::{Allowed, FullSession, Person};
use super::super::jwt::decode;
use super::super::problem::{Problem, ProblemBody};
use super::super::typed::scopes_of;
use super::super::{Api, signing};
use crate::clock::new_id;
use crate::secrets::hash_token;

/// How long a code waits, ms: an app takes it at once.
const CODE_MS: i64 = 60_000;
/// The longest `state`, in bytes.
const STATE: usize = 1_000;

/// An app, for the page that asks its person.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct App {
    id: Uuid,
    name: String,
    /// Whose it is.
    org: String,
    redirect_uris: Vec<String>,
    /// What it may at most.
    scopes: Vec<&'static str>,
}

/// `GET /api/v1/oauth/clients/{client}`: what a person should know of an app before he lets it in.
#[utoipa::path(get, path = "/api/v1/oauth/clients/{client}", tag = "oauth", operation_id = "app",
    params(("client" = Uuid, Path)), responses(
    (status = 200, body = App), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(in super::super) async fn app(
    Allowed(_): Allowed<FullSession>,
    State(api): State<Arc<Api>>,
    Only(client): Only,
) -> Result<Response, Problem> {
    let program = api.programs.program(ClientId::from_uuid(client)).await?;
    // A program that nobody is sent back to asks nobody.
    let program = program.filter(|program| !program.redirect_uris.is_empty());
    let program = program.ok_or(Problem::not_found())?;
    Ok(private(&App {
        id: client,
        name: program.name,
        org: program.org.name,
        redirect_uris: program.redirect_uris,
        scopes: program.scopes.iter().map(Scope::as_str).collect(),
    }))
}

/// An app to be let in, as it asked and as its person agreed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct AskedConsent {
    client_id: Uuid,
    /// One of the app's, letter by letter.
    redirect_uri: String,
    /// What it may at most.
    scopes: Vec<String>,
    /// At which sites; absent for all of the person's, also those that come later.
    #[serde(default)]
    sites: Option<BTreeSet<Uuid>>,
    /// Of the app: SHA-256 of its verifier, base64 for URLs.
    code_challenge: String,
    /// `S256`.
    code_challenge_method: String,
    /// Of the app; it gets it back.
    #[serde(default)]
    state: Option<String>,
}

/// An app that was let in.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct MadeConsent {
    id: Uuid,
    /// Where the page sends its person now: with `code`, `state` and `iss`.
    redirect: String,
}

/// `POST /api/v1/oauth/consents`: the person agreed.
#[utoipa::path(post, path = "/api/v1/oauth/consents", tag = "oauth", operation_id = "letIn", request_body = AskedConsent, responses(
    (status = 201, body = MadeConsent), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(in super::super) async fn let_in(
    Allowed(me): Allowed<FullSession>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedConsent = body(&headers, &bytes)?;
    let program = api.programs.program(ClientId::from_uuid(asked.client_id));
    let program = program.await?;
    let program = program.ok_or_else(|| Problem::field("client_id", "no such app"))?;
    let (code, now) = (secret()?, api.clock.now());
    let consent = NewConsent {
        id: new_id(),
        client: program.id,
        user: me.user,
        scopes: within(&program, &asked)?,
        sites: asked
            .sites
            .as_ref()
            .map(|sites| sites.iter().copied().map(SiteId::from_uuid).collect()),
        code: hash_token(&code),
        challenge: challenge(&asked)?,
        redirect_uri: asked.redirect_uri,
        expires_at: now.plus_ms(CODE_MS),
    };
    let issuer = signing::realm(&api).issuer;
    let redirect = redirect(
        &consent.redirect_uri,
        &code,
        asked.state.as_deref(),
        &issuer,
    );
    api.consents.add_consent(&consent, now).await?;
    let made = MadeConsent {
        id: consent.id,
        redirect,
    };
    Ok((StatusCode::CREATED, private(&made)).into_response())
}

/// What is given, if app and person are both asked for no more than they have.
fn within(
    program: &Program,
    asked: &AskedConsent,
) -> Result<solthrive_domain::access::Scopes, Problem> {
    if !program.redirect_uris.contains(&asked.redirect_uri) {
        return Err(Problem::field("redirect_uri", "none of the app's"));
    }
    if asked
        .state
        .as_ref()
        .is_some_and(|state| state.len() > STATE)
    {
        return Err(Problem::field("state", "at most 1,000 bytes"));
    }
    if asked
        .sites
        .as_ref()
        .is_some_and(|sites| sites.is_empty() || sites.len() > 100)
    {
        return Err(Problem::field("sites", "1 to 100, or absent for all"));
    }
    let scopes = scopes_of(&asked.scopes)?;
    if scopes.and(program.scopes) != scopes {
        return Err(Problem::field("scopes", "more than the app may have"));
    }
    Ok(scopes)
}

fn challenge(asked: &AskedConsent) -> Result<[u8; 32], Problem> {
    if asked.code_challenge_method != "S256" {
        return Err(Problem::field("code_challenge_method", "S256"));
    }
    let hash = decode(&asked.code_challenge).and_then(|bytes| bytes.try_into().ok());
    hash.ok_or_else(|| Problem::field("code_challenge", "SHA-256 as base64 for URLs, 43 letters"))
}

/// The app's address with what it waits for. `iss` tells an app that knows several servers whose code it is
/// (RFC 9207).
fn redirect(uri: &str, code: &str, state: Option<&str>, issuer: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("code", code);
    if let Some(state) = state {
        query.append_pair("state", state);
    }
    query.append_pair("iss", issuer);
    let mark = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{mark}{}", query.finish())
}

/// An app that was let in.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Consent {
    id: Uuid,
    client_id: Uuid,
    /// What the app is called.
    name: String,
    /// Whose it is.
    org: String,
    scopes: Vec<&'static str>,
    /// The sites it is confined to; absent for all of the person's.
    #[serde(skip_serializing_if = "Option::is_none")]
    sites: Option<Vec<Uuid>>,
    created_at: Timestamp,
}

impl From<ConsentLine> for Consent {
    fn from(line: ConsentLine) -> Self {
        let sites = |sites: BTreeSet<SiteId>| sites.into_iter().map(SiteId::as_uuid).collect();
        Self {
            id: line.id,
            client_id: line.client.as_uuid(),
            name: line.name,
            org: line.org,
            scopes: line.scopes.iter().map(Scope::as_str).collect(),
            sites: line.sites.map(sites),
            created_at: line.created_at.into(),
        }
    }
}

/// Apps that the caller let in.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct MyConsents {
    items: Vec<Consent>,
}

/// `GET /api/v1/me/consents`: a line for each sign-in of an app.
#[utoipa::path(get, path = "/api/v1/me/consents", tag = "me", operation_id = "myConsents", responses(
    (status = 200, body = MyConsents), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json")))]
pub(in super::super) async fn consents(
    Allowed(me): Allowed<Person>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    let lines = api.consents.consents(me.user, api.clock.now()).await?;
    let items = lines.into_iter().map(Consent::from).collect();
    Ok(private(&MyConsents { items }))
}

/// `DELETE /api/v1/me/consents/{consent}`: the app's tokens are worth nothing with the next call.
#[utoipa::path(delete, path = "/api/v1/me/consents/{consent}", tag = "me", operation_id = "revokeConsent",
    params(("consent" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(in super::super) async fn revoke_consent(
    Allowed(me): Allowed<FullSession>,
    State(api): State<Arc<Api>>,
    Only(consent): Only,
) -> Result<Response, Problem> {
    let now = api.clock.now();
    let revoked = api.consents.revoke_consent(me.user, consent, now).await?;
    gone(revoked)
}
