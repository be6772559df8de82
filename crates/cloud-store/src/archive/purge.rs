//! How the telemetry of a home that is closed goes, step by step. Who follows the log does it, so that nothing that is in
//! its mind comes back; each step takes effect as a whole, and is harmless when it is done again.

use std::collections::BTreeSet;
use std::ops::Range;

use async_trait::async_trait;
use jiff::civil::Date;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, SiteId};
use uuid::Uuid;

use super::{FleetQuarters, FleetTotal, OpenDay, Piece, UtcDay, Wrote};
use crate::StoreError;
use crate::hot::Seq;

/// A home that is closed, of which telemetry may be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// The erasure that closed it.
    pub erasure: Uuid,
    /// Which site.
    pub site: SiteId,
}

/// Days of a home that go, and the sums of fleets without them.
#[derive(Debug, Clone, PartialEq)]
pub struct Going {
    /// Whose.
    pub of: Closed,
    /// Local days; months that begin within go, too.
    pub dates: Range<Date>,
    /// UTC days of buckets.
    pub days: Range<UtcDay>,
    /// In place of what was there.
    pub totals: Vec<FleetTotal>,
    /// In place of what was there.
    pub quarters: Vec<FleetQuarters>,
}

/// A home's part of a device's day that it shares with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoingPart {
    /// Whose.
    pub of: Closed,
    /// Which day.
    pub day: OpenDay,
    /// The home's time there, in ms since the Unix epoch.
    pub span: Range<i64>,
    /// How many rows go.
    pub rows: u64,
}

/// Telemetry of closed homes as an engine keeps it.
#[async_trait]
pub trait Purge: Send + Sync {
    /// Homes that closed before `before` and were not purged, the oldest first; at most 100.
    async fn to_purge(&self, before: UnixMillis) -> Result<Vec<Closed>, StoreError>;

    /// The UTC days of which a site has buckets.
    async fn bucket_span(&self, site: SiteId) -> Result<Option<Range<UtcDay>>, StoreError>;

    /// Deletes days, if the log is still folded up to `folded`: the sums of fleets follow from that.
    async fn let_go(&self, folded: Seq, going: &Going) -> Result<Wrote, StoreError>;

    /// Deletes whatever else is kept by site: state, told days, events, what is known of its devices.
    async fn let_rest_go(&self, of: Closed) -> Result<(), StoreError>;

    /// Deletes a device's chunks of whole days, damaged ones too; at most `most`, and returns how many.
    async fn let_chunks_go(
        &self,
        of: Closed,
        device: DeviceId,
        days: Range<UtcDay>,
        most: u32,
    ) -> Result<u64, StoreError>;

    /// Puts what is left of a device's day in place of these parts of it, if exactly these are there. Parts that were set
    /// aside as damaged go where their times overlap the home's: what of them is the home's cannot be told.
    async fn let_rows_go(
        &self,
        going: &GoingPart,
        parts: &BTreeSet<i64>,
        left: &[Piece],
    ) -> Result<Wrote, StoreError>;

    /// The telemetry is gone, but for what the log holds up to `through`.
    async fn purged(&self, of: Closed, through: Seq, now: UnixMillis) -> Result<(), StoreError>;
}
