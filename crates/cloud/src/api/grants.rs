//! Who else sees a site: the owner gives and ends it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{GrantLine, NewGrant};
use solthrive_domain::access::{Grantee, Scope};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{GrantId, OrgId};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::answer::{Made, body, gone, private};
use super::arrival::Second;
use super::guard::{Allowed, Owns};
use super::problem::{Problem, ProblemBody};
use super::typed::{ends, scopes_of};
use crate::clock::new_id;

/// A right of somebody at the site.
#[derive(Serialize, ToSchema)]
pub(super) struct Grant {
    id: Uuid,
    /// Name of the org or person.
    grantee: String,
    /// The org, if it was given to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<Uuid>,
    scopes: Vec<&'static str>,
    /// `commissioning`, `owner_consent`, `support` or `legal`. One of commissioning shrinks 30 days after the hand-over.
    basis: &'static str,
    valid_from: Timestamp,
    valid_to: Option<Timestamp>,
    /// Nothing older is shown.
    data_from: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    created_at: Timestamp,
}

impl From<GrantLine> for Grant {
    fn from(line: GrantLine) -> Self {
        let grant = line.grant;
        Self {
            id: grant.id.as_uuid(),
            grantee: line.grantee,
            org: match grant.grantee {
                Grantee::Org(org) => Some(org.as_uuid()),
                Grantee::User(_) => None,
            },
            scopes: grant.scopes.iter().map(Scope::as_str).collect(),
            basis: grant.basis.as_str(),
            valid_from: grant.valid_from.into(),
            valid_to: grant.valid_to.map(Timestamp::from),
            data_from: grant.data_from.map(Timestamp::from),
            revoked_at: grant.revoked_at.map(Timestamp::from),
            created_at: line.created_at.into(),
        }
    }
}

/// Every grant, over or not.
#[derive(Serialize, ToSchema)]
pub(super) struct Grants {
    items: Vec<Grant>,
}

/// `GET /api/v1/sites/{site}/grants`.
#[utoipa::path(get, path = "/api/v1/sites/{site}/grants", tag = "sites", operation_id = "grants", params(("site" = Uuid, Path)), responses(
    (status = 200, body = Grants), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn list(
    Allowed((_, site)): Allowed<Owns>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    let lines = api.tenancy.grants(site).await?;
    Ok(private(&Grants {
        items: lines.into_iter().map(Grant::from).collect(),
    }))
}

/// A right to be given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedGrant {
    /// To which org.
    org: Uuid,
    /// Such as `["production","alerts"]`.
    scopes: Vec<String>,
    /// Until when; absent for as long as nobody ends it.
    #[serde(default)]
    valid_to: Option<Timestamp>,
    /// Show nothing older; absent shows all.
    #[serde(default)]
    data_from: Option<Timestamp>,
}

/// `POST /api/v1/sites/{site}/grants`.
#[utoipa::path(post, path = "/api/v1/sites/{site}/grants", tag = "sites", operation_id = "addGrant", params(("site" = Uuid, Path)), request_body = AskedGrant, responses(
    (status = 201, body = Made), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn add(
    Allowed((me, site)): Allowed<Owns>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedGrant = body(&headers, &bytes)?;
    let now = api.clock.now();
    let from = asked.data_from.map(UnixMillis::try_from).transpose();
    let grant = NewGrant {
        id: GrantId::from_uuid(new_id()),
        org: OrgId::from_uuid(asked.org),
        scopes: scopes_of(&asked.scopes)?,
        valid_to: asked.valid_to.map(|at| ends(at, now)).transpose()?,
        data_from: from.map_err(|_| Problem::field("data_from", "no such time"))?,
    };
    let added = api
        .tenancy
        .add_grant(me.actor.by(), site, &grant, now)
        .await?;
    if !added {
        return Err(Problem::field("org", "there is no such org"));
    }
    Ok(Made::answer(grant.id.as_uuid()))
}

/// `DELETE /api/v1/sites/{site}/grants/{grant}`: ends it at once, whoever gave it.
#[utoipa::path(delete, path = "/api/v1/sites/{site}/grants/{grant}", tag = "sites", operation_id = "revokeGrant",
    params(("site" = Uuid, Path), ("grant" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn revoke(
    Allowed((me, site)): Allowed<Owns>,
    State(api): State<Arc<Api>>,
    Second(grant): Second,
) -> Result<Response, Problem> {
    let grant = GrantId::from_uuid(grant);
    let revoked = api
        .tenancy
        .revoke_grant(me.actor.by(), site, grant, api.clock.now())
        .await?;
    gone(revoked)
}
