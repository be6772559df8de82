//! What became of the log: sealed telemetry, status, buckets, days, fleets, events.
//!
//! Two ports over the same tables. [`Archive`] is for the machinery (the worker that follows the log,
//! the ingest that asks whether a row is there already, the jobs); nothing that it reads goes to a
//! person. [`Views`] is for people, and takes a proof of `solthrive_domain::access` with each call.

pub mod bucket_day;
mod flags;
pub mod fleet_day;
mod machinery;
mod purge;
mod sealed;
mod state;
pub(crate) mod status;
mod types;
mod views;

use solthrive_domain::bucket::{Bucket, Fold};

pub use self::flags::{FlagAlert, FlagChanges, FlagPast};
pub use self::machinery::Archive;
pub use self::purge::{Closed, Going, GoingPart, Purge};
pub use self::sealed::BadBytes;
pub use self::state::{BadState, SiteState};
pub use self::types::{
    Alert, BucketDay, Checkpoint, Cursors, DeviceStatus, Event, Fleet, FleetQuarters, FleetTotal,
    Lease, OpenDay, PackedDay, Past, Period, Piece, SiteChunk, SiteDay, SiteMonth, Stored,
    ToldConfig, ToldDay, UtcDay, Wrote,
};
pub use self::views::Views;

/// What a fold needs to go on, and what is not in the bucket days yet.
pub(crate) type OpenBuckets = Vec<Bucket>;

/// A fold that has seen nothing yet, and no buckets.
impl From<Fold> for SiteState {
    fn from(fold: Fold) -> Self {
        Self {
            fold,
            open: OpenBuckets::new(),
            today: None,
        }
    }
}
