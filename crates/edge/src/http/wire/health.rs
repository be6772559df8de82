//! `/api/health`: is everything all right, and if not, what is wrong.

use serde::Serialize;
use utoipa::ToSchema;

use super::FlagBody;

/// The appliance's state in one answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Health {
    /// All meters together.
    pub modbus_status: ModbusStatus,
    /// Always `ok` when this answer arrives.
    #[schema(inline)]
    pub api_status: ApiStatus,
    /// Free space where the history is kept, for people: `12GB_free`; absent when it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// The same in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_free_bytes: Option<u64>,
    /// Seconds since the newest snapshot; null before the first.
    #[schema(required = true)]
    pub last_snapshot_age_sec: Option<f64>,
    /// Conditions that hold now.
    pub errors: Vec<FlagBody>,
    /// Each meter.
    pub meters: Vec<MeterHealth>,
}

/// All meters together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModbusStatus {
    /// Every meter answers.
    Ok,
    /// Some do not.
    Degraded,
    /// None does.
    NotResponding,
    /// None was asked yet.
    Starting,
}

/// The word `ok`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiStatus {
    /// It answers.
    Ok,
}

/// One meter.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MeterHealth {
    /// Its name in the configuration.
    pub name: String,
    /// The bus it hangs on.
    pub bus: String,
    /// Its profile's id.
    pub profile: String,
    /// Whether it answers.
    pub status: MeterStatus,
    /// Seconds since its last good reading; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_read_age_sec: Option<f64>,
    /// Failed polls in a row.
    pub failures: u32,
}

/// Whether a meter answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeterStatus {
    /// Its last poll brought a reading, not long ago.
    Ok,
    /// Its last poll failed, or there was none for too long.
    NotResponding,
    /// It was not asked yet.
    Starting,
}
