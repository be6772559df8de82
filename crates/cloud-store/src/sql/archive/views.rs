//! What people see. A device that moved shows each site only what it told while it was there.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::Date;
use solthrive_domain::access::ReadableSite;
use solthrive_domain::rollup::DayRollup;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{Bucket, DeviceId, Quarter};
use sqlx::types::Uuid;

use super::chunks::stored;
use super::read;
use super::tables::{EVENTS, EVENTS_WITHIN, EventRow, StatusRow};
use crate::StoreError;
use crate::archive::{DeviceStatus, Event, SiteChunk, SiteState, UtcDay, bucket_day};
use crate::sql::SqlStore;
use crate::sql::sees::seen;

const DAY_MS: i64 = 86_400_000;
/// Days of buckets that are decoded on the spot.
const FEW_DAYS: usize = 8;

/// Device, site, last seen, status, and since when it is there.
pub(super) type StatusView = (Uuid, Option<Uuid>, i64, Vec<u8>, Option<i64>);

/// The status as the present site may see it: a sample from another place is not its own.
pub(super) fn seen_from_there(view: StatusView) -> Result<DeviceStatus, StoreError> {
    let (device, site, last_seen, status, since) = view;
    let mut status = DeviceStatus::try_from(StatusRow {
        device,
        site,
        last_seen,
        status,
    })?;
    let is_theirs = |ts: UnixMillis| since.is_none_or(|since| ts.get() >= since);
    status.newest = status.newest.filter(|newest| is_theirs(newest.ts));
    Ok(status)
}

pub(super) async fn status(
    db: &SqlStore,
    site: ReadableSite,
) -> Result<Vec<DeviceStatus>, StoreError> {
    let rows: Vec<StatusView> = seen!(db, site.into(), |pool| {
        sqlx::query_as(
            "SELECT known.device, tenure.site, known.last_seen, known.status, tenure.from_at
             FROM tenure JOIN device_status AS known ON known.device = tenure.device
             WHERE tenure.site = $1 AND tenure.to_at IS NULL ORDER BY known.device",
        )
        .bind(site.site().as_uuid())
        .fetch_all(pool)
        .await?
    });
    rows.into_iter().map(seen_from_there).collect()
}

/// By device and begin.
pub(super) async fn stays(
    db: &SqlStore,
    site: ReadableSite,
) -> Result<Vec<(DeviceId, Range<i64>)>, StoreError> {
    let rows: Vec<(Uuid, Option<i64>, Option<i64>)> = seen!(db, site.into(), |pool| {
        sqlx::query_as(
            // By way of the site, which PostgreSQL shows to whom it is read for.
            "SELECT tenure.device, tenure.from_at, tenure.to_at FROM tenure JOIN site ON site.id = tenure.site
             WHERE tenure.site = $1 ORDER BY tenure.device, tenure.to_at NULLS LAST",
        )
        .bind(site.site().as_uuid())
        .fetch_all(pool)
        .await?
    });
    let stay = |(device, from, to): (Uuid, Option<i64>, Option<i64>)| {
        let within = from.unwrap_or(i64::MIN)..to.unwrap_or(i64::MAX);
        (DeviceId::from_uuid(device), within)
    };
    Ok(rows.into_iter().map(stay).collect())
}

pub(super) async fn chunks(
    db: &SqlStore,
    site: ReadableSite,
    span: Range<i64>,
) -> Result<Vec<SiteChunk>, StoreError> {
    type Row = (Uuid, i64, i64, Vec<u8>, Option<i64>, Option<i64>);
    let rows: Vec<Row> = seen!(db, site.into(), |pool| {
        // Rows of a chunk lie in its day: the key finds the day, the times say the rest.
        sqlx::query_as(
            "SELECT chunk.device, chunk.day, chunk.part, chunk.bytes, tenure.from_at, tenure.to_at
             FROM tenure JOIN chunk ON chunk.device = tenure.device
             WHERE tenure.site = $1 AND chunk.day BETWEEN $4 AND $5 AND chunk.part >= 0
             AND chunk.last_at >= $2 AND chunk.first_at < $3
             AND (tenure.from_at IS NULL OR (chunk.last_at >= tenure.from_at AND tenure.from_at < $3))
             AND (tenure.to_at IS NULL OR (chunk.first_at < tenure.to_at AND tenure.to_at > $2))
             ORDER BY chunk.day, chunk.device, chunk.part, tenure.to_at NULLS LAST",
        )
        .bind(site.site().as_uuid())
        .bind(span.start)
        .bind(span.end)
        .bind(span.start.div_euclid(DAY_MS))
        .bind(span.end.div_euclid(DAY_MS))
        .fetch_all(pool)
        .await?
    });
    let chunk = |(device, day, part, bytes, from, to): Row| SiteChunk {
        stored: stored((device, day, part, bytes)),
        within: from.unwrap_or(i64::MIN)..to.unwrap_or(i64::MAX),
    };
    Ok(rows
        .into_iter()
        .map(chunk)
        .filter(|chunk| !chunk.within.is_empty())
        .collect())
}

