//! How things stand between a device and the cloud, for people.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// No call was answered yet.
    Starting,
    /// The last call was answered by the cloud.
    Connected,
    /// The last calls were not answered by the cloud.
    Unreachable {
        /// A short code.
        cause: &'static str,
        /// For a person.
        message: String,
    },
    /// The cloud knows the device, and it belongs to no site: somebody has to register it.
    NotRegistered,
    /// The cloud does not know the device's token.
    UnknownToken {
        /// For a person.
        message: String,
    },
    /// The cloud does not want to hear from the device any more.
    Deactivated,
}

/// What became of everything that was said, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Elements that were new to the cloud.
    pub accepted: u64,
    /// Elements that it had already, exactly so.
    pub duplicates: u64,
    /// Elements of a time of which it had another content.
    pub conflicts: u64,
    /// Elements that it sent back.
    pub refused: u64,
    /// Calls that were answered `ok`.
    pub calls: u64,
    /// Calls that were not.
    pub failed_calls: u64,
}

/// How things stand, with numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// In a word.
    #[serde(flatten)]
    pub standing: Standing,
    /// When the standing was last another one.
    pub since: Timestamp,
    /// When the cloud last answered `ok`.
    pub last_contact: Option<Timestamp>,
    /// Rows that the cloud does not have.
    pub waiting_rows: u64,
    /// Rows that it would not take after several tries.
    pub given_up_rows: u64,
    /// Rows that went, for want of space, before it had them.
    pub lost_rows: u64,
    /// Rows that wait since they are ahead of the cloud's clock.
    pub ahead_rows: u64,
    /// Whether anything beside rows waits.
    pub reports_waiting: bool,
    /// Failures in a row.
    pub failures: u32,
    /// Seconds until the next attempt, while a pause is kept.
    pub next_try_s: u64,
    /// By how much this machine's clock is ahead of the cloud's, where that is known.
    pub clock_ahead: Option<SignedDuration>,
    /// How often the cloud wants to hear from this device, as it last said.
    pub welcome_every: Option<Duration>,
    /// Version of the configuration that the cloud holds.
    pub config_version: u64,
    /// Whether the cloud has commands waiting.
    pub commands_pending: bool,
}
