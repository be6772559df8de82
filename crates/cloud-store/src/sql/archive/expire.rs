//! Chunks that are older than their site keeps them.

use crate::StoreError;
use crate::archive::UtcDay;
use crate::sql::{SqlStore, transaction};

pub(super) async fn expire(
    db: &SqlStore,
    today: UtcDay,
    default_days: u32,
    most: u32,
) -> Result<u64, StoreError> {
    let gone = transaction!(db, |tx| {
        // Each device's chunks are looked at up to the shortest time that any of its places keeps them;
        // those that are nobody's are kept for the usual time. Of a day with several places, the
        // longest counts.
        sqlx::query(
            "DELETE FROM chunk WHERE (device, day, part) IN (
                 SELECT old.device, old.day, old.part
                 FROM (
                     SELECT known.device, $1 - (
                         SELECT min(place.days) FROM (
                             SELECT coalesce(site.raw_days, $2) AS days
                             FROM tenure JOIN site ON site.id = tenure.site
                             WHERE tenure.device = known.device
                             UNION ALL
                             SELECT $2 WHERE NOT EXISTS (
                                 SELECT 1 FROM tenure
                                 WHERE tenure.device = known.device AND tenure.to_at IS NULL
                             )
                         ) AS place
                     ) AS first_kept
                     FROM device_sealed AS known
                 ) AS device
                 JOIN chunk AS old ON old.device = device.device AND old.day < device.first_kept
                 WHERE old.day < $1 - coalesce((
                     SELECT max(coalesce(site.raw_days, $2))
                     FROM tenure JOIN site ON site.id = tenure.site
                     WHERE tenure.device = old.device
                     AND (tenure.from_at IS NULL OR tenure.from_at <= old.last_at)
                     AND (tenure.to_at IS NULL OR tenure.to_at > old.first_at)
                 ), $2)
                 LIMIT $3
             )",
        )
        .bind(today)
        .bind(i64::from(default_days))
        .bind(i64::from(most))
        .execute(&mut *tx)
        .await?
        .rows_affected()
    });
    Ok(gone)
}
