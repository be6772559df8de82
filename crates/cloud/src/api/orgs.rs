//! An org's people, and who is asked to join.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{Changed, InvitationLine, MemberLine, NewInvitation, OrgLine};
use solthrive_domain::UserId;
use solthrive_domain::access::Role;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::answer::{Made, body, gone, tagged};
use super::arrival::Second;
use super::guard::{Allowed, Belongs, Manages, Person};
use super::letters::{secret_for, to_its_end};
use super::problem::{Problem, ProblemBody};
use super::typed::address;
use crate::clock::new_id;
use crate::mail::Letter;
use crate::secrets::hash_token;

/// How long an invitation waits.
const WAITS_MS: i64 = 7 * 86_400_000;

/// An org that the caller belongs to.
#[derive(Serialize, ToSchema)]
pub(super) struct Org {
    id: Uuid,
    name: String,
    /// `household`, `installer`, `partner` or `platform`.
    kind: &'static str,
}

impl From<OrgLine> for Org {
    fn from(line: OrgLine) -> Self {
        Self {
            id: line.id.as_uuid(),
            name: line.name,
            kind: line.kind.as_str(),
        }
    }
}

/// The caller's orgs.
#[derive(Serialize, ToSchema)]
pub(super) struct Orgs {
    items: Vec<Org>,
}

/// `GET /api/v1/orgs`.
#[utoipa::path(get, path = "/api/v1/orgs", tag = "orgs", operation_id = "orgs", responses(
    (status = 200, body = Orgs), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn list(
    Allowed(me): Allowed<Person>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut items = Vec::new();
    for mine in &me.actor.memberships {
        if let Some(org) = me.actor.reads_org(mine.org) {
            items.extend(api.orgs.org(org).await?.map(Org::from));
        }
    }
    Ok(tagged(&headers, &Orgs { items }))
}

/// Somebody who belongs to the org.
#[derive(Serialize, ToSchema)]
pub(super) struct Member {
    user: Uuid,
    name: String,
    #[schema(format = Email)]
    email: String,
    /// `admin`, `technician` or `viewer`.
    role: &'static str,
    since: Timestamp,
    /// Whether he has set up a second factor.
    second_factor: bool,
}

impl From<MemberLine> for Member {
    fn from(line: MemberLine) -> Self {
        Self {
            user: line.user.as_uuid(),
            name: line.name,
            email: line.email,
            role: line.role.as_str(),
            since: line.since.into(),
            second_factor: line.second_factor,
        }
    }
}

/// Who belongs to the org.
#[derive(Serialize, ToSchema)]
pub(super) struct Members {
    items: Vec<Member>,
}

/// `GET /api/v1/orgs/{org}/members`.
#[utoipa::path(get, path = "/api/v1/orgs/{org}/members", tag = "orgs", operation_id = "members", params(("org" = Uuid, Path)), responses(
    (status = 200, body = Members), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn members(
    Allowed(org): Allowed<Belongs>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lines = api.orgs.members(org).await?;
    let items = lines.into_iter().map(Member::from).collect();
    Ok(tagged(&headers, &Members { items }))
}

/// As what somebody belongs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedRole {
    /// `admin`, `technician` or `viewer`.
    role: String,
}

fn role_of(text: &str) -> Result<Role, Problem> {
    let mut all = Role::ALL.into_iter();
    let role = all.find(|role| role.as_str() == text);
    role.ok_or_else(|| Problem::field("role", "admin, technician or viewer"))
}

/// `PATCH /api/v1/orgs/{org}/members/{member}`.
#[utoipa::path(patch, path = "/api/v1/orgs/{org}/members/{member}", tag = "orgs", operation_id = "setRole",
    params(("org" = Uuid, Path), ("member" = Uuid, Path)), request_body = AskedRole, responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn set_role(
    Allowed((me, org)): Allowed<Manages>,
    State(api): State<Arc<Api>>,
    Second(member): Second,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedRole = body(&headers, &bytes)?;
    let (role, now) = (role_of(&asked.role)?, api.clock.now());
    let member = UserId::from_uuid(member);
    told(
        api.orgs
            .set_role(me.actor.by(), org, member, role, now)
            .await?,
    )
}

