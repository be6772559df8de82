//! Chunks as the machinery uses them: sealed, merged, set aside, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use solthrive_domain::DeviceId;
use solthrive_domain::telemetry::UnixMillis;
use sqlx::types::Uuid;

use super::convert::wide;
use super::record::Put as _;
use super::tables::{CHUNK, DEVICE_SEALED, PieceRow, SEALED_TO, SealedRow};
use crate::StoreError;
use crate::archive::{OpenDay, Piece, Stored, UtcDay, Wrote};
use crate::hot::Seq;
use crate::sql::{SqlStore, ask, transaction};

/// A chunk with its key.
type StoredRow = (Uuid, i64, i64, Vec<u8>);

pub(super) fn stored((device, day, part, bytes): StoredRow) -> Stored {
    Stored {
        device: DeviceId::from_uuid(device),
        day,
        part,
        bytes,
    }
}

pub(super) fn piece_row(piece: &Piece, part: i64) -> PieceRow {
    PieceRow {
        device: piece.device.as_uuid(),
        day: piece.day,
        part,
        first_at: piece.span.0,
        last_at: piece.span.1,
        row_count: wide(piece.rows as u64),
        bytes: piece.bytes.clone(),
    }
}

/// How far each device is sealed by these.
pub(super) fn sealed_rows<'a>(pieces: impl IntoIterator<Item = &'a Piece>) -> Vec<SealedRow> {
    let mut last: BTreeMap<DeviceId, i64> = BTreeMap::new();
    for piece in pieces {
        let known = last.entry(piece.device).or_insert(i64::MIN);
        *known = (*known).max(piece.span.1);
    }
    let row = |(device, last_at): (DeviceId, i64)| SealedRow {
        device: device.as_uuid(),
        last_at,
    };
    last.into_iter().map(row).collect()
}

pub(super) async fn seal(
    db: &SqlStore,
    from: Seq,
    to: Seq,
    pieces: &[Piece],
) -> Result<Wrote, StoreError> {
    let count = wide(pieces.len() as u64);
    transaction!(db, |tx| {
        let taken: Option<(i64,)> = sqlx::query_as(
            "UPDATE log_cursor SET sealed = $2, pieces = pieces + $3
             WHERE sealed = $1 AND sealed <= $2 AND folded >= $2 RETURNING pieces",
        )
        .bind(from.get())
        .bind(to.get())
        .bind(count)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((newest,)) = taken else {
            tx.rollback().await?;
            return Ok(Wrote::Overtaken);
        };
        let numbered = (newest - count + 1..).zip(pieces);
        let rows = numbered.map(|(part, piece)| piece_row(piece, part));
        tx.put(&CHUNK, rows.collect()).await?;
        tx.put(&DEVICE_SEALED, sealed_rows(pieces)).await?;
    });
    Ok(Wrote::Done)
}

pub(super) async fn sealed_to(db: &SqlStore) -> Result<Vec<(DeviceId, i64)>, StoreError> {
    let rows: Vec<SealedRow> = ask!(db, |pool| sqlx::query_as(SEALED_TO).fetch_all(pool).await?);
    let sealed = |row: SealedRow| (DeviceId::from_uuid(row.device), row.last_at);
    Ok(rows.into_iter().map(sealed).collect())
}

pub(super) async fn parts_of_days(
    db: &SqlStore,
    device: DeviceId,
    days: Range<UtcDay>,
) -> Result<Vec<Stored>, StoreError> {
    let rows: Vec<StoredRow> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT device, day, part, bytes FROM chunk
             WHERE device = $1 AND day >= $2 AND day < $3 AND part >= 0 ORDER BY day, part",
        )
        .bind(device.as_uuid())
        .bind(days.start)
        .bind(days.end)
        .fetch_all(pool)
        .await?
    });
    Ok(rows.into_iter().map(stored).collect())
}

pub(super) async fn days_with_pieces(
    db: &SqlStore,
    before: UtcDay,
    most: u32,
) -> Result<Vec<OpenDay>, StoreError> {
    let rows: Vec<(Uuid, i64)> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT DISTINCT device, day FROM chunk WHERE part > 0 AND day < $1
             ORDER BY day, device LIMIT $2",
        )
        .bind(before)
        .bind(i64::from(most))
        .fetch_all(pool)
        .await?
    });
    let open = |(device, day)| OpenDay {
        device: DeviceId::from_uuid(device),
        day,
    };
    Ok(rows.into_iter().map(open).collect())
}

pub(super) async fn merge(
    db: &SqlStore,
    day: OpenDay,
    parts: &BTreeSet<i64>,
    chunk: &Piece,
) -> Result<Wrote, StoreError> {
    // Only a piece's number says which chunk it is: 0 alone could be another one by now.
    if parts.iter().eq([&0]) {
        return Ok(Wrote::Overtaken);
    }
    let newest = parts.last().copied().unwrap_or(-1);
    transaction!(db, |tx| {
        let there: Vec<(i64,)> = sqlx::query_as(
            "SELECT part FROM chunk WHERE device = $1 AND day = $2 AND part >= 0 ORDER BY part",
        )
        .bind(day.device.as_uuid())
        .bind(day.day)
        .fetch_all(&mut *tx)
        .await?;
        // A piece that is sealed from here on has a larger number, and stays.
        let gone = sqlx::query(
            "DELETE FROM chunk WHERE device = $1 AND day = $2 AND part BETWEEN 0 AND $3",
        )
        .bind(day.device.as_uuid())
        .bind(day.day)
        .bind(newest)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        let are_these = there.iter().map(|(part,)| part).eq(parts);
        if !are_these || gone != parts.len() as u64 {
            tx.rollback().await?;
            return Ok(Wrote::Overtaken);
        }
        tx.put(&CHUNK, vec![piece_row(chunk, 0)]).await?;
        tx.put(&DEVICE_SEALED, sealed_rows([chunk])).await?;
    });
    Ok(Wrote::Done)
}

pub(super) async fn set_aside(
    db: &SqlStore,
    part: &Stored,
    why: &str,
    now: UnixMillis,
) -> Result<(), StoreError> {
    transaction!(db, |tx| {
        // It gets a number of its own below zero, so its place is free for a chunk that can be read.
        sqlx::query(
            "UPDATE chunk SET damaged = $5, damaged_at = $6, part = (
                 SELECT coalesce(min(other.part), 0) - 1 FROM chunk AS other
                 WHERE other.device = $1 AND other.day = $2 AND other.part < 0
             )
             WHERE device = $1 AND day = $2 AND part = $3 AND part >= 0 AND bytes = $4",
        )
        .bind(part.device.as_uuid())
        .bind(part.day)
        .bind(part.part)
        .bind(part.bytes.as_slice())
        .bind(why)
        .bind(now.get())
        .execute(&mut *tx)
        .await?;
    });
    Ok(())
}

pub(super) async fn scan(
    db: &SqlStore,
    after: Option<(OpenDay, i64)>,
    most: u32,
) -> Result<Vec<Stored>, StoreError> {
    let (device, day, part) = after.map_or((Uuid::nil(), i64::MIN, i64::MIN), |(day, part)| {
        (day.device.as_uuid(), day.day, part)
    });
    let rows: Vec<StoredRow> = ask!(db, |pool| {
        sqlx::query_as(
            "SELECT device, day, part, bytes FROM chunk WHERE (device, day, part) > ($1, $2, $3)
             ORDER BY device, day, part LIMIT $4",
        )
        .bind(device)
        .bind(day)
        .bind(part)
        .bind(i64::from(most))
        .fetch_all(pool)
        .await?
    });
    Ok(rows.into_iter().map(stored).collect())
}
