//! What the rest of the appliance gets: checked values with their units in their types.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use solthrive_courier::{CloudAddress, Roots};
use solthrive_domain::HomeModel;
use solthrive_meter::bus::BusConfig;

/// The whole configuration, checked. There is no way to build a wrong one from files.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// Name, place in time and language.
    pub site: Site,
    /// Where the appliance listens.
    pub network: NetworkConfig,
    /// Every bus with its meters.
    pub buses: Vec<BusConfig>,
    /// Which meter input measures what.
    pub home: HomeModel,
    /// The cloud that is told.
    pub cloud: CloudConfig,
    /// What is kept, and how long.
    pub storage: StorageConfig,
    /// Token and limits of the HTTP interface.
    pub api: ApiConfig,
    /// What is logged, and how.
    pub logging: LoggingConfig,
    /// What energy costs, where it was configured.
    pub tariff: Option<Tariff>,
}

/// The site as people know it.
#[derive(Debug, Clone)]
pub struct Site {
    /// Shown on the dashboard.
    pub name: String,
    /// Days and months are this zone's.
    pub tz: TimeZone,
    /// The zone's IANA name, such as `America/Los_Angeles`.
    pub tz_name: String,
    /// `en`, `es`, `de` or `fr`: the dashboard's language unless the browser asks for another.
    pub language: String,
    /// How long a clock of which nobody says anything must run before rows are stamped with it.
    pub trust_clock_after: Duration,
    /// The same for a clock that the system says is not set yet.
    pub trust_unsynced_clock_after: Duration,
    /// The main breaker's rating, where known: scales the gauges.
    pub main_rating_kw: Option<f64>,
}

/// Where the appliance listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkConfig {
    /// Address and port of the HTTP interface.
    pub listen: SocketAddr,
    /// Names (lower case, no port) that a request's `Host` may carry beside IP addresses and `localhost`.
    pub host_names: Vec<String>,
}

/// The cloud that is told, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudConfig {
    /// Whether there is one. Without it nothing leaves the home.
    pub enabled: bool,
    /// Where it is.
    pub address: CloudAddress,
    /// Whom it has to prove to be.
    pub roots: Roots,
    /// Between two samples while nobody watches.
    pub interval: Duration,
    /// The longest pause after failures: a fleet's reconnect after an outage spreads over it.
    pub reconnect_spread: Duration,
    /// What was kept during an outage begins to go within this time.
    pub backfill_spread: Duration,
}

/// What is kept, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageConfig {
    /// Days that minute rows are kept.
    pub minute_days: u32,
    /// Days that daily and monthly summaries are kept.
    pub keep_days: u32,
    /// Free space below which `low_storage` is raised and old rows are pruned first, in bytes.
    pub low_space: u64,
}

/// Token and limits of the HTTP interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiConfig {
    /// The file with the bearer token; created on first start.
    pub token_file: PathBuf,
    /// Live streams served at once; one more is refused.
    pub max_ws_clients: u32,
    /// HTTP connections served at once.
    pub max_connections: u32,
    /// Largest request body that is read, in bytes.
    pub max_body: u64,
    /// How long a browser session (token cookie) lasts.
    pub session: Duration,
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggingConfig {
    /// Least severe level that is written.
    pub level: LogLevel,
    /// How a line looks on standard output.
    pub format: LogFormat,
    /// Size of the log file in the data folder, in bytes; it is rotated once, so twice this at most.
    pub file_size: u64,
}

/// Severity of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// A person should look.
    Error,
    /// Degraded, went on.
    Warn,
    /// State changed.
    Info,
    /// Each poll.
    Debug,
    /// Everything.
    Trace,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Flat rates per kWh.
#[derive(Debug, Clone, PartialEq)]
pub struct Tariff {
    /// ISO 4217 code, such as `USD`.
    pub currency: String,
    /// Price of a kWh drawn from the grid.
    pub import_rate: f64,
    /// Paid for a kWh fed in.
    pub export_rate: f64,
    /// Charged each day whatever is used.
    pub fixed_per_day: f64,
}