pub(super) async fn buckets(
    db: &SqlStore,
    site: ReadableSite,
    quarters: Range<Quarter>,
) -> Result<Vec<Bucket>, StoreError> {
    let days = utc_days(&quarters);
    // One statement sees one state of the database: a bucket that is stored with its day just now is
    // not missed between the two tables.
    let rows: Vec<(Option<UtcDay>, Vec<u8>)> = seen!(db, site.into(), |pool| {
        sqlx::query_as(
            "SELECT day, buckets FROM bucket_day WHERE site = $1 AND day >= $2 AND day < $3
             UNION ALL SELECT NULL, state FROM site_state WHERE site = $1",
        )
        .bind(site.site().as_uuid())
        .bind(days.start)
        .bind(days.end)
        .fetch_all(pool)
        .await?
    });
    let (mut days, mut open) = (Vec::with_capacity(rows.len()), Vec::new());
    for (day, bytes) in rows {
        match day {
            Some(day) => days.push((day, bytes)),
            None => open = SiteState::decode(&bytes)?.open,
        }
    }
    days.sort_unstable_by_key(|(day, _)| *day);
    let mut known = decoded(days).await?;
    for bucket in open {
        match known.binary_search_by_key(&bucket.quarter, |known| known.quarter) {
            Ok(at) => known[at] = bucket,
            Err(at) => known.insert(at, bucket),
        }
    }
    known.retain(|bucket| quarters.contains(&bucket.quarter));
    Ok(known)
}

/// A year takes 10 ms, which is too long for a thread that serves others too.
async fn decoded(days: Vec<(UtcDay, Vec<u8>)>) -> Result<Vec<Bucket>, StoreError> {
    if days.len() <= FEW_DAYS {
        return Ok(bucket_day::decode_all(&days)?);
    }
    let decoded = tokio::task::spawn_blocking(move || bucket_day::decode_all(&days));
    let decoded = decoded.await;
    Ok(decoded.map_err(|error| StoreError::Unavailable(error.to_string()))??)
}

/// The UTC days that the quarters lie in.
pub(super) fn utc_days(quarters: &Range<Quarter>) -> Range<UtcDay> {
    let end = quarters.end.index().saturating_sub(1);
    quarters.start.utc_day()..end.div_euclid(Quarter::PER_DAY) + 1
}

pub(super) async fn days(
    db: &SqlStore,
    site: ReadableSite,
    dates: &Range<Date>,
) -> Result<Vec<DayRollup>, StoreError> {
    // Read first: should a checkpoint come in between, the stored day is newer, not missing.
    let today = read::site_state(db, site.into(), site.site())
        .await?
        .and_then(|state| state.today);
    let stored = read::site_days(db, site.into(), site.site(), dates).await?;
    let mut known: BTreeMap<_, _> = stored
        .into_iter()
        .map(|day| (day.day.date, day.day))
        .collect();
    if let Some(today) = today.filter(|today| dates.contains(&today.date)) {
        let known = known.entry(today.date).or_insert_with(|| today.clone());
        if known.rollup.as_of < today.rollup.as_of {
            *known = today;
        }
    }
    Ok(known.into_values().collect())
}

pub(super) async fn beginnings(
    db: &SqlStore,
    site: ReadableSite,
) -> Result<[Option<i64>; 2], StoreError> {
    let (rows, day): (Option<i64>, Option<i64>) = seen!(db, site.into(), |pool| {
        sqlx::query_as(
            "SELECT (SELECT min(greatest_of.at) FROM (
                 SELECT CASE WHEN tenure.from_at > chunk.first_at THEN tenure.from_at ELSE chunk.first_at END AS at
                 FROM tenure JOIN chunk ON chunk.device = tenure.device
                 WHERE tenure.site = $1 AND chunk.part >= 0 AND (tenure.from_at IS NULL OR chunk.last_at >= tenure.from_at)
                 AND (tenure.to_at IS NULL OR chunk.first_at < tenure.to_at)) AS greatest_of),
             (SELECT min(day) FROM bucket_day WHERE site = $1)",
        )
        .bind(site.site().as_uuid())
        .fetch_one(pool)
        .await?
    });
    Ok([rows, day.map(|day| day.saturating_mul(DAY_MS))])
}

pub(super) async fn events(
    db: &SqlStore,
    site: ReadableSite,
    most: u32,
) -> Result<Vec<Event>, StoreError> {
    let rows: Vec<EventRow> = seen!(db, site.into(), |pool| {
        sqlx::query_as(EVENTS)
            .bind(site.site().as_uuid())
            .bind(i64::from(most))
            .fetch_all(pool)
            .await?
    });
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Since when the right shows something, in ms.
pub(super) fn since(site: ReadableSite) -> i64 {
    site.since().map_or(i64::MIN, UnixMillis::get)
}

pub(super) async fn events_within(
    db: &SqlStore,
    site: ReadableSite,
    span: Range<i64>,
) -> Result<Vec<Event>, StoreError> {
    let rows: Vec<EventRow> = seen!(db, site.into(), |pool| {
        sqlx::query_as(EVENTS_WITHIN)
            .bind(site.site().as_uuid())
            .bind(span.start.max(since(site)))
            .bind(span.end)
            .fetch_all(pool)
            .await?
    });
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(super) async fn events_begin(
    db: &SqlStore,
    site: ReadableSite,
) -> Result<Option<i64>, StoreError> {
    let (first,): (Option<i64>,) = seen!(db, site.into(), |pool| {
        sqlx::query_as("SELECT min(at) FROM event WHERE site = $1 AND at >= $2")
            .bind(site.site().as_uuid())
            .bind(since(site))
            .fetch_one(pool)
            .await?
    });
    Ok(first)
}
