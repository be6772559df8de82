//! Messages of the live stream. Each carries `type`, `seq` (from 0, one more each) and `ts`.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{DailySummary, FlagBody, Latest, SiteBody};

/// Any message that the server sends on `/ws`. It expects none.
#[expect(
    clippy::large_enum_variant,
    reason = "only the document's schema is made from it"
)]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(discriminator(property_name = "type", mapping(
    ("hello" = "#/components/schemas/HelloMessage"),
    ("snapshot" = "#/components/schemas/SnapshotMessage"),
    ("heartbeat" = "#/components/schemas/HeartbeatMessage"),
    ("errors" = "#/components/schemas/ErrorsMessage"),
    ("gap" = "#/components/schemas/GapMessage"),
)))]
pub enum LiveMessage {
    /// First, once.
    Hello(HelloMessage),
    /// Every second.
    Snapshot(SnapshotMessage),
    /// Every five seconds, data or not.
    Heartbeat(HeartbeatMessage),
    /// When the set of flags changes.
    Errors(ErrorsMessage),
    /// When snapshots were missed.
    Gap(GapMessage),
}

/// The words that tell messages apart: each a type of one value, so that a client's union is exact.
#[expect(missing_docs, reason = "each holds the one word of its name")]
pub mod tags {
    use serde::Serialize;
    use utoipa::ToSchema;

    macro_rules! tags {
        ($($name:ident)*) => {$(
            #[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
            #[serde(rename_all = "snake_case")]
            pub enum $name {
                #[default]
                $name,
            }
        )*};
    }
    tags! { Hello Snapshot Heartbeat Errors Gap }
}

/// Everything a page needs to show the home before the next second.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HelloMessage {
    /// `hello`.
    #[schema(inline)]
    pub r#type: tags::Hello,
    /// 0.
    pub seq: u64,
    /// When it was sent.
    pub ts: Timestamp,
    /// The appliance's version; a page made for another should offer a reload.
    pub version: String,
    /// Version of these messages.
    pub api: u32,
    /// Time between two snapshots while all is well, as the buses allow it. A snapshot much older
    /// than this is old.
    pub snapshot_every_ms: u64,
    /// The site.
    pub site: SiteBody,
    /// The newest snapshot, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Latest>,
    /// Conditions that hold now.
    pub errors: Vec<FlagBody>,
    /// The local day so far.
    pub today: DailySummary,
    /// The last 24 hours.
    pub day: DaySeries,
}

/// The last 24 hours as means of five minutes, oldest first; `null` where nothing was measured.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DaySeries {
    /// Start of the first interval.
    pub from: Timestamp,
    /// Length of an interval in seconds.
    pub step_s: u32,
    /// kW produced.
    pub solar_kw: Vec<Option<f64>>,
    /// kW used by the home.
    pub home_kw: Vec<Option<f64>>,
    /// kW; positive while importing.
    pub grid_kw: Vec<Option<f64>>,
    /// kW; positive while discharging. Absent without a battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_kw: Option<Vec<Option<f64>>>,
}

/// One snapshot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SnapshotMessage {
    /// `snapshot`.
    #[schema(inline)]
    pub r#type: tags::Snapshot,
    /// One more than the message before.
    pub seq: u64,
    /// The snapshot's time.
    pub ts: Timestamp,
    /// The snapshot.
    pub snapshot: Latest,
    /// The local day so far.
    pub today: DailySummary,
}

/// A sign of life.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeartbeatMessage {
    /// `heartbeat`.
    #[schema(inline)]
    pub r#type: tags::Heartbeat,
    /// One more than the message before.
    pub seq: u64,
    /// When it was sent.
    pub ts: Timestamp,
    /// The appliance's version.
    pub version: String,
    /// Seconds since the appliance started.
    pub uptime_s: u64,
    /// Seconds since the newest snapshot; null before the first.
    #[schema(required = true)]
    pub last_snapshot_age_sec: Option<f64>,
    /// As in `hello`; it is measured, and may be another than then.
    pub snapshot_every_ms: u64,
}

/// The set of flags, whole.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ErrorsMessage {
    /// `errors`.
    #[schema(inline)]
    pub r#type: tags::Errors,
    /// One more than the message before.
    pub seq: u64,
    /// When it was sent.
    pub ts: Timestamp,
    /// Conditions that hold now; empty when all is well again.
    pub errors: Vec<FlagBody>,
}

/// Snapshots are missing from this stream.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GapMessage {
    /// `gap`.
    #[schema(inline)]
    pub r#type: tags::Gap,
    /// One more than the message before.
    pub seq: u64,
    /// When it was sent.
    pub ts: Timestamp,
    /// The last snapshot before.
    pub from: Timestamp,
    /// The first snapshot after.
    pub to: Timestamp,
    /// Why.
    pub reason: GapReason,
}

/// Why snapshots are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// This client took them too slowly; the appliance has them.
    SlowClient,
    /// The meter did not answer.
    MeterNotResponding,
    /// The wall clock jumped.
    ClockStepped,
    /// The appliance was not running.
    Restart,
}
