//! The file, for who has a link.

#![expect(unused_qualifications, reason = "of the code that makes the document")]

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use serde::Deserialize;
use solthrive_cloud_store::people::{Job, JobKind, JobState};
use solthrive_domain::access::By;
use utoipa::IntoParams;

use super::Made;
use super::shown::still;
use crate::api::Api;
use crate::api::answer::download;
use crate::api::arrival::{Only, Queried};
use crate::api::guard::{Allowed, Anyone};
use crate::api::problem::{Problem, ProblemBody};

/// What makes a link one of ours.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Signed {
    /// Until when it is good, ms since 1970.
    until: i64,
    /// Of the service.
    signature: String,
}

/// `GET /api/v1/exports/{export}/file`: the file, by a link of the service; no session is needed.
#[utoipa::path(get, path = "/api/v1/exports/{export}/file", tag = "sites", operation_id = "exportFile", params(("export" = Uuid, Path), Signed), responses(
    (status = 200, description = "A ZIP archive; `manifest.json` in it lists every file with its SHA-256.", content((String = "application/zip"))),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")), security(()))]
pub(in crate::api) async fn file(
    Allowed(()): Allowed<Anyone>,
    State(api): State<Arc<Api>>,
    Only(id): Only,
    signed: Result<Queried<Signed>, Problem>,
) -> Result<Response, Problem> {
    // Whatever is wrong with a link, nobody learns what.
    let Queried(signed) = signed.map_err(|_| Problem::not_found())?;
    let now = api.clock.now();
    let job = api
        .jobs
        .job(id, JobKind::Export)
        .await?
        .ok_or(Problem::not_found())?;
    let link = (signed.until, signed.signature.as_str());
    if !api.links.holds(id, job.asked_by, link, now) {
        return Err(Problem::not_found());
    }
    let there = job.state == JobState::Done && job.expires_at.is_some_and(|end| now < end);
    let made = job
        .result
        .as_deref()
        .filter(|_| there)
        .ok_or(Problem::not_found())?;
    let made: Made = serde_json::from_str(made).map_err(|_| Problem::internal())?;
    // Who asked for it has to be somebody who might still ask for all of it.
    let (_, shown) = still(&api, &job).await?;
    if !made.shown.is_within(shown) {
        return Err(Problem::not_found());
    }
    api.jobs
        .handed_out(By::User(job.asked_by), &job, now)
        .await?;
    Ok(streamed(api, &job, &made))
}

/// Part by part. One that is not there any more breaks the answer off: it was deleted meanwhile.
fn streamed(api: Arc<Api>, job: &Job, made: &Made) -> Response {
    let (id, parts) = (job.id, made.parts);
    let body = stream::unfold(0, move |number| {
        let api = Arc::clone(&api);
        async move {
            if number >= parts {
                return None;
            }
            let part = match api.jobs.part(id, number).await {
                Ok(Some(part)) => Ok(Bytes::from(part)),
                Ok(None) => Err(io::Error::other("it was deleted")),
                Err(error) => Err(io::Error::other(error.to_string())),
            };
            // After what broke there is nothing more.
            let next = if part.is_ok() { number + 1 } else { parts };
            Some((part, next))
        }
    });
    let name = format!("solthrive-{}.zip", job.site);
    let mut response = download(Body::from_stream(body), "application/zip", &name);
    let length = HeaderValue::from(made.bytes);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);
    response
}
