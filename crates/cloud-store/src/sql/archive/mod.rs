//! The archive in SQL, on SQLite and on PostgreSQL.
//!
//! Reading statements have one text for both. What is written many rows at a time is a [`record`].

mod alerts;
mod checkpoint;
mod chunks;
mod convert;
mod expire;
mod flags;
mod lease;
mod purge;
mod read;
mod record;
mod rollups;
mod tables;
mod views;
mod whole;

#[cfg(test)]
mod full;

use std::collections::BTreeSet;
use std::ops::Range;

use async_trait::async_trait;
use jiff::civil::Date;
use solthrive_domain::access::{Operator, ReadableFleet, ReadableSite};
use solthrive_domain::rollup::{DayRollup, FleetSums, MonthRollup, Rollup};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{Bucket, DeviceId, Quarter, SiteId};
use sqlx::types::Uuid;

use super::SqlStore;
use crate::StoreError;
use crate::archive::{
    Alert, Archive, BucketDay, Checkpoint, Cursors, DeviceStatus, Event, FlagPast, Fleet,
    FleetQuarters, Lease, OpenDay, Past, Period, Piece, SiteChunk, SiteDay, SiteMonth, SiteState,
    Stored, ToldDay, UtcDay, Views, Wrote,
};
use crate::hot::Seq;
use crate::sql::sees::Sees;

#[async_trait]
impl Archive for SqlStore {
    async fn cursors(&self) -> Result<Cursors, StoreError> {
        checkpoint::cursors(self).await
    }

    async fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<Wrote, StoreError> {
        checkpoint::checkpoint(self, checkpoint).await
    }

    async fn bring(&self, past: &Past) -> Result<Wrote, StoreError> {
        checkpoint::bring(self, past).await
    }

    async fn seal(&self, from: Seq, to: Seq, pieces: &[Piece]) -> Result<Wrote, StoreError> {
        chunks::seal(self, from, to, pieces).await
    }

    async fn sealed_to(&self) -> Result<Vec<(DeviceId, i64)>, StoreError> {
        chunks::sealed_to(self).await
    }

    async fn parts(&self, day: OpenDay) -> Result<Vec<Stored>, StoreError> {
        chunks::parts_of_days(self, day.device, day.day..day.day.saturating_add(1)).await
    }

    async fn parts_of_days(
        &self,
        device: DeviceId,
        days: Range<UtcDay>,
    ) -> Result<Vec<Stored>, StoreError> {
        chunks::parts_of_days(self, device, days).await
    }

    async fn days_with_pieces(
        &self,
        before: UtcDay,
        most: u32,
    ) -> Result<Vec<OpenDay>, StoreError> {
        chunks::days_with_pieces(self, before, most).await
    }

    async fn merge(
        &self,
        day: OpenDay,
        parts: &BTreeSet<i64>,
        chunk: &Piece,
    ) -> Result<Wrote, StoreError> {
        chunks::merge(self, day, parts, chunk).await
    }

    async fn set_aside(&self, part: &Stored, why: &str, now: UnixMillis) -> Result<(), StoreError> {
        chunks::set_aside(self, part, why, now).await
    }

    async fn scan(
        &self,
        after: Option<(OpenDay, i64)>,
        most: u32,
    ) -> Result<Vec<Stored>, StoreError> {
        chunks::scan(self, after, most).await
    }

    async fn expire(&self, today: UtcDay, default_days: u32, most: u32) -> Result<u64, StoreError> {
        expire::expire(self, today, default_days, most).await
    }

    async fn site_state(&self, site: SiteId) -> Result<Option<SiteState>, StoreError> {
        read::site_state(self, Sees::Everything, site).await
    }

    async fn device_status(&self, device: DeviceId) -> Result<Option<DeviceStatus>, StoreError> {
        read::device_status(self, device).await
    }

