//! Telemetry of closed homes, deleted.

use std::collections::BTreeSet;
use std::ops::Range;

use async_trait::async_trait;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, SiteId};
use sqlx::types::Uuid;

use super::chunks::piece_row;
use super::convert::{fleet_id, texts};
use super::record::Put as _;
use super::tables::{CHUNK, FLEET_QUARTER, FLEET_TOTAL, FleetQuarterRow};
use crate::StoreError;
use crate::archive::{Closed, Going, GoingPart, Piece, Purge, UtcDay, Wrote, fleet_day};
use crate::hot::Seq;
use crate::sql::people::erasures::deleted;
use crate::sql::{SqlStore, ask, transaction, wiping};

/// What is kept by site beside its days.
const REST: [(&str, &str); 7] = [
    ("site_state", "DELETE FROM site_state WHERE site = $1"),
    ("bucket_day", "DELETE FROM bucket_day WHERE site = $1"),
    ("site_day", "DELETE FROM site_day WHERE site = $1"),
    ("site_month", "DELETE FROM site_month WHERE site = $1"),
    ("told_day", "DELETE FROM told_day WHERE site = $1"),
    ("event", "DELETE FROM event WHERE site = $1"),
    // The last values of a device that is elsewhere by now are of there.
    (
        "device_status",
        "DELETE FROM device_status WHERE site = $1 OR device IN (
             SELECT device FROM assignment WHERE site = $1 AND NOT EXISTS (
                 SELECT 1 FROM assignment AS later WHERE later.device = assignment.device AND later.from_at > assignment.from_at
             )
         )",
    ),
];

/// Chunks of a closed home leave no list of when its devices were heard of.
macro_rules! forget_silent {
    ($tx:ident, $device:expr) => {
        sqlx::query(
            "DELETE FROM device_sealed WHERE device = $1 AND NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.device = $1)",
        )
        .bind($device.as_uuid())
        .execute(&mut *$tx)
        .await?
    };
}

#[async_trait]
impl Purge for SqlStore {
    async fn to_purge(&self, before: UnixMillis) -> Result<Vec<Closed>, StoreError> {
        let rows: Vec<(Uuid, Uuid)> = ask!(self, |pool| {
            sqlx::query_as(
                "SELECT id, site FROM erasure WHERE closed_at <= $1 AND purged_at IS NULL AND cancelled_at IS NULL
                 ORDER BY closed_at, id LIMIT 100",
            )
            .bind(before.get())
            .fetch_all(pool)
            .await?
        });
        let closed = |(erasure, site)| Closed {
            erasure,
            site: SiteId::from_uuid(site),
        };
        Ok(rows.into_iter().map(closed).collect())
    }

    async fn bucket_span(&self, site: SiteId) -> Result<Option<Range<UtcDay>>, StoreError> {
        let (first, last): (Option<i64>, Option<i64>) = ask!(self, |pool| {
            sqlx::query_as("SELECT min(day), max(day) FROM bucket_day WHERE site = $1")
                .bind(site.as_uuid())
                .fetch_one(pool)
                .await?
        });
        Ok(first
            .zip(last)
            .map(|(first, last)| first..last.saturating_add(1)))
    }

    async fn let_go(&self, folded: Seq, going: &Going) -> Result<Wrote, StoreError> {
        let_go(self, folded, going).await
    }

    async fn let_rest_go(&self, of: Closed) -> Result<(), StoreError> {
        wiping!(self, |tx| {
            let mut gone = Vec::new();
            for (table, delete) in REST {
                let rows = sqlx::query(delete)
                    .bind(of.site.as_uuid())
                    .execute(&mut *tx)
                    .await?;
                gone.push((table, rows.rows_affected()));
            }
            deleted!(tx, of.erasure, gone);
        });
        Ok(())
    }

    async fn let_chunks_go(
        &self,
        of: Closed,
        device: DeviceId,
        days: Range<UtcDay>,
        most: u32,
    ) -> Result<u64, StoreError> {
        let gone = wiping!(self, |tx| {
            let gone = sqlx::query(
                "DELETE FROM chunk WHERE (device, day, part) IN (
                     SELECT device, day, part FROM chunk WHERE device = $1 AND day >= $2 AND day < $3 LIMIT $4
                 )",
            )
            .bind(device.as_uuid())
            .bind(days.start)
            .bind(days.end)
            .bind(i64::from(most))
            .execute(&mut *tx)
            .await?
            .rows_affected();
            forget_silent!(tx, device);
            deleted!(tx, of.erasure, [("chunk", gone)]);
            gone
        });
        Ok(gone)
    }

    async fn let_rows_go(
        &self,
        going: &GoingPart,
        parts: &BTreeSet<i64>,
        left: &[Piece],
    ) -> Result<Wrote, StoreError> {
        let_rows_go(self, going, parts, left).await
    }

    async fn purged(&self, of: Closed, through: Seq, now: UnixMillis) -> Result<(), StoreError> {
        transaction!(self, |tx| {
            sqlx::query(
                "UPDATE erasure SET purged_at = $2, log_through = $3 WHERE id = $1 AND purged_at IS NULL",
            )
            .bind(of.erasure)
            .bind(now.get())
            .bind(through.get())
            .execute(&mut *tx)
            .await?;
        });
        Ok(())
    }
}

