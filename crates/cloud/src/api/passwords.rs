//! Passwords that were forgotten, or are changed.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use solthrive_cloud_store::people::EmailKey;
use utoipa::ToSchema;

use super::Api;
use super::answer::body;
use super::auth::{busy, no_foreign_page};
use super::cursor::secret;
use super::guard::{Allowed, Anyone, FullSession};
use super::password::{LONGEST, SHORTEST};
use super::problem::{Problem, ProblemBody};
use super::typed::address;
use crate::http::Peer;
use crate::mail::Letter;
use crate::secrets::hash_token;

/// How long a link works.
const LINK_MS: i64 = 3_600_000;

/// Whose password was forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Forgotten {
    /// The address of the account.
    #[schema(format = Email)]
    email: String,
}

/// `POST /api/v1/auth/reset`: sends a link to set a new password, if somebody has this address. The answer is the same
/// if nobody has.
#[utoipa::path(post, path = "/api/v1/auth/reset", tag = "sign-in", operation_id = "forgotPassword", request_body = Forgotten, responses(
    (status = 202), (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")), security(()))]
pub(super) async fn forgotten(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    no_foreign_page(&headers)?;
    let Forgotten { email } = body(&headers, &bytes)?;
    let (_, key) = address(&email)?;
    if !api.mail.works() {
        return Err(Problem::no_mail());
    }
    let now = api.clock.elapsed();
    let wait = api.throttle.letter(peer.household(), now);
    wait.map_err(Problem::too_many)?;
    let turn = Arc::clone(&api.letters).try_acquire_owned();
    let turn = turn.map_err(|_| Problem::unavailable())?;
    // Whether somebody has the address shows in no answer and in no time: all of it happens afterwards.
    tokio::spawn(async move {
        if let Err(error) = send_link(&api, &key).await {
            tracing::warn!(?error, "a link for a new password was not sent");
        }
        drop(turn);
    });
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn send_link(api: &Api, key: &EmailKey) -> Result<(), Problem> {
    let (now, secret) = (api.clock.now(), secret()?);
    let until = now.plus_ms(LINK_MS);
    let found = api
        .recovery
        .begin_reset(key, hash_token(&secret), until, now);
    let Some(found) = found.await? else {
        return Ok(());
    };
    let letter = Letter::reset(&found.name, &api.mail.link("password", &secret));
    api.mail
        .send(&found.email, &letter)
        .await
        .map_err(|error| Problem::mail_away(&error))
}

/// A password by a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ByLink {
    /// What stands after the `#` of the link.
    token: String,
    /// 10 to 1,000 bytes.
    password: String,
}

/// `POST /api/v1/auth/password`: sets a password by a link. The link works once; every session is over then.
#[utoipa::path(post, path = "/api/v1/auth/password", tag = "sign-in", operation_id = "resetPassword", request_body = ByLink, responses(
    (status = 204), (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")), security(()))]
pub(super) async fn by_link(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    no_foreign_page(&headers)?;
    let ByLink { token, password } = body(&headers, &bytes)?;
    let hash = hashed(&api, "password", password).await?;
    let now = api.clock.now();
    let set = api.recovery.reset_password(hash_token(&token), &hash, now);
    set.await?.ok_or(Problem::not_found())?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Another {
    /// The one so far.
    password: String,
    /// The one from now on: 10 to 1,000 bytes.
    new_password: String,
}

/// `POST /api/v1/me/password`: changes the password. Every other session is over then.
#[utoipa::path(post, path = "/api/v1/me/password", tag = "me", operation_id = "changePassword", request_body = Another, responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn change(
    Allowed(me): Allowed<FullSession>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let Another {
        password,
        new_password,
    } = body(&headers, &bytes)?;
    // Whoever finds an open browser guesses no faster than at the door.
    let elapsed = api.clock.elapsed();
    let wait = api.throttle.may_prove(me.user, elapsed);
    wait.map_err(Problem::too_many)?;
    if password.len() > LONGEST {
        return Err(Problem::wrong_password());
    }
    let known = api.recovery.password_of(me.user).await?;
    if !api.passwords.is(password, known).await.map_err(busy)? {
        api.throttle.wrong_code(me.user, elapsed);
        return Err(Problem::wrong_password());
    }
    let hash = hashed(&api, "new_password", new_password).await?;
    let now = api.clock.now();
    let changed = api
        .recovery
        .change_password(me.user, &hash, me.credential, now);
    if changed.await? {
        Ok(StatusCode::NO_CONTENT.into_response())
    } else {
        Err(Problem::not_signed_in())
    }
}

/// A new password's hash.
pub(super) async fn hashed(
    api: &Api,
    field: &'static str,
    password: String,
) -> Result<String, Problem> {
    if !(SHORTEST..=LONGEST).contains(&password.len()) {
        let detail = format!("{SHORTEST} to {LONGEST} bytes");
        return Err(Problem::field(field, detail));
    }
    api.passwords.hash(password).await.map_err(busy)
}
