//! The archive as people see it.

use std::ops::Range;

use async_trait::async_trait;
use jiff::civil::Date;
use solthrive_domain::DeviceId;
use solthrive_domain::access::{Operator, ReadableFleet, ReadableSite};
use solthrive_domain::bucket::{Bucket, Quarter};
use solthrive_domain::rollup::{DayRollup, FleetSums, MonthRollup};

use super::{Alert, DeviceStatus, Event, Fleet, SiteChunk, Stored, ToldDay, UtcDay};
use crate::StoreError;

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

    /// Which devices were at the site, each with a span of ms in which its rows are the site's and may be shown.
    async fn stays(&self, site: ReadableSite) -> Result<Vec<(DeviceId, Range<i64>)>, StoreError>;

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

    /// Sums of the days of an installer's own fleet, by date.
    async fn own_fleet_days(
        &self,
        fleet: ReadableFleet,
        dates: Range<Date>,
    ) -> Result<Vec<(Date, FleetSums)>, StoreError>;

    /// A fleet quarter by quarter, by time.
    async fn fleet_quarters(
        &self,
        by: &Operator,
        fleet: Fleet,
        quarters: Range<Quarter>,
    ) -> Result<Vec<(Quarter, FleetSums)>, StoreError>;

    /// Alerts of the site that were told, those that last first, then the newest; at most `most`. Those that were over
    /// before the right began are left out.
    async fn alerts(
        &self,
        site: ReadableSite,
        open_only: bool,
        most: u32,
    ) -> Result<Vec<Alert>, StoreError>;

    /// When the first of what is kept of the site began, ms: rows, and quarters. `None` where there are none; the newest
    /// rows, which are in no chunk yet, are not looked at.
    async fn beginnings(&self, site: ReadableSite) -> Result<[Option<i64>; 2], StoreError>;

    /// Days as the devices there summed them up themselves, by date. Where the right has a beginning, those from the
    /// second day after it on: which instants a local date has is not known here.
    async fn told_days(
        &self,
        site: ReadableSite,
        dates: Range<Date>,
    ) -> Result<Vec<ToldDay>, StoreError>;

    /// Events of the site, the newest first, at most `most`.
    async fn events(&self, site: ReadableSite, most: u32) -> Result<Vec<Event>, StoreError>;

    /// All events of the site within `span`, in ms, the oldest first.
    async fn events_within(
        &self,
        site: ReadableSite,
        span: Range<i64>,
    ) -> Result<Vec<Event>, StoreError>;

    /// When the first event of the site happened that the right shows, in ms.
    async fn events_begin(&self, site: ReadableSite) -> Result<Option<i64>, StoreError>;
}
