//! Where the followers of the log are, and what a stretch of it led to.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use sqlx::types::Uuid;

use super::chunks::{piece_row, sealed_rows};
use super::convert::fleet_id;
use super::flags::{ALERT, AlertRow};
use super::record::Put as _;
use super::tables::{
    BUCKET_DAY, BucketDayRow, CHUNK, DEVICE_SEALED, DEVICE_STATUS, EVENT, EventRow, FLEET_QUARTER,
    FLEET_TOTAL, FleetQuarterRow, RollupRow, SITE_DAY, SITE_MONTH, SITE_STATE, StateRow, StatusRow,
    TOLD_DAY, ToldRow, TotalRow,
};
use crate::StoreError;
use crate::archive::{
    BucketDay, Checkpoint, Cursors, FlagChanges, Past, Piece, SiteState, UtcDay, Wrote, bucket_day,
    fleet_day,
};
use crate::hot::Seq;
use crate::sql::audit::DEVICE;
use crate::sql::{SqlStore, ask, next_revision, transaction};

/// Days of buckets that are packed before others may go on: some milliseconds.
const PACKED_AT_ONCE: usize = 16;

pub(super) async fn cursors(db: &SqlStore) -> Result<Cursors, StoreError> {
    let (folded, sealed) = ask!(db, |pool| {
        sqlx::query_as::<_, (i64, i64)>("SELECT folded, sealed FROM log_cursor")
            .fetch_one(pool)
            .await?
    });
    Ok(Cursors {
        folded: Seq::new(folded),
        sealed: Seq::new(sealed),
    })
}

/// Kept beside what is told with registrations. Whom the registry does not know tells nothing.
macro_rules! put_config {
    ($tx:ident, $told:expr) => {
        let revision = next_revision!($tx);
        sqlx::query(
            "INSERT INTO site_config (site, revision, at, told_by, device, json)
             SELECT site.id, $2, $3, $4, device.id, $6 FROM site JOIN device ON device.id = $5
             WHERE site.id = $1 AND NOT EXISTS (
                 SELECT 1 FROM site_config WHERE site = $1 AND json = $6
                 AND revision = (SELECT max(revision) FROM site_config WHERE site = $1)
             )",
        )
        .bind($told.site.as_uuid())
        .bind(revision)
        .bind($told.at.get())
        .bind(DEVICE)
        .bind($told.device.as_uuid())
        .bind(&$told.json)
        .execute(&mut *$tx)
        .await?;
        sqlx::query("UPDATE device SET config = $2 WHERE id = $1")
            .bind($told.device.as_uuid())
            .bind(&$told.json)
            .execute(&mut *$tx)
            .await?;
    };
}

/// Of a flag one alert is open: what is over or gone makes room first. Late events, which take alerts away, are rare.
macro_rules! put_alerts {
    ($tx:ident, $alerts:expr) => {
        for id in $alerts.gone {
            sqlx::query("DELETE FROM alert WHERE id = $1")
                .bind(id)
                .execute(&mut *$tx)
                .await?;
        }
        for (before, now) in $alerts.renamed {
            sqlx::query("UPDATE alert SET id = $2 WHERE id = $1")
                .bind(before)
                .bind(now)
                .execute(&mut *$tx)
                .await?;
        }
        $tx.put(&ALERT, $alerts.over).await?;
        $tx.put(&ALERT, $alerts.open).await?;
    };
}

pub(super) async fn checkpoint(
    db: &SqlStore,
    checkpoint: &Checkpoint,
) -> Result<Wrote, StoreError> {
    // Packing takes its time; nobody waits for the database meanwhile.
    let rows = Rows::of(checkpoint).await?;
    store(db, checkpoint, rows, &[]).await
}

pub(super) async fn bring(db: &SqlStore, past: &Past) -> Result<Wrote, StoreError> {
    let mut rows = Rows::of(&past.checkpoint).await?;
    let packed = past.buckets.iter().map(|packed| BucketDayRow {
        site: packed.site.as_uuid(),
        day: packed.day,
        buckets: packed.bytes.clone(),
    });
    rows.buckets.extend(packed);
    store(db, &past.checkpoint, rows, &past.days).await
}

/// Stores a checkpoint, and days of telemetry that no entry brought.
async fn store(
    db: &SqlStore,
    checkpoint: &Checkpoint,
    rows: Rows,
    days: &[Piece],
) -> Result<Wrote, StoreError> {
    transaction!(db, |tx| {
        // Locks the row, so on PostgreSQL too checkpoints come one after the other.
        let moved =
            sqlx::query("UPDATE log_cursor SET folded = $2 WHERE folded = $1 AND folded <= $2")
                .bind(checkpoint.from.get())
                .bind(checkpoint.folded.get())
                .execute(&mut *tx)
                .await?
                .rows_affected();
        if moved == 0 {
            tx.rollback().await?;
            return Ok(Wrote::Overtaken);
        }
        // What is erased is not written again by who had it in mind before.
        let erased: Vec<(Uuid,)> =
            sqlx::query_as("SELECT id FROM site WHERE erased_at IS NOT NULL")
                .fetch_all(&mut *tx)
                .await?;
        let is_named = |site| rows.name(site) || tells_of(checkpoint, site);
        if erased.iter().any(|(site,)| is_named(*site)) {
            tx.rollback().await?;
            return Ok(Wrote::Overtaken);
        }
        for (device, days) in spans(days) {
            let (there,): (i64,) = sqlx::query_as(
                "SELECT count(*) FROM chunk WHERE device = $1 AND day >= $2 AND day <= $3",
            )
            .bind(device)
            .bind(*days.start())
            .bind(*days.end())
            .fetch_one(&mut *tx)
            .await?;
            if there > 0 {
                tx.rollback().await?;
                return Ok(Wrote::Overtaken);
            }
        }
        tx.put(&CHUNK, days.iter().map(|day| piece_row(day, 0)).collect())
            .await?;
        tx.put(&DEVICE_SEALED, sealed_rows(days)).await?;
        tx.put(&DEVICE_STATUS, rows.statuses).await?;
        tx.put(&SITE_STATE, rows.states).await?;
        tx.put(&BUCKET_DAY, rows.buckets).await?;
        tx.put(&SITE_DAY, rows.days).await?;
        tx.put(&SITE_MONTH, rows.months).await?;
        tx.put(&FLEET_TOTAL, rows.totals).await?;
        tx.put(&FLEET_QUARTER, rows.quarters).await?;
        tx.put(&TOLD_DAY, rows.told).await?;
        tx.put(&EVENT, rows.events).await?;
        put_alerts!(tx, rows.alerts);
        for told in &checkpoint.configs {
            put_config!(tx, told);
        }
    });
    Ok(Wrote::Done)
}

