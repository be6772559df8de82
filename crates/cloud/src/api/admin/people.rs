//! A person who is shut out, or let in again.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use solthrive_cloud_store::people::ShutOut;
use solthrive_domain::UserId;
use utoipa::ToSchema;

use super::super::Api;
use super::super::answer::{gone, tagged};
use super::super::arrival::Only;
use super::super::guard::{Allowed, RunsThePlatform};
use super::super::problem::{Problem, ProblemBody};
use super::find::{OfficeOrg, OfficePerson};

/// Where a person belongs, and as what.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct Belonging {
    org: OfficeOrg,
    /// `admin`, `technician` or `viewer`.
    role: &'static str,
}

/// A person and his orgs.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct PersonAndOrgs {
    person: OfficePerson,
    orgs: Vec<Belonging>,
}

/// `GET /api/v1/admin/users/{user}`.
#[utoipa::path(get, path = "/api/v1/admin/users/{user}", tag = "admin", operation_id = "officeUser", params(("user" = Uuid, Path)), responses(
    (status = 200, body = PersonAndOrgs), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(in super::super) async fn person(
    Allowed((_, operator)): Allowed<RunsThePlatform>,
    State(api): State<Arc<Api>>,
    Only(user): Only,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = api.office.person(&operator, UserId::from_uuid(user));
    let found = found.await?.ok_or(Problem::not_found())?;
    let orgs = found.orgs.into_iter().map(|(org, role)| Belonging {
        org: OfficeOrg::from(org),
        role: role.as_str(),
    });
    let person = PersonAndOrgs {
        person: found.found.into(),
        orgs: orgs.collect(),
    };
    Ok(tagged(&headers, &person))
}

/// `POST /api/v1/admin/users/{user}/deactivation`: every session, token and app of his is over, and he cannot sign in. His orgs and homes stay.
#[utoipa::path(post, path = "/api/v1/admin/users/{user}/deactivation", tag = "admin", operation_id = "deactivateUser", params(("user" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json")))]
pub(in super::super) async fn shut_out(
    Allowed((_, operator)): Allowed<RunsThePlatform>,
    State(api): State<Arc<Api>>,
    Only(user): Only,
) -> Result<Response, Problem> {
    let now = api.clock.now();
    let done = api.office.shut_out(&operator, UserId::from_uuid(user), now);
    match done.await? {
        ShutOut::Done => gone(true),
        ShutOut::Nobody => gone(false),
        ShutOut::LastOperator => Err(Problem::last_admin()),
    }
}

/// `DELETE /api/v1/admin/users/{user}/deactivation`: he can sign in again.
#[utoipa::path(delete, path = "/api/v1/admin/users/{user}/deactivation", tag = "admin", operation_id = "reactivateUser", params(("user" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(in super::super) async fn let_in(
    Allowed((_, operator)): Allowed<RunsThePlatform>,
    State(api): State<Arc<Api>>,
    Only(user): Only,
) -> Result<Response, Problem> {
    let now = api.clock.now();
    let done = api
        .office
        .let_in_again(&operator, UserId::from_uuid(user), now);
    gone(done.await?)
}
