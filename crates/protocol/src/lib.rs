//! What an appliance and the cloud say to each other.
//!
//! Bodies are JSON. Each side checks what it hears once, here, and goes on with types that cannot be
//! wrong: [`Telemetry`], [`Dailies`], [`HealthReport`], [`Registration`], [`Command`], [`Report`]. Fields that a side does not
//! know are passed over, because devices and cloud are upgraded apart; a code that was once said is
//! never given another meaning.
//!
//! Nothing here knows a socket, a clock or a store: `now` is an argument.

mod answer;
mod body;
mod capped;
mod command;
mod daily;
mod health;
mod heard;
#[cfg(feature = "history")]
pub mod history;
mod quality;
mod register;
mod snapshot;
mod telemetry;

pub use answer::{Failure, FailureCode, NextToken, Receipt, Refused, RefusedCode};
pub use body::{BodyError, Sender};
pub use command::{
    Args, BadArgs, BadCommand, BadReport, Close, Command, CommandBody, MAX_REPORT, Report,
    Restarted,
};
pub use daily::{Dailies, DailyBody, Day, DayBody};
pub use health::{HealthBody, HealthEvent, HealthEventBody, HealthReport, State};
pub use heard::Heard;
pub use quality::{OTHER_DOUBT, QualityBody};
pub use register::{BadRegistration, Registered, Registration, RegistrationBody};
pub use snapshot::{Channel, Measured, Snapshot};
pub use telemetry::{ChannelBody, Lane, SnapshotBody, Telemetry, TelemetryBody};

/// The most snapshots of one call.
pub const MAX_SNAPSHOTS: usize = 5_000;
/// The most days of one call.
pub const MAX_DAYS: usize = 400;
/// The most events of one call.
pub const MAX_EVENTS: usize = 1_000;
/// The most channels of one snapshot.
pub const MAX_CHANNELS: usize = 32;
/// The largest body on the wire, in bytes.
pub const MAX_BODY: usize = 1 << 20;
/// The largest body after decompression, in bytes.
pub const MAX_EXPANDED: usize = 8 << 20;
/// How far ahead of the cloud's clock a device's may be, in ms.
pub const MAX_AHEAD_MS: i64 = 5 * 60 * 1000;
