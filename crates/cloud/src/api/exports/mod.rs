//! Everything of a site that somebody may see, in one file: asked for, made by some node, fetched by a link.

mod contents;
mod file;
mod hand_out;
mod link;
mod run;
mod shown;
mod table;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_cloud_store::people::{Job, JobKind, JobState, NewJob};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) use self::hand_out::*;
pub(super) use self::link::Links;
pub(crate) use self::run::Exporter;
use self::shown::{Order, Shown, reached};
use self::table::Format;
use super::Api;
use super::answer::{accepted, body, gone, private, tagged};
use super::arrival::Only;
use super::caller::SignedIn;
use super::guard::{Allowed, Exports, Person};
use super::problem::{Problem, ProblemBody};
use crate::clock::new_id;

/// Exports of one site that wait or run at the same time.
const AT_ONCE: u32 = 3;

/// A file to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedExport {
    /// `csv`, `ndjson` or `parquet`.
    format: String,
    /// The first instant; all that there is if it is not said.
    #[serde(default)]
    from: Option<Timestamp>,
    /// The first instant after it.
    #[serde(default)]
    to: Option<Timestamp>,
}

/// Months of rows that are written, and that there are.
#[derive(Serialize, Deserialize, ToSchema)]
pub(super) struct Months {
    done: u64,
    of: u64,
}

/// A file that is made, or is there.
#[derive(Serialize, ToSchema)]
pub(super) struct Export {
    id: Uuid,
    site: Uuid,
    /// `csv`, `ndjson` or `parquet`.
    format: String,
    created_at: Timestamp,
    /// `waiting`, `running`, `done`, `failed` or `cancelled`; also when its time was over.
    state: &'static str,
    /// How far it is, while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Months>,
    /// Its bytes, once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// SHA-256 of it, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// When it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Path of the file, to be fetched without a session within 15 min; each answer has a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// Why it was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// What came of a file, as it is kept with its job.
#[derive(Debug, Serialize, Deserialize)]
struct Made {
    bytes: u64,
    sha256: String,
    parts: i64,
    shown: Shown,
}

impl Export {
    /// With a link for who may see all that the file shows.
    fn of(api: &Api, job: &Job, sees: Option<Shown>) -> Self {
        let now = api.clock.now();
        let made = job
            .result
            .as_deref()
            .filter(|_| job.state == JobState::Done);
        let made: Option<Made> = made.and_then(|text| serde_json::from_str(text).ok());
        let fits = |made: &Made| sees.is_some_and(|sees| made.shown.is_within(sees));
        let link = || {
            api.links
                .link(job.id, job.asked_by, now.plus_ms(link::GOOD_MS))
        };
        let progress = job
            .progress
            .as_deref()
            .filter(|_| job.state == JobState::Running);
        Self {
            id: job.id,
            site: job.site.as_uuid(),
            format: job.format.clone(),
            created_at: job.created_at.into(),
            state: job.state.as_str(),
            progress: progress.and_then(|text| serde_json::from_str(text).ok()),
            link: made.as_ref().filter(|made| fits(made)).map(|_| link()),
            bytes: made.as_ref().map(|made| made.bytes),
            sha256: made.map(|made| made.sha256),
            expires_at: job.expires_at.map(Timestamp::from),
            problem: job.result.clone().filter(|_| job.state == JobState::Failed),
        }
    }
}

/// `POST /api/v1/sites/{site}/exports`: asks for a file with everything of the site that the caller may see.
#[utoipa::path(post, path = "/api/v1/sites/{site}/exports", tag = "sites", operation_id = "askExport", params(("site" = Uuid, Path)), request_body = AskedExport, responses(
    (status = 202, body = Export), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn ask(
    Allowed((me, home, right)): Allowed<Exports>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: AskedExport = body(&headers, &bytes)?;
    let format = Format::of(&asked.format)
        .ok_or_else(|| Problem::field("format", "csv, ndjson or parquet"))?;
    if asked
        .from
        .zip(asked.to)
        .is_some_and(|(from, to)| from >= to)
    {
        return Err(Problem::field("to", "after `from`"));
    }
    let order = Order {
        shown: Shown::of(&home)?,
        from: asked.from.map(Timestamp::as_millisecond),
        to: asked.to.map(Timestamp::as_millisecond),
    };
    let job = NewJob {
        id: new_id(),
        kind: JobKind::Export,
        format: format.as_str().to_owned(),
        asked_by: me.user,
        asked: serde_json::to_string(&order).map_err(|_| Problem::internal())?,
    };
    let (by, now) = (me.actor.by(), api.clock.now());
    if !api.jobs.ask(by, right, &job, AT_ONCE, now).await? {
        return Err(Problem::exports_at_once());
    }
    api.exports_wait.notify_one();
    let there = format!("/api/v1/exports/{}", job.id);
    let job = api.jobs.job(job.id, JobKind::Export).await?;
    let told = Export::of(&api, &job.ok_or(Problem::unavailable())?, None);
    Ok(accepted(&told, &there))
}

/// Files, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct AllExports {
    items: Vec<Export>,
}

/// `GET /api/v1/sites/{site}/exports`: those that the caller asked for.
#[utoipa::path(get, path = "/api/v1/sites/{site}/exports", tag = "sites", operation_id = "exports", params(("site" = Uuid, Path)), responses(
    (status = 200, body = AllExports), (status = 304), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn list(
    Allowed((me, _, right)): Allowed<Exports>,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let jobs = api.jobs.asked_by(right, me.user, JobKind::Export).await?;
    let items = jobs.iter().map(|job| Export::of(&api, job, None)).collect();
    Ok(tagged(&headers, &AllExports { items }))
}

/// The caller's own, of a site of which he still may have them with what he shows: a token of his may less than he.
async fn own(api: &Api, me: &SignedIn, id: Uuid) -> Result<(Job, Shown), Problem> {
    let job = api.jobs.job(id, JobKind::Export).await?;
    let job = job
        .filter(|job| job.asked_by == me.user)
        .ok_or(Problem::not_found())?;
    let (_, shown) = reached(api, &me.actor, job.site).await?;
    Ok((job, shown))
}

/// `GET /api/v1/exports/{export}`: how far it is, and once it is done, a link to the file.
#[utoipa::path(get, path = "/api/v1/exports/{export}", tag = "sites", operation_id = "export", params(("export" = Uuid, Path)), responses(
    (status = 200, body = Export), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn one(
    Allowed(me): Allowed<Person>,
    State(api): State<Arc<Api>>,
    Only(id): Only,
) -> Result<Response, Problem> {
    let (job, shown) = own(&api, &me, id).await?;
    Ok(private(&Export::of(&api, &job, Some(shown))))
}

/// `DELETE /api/v1/exports/{export}`: it is not made, or its file deleted.
#[utoipa::path(delete, path = "/api/v1/exports/{export}", tag = "sites", operation_id = "cancelExport", params(("export" = Uuid, Path)), responses(
    (status = 204), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
    (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn cancel(
    Allowed(me): Allowed<Person>,
    State(api): State<Arc<Api>>,
    Only(id): Only,
) -> Result<Response, Problem> {
    let (job, _) = own(&api, &me, id).await?;
    gone(
        api.jobs
            .cancel(me.actor.by(), job.id, api.clock.now())
            .await?,
    )
}
