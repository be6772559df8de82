//! `POST /v1/ingest/health`.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use solthrive_cloud_store::hot::Counts;
use solthrive_protocol::{Failure, HealthBody, HealthReport, Lane, Receipt};

use super::answer::Refusal;
use super::body::parsed;
use super::state::AppState;
use super::telemetry::{is_the_caller, nothing_acceptable, receipt};
use crate::ingest::Work;
use crate::notes::{Content, HealthNote};

/// Takes in flags that were raised or cleared, and how the machine is. Without any it is a sign of life.
#[utoipa::path(
    post, path = "/v1/ingest/health", tag = "device", operation_id = "ingest_health", security(("device" = [])),
    request_body = HealthBody,
    responses((status = 200, body = Receipt), (status = "default", body = Failure, description = "Nothing was taken. 429 and 503 carry Retry-After")),
)]
pub(super) async fn health(
    State(app): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Receipt>, Refusal> {
    let caller = app.caller(&headers)?;
    let committer = app.committer()?;
    let now = app.clock.now();
    let heard = parsed(&headers, body, move |bytes| {
        Ok(HealthReport::parse(bytes, now)?)
    })
    .await?;
    is_the_caller(&caller, heard.sender.device)?;
    app.metrics.refused(heard.refused.len());
    if heard.events.is_empty() && !heard.refused.is_empty() {
        return Err(nothing_acceptable(&heard.refused));
    }
    let paid = app.pay(&caller, Lane::Live, heard.events.len())?;
    let accepted = u32::try_from(heard.events.len()).unwrap_or(u32::MAX);
    let note = Content::Health(HealthNote::of(&heard, now)).note(caller.device)?;
    let done = committer.commit(caller.device, Work::Note(note)).await;
    done.inspect_err(|error| paid.give_back(error))?;
    let counts = Counts {
        accepted,
        ..Counts::default()
    };
    Ok(Json(receipt(
        &app,
        (&caller, &headers),
        counts,
        heard.refused,
    )))
}