    async fn bucket_days(
        &self,
        site: SiteId,
        days: Range<UtcDay>,
    ) -> Result<Vec<BucketDay>, StoreError> {
        read::bucket_days(self, site, days).await
    }

    async fn site_days(
        &self,
        site: SiteId,
        dates: Range<Date>,
    ) -> Result<Vec<SiteDay>, StoreError> {
        read::site_days(self, Sees::Everything, site, &dates).await
    }

    async fn site_month(&self, site: SiteId, month: Date) -> Result<Option<SiteMonth>, StoreError> {
        read::site_month(self, site, month).await
    }

    async fn days_not_final(
        &self,
        before: Date,
        most: u32,
    ) -> Result<Vec<(SiteId, Date)>, StoreError> {
        read::days_not_final(self, before, most).await
    }

    async fn total(&self, fleet: Fleet, period: Period) -> Result<Option<FleetSums>, StoreError> {
        read::total(self, fleet, period).await
    }

    async fn quarters(
        &self,
        fleet: Fleet,
        day: UtcDay,
    ) -> Result<Option<FleetQuarters>, StoreError> {
        let days = read::quarters(self, fleet, day..day.saturating_add(1)).await?;
        Ok(days.into_iter().next())
    }

    async fn told(&self, site: SiteId, dates: Range<Date>) -> Result<Vec<ToldDay>, StoreError> {
        read::told(self, Sees::Everything, site, &dates).await
    }

    async fn flags(
        &self,
        site: SiteId,
        device: DeviceId,
        from: UnixMillis,
    ) -> Result<FlagPast, StoreError> {
        flags::past(self, site, device, from).await
    }

    async fn open_flags(&self) -> Result<Vec<(SiteId, DeviceId, UnixMillis)>, StoreError> {
        flags::open(self).await
    }

    async fn lease(
        &self,
        job: &str,
        holder: Uuid,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Result<Option<Lease>, StoreError> {
        lease::lease(self, job, holder, now, until).await
    }

    async fn release(
        &self,
        job: &str,
        holder: Uuid,
        done_at: Option<UnixMillis>,
    ) -> Result<(), StoreError> {
        lease::release(self, job, holder, done_at).await
    }
}

#[async_trait]
impl Views for SqlStore {
    async fn status(&self, site: ReadableSite) -> Result<Vec<DeviceStatus>, StoreError> {
        let mut all = views::status(self, site).await?;
        for status in &mut all {
            let shown = |ts: UnixMillis| site.since().is_none_or(|since| ts >= since);
            status.newest = status.newest.filter(|newest| shown(newest.ts));
        }
        Ok(all)
    }

    async fn statuses(&self, _: &Operator) -> Result<Vec<DeviceStatus>, StoreError> {
        whole::statuses(self).await
    }

    async fn fleet_chunks(
        &self,
        _: &Operator,
        days: Range<UtcDay>,
    ) -> Result<Vec<Stored>, StoreError> {
        whole::chunks(self, days).await
    }

    async fn stays(&self, site: ReadableSite) -> Result<Vec<(DeviceId, Range<i64>)>, StoreError> {
        let mut stays = views::stays(self, site).await?;
        for (_, within) in &mut stays {
            *within = site.clamp(within.clone());
        }
        stays.retain(|(_, within)| !within.is_empty());
        Ok(stays)
    }

    async fn chunks(
        &self,
        site: ReadableSite,
        span: Range<i64>,
    ) -> Result<Vec<SiteChunk>, StoreError> {
        let mut chunks = views::chunks(self, site, site.clamp(span)).await?;
        for chunk in &mut chunks {
            chunk.within = site.clamp(chunk.within.clone());
        }
        chunks.retain(|chunk| !chunk.within.is_empty());
        Ok(chunks)
    }