/// `DELETE /api/v1/orgs/{org}/members/{member}`: what he sees of the org's sites is over at once.
#[utoipa::path(delete, path = "/api/v1/orgs/{org}/members/{member}", tag = "orgs", operation_id = "removeMember",
    params(("org" = Uuid, Path), ("member" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn remove(
    Allowed((me, org)): Allowed<Manages>,
    State(api): State<Arc<Api>>,
    Second(member): Second,
) -> Result<Response, Problem> {
    let member = UserId::from_uuid(member);
    let now = api.clock.now();
    told(
        api.orgs
            .remove_member(me.actor.by(), org, member, now)
            .await?,
    )
}

fn told(changed: Changed) -> Result<Response, Problem> {
    match changed {
        Changed::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Changed::NoSuchMember => Err(Problem::not_found()),
        Changed::LastAdmin => Err(Problem::last_admin()),
    }
}

/// Somebody who is asked to join.
#[derive(Serialize, ToSchema)]
pub(super) struct Invitation {
    id: Uuid,
    #[schema(format = Email)]
    email: String,
    /// `admin`, `technician` or `viewer`.
    role: &'static str,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl From<InvitationLine> for Invitation {
    fn from(line: InvitationLine) -> Self {
        Self {
            id: line.id,
            email: line.email,
            role: line.role.as_str(),
            created_at: line.created_at.into(),
            expires_at: line.expires_at.into(),
        }
    }
}

/// Invitations that wait, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Invitations {
    items: Vec<Invitation>,
}

/// `GET /api/v1/orgs/{org}/invitations`.
#[utoipa::path(get, path = "/api/v1/orgs/{org}/invitations", tag = "orgs", operation_id = "invitations", params(("org" = Uuid, Path)), responses(
    (status = 200, body = Invitations), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn invitations(
    Allowed((_, org)): Allowed<Manages>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lines = api.orgs.invitations(org, api.clock.now()).await?;
    let items = lines.into_iter().map(Invitation::from).collect();
    Ok(tagged(&headers, &Invitations { items }))
}

/// Somebody to be asked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedInvitation {
    /// Where the letter goes.
    #[schema(format = Email)]
    email: String,
    /// `admin`, `technician` or `viewer`.
    role: String,
}

/// `POST /api/v1/orgs/{org}/invitations`: sends a letter. It replaces one that waits for the same address.
#[utoipa::path(post, path = "/api/v1/orgs/{org}/invitations", tag = "orgs", operation_id = "invite", params(("org" = Uuid, Path)), request_body = AskedInvitation, responses(
    (status = 201, body = Made), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn invite(
    Allowed((me, org)): Allowed<Manages>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedInvitation = body(&headers, &bytes)?;
    let (email, key) = address(&asked.email)?;
    let role = role_of(&asked.role)?;
    let (secret, now) = (secret_for(&api, me.user)?, api.clock.now());
    let invitation = NewInvitation {
        id: new_id(),
        hash: hash_token(&secret),
        email,
        key,
        role,
        expires_at: now.plus_ms(WAITS_MS),
    };
    let id = invitation.id;
    let name = me.actor.reads_org(org.org()).ok_or(Problem::not_found())?;
    let name = api.orgs.org(name).await?.ok_or(Problem::not_found())?.name;
    let by = me.actor.by();
    to_its_end(async move {
        if !api.orgs.invite(by, org, &invitation, now).await? {
            return Err(Problem::belongs_already());
        }
        let link = api.mail.link("invitation", &secret);
        let letter = Letter::invitation(&name, role.as_str(), &link);
        if let Err(error) = api.mail.send(&invitation.email, &letter).await {
            api.orgs.revoke_invitation(by, org, id, now).await?;
            return Err(Problem::mail_away(&error));
        }
        Ok(())
    })
    .await?;
    Ok(Made::answer(id))
}

/// `DELETE /api/v1/orgs/{org}/invitations/{invitation}`: its letter is worth nothing from now on.
#[utoipa::path(delete, path = "/api/v1/orgs/{org}/invitations/{invitation}", tag = "orgs", operation_id = "revokeInvitation",
    params(("org" = Uuid, Path), ("invitation" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn revoke(
    Allowed((me, org)): Allowed<Manages>,
    State(api): State<Arc<Api>>,
    Second(invitation): Second,
) -> Result<Response, Problem> {
    let now = api.clock.now();
    let revoked = api
        .orgs
        .revoke_invitation(me.actor.by(), org, invitation, now);
    gone(revoked.await?)
}
