//! What became of the log: sealed telemetry, status, buckets, days, fleets, events.
//!
//! Two ports over the same tables. [`Archive`] is for the machinery (the worker that follows the log,
//! the ingest that asks whether a row is there already, the jobs); nothing that it reads goes to a
//! person. [`Views`] is for people, and takes a proof of `solthrive_domain::access` with each call.

pub mod bucket_day;
pub mod fleet_day;
mod sealed;
mod state;
pub(crate) mod status;

use std::collections::BTreeSet;
use std::ops::Range;

use async_trait::async_trait;
use jiff::civil::Date;
use solthrive_domain::access::{Operator, ReadableSite};
use solthrive_domain::bucket::{Bucket, Fold, Quarter};
use solthrive_domain::rollup::{DayRollup, FleetSums, MonthRollup};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, Sample, SiteId};

pub use self::sealed::BadBytes;
pub use self::state::{BadState, SiteState};
use crate::StoreError;
use crate::hot::Seq;

/// Days since 1970 in UTC.
pub type UtcDay = i64;

/// How far into the log its followers are. Both only grow, and `sealed <= folded`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursors {
    /// Entries up to here are in status, buckets and rollups.
    pub folded: Seq,
    /// Rows of entries up to here are in chunks; the log may forget them.
    pub sealed: Seq,
}

/// A chunk as it is stored. A day has one of part 0 once it was merged; pieces that were sealed since
/// have numbers of their own, in the order in which they were sealed. A piece's number is never used
/// again. What was set aside has a number below zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Whose.
    pub device: DeviceId,
    /// Which day.
    pub day: UtcDay,
    /// 0, the piece's number, or below zero for what was set aside.
    pub part: i64,
    /// See [`crate::chunk`].
    pub bytes: Vec<u8>,
}

/// A piece to be stored; the engine numbers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Whose.
    pub device: DeviceId,
    /// Which day; all its rows lie in it.
    pub day: UtcDay,
    /// Time of its first and last row, in ms.
    pub span: (i64, i64),
    /// How many rows.
    pub rows: usize,
    /// See [`crate::chunk`].
    pub bytes: Vec<u8>,
}

/// A day that consists of pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenDay {
    /// Whose.
    pub device: DeviceId,
    /// Which day.
    pub day: UtcDay,
}

/// What is known of a device now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceStatus {
    /// Which one.
    pub device: DeviceId,
    /// Where it is; `None` before it was bound.
    pub site: Option<SiteId>,
    /// When the cloud heard of it last, by the cloud's clock.
    pub last_seen: UnixMillis,
    /// Its newest sample by the time of the sample.
    pub newest: Option<Sample>,
    /// Rows that were taken from it since it was made.
    pub rows: u64,
    /// Version of its software, as it last said.
    pub firmware: Option<String>,
    /// The machine, JSON, as it last said.
    pub system: Option<String>,
}

/// The buckets of a site and one UTC day: all of that day that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketDay {
    /// Whose.
    pub site: SiteId,
    /// Which day.
    pub day: UtcDay,
    /// By time, none twice.
    pub buckets: Vec<Bucket>,
}

/// A local day of a site, and the installer whose totals it is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteDay {
    /// Whose.
    pub site: SiteId,
    /// The installer that had the site at the end of the day.
    pub installer: Option<OrgId>,
    /// What happened.
    pub day: DayRollup,
}

/// A local month of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteMonth {
    /// Whose.
    pub site: SiteId,
    /// The installer that had the site at the end of the month, or has it now.
    pub installer: Option<OrgId>,
    /// What happened.
    pub month: MonthRollup,
}

/// Whose sites are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fleet {
    /// All sites of the platform.
    All,
    /// Those of one installer.
    Installer(OrgId),
}

/// What a sum of sites is about. Dates are local ones of each site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// A day.
    Day(Date),
    /// A month, by its first day.
    Month(Date),
}

/// A fleet's sums of a day or month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetTotal {
    /// Whose sites.
    pub fleet: Fleet,
    /// When.
    pub period: Period,
    /// What.
    pub sums: FleetSums,
}

/// A fleet's energy quarter by quarter, in one UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetQuarters {
    /// Whose sites.
    pub fleet: Fleet,
    /// Which day.
    pub day: UtcDay,
    /// By time, none twice.
    pub quarters: Vec<(Quarter, FleetSums)>,
}

/// A local day as the device itself summed it up, in JSON of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldDay {
    /// Whose.
    pub device: DeviceId,
    /// Where it was.
    pub site: SiteId,
    /// Which day.
    pub date: Date,
    /// When it was told.
    pub told_at: UnixMillis,
    /// `DayBody`.
    pub json: String,
}

