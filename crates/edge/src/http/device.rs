//! `GET /api/device`: what this appliance is and what hangs on it.

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use solthrive_domain::Channel;
use solthrive_domain::ids::DeviceId;
use utoipa::ToSchema;

use super::access::Holder;
use super::health;
use super::problem::ApiError;
use super::query::Params;
use super::reply::{Problems, json};
use super::state::AppState;
use super::wire::{MeterHealth, RoleBody, amps};

/// The appliance, its meters and current transformers.
#[derive(Serialize, ToSchema)]
pub(super) struct Device {
    /// Serial number of the machine, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    /// Identity of the appliance; absent before it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    device_id: Option<DeviceId>,
    /// Version of the software.
    firmware: &'static str,
    /// Kind of machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Seconds since the service started.
    uptime_s: u64,
    /// When an update was last looked for; null when never.
    #[schema(required = true)]
    last_update_check: Option<Timestamp>,
    /// Every meter.
    meters: Vec<DeviceMeter>,
    /// Every channel: a meter's input with its current transformer.
    channels: Vec<DeviceChannel>,
}

/// A meter and how it is reached.
#[derive(Serialize, ToSchema)]
pub(super) struct DeviceMeter {
    /// Modbus unit.
    unit: u8,
    /// Name, bus, profile and whether it answers.
    #[serde(flatten)]
    health: MeterHealth,
}

/// A meter's input put to use.
#[derive(Serialize, ToSchema)]
pub(super) struct DeviceChannel {
    /// Its name.
    name: String,
    /// What it measures.
    role: RoleBody,
    /// The meter.
    meter: String,
    /// The meter's input.
    input: &'static str,
    /// The input whose voltage its current is multiplied with.
    volt_ref: &'static str,
    /// 2 for one transformer on a two-leg circuit, else 1.
    multiplier: f64,
    /// Correction of the transformer's ratio.
    scale: f64,
    /// The transformer looks the other way.
    invert: bool,
    /// A, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    ct_rating_a: Option<f64>,
}

/// Serial, identity, version, meters and current transformers.
#[utoipa::path(get, path = "/api/device", tag = "system", operation_id = "device", security(("token" = []), ("session" = [])),
    responses((status = 200, body = Device), Problems))]
pub(super) async fn device(
    State(app): State<AppState>,
    _: Holder,
    params: Params,
) -> Result<Response, ApiError> {
    params.finish(&[])?;
    let (facts, now) = (&app.facts, app.clock.mono());
    let units = facts.meters().into_iter().map(|meter| meter.unit);
    Ok(json(&Device {
        serial: facts.fixed.serial.clone(),
        device_id: facts.fixed.device,
        firmware: facts.version,
        model: facts.fixed.model.clone(),
        uptime_s: facts.uptime(now).as_secs(),
        last_update_check: None,
        meters: units
            .zip(health::meters(&app))
            .map(|(unit, health)| DeviceMeter { unit, health })
            .collect(),
        channels: app.home().channels.iter().map(channel).collect(),
    }))
}

fn channel(channel: &Channel) -> DeviceChannel {
    DeviceChannel {
        name: channel.name.clone(),
        role: channel.role.into(),
        meter: channel.meter.to_string(),
        input: channel.input.name(),
        volt_ref: channel.volt_ref.name(),
        multiplier: channel.multiplier,
        scale: channel.scale,
        invert: channel.invert,
        ct_rating_a: channel.ct_rating.map(amps),
    }
}
