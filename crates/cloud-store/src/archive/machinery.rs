//! The archive as the machinery uses it.

use std::collections::BTreeSet;
use std::ops::Range;

use async_trait::async_trait;
use jiff::civil::Date;
use solthrive_domain::rollup::FleetSums;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, SiteId};

use super::{
    BucketDay, Checkpoint, Cursors, DeviceStatus, FlagPast, Fleet, FleetQuarters, Lease, OpenDay,
    Past, Period, Piece, SiteDay, SiteMonth, SiteState, Stored, ToldDay, UtcDay, Wrote,
};
use crate::StoreError;
use crate::hot::Seq;

/// The archive as the machinery uses it.
#[async_trait]
pub trait Archive: Send + Sync {
    /// How far the followers are.
    async fn cursors(&self) -> Result<Cursors, StoreError>;

    /// Stores what a stretch of the log led to and moves `folded` from [`Checkpoint::from`] to its end.
    /// A stretch may be empty, for work that no entry asked for.
    async fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<Wrote, StoreError>;

    /// Stores what was measured before there was a log. [`Wrote::Overtaken`] also when one of its days has a chunk.
    async fn bring(&self, past: &Past) -> Result<Wrote, StoreError>;

    /// Stores pieces and moves `sealed` from `from` to `to`, in one transaction. [`Wrote::Overtaken`] also
    /// when `to` is not folded yet.
    async fn seal(&self, from: Seq, to: Seq, pieces: &[Piece]) -> Result<Wrote, StoreError>;

    /// Of each device the time of its last sealed row, in ms.
    async fn sealed_to(&self) -> Result<Vec<(DeviceId, i64)>, StoreError>;

    /// All parts of a device's day, by part. Damaged ones that were set aside are not among them.
    async fn parts(&self, day: OpenDay) -> Result<Vec<Stored>, StoreError>;

    /// All parts of a device's days within `days`, by day and part.
    async fn parts_of_days(
        &self,
        device: DeviceId,
        days: Range<UtcDay>,
    ) -> Result<Vec<Stored>, StoreError>;

    /// Days before `before` that have pieces, the oldest first, at most `most`.
    async fn days_with_pieces(&self, before: UtcDay, most: u32)
    -> Result<Vec<OpenDay>, StoreError>;

    /// Puts `chunk` in place of these parts of the day, if exactly these are there. Part 0 alone cannot
    /// be told from another part 0, so a merge needs a piece, or a day without any part.
    async fn merge(
        &self,
        day: OpenDay,
        parts: &BTreeSet<i64>,
        chunk: &Piece,
    ) -> Result<Wrote, StoreError>;

    /// Sets a damaged part aside: it stays stored, and is read by nobody until somebody looks at it. Its
    /// place is free then. Nothing happens when the part holds other bytes by now.
    async fn set_aside(&self, part: &Stored, why: &str, now: UnixMillis) -> Result<(), StoreError>;

    /// Every chunk, damaged or not, after this key, at most `most`: for a check of all of them.
    async fn scan(
        &self,
        after: Option<(OpenDay, i64)>,
        most: u32,
    ) -> Result<Vec<Stored>, StoreError>;

    /// Deletes chunks that are older than their site keeps them: `default_days` before `today`, or
    /// what the site says (see [`crate::meta::Registry::keep_raw`]). A day that a device spent at two
    /// sites stays as long as one of them keeps it. At most `most`; returns how many.
    async fn expire(&self, today: UtcDay, default_days: u32, most: u32) -> Result<u64, StoreError>;

    /// Where a site's fold stands; `None` before its first sample.
    async fn site_state(&self, site: SiteId) -> Result<Option<SiteState>, StoreError>;

    /// The status of a device; `None` before it was heard of.
    async fn device_status(&self, device: DeviceId) -> Result<Option<DeviceStatus>, StoreError>;

    /// The stored buckets of a site in these days, by day. The open ones of [`SiteState`] are newer.
    async fn bucket_days(
        &self,
        site: SiteId,
        days: Range<UtcDay>,
    ) -> Result<Vec<BucketDay>, StoreError>;

    /// The days of a site, by date.
    async fn site_days(&self, site: SiteId, dates: Range<Date>)
    -> Result<Vec<SiteDay>, StoreError>;

    /// The month of a site that begins on this day.
    async fn site_month(&self, site: SiteId, month: Date) -> Result<Option<SiteMonth>, StoreError>;

    /// Days that are over and not final yet, the oldest first, at most `most`: to be looked at again.
    async fn days_not_final(
        &self,
        before: Date,
        most: u32,
    ) -> Result<Vec<(SiteId, Date)>, StoreError>;

    /// The sums of a fleet; `None` where there are none yet.
    async fn total(&self, fleet: Fleet, period: Period) -> Result<Option<FleetSums>, StoreError>;

    /// A fleet's day, quarter by quarter; `None` where there is none yet.
    async fn quarters(
        &self,
        fleet: Fleet,
        day: UtcDay,
    ) -> Result<Option<FleetQuarters>, StoreError>;

    /// What a device told of a day.
    async fn told(&self, site: SiteId, dates: Range<Date>) -> Result<Vec<ToldDay>, StoreError>;

    /// A device's flags at a site: alerts that were open at `from` or later, and the events that they follow from.
    async fn flags(
        &self,
        site: SiteId,
        device: DeviceId,
        from: UnixMillis,
    ) -> Result<FlagPast, StoreError>;

    /// Where which device has flags that are up, and since when the first of them is.
    async fn open_flags(&self) -> Result<Vec<(SiteId, DeviceId, UnixMillis)>, StoreError>;

    /// Takes the job, or prolongs it, until `until`. `None` while another holds it.
    async fn lease(
        &self,
        job: &str,
        holder: uuid::Uuid,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Result<Option<Lease>, StoreError>;

    /// Gives the job back; `done_at` when it was done to its end.
    async fn release(
        &self,
        job: &str,
        holder: uuid::Uuid,
        done_at: Option<UnixMillis>,
    ) -> Result<(), StoreError>;
}
