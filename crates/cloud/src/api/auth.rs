//! Signing in and out.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{EmailKey, NewSession, SignIn};
use solthrive_domain::access::{FactorFacts, SecondFactor};
use utoipa::ToSchema;

use super::Api;
use super::answer::body;
use super::caller::{COOKIE, same_origin};
use super::cursor::secret;
use super::guard::{Allowed, AnySession, Anyone};
use super::password::{LONGEST, NoHash};
use super::problem::{Problem, ProblemBody};
use crate::clock::new_id;
use crate::http::Peer;
use crate::secrets::hash_token;

/// What a browser calls itself is kept this long.
const AGENT: usize = 120;

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    /// The address of the account.
    #[schema(format = Email)]
    email: String,
    /// The password.
    password: String,
}

/// How far the sign-in went.
#[derive(Serialize, ToSchema)]
pub(super) struct SignedIn {
    /// `passed`, `not_asked`, or `missing`: then the session is good for nothing until it is proven.
    second_factor: &'static str,
}

/// `POST /api/v1/auth/session`: begins a session and sets its cookie.
#[utoipa::path(post, path = "/api/v1/auth/session", tag = "sign-in", operation_id = "signIn", request_body = Credentials, responses(
    (status = 200, body = SignedIn), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")), security(()))]
pub(super) async fn sign_in(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    // A foreign page must not sign its visitor in as somebody else.
    no_foreign_page(&headers)?;
    let Credentials { email, password } = body(&headers, &bytes)?;
    let key = EmailKey::of(&email).map_err(|_| Problem::wrong_sign_in())?;
    if password.len() > LONGEST {
        return Err(Problem::wrong_sign_in());
    }
    let (from, now) = (peer.household(), api.clock.elapsed());
    api.throttle
        .may_try(&key, from, now)
        .map_err(Problem::too_many)?;
    let found = api.accounts.sign_in(&key).await?;
    let known = found.as_ref().filter(|found| !found.deactivated);
    let hash = known.and_then(|found| found.password.clone());
    let right = api.passwords.is(password, hash).await.map_err(busy)?;
    let Some(found) = found.filter(|_| right) else {
        api.throttle.failed(&key, from, now);
        return Err(Problem::wrong_sign_in());
    };
    api.throttle.succeeded(&key, from);
    begin(&api, &found, &headers).await
}

/// A browser says from which page a call comes, and it must be one of ours; scripts have no pages.
pub(super) fn no_foreign_page(headers: &HeaderMap) -> Result<(), Problem> {
    let browser = headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN);
    if browser {
        same_origin(headers)
    } else {
        Ok(())
    }
}

pub(super) fn busy(error: NoHash) -> Problem {
    tracing::warn!(%error, "a sign-in was sent away");
    Problem::unavailable()
}

async fn begin(api: &Api, found: &SignIn, headers: &HeaderMap) -> Result<Response, Problem> {
    let (session, secret) = new_session(api, found, headers)?;
    if !api
        .accounts
        .begin_session(&session, api.clock.now())
        .await?
    {
        return Err(Problem::wrong_sign_in());
    }
    let facts = FactorFacts {
        passed: false,
        set_up: found.totp.is_some(),
        asked_of_staff: api.policy.second_factor_for_staff,
    };
    let second_factor = match SecondFactor::of(facts, &found.memberships) {
        SecondFactor::Passed => "passed",
        SecondFactor::NotAsked => "not_asked",
        SecondFactor::Missing => "missing",
    };
    let mut response = super::answer::private(&SignedIn { second_factor });
    set_cookie(&mut response, &secret, api.policy.session.as_secs());
    Ok(response)
}

/// A session of somebody who showed who he is, without a second factor; and the cookie's secret.
pub(super) fn new_session(
    api: &Api,
    found: &SignIn,
    headers: &HeaderMap,
) -> Result<(NewSession, String), Problem> {
    let secret = secret()?;
    let lasts = i64::try_from(api.policy.session.as_millis()).unwrap_or(i64::MAX);
    let session = NewSession {
        hash: hash_token(&secret),
        id: new_id(),
        user: found.user,
        expires_at: api.clock.now().plus_ms(lasts),
        factor: false,
        agent: agent(headers),
    };
    Ok((session, secret))
}

fn agent(headers: &HeaderMap) -> Option<String> {
    let said = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(
        said.chars()
            .filter(|letter| !letter.is_control())
            .take(AGENT)
            .collect(),
    )
}

pub(super) fn set_cookie(response: &mut Response, value: &str, max_age: u64) {
    let cookie =
        format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={max_age}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// `DELETE /api/v1/auth/session`: ends the session that asks.
#[utoipa::path(delete, path = "/api/v1/auth/session", tag = "sign-in", operation_id = "signOut", responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn sign_out(
    Allowed(me): Allowed<AnySession>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    api.accounts.end_session(me.user, me.credential).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, "", 0);
    Ok(response)
}
