//! An invitation, for whoever has the letter.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{Accepted, Accepting, EmailKey, NewUser};
use solthrive_domain::UserId;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::answer::{body, private};
use super::auth::no_foreign_page;
use super::caller::who;
use super::guard::{Allowed, Anyone};
use super::passwords::hashed;
use super::problem::{Problem, ProblemBody};
use super::typed::name_of;
use crate::clock::new_id;
use crate::secrets::hash_token;

/// What stands in a letter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LetterToken {
    /// What stands after the `#` of the link.
    pub(super) token: String,
}

/// What it is about.
#[derive(Serialize, ToSchema)]
pub(super) struct Invited {
    /// The org's name.
    org: String,
    /// `household`, `installer`, `partner` or `platform`.
    kind: &'static str,
    /// `admin`, `technician` or `viewer`.
    role: &'static str,
    /// Who is asked.
    #[schema(format = Email)]
    email: String,
    /// Whether this address has an account: its person signs in, then accepts.
    known: bool,
}

/// `POST /api/v1/invitations/look`: what an invitation is about. Not a `GET`: what is secret stands in no address.
#[utoipa::path(post, path = "/api/v1/invitations/look", tag = "orgs", operation_id = "lookAtInvitation", request_body = LetterToken, responses(
    (status = 200, body = Invited), (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")), security(()))]
pub(super) async fn look(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    no_foreign_page(&headers)?;
    let LetterToken { token } = body(&headers, &bytes)?;
    let found = api.orgs.invitation(hash_token(&token), api.clock.now());
    let found = found.await?.ok_or(Problem::not_found())?;
    Ok(private(&Invited {
        org: found.org.name,
        kind: found.org.kind.as_str(),
        role: found.role.as_str(),
        email: found.email,
        known: found.known,
    }))
}

/// Who accepts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acceptance {
    /// What stands after the `#` of the link.
    token: String,
    /// What to call a new person; not of somebody who is signed in.
    #[serde(default)]
    name: Option<String>,
    /// A new person's password.
    #[serde(default)]
    password: Option<String>,
}

/// Where somebody belongs now.
#[derive(Serialize, ToSchema)]
pub(super) struct Joined {
    org: Uuid,
    user: Uuid,
}

/// `POST /api/v1/invitations/accept`: joins, as who is signed in, or as a new person with the address of the letter.
#[utoipa::path(post, path = "/api/v1/invitations/accept", tag = "orgs", operation_id = "acceptInvitation", request_body = Acceptance, responses(
    (status = 200, body = Joined), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")), security(()))]
pub(super) async fn accept(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
    parts: Parts,
    bytes: Bytes,
) -> Result<Response, Problem> {
    no_foreign_page(&parts.headers)?;
    let asked: Acceptance = body(&parts.headers, &bytes)?;
    let (hash, now) = (hash_token(&asked.token), api.clock.now());
    let accepted = if parts.headers.contains_key(header::COOKIE) {
        let me = who(&api, &parts).await?;
        if !me.actor.credential.is_full_session() {
            return Err(Problem::second_factor());
        }
        api.orgs
            .accept(hash, Accepting::Known(me.user), now)
            .await?
    } else {
        // Looked at first: a password is hashed for nobody who guesses.
        let found = api.orgs.invitation(hash, now).await?;
        let found = found.ok_or(Problem::not_found())?;
        let new = new_person(&api, asked, &found.email).await?;
        api.orgs.accept(hash, Accepting::New(&new), now).await?
    };
    match accepted {
        Accepted::Done(org, user) => Ok(private(&Joined {
            org: org.as_uuid(),
            user: user.as_uuid(),
        })),
        Accepted::Gone => Err(Problem::not_found()),
        Accepted::NotTheirs => Err(Problem::not_yours()),
        Accepted::Known => Err(Problem::known()),
    }
}

async fn new_person(api: &Api, asked: Acceptance, email: &str) -> Result<NewUser, Problem> {
    let name = name_of(&asked.name.unwrap_or_default())?;
    let password = hashed(api, "password", asked.password.unwrap_or_default()).await?;
    let key = EmailKey::of(email).map_err(|_| Problem::not_found())?;
    Ok(NewUser {
        id: UserId::from_uuid(new_id()),
        email: email.to_owned(),
        key,
        name,
        locale: "en".to_owned(),
        password: Some(password),
        proven: true,
        member_of: Vec::new(),
    })
}