    async fn buckets(
        &self,
        site: ReadableSite,
        quarters: Range<Quarter>,
    ) -> Result<Vec<Bucket>, StoreError> {
        // A quarter that began before is not shown: what is in it cannot be told apart.
        let first = site.since().map(|since| Quarter::not_before(since.into()));
        let quarters =
            first.map_or(quarters.start, |first| first.max(quarters.start))..quarters.end;
        views::buckets(self, site, quarters).await
    }

    async fn days(
        &self,
        site: ReadableSite,
        dates: Range<Date>,
    ) -> Result<Vec<DayRollup>, StoreError> {
        let mut days = views::days(self, site, &dates).await?;
        days.retain(|day| shows(site, &day.rollup));
        Ok(days)
    }

    async fn months(
        &self,
        site: ReadableSite,
        months: Range<Date>,
    ) -> Result<Vec<MonthRollup>, StoreError> {
        let months = read::site_months(self, site.into(), site.site(), &months).await?;
        let months = months.into_iter().map(|month| month.month);
        Ok(months.filter(|month| shows(site, &month.rollup)).collect())
    }

    async fn fleet_days(
        &self,
        _: &Operator,
        fleet: Fleet,
        dates: Range<Date>,
    ) -> Result<Vec<(Date, FleetSums)>, StoreError> {
        read::totals(self, Sees::Everything, fleet, "day", &dates).await
    }

    async fn own_fleet_days(
        &self,
        fleet: ReadableFleet,
        dates: Range<Date>,
    ) -> Result<Vec<(Date, FleetSums)>, StoreError> {
        let of = Fleet::Installer(fleet.org());
        read::totals(self, fleet.into(), of, "day", &dates).await
    }

    async fn fleet_quarters(
        &self,
        _: &Operator,
        fleet: Fleet,
        quarters: Range<Quarter>,
    ) -> Result<Vec<(Quarter, FleetSums)>, StoreError> {
        let days = read::quarters(self, fleet, views::utc_days(&quarters)).await?;
        let all = days.into_iter().flat_map(|day| day.quarters);
        Ok(all.filter(|(at, _)| quarters.contains(at)).collect())
    }

    async fn beginnings(&self, site: ReadableSite) -> Result<[Option<i64>; 2], StoreError> {
        let begin = |at: i64| site.since().map_or(at, |since| at.max(since.get()));
        Ok(views::beginnings(self, site).await?.map(|at| at.map(begin)))
    }

    async fn told_days(
        &self,
        site: ReadableSite,
        dates: Range<Date>,
    ) -> Result<Vec<ToldDay>, StoreError> {
        let mut told = read::told(self, site.into(), site.site(), &dates).await?;
        if let Some(since) = site.since() {
            let utc = jiff::Timestamp::from(since).to_zoned(jiff::tz::TimeZone::UTC);
            let first = utc.date().checked_add(jiff::Span::new().days(2));
            told.retain(|day| first.as_ref().is_ok_and(|first| day.date >= *first));
        }
        Ok(told)
    }

    async fn alerts(
        &self,
        site: ReadableSite,
        open_only: bool,
        most: u32,
    ) -> Result<Vec<Alert>, StoreError> {
        alerts::of_site(self, site, open_only, most).await
    }

    async fn events(&self, site: ReadableSite, most: u32) -> Result<Vec<Event>, StoreError> {
        let mut events = views::events(self, site, most).await?;
        events.retain(|event| site.since().is_none_or(|since| event.at >= since));
        Ok(events)
    }

    async fn events_within(
        &self,
        site: ReadableSite,
        span: Range<i64>,
    ) -> Result<Vec<Event>, StoreError> {
        views::events_within(self, site, span).await
    }

    async fn events_begin(&self, site: ReadableSite) -> Result<Option<i64>, StoreError> {
        views::events_begin(self, site).await
    }
}

/// Whether all of a day or month may be shown: a part of it cannot be told apart.
fn shows(site: ReadableSite, rollup: &Rollup) -> bool {
    site.since()
        .is_none_or(|since| rollup.span.start.start() >= since)
}