/// Whether a configuration of this site is told.
fn tells_of(checkpoint: &Checkpoint, site: Uuid) -> bool {
    let mut told = checkpoint.configs.iter();
    told.any(|told| told.site.as_uuid() == site)
}

/// Each device with the days from its first to its last.
fn spans(days: &[Piece]) -> BTreeMap<Uuid, RangeInclusive<UtcDay>> {
    let mut spans = BTreeMap::new();
    for Piece { device, day, .. } in days {
        let span = spans.entry(device.as_uuid()).or_insert(*day..=*day);
        *span = *span.start().min(day)..=*span.end().max(day);
    }
    spans
}

/// A checkpoint as it is stored.
struct Rows {
    statuses: Vec<StatusRow>,
    states: Vec<StateRow>,
    buckets: Vec<BucketDayRow>,
    days: Vec<RollupRow>,
    months: Vec<RollupRow>,
    totals: Vec<TotalRow>,
    quarters: Vec<FleetQuarterRow>,
    told: Vec<ToldRow>,
    events: Vec<EventRow>,
    alerts: Alerts,
}

impl Rows {
    /// Whether anything of it is this site's.
    fn name(&self, site: Uuid) -> bool {
        self.states.iter().any(|row| row.site == site)
            || self.buckets.iter().any(|row| row.site == site)
            || self.days.iter().any(|row| row.site == site)
            || self.months.iter().any(|row| row.site == site)
            || self.told.iter().any(|row| row.site == site)
            || self.events.iter().any(|row| row.site == site)
            || self.alerts.name(site)
            || self.statuses.iter().any(|row| row.site == Some(site))
    }

    async fn of(checkpoint: &Checkpoint) -> Result<Self, StoreError> {
        Ok(Self {
            statuses: each(&checkpoint.statuses, |status| status.try_into())?,
            states: each(&checkpoint.sites, |(site, state)| {
                state_row(site.as_uuid(), state)
            })?,
            buckets: bucket_rows(&checkpoint.buckets).await?,
            days: checkpoint.days.iter().map(Into::into).collect(),
            months: checkpoint.months.iter().map(Into::into).collect(),
            totals: checkpoint.totals.iter().map(Into::into).collect(),
            quarters: each(&checkpoint.quarters, |day| {
                Ok(FleetQuarterRow {
                    fleet: fleet_id(day.fleet),
                    day: day.day,
                    quarters: fleet_day::encode(day.day, &day.quarters)?,
                })
            })?,
            told: checkpoint.told.iter().map(Into::into).collect(),
            events: checkpoint.events.iter().map(Into::into).collect(),
            alerts: (&checkpoint.alerts).into(),
        })
    }
}

/// Alerts as they are stored.
struct Alerts {
    gone: Vec<Uuid>,
    renamed: Vec<(Uuid, Uuid)>,
    over: Vec<AlertRow>,
    open: Vec<AlertRow>,
}

impl Alerts {
    fn name(&self, site: Uuid) -> bool {
        self.over
            .iter()
            .chain(&self.open)
            .any(|row| row.site == site)
    }
}

impl From<&FlagChanges> for Alerts {
    fn from(changes: &FlagChanges) -> Self {
        let rows = changes.put.iter().map(AlertRow::from);
        let (over, open) = rows.partition(|row| row.resolved_at.is_some());
        Self {
            gone: changes.gone.clone(),
            renamed: changes.renamed.clone(),
            over,
            open,
        }
    }
}

fn each<T, R>(
    values: &[T],
    row: impl FnMut(&T) -> Result<R, StoreError>,
) -> Result<Vec<R>, StoreError> {
    values.iter().map(row).collect()
}

/// Packs days, and lets others have the thread from time to time: a thousand take a while.
async fn bucket_rows(days: &[BucketDay]) -> Result<Vec<BucketDayRow>, StoreError> {
    let mut rows = Vec::with_capacity(days.len());
    for some in days.chunks(PACKED_AT_ONCE) {
        for day in some {
            rows.push(BucketDayRow {
                site: day.site.as_uuid(),
                day: day.day,
                buckets: bucket_day::encode(day.day, &day.buckets)?,
            });
        }
        tokio::task::yield_now().await;
    }
    Ok(rows)
}

fn state_row(site: Uuid, state: &SiteState) -> Result<StateRow, StoreError> {
    let state = state.encode()?;
    Ok(StateRow { site, state })
}
