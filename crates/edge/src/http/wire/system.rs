//! `/api/system`: the machine, the process and how well it keeps time.

use jiff::Timestamp;
use serde::Serialize;
use solthrive_domain::ids::RunId;
use utoipa::ToSchema;

use super::BusBody;

/// The machine and the service. What cannot be read on this machine is absent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct System {
    /// Version of the appliance's software.
    pub version: String,
    /// This start of the service.
    #[schema(value_type = uuid::Uuid)]
    pub run: RunId,
    /// Seconds since the service started.
    pub uptime_s: u64,
    /// Seconds since the machine started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_uptime_s: Option<u64>,
    /// Starts of the machine that the store has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_count: Option<u64>,
    /// Starts of the service since the machine started, less one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_restarts: Option<u64>,
    /// Percent of one core that the service used since it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// Resident memory of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_rss_bytes: Option<u64>,
    /// Percent of the machine's processors in use, by whomever, over the last one or two minutes; over a
    /// longer time when nobody asked meanwhile, and absent in the first answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_cpu_percent: Option<f64>,
    /// Memory of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryBody>,
    /// Load of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadBody>,
    /// The file system with the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskBody>,
    /// Degrees Celsius of the processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature_c: Option<f64>,
    /// How well the polls keep to their grid.
    pub poll: PollBody,
    /// Counters of each bus.
    pub bus: Vec<BusBody>,
    /// The history's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseBody>,
    /// The wall clock.
    pub clock: ClockBody,
    /// Clients of the live stream.
    pub ws_clients: u32,
    /// What the appliance is made of.
    pub versions: VersionsBody,
}

/// Memory of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Memory)]
pub struct MemoryBody {
    /// Bytes that there are.
    pub total: u64,
    /// Bytes that programs could still have.
    pub available: u64,
}

/// Versions of the parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Versions)]
pub struct VersionsBody {
    /// The program.
    pub program: String,
    /// Schema of the history that this program writes.
    pub database_schema: u32,
    /// Meter profiles that come with the program: how many, and a fingerprint of all of them.
    pub profile_catalogue: String,
}

/// Load averages of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(as = Load)]
pub struct LoadBody {
    /// Over one minute.
    pub one: f64,
    /// Over five minutes.
    pub five: f64,
    /// Over fifteen minutes.
    pub fifteen: f64,
}

/// A file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Disk)]
pub struct DiskBody {
    /// Size in bytes.
    pub total: u64,
    /// Free for the service, in bytes.
    pub free: u64,
}

/// How well the polls keep to their grid: the bus that does worst.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Poll)]
pub struct PollBody {
    /// Time between two polls.
    pub interval_ms: u64,
    /// Median deviation from the grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_drift_ms: Option<f64>,
    /// 99th percentile of the deviation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_drift_ms: Option<f64>,
    /// Largest deviation since the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_drift_ms: Option<f64>,
    /// Instants of the grid without a poll since the start.
    pub misses: u64,
}

/// The history's file.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Database)]
pub struct DatabaseBody {
    /// Its size with its log.
    pub size_bytes: u64,
}

/// The wall clock.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Clock)]
pub struct ClockBody {
    /// The operating system says that it is synchronised; absent when it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synced: Option<bool>,
    /// It can be right: rows are stored with it.
    pub plausible: bool,
    /// When it last jumped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_step: Option<Timestamp>,
}
