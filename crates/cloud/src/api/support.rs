//! Visits of the platform's admins: with a reason, for a time, in sight of the owner, who can end them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{EndedBy, NewSupport, SupportLine};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{SiteId, SupportId};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Api;
use super::answer::{body, gone, private};
use super::arrival::{Only, Second};
use super::guard::{Allowed, Owns, RunsThePlatform};
use super::problem::{Problem, ProblemBody};
use crate::clock::new_id;

/// Minutes of the longest visit: a working day.
const LONGEST: u32 = 480;
const MINUTE_MS: i64 = 60_000;

/// A visit to be opened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedVisit {
    /// At which site.
    site: Uuid,
    /// Why; the owner reads it. 10 to 500 letters.
    reason: String,
    /// For how long, 1 to 480.
    minutes: u32,
}

/// A visit that is open now.
#[derive(Serialize, ToSchema)]
pub(super) struct OpenVisit {
    id: Uuid,
    until: Timestamp,
}

/// `POST /api/v1/admin/support`: lets the admin look into one home for a while.
#[utoipa::path(post, path = "/api/v1/admin/support", tag = "admin", operation_id = "openSupport", request_body = AskedVisit, responses(
    (status = 201, body = OpenVisit), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn open(
    Allowed((me, operator)): Allowed<RunsThePlatform>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedVisit = body(&headers, &bytes)?;
    if !(1..=LONGEST).contains(&asked.minutes) {
        return Err(Problem::field("minutes", format!("1 to {LONGEST}")));
    }
    let now = api.clock.now();
    let until = now
        .get()
        .saturating_add(i64::from(asked.minutes) * MINUTE_MS);
    let support = NewSupport {
        id: SupportId::from_uuid(new_id()),
        admin: me.user,
        site: SiteId::from_uuid(asked.site),
        reason: reason_of(&asked.reason)?,
        until: UnixMillis::try_from(until).map_err(|_| Problem::internal())?,
    };
    if !api.tenancy.open_support(&operator, &support, now).await? {
        return Err(Problem::field("site", "there is no such site"));
    }
    let visit = OpenVisit {
        id: support.id.as_uuid(),
        until: support.until.into(),
    };
    Ok((StatusCode::CREATED, private(&visit)).into_response())
}

fn reason_of(typed: &str) -> Result<String, Problem> {
    let reason = typed.trim();
    let sound =
        (10..=500).contains(&reason.chars().count()) && !reason.chars().any(char::is_control);
    let problem = || Problem::field("reason", "10 to 500 letters in one line, for the owner");
    sound.then(|| reason.to_owned()).ok_or_else(problem)
}

/// `DELETE /api/v1/admin/support/{support}`: ends a visit of one's own.
#[utoipa::path(delete, path = "/api/v1/admin/support/{support}", tag = "admin", operation_id = "endSupport",
    params(("support" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn end_own(
    Allowed((me, _)): Allowed<RunsThePlatform>,
    State(api): State<Arc<Api>>,
    Only(support): Only,
) -> Result<Response, Problem> {
    end(&api, me.actor.by(), EndedBy::Admin(me.user), support).await
}

async fn end(
    api: &Api,
    by: solthrive_domain::access::By,
    ended_by: EndedBy,
    support: Uuid,
) -> Result<Response, Problem> {
    let (support, now) = (SupportId::from_uuid(support), api.clock.now());
    let ended = api.tenancy.end_support(by, ended_by, support, now).await?;
    gone(ended)
}

/// A visit as the owner sees it.
#[derive(Serialize, ToSchema)]
pub(super) struct Visit {
    id: Uuid,
    /// Who looks.
    admin: String,
    /// Why.
    reason: String,
    from: Timestamp,
    until: Timestamp,
    /// When somebody ended it.
    ended_at: Option<Timestamp>,
}

impl From<SupportLine> for Visit {
    fn from(line: SupportLine) -> Self {
        Self {
            id: line.id.as_uuid(),
            admin: line.admin,
            reason: line.reason,
            from: line.from.into(),
            until: line.until.into(),
            ended_at: line.ended_at.map(Timestamp::from),
        }
    }
}

/// Visits, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct Visits {
    items: Vec<Visit>,
}

/// `GET /api/v1/sites/{site}/support`: who of the platform looked into the home, and why.
#[utoipa::path(get, path = "/api/v1/sites/{site}/support", tag = "sites", operation_id = "supports", params(("site" = Uuid, Path)), responses(
    (status = 200, body = Visits), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn list(
    Allowed((_, site)): Allowed<Owns>,
    State(api): State<Arc<Api>>,
) -> Result<Response, Problem> {
    let lines = api.tenancy.supports(site).await?;
    Ok(private(&Visits {
        items: lines.into_iter().map(Visit::from).collect(),
    }))
}

/// `DELETE /api/v1/sites/{site}/support/{support}`: the owner ends a visit at once.
#[utoipa::path(delete, path = "/api/v1/sites/{site}/support/{support}", tag = "sites", operation_id = "endVisit",
    params(("site" = Uuid, Path), ("support" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn end_at_home(
    Allowed((me, site)): Allowed<Owns>,
    State(api): State<Arc<Api>>,
    Second(support): Second,
) -> Result<Response, Problem> {
    end(&api, me.actor.by(), EndedBy::Owner(site), support).await
}
