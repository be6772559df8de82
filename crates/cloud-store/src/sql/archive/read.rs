//! What the machinery reads to go on from.

use std::ops::Range;

use jiff::civil::Date;
use solthrive_domain::rollup::FleetSums;
use solthrive_domain::{DeviceId, SiteId};
use sqlx::types::Uuid;

use super::convert::{date, fleet_id, period_texts, texts};
use super::tables::{
    BUCKET_DAYS, BucketDayRow, FLEET_QUARTERS, FLEET_TOTALS, FleetQuarterRow, RollupRow, SITE_DAYS,
    SITE_MONTHS, STATUS_OF_DEVICE, StatusRow, TOLD_DAYS, ToldRow, TotalRow,
};
use crate::StoreError;
use crate::archive::{
    BucketDay, DeviceStatus, Fleet, FleetQuarters, Period, SiteDay, SiteMonth, SiteState, ToldDay,
    UtcDay, bucket_day, fleet_day,
};
use crate::sql::sees::{Sees, seen};
use crate::sql::{SqlStore, ask};

pub(super) async fn site_state(
    db: &SqlStore,
    sees: Sees,
    site: SiteId,
) -> Result<Option<SiteState>, StoreError> {
    let row: Option<(Vec<u8>,)> = seen!(db, sees, |pool| {
        sqlx::query_as("SELECT state FROM site_state WHERE site = $1")
            .bind(site.as_uuid())
            .fetch_optional(pool)
            .await?
    });
    let state = row.map(|(state,)| SiteState::decode(&state)).transpose();
    Ok(state?)
}

pub(super) async fn device_status(
    db: &SqlStore,
    device: DeviceId,
) -> Result<Option<DeviceStatus>, StoreError> {
    let row: Option<StatusRow> = ask!(db, |pool| {
        sqlx::query_as(STATUS_OF_DEVICE)
            .bind(device.as_uuid())
            .fetch_optional(pool)
            .await?
    });
    row.map(TryInto::try_into).transpose()
}

pub(super) async fn bucket_days(
    db: &SqlStore,
    site: SiteId,
    days: Range<UtcDay>,
) -> Result<Vec<BucketDay>, StoreError> {
    let rows: Vec<BucketDayRow> = ask!(db, |pool| {
        sqlx::query_as(BUCKET_DAYS)
            .bind(site.as_uuid())
            .bind(days.start)
            .bind(days.end)
            .fetch_all(pool)
            .await?
    });
    let day = |row: BucketDayRow| {
        Ok(BucketDay {
            site,
            day: row.day,
            buckets: bucket_day::decode(row.day, &row.buckets)?,
        })
    };
    rows.into_iter().map(day).collect()
}

async fn rollups<T: TryFrom<RollupRow, Error = StoreError>>(
    db: &SqlStore,
    sees: Sees,
    read: &'static str,
    site: SiteId,
    (from, to): (String, String),
) -> Result<Vec<T>, StoreError> {
    let rows: Vec<RollupRow> = seen!(db, sees, |pool| {
        sqlx::query_as(read)
            .bind(site.as_uuid())
            .bind(from)
            .bind(to)
            .fetch_all(pool)
            .await?
    });
    rows.into_iter().map(T::try_from).collect()
}

pub(super) async fn site_days(
    db: &SqlStore,
    sees: Sees,
    site: SiteId,
    dates: &Range<Date>,
) -> Result<Vec<SiteDay>, StoreError> {
    rollups(db, sees, SITE_DAYS, site, texts(dates)).await
}

pub(super) async fn site_months(
    db: &SqlStore,
    sees: Sees,
    site: SiteId,
    months: &Range<Date>,
) -> Result<Vec<SiteMonth>, StoreError> {
    rollups(db, sees, SITE_MONTHS, site, texts(months)).await
}

pub(super) async fn site_month(
    db: &SqlStore,
    site: SiteId,
    month: Date,
) -> Result<Option<SiteMonth>, StoreError> {
    let months = site_months(db, Sees::Everything, site, &(month..next_day(month))).await?;
    Ok(months.into_iter().next())
}

/// The last day of the calendar has no next one, and no data either.
fn next_day(date: Date) -> Date {
    date.tomorrow().unwrap_or(date)
}

pub(super) async fn days_not_final(
    db: &SqlStore,
    before: Date,
    most: u32,
) -> Result<Vec<(SiteId, Date)>, StoreError> {
    let rows: Vec<(Uuid, String)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT site, date FROM site_day WHERE NOT is_final AND date < $1
             ORDER BY date, site LIMIT $2",
        )
        .bind(before.to_string())
        .bind(i64::from(most))
        .fetch_all(pool)
        .await?
    });
    rows.into_iter()
        .map(|(site, day)| Ok((SiteId::from_uuid(site), date(&day)?)))
        .collect()
}

/// Sums of a fleet's periods of one kind, by date.
pub(super) async fn totals(
    db: &SqlStore,
    sees: Sees,
    fleet: Fleet,
    period: &'static str,
    dates: &Range<Date>,
) -> Result<Vec<(Date, FleetSums)>, StoreError> {
    let (from, to) = texts(dates);
    let rows: Vec<TotalRow> = seen!(db, sees, |pool| {
        sqlx::query_as(FLEET_TOTALS)
            .bind(fleet_id(fleet))
            .bind(period)
            .bind(from)
            .bind(to)
            .fetch_all(pool)
            .await?
    });
    rows.iter()
        .map(|row| Ok((date(&row.date)?, row.into())))
        .collect()
}

pub(super) async fn total(
    db: &SqlStore,
    fleet: Fleet,
    period: Period,
) -> Result<Option<FleetSums>, StoreError> {
    let (kind, date) = period_texts(period);
    let totals = totals(db, Sees::Everything, fleet, kind, &(date..next_day(date))).await?;
    Ok(totals.into_iter().next().map(|(_, sums)| sums))
}

/// A fleet's UTC days, quarter by quarter.
pub(super) async fn quarters(
    db: &SqlStore,
    fleet: Fleet,
    days: Range<UtcDay>,
) -> Result<Vec<FleetQuarters>, StoreError> {
    let rows: Vec<FleetQuarterRow> = ask!(db, |pool| {
        sqlx::query_as(FLEET_QUARTERS)
            .bind(fleet_id(fleet))
            .bind(days.start)
            .bind(days.end)
            .fetch_all(pool)
            .await?
    });
    let day = |row: FleetQuarterRow| {
        Ok(FleetQuarters {
            fleet,
            day: row.day,
            quarters: fleet_day::decode(row.day, &row.quarters)?,
        })
    };
    rows.into_iter().map(day).collect()
}

pub(super) async fn told(
    db: &SqlStore,
    sees: Sees,
    site: SiteId,
    dates: &Range<Date>,
) -> Result<Vec<ToldDay>, StoreError> {
    let (from, to) = texts(dates);
    let rows: Vec<ToldRow> = seen!(db, sees, |pool| {
        sqlx::query_as(TOLD_DAYS)
            .bind(site.as_uuid())
            .bind(from)
            .bind(to)
            .fetch_all(pool)
            .await?
    });
    rows.into_iter().map(TryInto::try_into).collect()
}
