//! `POST /v1/ingest/daily`.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use solthrive_cloud_store::hot::Counts;
use solthrive_protocol::{Dailies, DailyBody, Failure, Lane, Receipt};

use super::answer::Refusal;
use super::body::parsed;
use super::state::AppState;
use super::telemetry::{is_the_caller, nothing_acceptable, receipt};
use crate::ingest::Work;
use crate::notes::Content;

/// Takes in days as the device summed them up. They are kept beside the cloud's own.
#[utoipa::path(
    post, path = "/v1/ingest/daily", tag = "device", operation_id = "ingest_daily", security(("device" = [])),
    request_body = DailyBody,
    responses((status = 200, body = Receipt), (status = "default", body = Failure, description = "Nothing was taken. 429 and 503 carry Retry-After")),
)]
pub(super) async fn daily(
    State(app): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Receipt>, Refusal> {
    let caller = app.caller(&headers)?;
    let committer = app.committer()?;
    let heard = parsed(&headers, body, |bytes| Ok(Dailies::parse(bytes)?)).await?;
    is_the_caller(&caller, heard.sender.device)?;
    app.metrics.refused(heard.refused.len());
    if heard.days.is_empty() {
        return Err(nothing_acceptable(&heard.refused));
    }
    let paid = app.pay(&caller, Lane::Live, heard.days.len())?;
    let accepted = u32::try_from(heard.days.len()).unwrap_or(u32::MAX);
    let days = heard.days.iter().map(|(_, day)| day);
    let note = Content::Daily(days.collect()).note(caller.device)?;
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