/// Something that happened at a site: a flag that a device raised or cleared, totals that were
/// restated, a total that broke, a day on which device and cloud disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where.
    pub site: SiteId,
    /// Of which device, if of one.
    pub device: Option<DeviceId>,
    /// When it happened.
    pub at: UnixMillis,
    /// When the cloud heard of it.
    pub received_at: UnixMillis,
    /// A flag's code, `restated`, `total_broke`, `daily_mismatch`.
    pub code: String,
    /// Which meter, channel or part; empty where there is no such thing.
    pub subject: String,
    /// `raised`, `cleared` or `happened`.
    pub state: String,
    /// `info`, `warning`, `high` or `critical`.
    pub severity: String,
    /// For a person.
    pub message: String,
    /// For a program, JSON.
    pub details: Option<String>,
}

/// Everything that a stretch of the log led to. It takes effect as a whole or not at all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checkpoint {
    /// Where the stretch began: the cursor must be here still.
    pub from: Seq,
    /// Where the stretch ended.
    pub folded: Seq,
    /// In place of what was there, as all of the following. Of two with the same key the later one counts.
    pub statuses: Vec<DeviceStatus>,
    /// Where each site's fold stands.
    pub sites: Vec<(SiteId, SiteState)>,
    /// Buckets.
    pub buckets: Vec<BucketDay>,
    /// Days.
    pub days: Vec<SiteDay>,
    /// Months.
    pub months: Vec<SiteMonth>,
    /// Sums of fleets.
    pub totals: Vec<FleetTotal>,
    /// Fleets, quarter by quarter.
    pub quarters: Vec<FleetQuarters>,
    /// Days that devices told.
    pub told: Vec<ToldDay>,
    /// Events, added to those that are there. The same event (site, device, at, code, subject, state) twice is one.
    pub events: Vec<Event>,
}

/// Whether a write with a condition took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrote {
    /// It did.
    Done,
    /// Another node was faster, and nothing was changed: read again.
    Overtaken,
}

/// A right to do a job for a while, held by one process at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which job.
    pub job: String,
    /// Who has it: an id that a process makes when it starts.
    pub holder: uuid::Uuid,
    /// When it ends unless it is prolonged.
    pub until: UnixMillis,
    /// When the job was last done to its end.
    pub done_at: Option<UnixMillis>,
}

/// The archive as the machinery uses it.
#[async_trait]
pub trait Archive: Send + Sync {
    /// How far the followers are.
    async fn cursors(&self) -> Result<Cursors, StoreError>;

    /// Stores what a stretch of the log led to and moves `folded` from [`Checkpoint::from`] to its end.
    /// A stretch may be empty, for work that no entry asked for.
    async fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<Wrote, StoreError>;

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

/// A site's chunk, and which of its rows are the site's: a device can have been elsewhere before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteChunk {
    /// The chunk.
    pub stored: Stored,
    /// Rows within `[from, to)`, in ms, are the site's.
    pub within: Range<i64>,
}

/// The archive as people see it.
#[async_trait]
pub trait Views: Send + Sync {
    /// The devices of a site that are there now, by device. A newest sample from elsewhere is left out.
    async fn status(&self, site: ReadableSite) -> Result<Vec<DeviceStatus>, StoreError>;

    /// The status of every device, by device, with the site where it is now.
    async fn statuses(&self, by: &Operator) -> Result<Vec<DeviceStatus>, StoreError>;

    /// Chunks of every device of these days, by device, day and part: all at once, so a few days.
    async fn fleet_chunks(
        &self,
        by: &Operator,
        days: Range<UtcDay>,
    ) -> Result<Vec<Stored>, StoreError>;

    /// Chunks that hold rows of the site within `span` (ms), by day, device and part.
    async fn chunks(
        &self,
        site: ReadableSite,
        span: Range<i64>,
    ) -> Result<Vec<SiteChunk>, StoreError>;

    /// Buckets of the site, by time, the open ones included.
    async fn buckets(
        &self,
        site: ReadableSite,
        quarters: Range<Quarter>,
    ) -> Result<Vec<Bucket>, StoreError>;

    /// Local days of the site, by date, the one that is not over as far as [`SiteState::today`] knows it.
    async fn days(
        &self,
        site: ReadableSite,
        dates: Range<Date>,
    ) -> Result<Vec<DayRollup>, StoreError>;

    /// Local months of the site, by date of their first day.
    async fn months(
        &self,
        site: ReadableSite,
        months: Range<Date>,
    ) -> Result<Vec<MonthRollup>, StoreError>;

    /// Sums of a fleet's days, by date.
    async fn fleet_days(
        &self,
        by: &Operator,
        fleet: Fleet,
        dates: Range<Date>,
    ) -> Result<Vec<(Date, FleetSums)>, StoreError>;

    /// A fleet quarter by quarter, by time.
    async fn fleet_quarters(
        &self,
        by: &Operator,
        fleet: Fleet,
        quarters: Range<Quarter>,
    ) -> Result<Vec<(Quarter, FleetSums)>, StoreError>;

    /// Events of the site, the newest first, at most `most`.
    async fn events(&self, site: ReadableSite, most: u32) -> Result<Vec<Event>, StoreError>;
}

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