async fn let_go(db: &SqlStore, folded: Seq, going: &Going) -> Result<Wrote, StoreError> {
    let of = going.of;
    let mut quarters = Vec::with_capacity(going.quarters.len());
    for day in &going.quarters {
        quarters.push(FleetQuarterRow {
            fleet: fleet_id(day.fleet),
            day: day.day,
            quarters: fleet_day::encode(day.day, &day.quarters)?,
        });
    }
    let (from, to) = texts(&going.dates);
    wiping!(db, |tx| {
        // Locks the row, as a checkpoint does: no other writes sums of fleets meanwhile.
        let ours = sqlx::query("UPDATE log_cursor SET folded = folded WHERE folded = $1")
            .bind(folded.get())
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if ours == 0 {
            tx.rollback().await?;
            return Ok(Wrote::Overtaken);
        }
        let mut gone = Vec::new();
        for (table, delete) in [
            (
                "site_day",
                "DELETE FROM site_day WHERE site = $1 AND date >= $2 AND date < $3",
            ),
            (
                "site_month",
                "DELETE FROM site_month WHERE site = $1 AND date >= $2 AND date < $3",
            ),
        ] {
            let rows = sqlx::query(delete)
                .bind(of.site.as_uuid())
                .bind(&from)
                .bind(&to)
                .execute(&mut *tx)
                .await?;
            gone.push((table, rows.rows_affected()));
        }
        let rows = sqlx::query("DELETE FROM bucket_day WHERE site = $1 AND day >= $2 AND day < $3")
            .bind(of.site.as_uuid())
            .bind(going.days.start)
            .bind(going.days.end)
            .execute(&mut *tx)
            .await?;
        gone.push(("bucket_day", rows.rows_affected()));
        tx.put(&FLEET_TOTAL, going.totals.iter().map(Into::into).collect())
            .await?;
        tx.put(&FLEET_QUARTER, quarters).await?;
        deleted!(tx, of.erasure, gone);
    });
    Ok(Wrote::Done)
}

async fn let_rows_go(
    db: &SqlStore,
    going: &GoingPart,
    parts: &BTreeSet<i64>,
    left: &[Piece],
) -> Result<Wrote, StoreError> {
    let (of, day) = (going.of, going.day);
    let count = i64::try_from(left.len()).unwrap_or(i64::MAX);
    wiping!(db, |tx| {
        // New numbers: who read the day before cannot take what is there now for what was there then.
        let (newest,): (i64,) =
            sqlx::query_as("UPDATE log_cursor SET pieces = pieces + $1 RETURNING pieces")
                .bind(count)
                .fetch_one(&mut *tx)
                .await?;
        let there: Vec<(i64,)> = sqlx::query_as(
            "SELECT part FROM chunk WHERE device = $1 AND day = $2 AND part >= 0 ORDER BY part",
        )
        .bind(day.device.as_uuid())
        .bind(day.day)
        .fetch_all(&mut *tx)
        .await?;
        if !there.iter().map(|(part,)| part).eq(parts) {
            tx.rollback().await?;
            return Ok(Wrote::Overtaken);
        }
        let gone = sqlx::query(
            "DELETE FROM chunk WHERE device = $1 AND day = $2 AND (part >= 0 OR (last_at >= $3 AND first_at < $4))",
        )
            .bind(day.device.as_uuid())
            .bind(day.day)
            .bind(going.span.start)
            .bind(going.span.end)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        let numbered = (newest - count + 1..).zip(left);
        let rows_left = numbered.map(|(part, piece)| piece_row(piece, part));
        tx.put(&CHUNK, rows_left.collect()).await?;
        forget_silent!(tx, day.device);
        deleted!(
            tx,
            of.erasure,
            [("chunk", gone), ("rows of shared days", going.rows)]
        );
    });
    Ok(Wrote::Done)
}
