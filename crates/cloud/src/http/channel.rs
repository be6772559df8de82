//! `GET /v1/device/channel`: the line on which commands come down.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use solthrive_domain::DeviceId;
use solthrive_protocol::{Failure, MAX_REPORT};

use super::answer::Refusal;
use super::server::Seat;
use super::state::{AppState, bearer};
use crate::channel::{Line, MESSAGES};
use crate::devices::NotLetIn;

/// What a line buffers of what it reads. There are thousands of lines, and nearly all of them are silent.
const READ: usize = 4 * 1024;
/// What it buffers of what it writes, at most.
const WRITE: usize = 512 * 1024;

/// Opens the channel on which commands come to a device: a WebSocket, one of a device.
#[utoipa::path(
    get, path = "/v1/device/channel", tag = "device", operation_id = "channel", security(("device" = [])),
    responses(
        (status = 101, description = "A WebSocket of text frames with one JSON object each. Down: `{\"id\":…,\"kind\":…,\"args\":{…},\"expires_at\":…,\"expires_in_s\":…}`; up: `{\"id\":…,\"state\":\"accepted|running|done|failed|refused\",\"progress\":0..1,\"result\":…}` of at most 256 KiB, `progress` and `result` where there are some. A command comes again until something was heard of it, and on each new channel until its end was told: a device executes an id once and repeats what it said last. `expires_in_s` counts from the arrival; 0: do not begin. Unknown kinds are refused. The cloud pings every 20 s and closes after a minute of silence. Codes of close frames: 1012 the service ends, 4401 unknown token, 4403 register first, 4408 silent, 4409 another channel of the same device, 4410 deactivated, 4429 too many messages, 4503 come again later."),
        (status = "default", body = Failure, description = "As for the calls that deliver. 429 and 503 carry Retry-After"),
    ),
)]
pub(super) async fn channel(
    State(app): State<AppState>,
    Extension(seat): Extension<Seat>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let caller = app.caller(&headers)?;
    let token = bearer(&headers).ok_or(NotLetIn::Unknown)?;
    let channels = app.channels.as_ref();
    let channels = channels.ok_or_else(|| Refusal::unavailable("this node has no channels"))?;
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    // Who flooded its channel a moment ago waits.
    let paid = caller.budgets.message(MESSAGES, 1.0, app.clock.elapsed());
    paid.map_err(Refusal::too_many)?;
    let channels = Arc::clone(channels);
    // Where people ask, they are told whether it is here.
    let present = app.api.as_ref().map(|api| Arc::clone(&api.present));
    let upgrade = upgrade
        .read_buffer_size(READ)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE)
        .max_message_size(MAX_REPORT)
        .max_frame_size(MAX_REPORT)
        .on_failed_upgrade(failed(caller.device));
    Ok(upgrade.on_upgrade(async move |socket| {
        let presence = present.map(|present| present.enter(caller.device));
        Line::new(&channels, &caller, token).run(socket).await;
        drop(presence);
        // As long as the line is there, it counts as a connection.
        drop(seat);
    }))
}

fn failed(device: DeviceId) -> impl FnOnce(axum::Error) + Send + 'static {
    move |error| tracing::debug!(device.id = %device, %error, "a channel did not begin")
}
