//! `/api/cloud`: how the appliance stands to its cloud, and its registration there.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use solthrive_courier::{Courier, NotRegistered, Standing, Status};
use solthrive_domain::{DeviceId, SiteId};
use solthrive_protocol::RegistrationBody;
use utoipa::ToSchema;

use super::access::Holder;
use super::problem::ApiError;
use super::reply::{Problems, json};
use super::state::{AppState, Shared};
use crate::sync::{CloudLink, Off};

/// How the appliance stands to its cloud.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct CloudBody {
    /// In a word.
    state: StateBody,
    /// For a person, where something is to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Where the cloud is.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Who the appliance is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    device_id: Option<DeviceId>,
    /// What is on its way; absent without a cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<DeliveryBody>,
}

/// In a word.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StateBody {
    /// The configuration says that there is none.
    Off,
    /// The appliance was never given an identity.
    NoIdentity,
    /// It cannot talk to one: `message` says why.
    Broken,
    /// No call was answered yet.
    Starting,
    /// The last call was answered.
    Connected,
    /// The last calls were not answered by the cloud.
    Unreachable,
    /// It belongs to no home there yet.
    NotRegistered,
    /// Its token is not known there.
    UnknownToken,
    /// It was deactivated there.
    Deactivated,
}

/// What is on its way to the cloud.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct DeliveryBody {
    /// Since when it stands so.
    since: Timestamp,
    /// When the cloud last took something; null when never in this run.
    #[schema(required = true)]
    last_contact: Option<Timestamp>,
    /// Samples that the cloud does not have yet.
    waiting_rows: u64,
    /// Samples that it would not take after several tries.
    given_up_rows: u64,
    /// Samples that had to make room before it had them.
    lost_rows: u64,
    /// Samples that wait since they are ahead of its clock.
    ahead_rows: u64,
    /// Whether days or events wait.
    reports_waiting: bool,
    /// Failed attempts in a row.
    failures: u32,
    /// Seconds until the next attempt.
    next_try_s: u64,
    /// Seconds by which this clock is ahead of the cloud's; negative when it is behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_ahead_s: Option<f64>,
}

/// The code that an installer was given for this home.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct CodeBody {
    /// As it was given; case and spaces do not matter.
    installer_code: String,
}

/// Where the appliance belongs now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RegisteredBody {
    /// The home.
    #[schema(value_type = uuid::Uuid)]
    site_id: SiteId,
    /// Its IANA time zone there.
    time_zone: String,
    /// Whether that is the zone that days are cut by here.
    same_time_zone: bool,
}

/// How the appliance stands to its cloud, and what is on its way.
#[utoipa::path(get, path = "/api/cloud", tag = "system", operation_id = "cloud",
    responses((status = 200, body = CloudBody), Problems))]
pub(super) async fn cloud(State(app): State<AppState>) -> Response {
    json(&report(&app.cloud))
}

/// Registers the appliance to the home of an installer's code. Asking again gives the same answer.
#[utoipa::path(post, path = "/api/cloud/registration", tag = "system", operation_id = "registerInCloud",
    security(("token" = []), ("session" = [])), request_body = CodeBody,
    responses((status = 200, body = RegisteredBody), Problems))]
pub(super) async fn register(
    State(app): State<AppState>,
    _: Holder,
    body: Bytes,
) -> Result<Response, ApiError> {
    let CodeBody { installer_code } = serde_json::from_slice(&body)
        .map_err(|_| ApiError::BadBody("expected {\"installer_code\": \"…\"}"))?;
    let CloudLink::On(courier, device) = &app.cloud else {
        return Err(ApiError::NoCloud(message(&app.cloud).unwrap_or_default()));
    };
    let body = registration(&app, *device, installer_code.trim());
    let registered = courier.register(&body).await.map_err(|error| match error {
        NotRegistered::Refused(_) => ApiError::RegistrationRefused(error.to_string()),
        NotRegistered::Stranger(_) | NotRegistered::Trouble(_) => {
            ApiError::CloudUnreachable(error.to_string())
        }
    })?;
    Ok(json(&RegisteredBody {
        same_time_zone: registered.time_zone == app.site.tz_name,
        site_id: registered.site_id,
        time_zone: registered.time_zone,
    }))
}

fn registration(app: &Shared, device: DeviceId, installer_code: &str) -> RegistrationBody {
    let fixed = &app.facts.fixed;
    RegistrationBody {
        serial: fixed.serial.clone().unwrap_or_default(),
        device_id: device,
        installer_code: installer_code.to_owned(),
        model: fixed
            .model
            .clone()
            .unwrap_or_else(|| "appliance".to_owned()),
        firmware: fixed.version.to_owned(),
        config: serde_json::from_slice(&app.site_json()).ok(),
    }
}

pub(super) fn report(link: &CloudLink) -> CloudBody {
    let (state, status) = match link {
        CloudLink::Off(Off::Disabled) => (StateBody::Off, None),
        CloudLink::Off(Off::NoIdentity) => (StateBody::NoIdentity, None),
        CloudLink::Off(Off::Broken(_)) => (StateBody::Broken, None),
        CloudLink::On(courier, _) => {
            let status = courier.status();
            (word(&status.standing), Some(status))
        }
    };
    let (url, device_id) = match link {
        CloudLink::On(courier, device) => (Some(courier.address().to_string()), Some(*device)),
        CloudLink::Off(_) => (None, None),
    };
    CloudBody {
        state,
        message: message(link),
        url,
        device_id,
        delivery: status.as_ref().map(delivery),
    }
}

const fn word(standing: &Standing) -> StateBody {
    match standing {
        Standing::Starting => StateBody::Starting,
        Standing::Connected => StateBody::Connected,
        Standing::Unreachable { .. } => StateBody::Unreachable,
        Standing::NotRegistered => StateBody::NotRegistered,
        Standing::UnknownToken { .. } => StateBody::UnknownToken,
        Standing::Deactivated => StateBody::Deactivated,
    }
}

fn message(link: &CloudLink) -> Option<String> {
    match link {
        CloudLink::Off(Off::Disabled) => None,
        CloudLink::Off(Off::NoIdentity) => Some("This appliance was not given an identity: the files device_id and device_token are missing in its configuration folder.".to_owned()),
        CloudLink::Off(Off::Broken(why)) => Some(why.clone()),
        CloudLink::On(courier, _) => said(courier),
    }
}

fn said(courier: &Courier) -> Option<String> {
    match courier.status().standing {
        Standing::Unreachable { message, .. } | Standing::UnknownToken { message } => Some(message),
        Standing::NotRegistered => {
            Some("Nobody has registered this appliance to a home yet.".to_owned())
        }
        Standing::Deactivated => Some("This appliance was deactivated.".to_owned()),
        Standing::Starting | Standing::Connected => None,
    }
}

fn delivery(status: &Status) -> DeliveryBody {
    DeliveryBody {
        since: status.since,
        last_contact: status.last_contact,
        waiting_rows: status.waiting_rows,
        given_up_rows: status.given_up_rows,
        lost_rows: status.lost_rows,
        ahead_rows: status.ahead_rows,
        reports_waiting: status.reports_waiting,
        failures: status.failures,
        next_try_s: status.next_try_s,
        clock_ahead_s: status
            .clock_ahead
            .map(|ahead| (ahead.as_secs_f64() * 10.0).round() / 10.0),
    }
}
