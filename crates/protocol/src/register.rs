//! `POST /v1/device/register`: a device finds its site and its installer.

use serde::{Deserialize, Serialize};
use solthrive_domain::{DeviceId, SiteId};
use utoipa::ToSchema;

use crate::body::{self, BodyError};

/// The largest description of meters and clamps, in bytes of JSON.
const MAX_CONFIG: usize = 32_000;

/// The body. The token that the device was made with goes into the header.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RegistrationBody {
    /// The number on the case.
    pub serial: String,
    /// The device's own id.
    #[schema(value_type = uuid::Uuid)]
    pub device_id: DeviceId,
    /// What the installer was given for this site.
    pub installer_code: String,
    /// What it is.
    pub model: String,
    /// Version of its software.
    pub firmware: String,
    /// Meters and clamps, in the shape of the appliance's `/api/site`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub config: Option<serde_json::Value>,
}

/// The answer: where the device belongs now. Asking again gives the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "status", rename = "ok")]
pub struct Registered {
    /// The site.
    #[schema(value_type = uuid::Uuid)]
    pub site_id: SiteId,
    /// The site's IANA time zone.
    pub time_zone: String,
    /// The cloud's clock.
    pub server_time: jiff::Timestamp,
}

/// A registration that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The number on the case.
    pub serial: String,
    /// The device's own id.
    pub device: DeviceId,
    /// The installer's code as it was typed.
    pub code: String,
    /// What it is.
    pub model: String,
    /// Version of its software.
    pub firmware: String,
    /// Meters and clamps, as JSON.
    pub config: Option<String>,
}

/// Why a registration is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRegistration {
    /// No JSON, or not of this shape.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A field is empty or too large.
    #[error("{0} is empty or too long")]
    Field(&'static str),
}

impl Registration {
    /// Checks a body.
    ///
    /// # Errors
    /// [`BadRegistration`].
    pub fn parse(text: &[u8]) -> Result<Self, BadRegistration> {
        let heard: RegistrationBody = body::parse(text)?;
        let config = heard.config.map(|config| config.to_string());
        if config.as_ref().is_some_and(|json| json.len() > MAX_CONFIG) {
            return Err(BadRegistration::Field("config"));
        }
        Ok(Self {
            serial: short("serial", &heard.serial)?,
            device: heard.device_id,
            code: short("installer_code", &heard.installer_code)?,
            model: short("model", &heard.model)?,
            firmware: short("firmware", &heard.firmware)?,
            config,
        })
    }
}

fn short(field: &'static str, text: &str) -> Result<String, BadRegistration> {
    let text = text.trim();
    let sound = !text.is_empty() && text.len() <= 64 && !text.chars().any(char::is_control);
    if sound {
        Ok(text.to_owned())
    } else {
        Err(BadRegistration::Field(field))
    }
}
