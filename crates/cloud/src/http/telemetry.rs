//! `POST /v1/ingest/telemetry`.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use solthrive_cloud_store::hot::Counts;
use solthrive_domain::DeviceId;
use solthrive_protocol::{Failure, FailureCode, Receipt, Refused, Telemetry, TelemetryBody};

use super::answer::Refusal;
use super::body::parsed;
use super::offer::next_token;
use super::state::AppState;
use crate::devices::Caller;
use crate::ingest::Work;
use crate::rows::row_of;

/// Takes in snapshots. `ok` means that every accepted one is durable.
#[utoipa::path(
    post, path = "/v1/ingest/telemetry", tag = "device", operation_id = "ingest_telemetry", security(("device" = [])),
    request_body = TelemetryBody,
    responses((status = 200, body = Receipt), (status = "default", body = Failure, description = "Nothing was taken. 429 and 503 carry Retry-After")),
)]
pub(super) async fn telemetry(
    State(app): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Receipt>, Refusal> {
    let caller = app.caller(&headers)?;
    let committer = app.committer()?;
    let now = app.clock.now();
    let heard = parsed(&headers, body, move |bytes| {
        Ok(Telemetry::parse(bytes, now)?)
    })
    .await?;
    is_the_caller(&caller, heard.sender.device)?;
    app.metrics.refused(heard.refused.len());
    if heard.snapshots.is_empty() {
        return Err(nothing_acceptable(&heard.refused));
    }
    let count = heard.snapshots.len();
    let paid = app.pay(&caller, heard.lane, count)?;
    let (ledger, snapshots) = (heard.ledger, heard.snapshots);
    let work = Work::Rows {
        ledger,
        rows: snapshots
            .iter()
            .map(|(_, snapshot)| row_of(snapshot, ledger))
            .collect(),
    };
    let done = committer.commit(caller.device, work).await;
    let done = done.inspect_err(|error| paid.give_back(error))?;
    Ok(Json(receipt(
        &app,
        (&caller, &headers),
        done.counts,
        heard.refused,
    )))
}

/// A body names the device that sends it; the token says who it really is.
pub(super) fn is_the_caller(caller: &Caller, said: DeviceId) -> Result<(), Refusal> {
    if caller.device == said {
        return Ok(());
    }
    Err(Refusal::new(
        FailureCode::WrongDevice,
        "the token belongs to another device than the body names",
    ))
}

/// Says of the first element what is wrong with it: a device that is wrong is wrong with all.
pub(super) fn nothing_acceptable(refused: &[Refused]) -> Refusal {
    let first = refused
        .first()
        .map_or("", |refused| refused.detail.as_str());
    let count = refused.len();
    Refusal::new(
        FailureCode::NothingAcceptable,
        format!("none of {count} elements can be taken; the first: {first}"),
    )
}

/// What the caller is told of a call that was taken.
pub(super) fn receipt(
    app: &AppState,
    (caller, headers): (&Caller, &HeaderMap),
    counts: Counts,
    rejected: Vec<Refused>,
) -> Receipt {
    Receipt {
        accepted: counts.accepted,
        duplicates: counts.duplicates,
        conflicts: counts.conflicts,
        rejected,
        server_time: app.clock.now().into(),
        next_after_s: app.bounds.interval_s,
        backfill_rows_per_s: app.bounds.backfill_rows_per_s(),
        config_version: 0,
        commands_pending: app.has_commands(caller.device),
        next_token: next_token(app, caller, headers),
    }
}
