//! What concerns every device at once: read in one go, as there can be many thousands.

use std::ops::Range;
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};
use solthrive_domain::DeviceId;
use sqlx::AssertSqlSafe;
use sqlx::types::Uuid;

use super::views::{StatusView, seen_from_there};
use crate::StoreError;
use crate::archive::{DeviceStatus, Stored, UtcDay};
use crate::sql::{SqlStore, ask};
use crate::sqlite::Reader;

/// Device, day, part, bytes.
type ChunkRow = (Uuid, i64, i64, Vec<u8>);

const STATUSES: &str = "SELECT known.device, assignment.site, known.last_seen, known.status, NULL
    FROM device_status AS known LEFT JOIN assignment
    ON assignment.device = known.device AND assignment.to_at IS NULL";

/// By the list of devices that have chunks: the key of a chunk begins with its device, so each device's
/// days are found and no other's are passed over.
const CHUNKS: &str = "SELECT chunk.device, chunk.day, chunk.part, chunk.bytes
    FROM device_sealed JOIN chunk ON chunk.device = device_sealed.device
    WHERE chunk.day >= $1 AND chunk.day < $2 AND chunk.part >= 0";

/// The device in the middle of those that have chunks.
const MIDDLE: &str = "SELECT device FROM device_sealed ORDER BY device
    LIMIT 1 OFFSET (SELECT count(*) / 2 FROM device_sealed)";

pub(super) async fn statuses(db: &SqlStore) -> Result<Vec<DeviceStatus>, StoreError> {
    let rows: Vec<StatusView> = match &db.reader {
        Some(reader) => {
            let view = |row: &Row<'_>| {
                let site = row.get::<_, Option<[u8; 16]>>(1)?.map(Uuid::from_bytes);
                Ok((uuid(row)?, site, row.get(2)?, row.get(3)?, None))
            };
            at_once(reader, STATUSES, Vec::new(), view).await?
        }
        None => ask!(db, |pool| sqlx::query_as(STATUSES).fetch_all(pool).await?),
    };
    let statuses: Result<Vec<_>, _> = rows.into_iter().map(seen_from_there).collect();
    let mut statuses = statuses?;
    statuses.sort_unstable_by_key(|status| status.device);
    Ok(statuses)
}

/// Chunks of all devices of these days, by device, day and part. Most of the time goes into copying
/// them, which two connections do in half of it; each device is read by one of them.
pub(super) async fn chunks(db: &SqlStore, days: Range<UtcDay>) -> Result<Vec<Stored>, StoreError> {
    let Some(middle) = middle(db).await? else {
        return Ok(Vec::new());
    };
    let (mut rows, second) = tokio::try_join!(
        half(db, "<", &middle, &days),
        half(db, ">=", &middle, &days)
    )?;
    rows.extend(second);
    let stored = rows.into_iter().map(|(device, day, part, bytes)| Stored {
        device: DeviceId::from_uuid(device),
        day,
        part,
        bytes,
    });
    let mut stored: Vec<_> = stored.collect();
    stored.sort_unstable_by_key(|chunk| (chunk.device, chunk.day, chunk.part));
    Ok(stored)
}

async fn middle(db: &SqlStore) -> Result<Option<Uuid>, StoreError> {
    let row: Option<(Uuid,)> = ask!(db, |pool| {
        sqlx::query_as(MIDDLE).fetch_optional(pool).await?
    });
    Ok(row.map(|(device,)| device))
}

/// Those before or from the device in the middle.
async fn half(
    db: &SqlStore,
    side: &str,
    middle: &Uuid,
    days: &Range<UtcDay>,
) -> Result<Vec<ChunkRow>, StoreError> {
    let text = format!("{CHUNKS} AND device_sealed.device {side} $3");
    if let Some(reader) = &db.reader {
        let middle = Value::Blob(middle.as_bytes().to_vec());
        let bound = vec![days.start.into(), days.end.into(), middle];
        let chunk = |row: &Row<'_>| Ok((uuid(row)?, row.get(1)?, row.get(2)?, row.get(3)?));
        return at_once(reader, text, bound, chunk).await;
    }
    let rows = ask!(db, |pool| {
        sqlx::query_as(AssertSqlSafe(text))
            .bind(days.start)
            .bind(days.end)
            .bind(middle)
            .fetch_all(pool)
            .await?
    });
    Ok(rows)
}

fn uuid(row: &Row<'_>) -> rusqlite::Result<Uuid> {
    row.get(0).map(Uuid::from_bytes)
}

async fn at_once<T: Send + 'static>(
    reader: &Arc<Reader>,
    text: impl AsRef<str> + Send + 'static,
    bound: Vec<Value>,
    view: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let reader = Arc::clone(reader);
    let read = tokio::task::spawn_blocking(move || {
        reader.read(|connection| {
            let mut statement = connection.prepare_cached(text.as_ref())?;
            let rows = statement.query_map(params_from_iter(bound), view)?;
            rows.collect()
        })
    });
    read.await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?
}
