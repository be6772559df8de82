//! What is stored, as it is written and read.

use std::ops::Range;

use jiff::civil::Date;
use solthrive_domain::bucket::{Bucket, Quarter};
use solthrive_domain::rollup::{DayRollup, FleetSums, MonthRollup};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, Sample, SiteId};

use super::{BadBytes, FlagChanges, SiteState, bucket_day};
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
    /// When it was heard first that it runs this version; `None` where nobody kept that.
    pub firmware_since: Option<UnixMillis>,
    /// The machine, JSON, as it last said.
    pub system: Option<String>,
    /// When it said so, by the cloud's clock.
    pub system_at: Option<UnixMillis>,
    /// How far its clock was ahead of the cloud's when it reported last.
    pub clock_offset_ms: Option<i64>,
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

/// A [`BucketDay`] as it is stored. Packing takes its time, and this way can be done on any thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedDay {
    pub(crate) site: SiteId,
    pub(crate) day: UtcDay,
    pub(crate) bytes: Vec<u8>,
}

impl PackedDay {
    /// Packs a day.
    ///
    /// # Errors
    /// [`BadBytes::Content`] where these are not buckets of that day.
    pub fn of(day: &BucketDay) -> Result<Self, BadBytes> {
        Ok(Self {
            site: day.site,
            day: day.day,
            bytes: bucket_day::encode(day.day, &day.buckets)?,
        })
    }
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

/// Something that is or was wrong at a site, for as long as it lasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: uuid::Uuid,
    /// The rule, or the flag of the device.
    pub code: String,
    /// Which meter, channel or part; empty where there is no such thing.
    pub subject: String,
    /// Of which device, if of one.
    pub device: Option<DeviceId>,
    /// `info`, `warning`, `high` or `critical`.
    pub severity: String,
    /// `firing`, `recovering` or `resolved`.
    pub state: String,
    /// Since when it is so.
    pub began_at: UnixMillis,
    /// Since when it is told.
    pub fired_at: Option<UnixMillis>,
    /// Until when it was so.
    pub resolved_at: Option<UnixMillis>,
    /// When somebody took note of it.
    pub acknowledged_at: Option<UnixMillis>,
    /// What it cost so far, Wh; `None` where that is not known.
    pub lost_wh: Option<i64>,
    /// For a person.
    pub message: String,
}

/// Meters and clamps as a device told them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldConfig {
    /// Where it was.
    pub site: SiteId,
    /// Which device.
    pub device: DeviceId,
    /// When it was heard.
    pub at: UnixMillis,
    /// JSON.
    pub json: String,
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
    /// Configurations that devices told, by time. One that is not another one than before is not kept again.
    pub configs: Vec<ToldConfig>,
    /// Flags of devices as alerts, and as they follow from those events and all before.
    pub alerts: FlagChanges,
}

/// What was measured before there was a log, and all that came of it. It takes effect as a whole or not at all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Past {
    /// What came of it; the cursor stays where it is. Buckets may be here or below.
    pub checkpoint: Checkpoint,
    /// Buckets.
    pub buckets: Vec<PackedDay>,
    /// Telemetry, a chunk for each day of a device. None of these days may have one.
    pub days: Vec<Piece>,
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

/// A site's chunk, and which of its rows are the site's: a device can have been elsewhere before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteChunk {
    /// The chunk.
    pub stored: Stored,
    /// Rows within `[from, to)`, in ms, are the site's.
    pub within: Range<i64>,
}
