//! The caller himself: account, sessions, tokens for scripts.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::rand;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::NewToken;
use solthrive_domain::SiteId;
use solthrive_domain::access::Scope;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::answer::{body, gone, private, tagged};
use super::arrival::Only;
use super::caller::TOKEN;
use super::cursor::hex;
use super::guard::{Allowed, AnySession, FullSession, Person};
use super::problem::{Problem, ProblemBody};
use super::typed::{ends, name_of, scopes_of};
use crate::clock::new_id;
use crate::secrets::hash_token;

/// The account.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    id: Uuid,
    #[schema(format = Email)]
    email: String,
    name: String,
    /// BCP 47.
    locale: String,
    /// Whether a second factor is set up.
    second_factor: bool,
    orgs: Vec<MyOrg>,
}

/// An org that the caller belongs to.
#[derive(Serialize, ToSchema)]
pub(super) struct MyOrg {
    id: Uuid,
    /// `household`, `installer`, `partner` or `platform`.
    kind: &'static str,
    /// `admin`, `technician` or `viewer`.
    role: &'static str,
}

/// `GET /api/v1/me`.
#[utoipa::path(get, path = "/api/v1/me", tag = "me", operation_id = "me", responses(
    (status = 200, body = Me), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn me(
    Allowed(me): Allowed<Person>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let user = api
        .accounts
        .user(me.user)
        .await?
        .ok_or(Problem::not_signed_in())?;
    let orgs = me.actor.memberships.iter().map(|mine| MyOrg {
        id: mine.org.as_uuid(),
        kind: mine.kind.as_str(),
        role: mine.role.as_str(),
    });
    let account = Me {
        id: user.id.as_uuid(),
        email: user.email,
        name: user.name,
        locale: user.locale,
        second_factor: user.second_factor,
        orgs: orgs.collect(),
    };
    Ok(tagged(&headers, &account))
}

/// A browser that is signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    id: Uuid,
    /// The one that asks.
    current: bool,
    created_at: Timestamp,
    /// To a minute.
    seen_at: Timestamp,
    expires_at: Timestamp,
    /// What the browser called itself.
    agent: Option<String>,
}

/// The caller's sessions.
#[derive(Serialize, ToSchema)]
pub(super) struct Sessions {
    items: Vec<Session>,
}

/// `GET /api/v1/me/sessions`.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "me", operation_id = "mySessions", responses(
    (status = 200, body = Sessions), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn sessions(
    Allowed(me): Allowed<AnySession>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    let idle = api.policy.idle_ms();
    let lines = api
        .accounts
        .sessions(me.user, idle, api.clock.now())
        .await?;
    let items = lines.into_iter().map(|line| Session {
        id: line.id,
        current: line.id == me.credential,
        created_at: line.created_at.into(),
        seen_at: line.seen_at.into(),
        expires_at: line.expires_at.into(),
        agent: line.agent,
    });
    Ok(private(&Sessions {
        items: items.collect(),
    }))
}

/// `DELETE /api/v1/me/sessions/{session}`: ends one of the caller's sessions.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{session}", tag = "me", operation_id = "endSession",
    params(("session" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn end_session(
    Allowed(me): Allowed<AnySession>,
    State(api): State<Arc<Api>>,
    Only(session): Only,
) -> Result<Response, Problem> {
    let ended = api.accounts.end_session(me.user, session).await?;
    gone(ended)
}

/// A token for scripts.
#[derive(Serialize, ToSchema)]
pub(super) struct Token {
    id: Uuid,
    name: String,
    scopes: Vec<&'static str>,
    /// The sites it is confined to; absent for all of the person's.
    #[serde(skip_serializing_if = "Option::is_none")]
    sites: Option<Vec<Uuid>>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    /// To an hour.
    used_at: Option<Timestamp>,
}

/// The caller's tokens.
#[derive(Serialize, ToSchema)]
pub(super) struct Tokens {
    items: Vec<Token>,
}

/// `GET /api/v1/me/tokens`.
#[utoipa::path(get, path = "/api/v1/me/tokens", tag = "me", operation_id = "myTokens", responses(
    (status = 200, body = Tokens), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn tokens(
    Allowed(me): Allowed<Person>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    let lines = api.accounts.tokens(me.user, api.clock.now()).await?;
    let items = lines.into_iter().map(|line| Token {
        id: line.id,
        name: line.name,
        scopes: line.scopes.iter().map(Scope::as_str).collect(),
        sites: line
            .sites
            .map(|sites| sites.into_iter().map(SiteId::as_uuid).collect()),
        created_at: line.created_at.into(),
        expires_at: line.expires_at.map(Timestamp::from),
        used_at: line.used_at.map(Timestamp::from),
    });
    Ok(private(&Tokens {
        items: items.collect(),
    }))
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedToken {
    /// What it is for; at most 100 letters.
    name: String,
    /// What it may at most, such as `["production","consumption"]`.
    scopes: Vec<String>,
    /// At which sites; absent for all of the person's, also those that come later.
    #[serde(default)]
    sites: Option<BTreeSet<Uuid>>,
    /// Until when; absent for as long as nobody ends it.
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

/// A token that was made. It is shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeToken {
    id: Uuid,
    /// For `Authorization: Bearer …`.
    token: String,
}

/// `POST /api/v1/me/tokens`.
#[utoipa::path(post, path = "/api/v1/me/tokens", tag = "me", operation_id = "addToken", request_body = AskedToken, responses(
    (status = 201, body = MadeToken), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn add_token(
    Allowed(me): Allowed<FullSession>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedToken = body(&headers, &bytes)?;
    let now = api.clock.now();
    let mut secret = [0; 32];
    rand::fill(&mut secret).map_err(|_| Problem::unavailable())?;
    let token = format!("{TOKEN}{}", hex(&secret));
    let new = NewToken {
        id: new_id(),
        hash: hash_token(&token),
        user: me.user,
        name: name_of(&asked.name)?,
        scopes: scopes_of(&asked.scopes)?,
        sites: asked
            .sites
            .map(|sites| sites.into_iter().map(SiteId::from_uuid).collect()),
        expires_at: asked.expires_at.map(|at| ends(at, now)).transpose()?,
    };
    api.accounts.add_script_token(&new, now).await?;
    let made = MadeToken { id: new.id, token };
    Ok((StatusCode::CREATED, private(&made)).into_response())
}

/// `DELETE /api/v1/me/tokens/{token}`.
#[utoipa::path(delete, path = "/api/v1/me/tokens/{token}", tag = "me", operation_id = "revokeToken",
    params(("token" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn revoke_token(
    Allowed(me): Allowed<FullSession>,
    State(api): State<Arc<Api>>,
    Only(token): Only,
) -> Result<Response, Problem> {
    let now = api.clock.now();
    let revoked = api
        .accounts
        .revoke_script_token(me.user, token, now)
        .await?;
    gone(revoked)
}
