//! What the cloud is told, as it is kept until the cloud has it.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use solthrive_domain::delivery::{Numbers, Span};

use crate::truth::Told;

/// Samples in one row of the table at most.
const PIECE: usize = 60;
/// Minutes at the same place of the newest sample that samples are kept for once the cloud has them: they
/// are dropped an hour's worth at a time, so that most commits touch new pages only.
const STEP: i64 = 60;
/// Rows dropped with one commit at most.
const MOST_AT_ONCE: i64 = 240;

/// A sample and its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    /// Its number: grows by one with each sample of this history.
    pub number: u64,
    /// The sample.
    pub told: Told,
}

/// How much of everything the cloud has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Samples, as spans of their numbers.
    #[serde(with = "text")]
    pub rows: Numbers,
    /// Every event up to this one.
    pub events: i64,
    /// The newest local days that were told: `yyyymmdd`, and a checksum of what was said of them.
    pub days: Vec<(i64, u32)>,
    /// A checksum of the configuration that was told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<u32>,
}

mod text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use solthrive_domain::delivery::Numbers;

    pub(super) fn serialize<S: Serializer>(numbers: &Numbers, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(numbers)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Numbers, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// Stores samples in the order of their numbers.
pub(super) fn put(db: &Connection, samples: &[Numbered]) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO sample (first, last, minute, packed) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = db.prepare_cached(sql)?;
    for piece in samples
        .chunk_by(|a, b| b.number == a.number + 1)
        .flat_map(|run| run.chunks(PIECE))
    {
        let (Some(first), Some(last)) = (piece.first(), piece.last()) else {
            continue;
        };
        let told: Vec<&Told> = piece.iter().map(|sample| &sample.told).collect();
        let packed = postcard::to_stdvec(&told)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let minute = last.told.sample.ts.get().div_euclid(60_000);
        insert.execute(params![
            signed(first.number),
            signed(last.number),
            minute,
            packed
        ])?;
    }
    Ok(())
}

/// The stored samples of a span.
pub(super) fn get(db: &Connection, span: Span) -> rusqlite::Result<Vec<Numbered>> {
    let sql = "SELECT first, packed FROM sample WHERE last >= ?1 AND first <= ?2 ORDER BY first";
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query([signed(span.first), signed(span.last)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (first, packed): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        // What a newer version packed in another way is as good as gone.
        let told: Vec<Told> = postcard::from_bytes(&packed).unwrap_or_default();
        let numbered = (first.unsigned_abs()..).zip(told);
        found.extend(numbered.map(|(number, told)| Numbered { number, told }));
    }
    found.retain(|sample| (span.first..=span.last).contains(&sample.number));
    Ok(found)
}

/// Numbers of the oldest and the newest stored sample.
pub(super) fn known(db: &Connection) -> rusqlite::Result<Option<Span>> {
    let first: Option<i64> = db.query_row("SELECT min(first) FROM sample", [], |row| row.get(0))?;
    let last = "SELECT last FROM sample ORDER BY first DESC LIMIT 1";
    let last: Option<i64> = db.query_row(last, [], |row| row.get(0)).optional()?;
    let span = first.zip(last);
    Ok(span.and_then(|(first, last)| Span::new(first.unsigned_abs(), last.unsigned_abs())))
}

/// How far the cloud was told, as it was stored last.
pub(super) fn progress(db: &Connection) -> rusqlite::Result<Option<Progress>> {
    let text: Option<Option<String>> = db
        .query_row("SELECT told FROM state WHERE id = 1", [], |row| row.get(0))
        .optional()?;
    Ok(text
        .flatten()
        .and_then(|text| serde_json::from_str(&text).ok()))
}

/// Keeps how far the cloud was told; of samples only those that are stored: the number of one that a power
/// cut takes will be another sample's.
pub(super) fn put_progress(db: &Connection, progress: &Progress) -> rusqlite::Result<()> {
    let newest = known(db)?.map(|known| known.last);
    let stored = Progress {
        rows: progress.rows.clone().up_to(newest),
        ..progress.clone()
    };
    let text = serde_json::to_string(&stored)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    db.prepare_cached("UPDATE state SET told = ?1 WHERE id = 1")?
        .execute([text])?;
    Ok(())
}

/// Drops what the cloud has, an hour of it at a time.
pub(super) fn drop_told(db: &Connection, progress: &Progress) -> rusqlite::Result<usize> {
    let settled = match progress.rows.spans().first() {
        Some(span) if span.first == 0 => signed(span.last),
        _ => return Ok(0),
    };
    let sql =
        "SELECT count(*) FROM (SELECT 1 FROM sample WHERE last <= ?1 ORDER BY first LIMIT ?2)";
    let ready: i64 = db
        .prepare_cached(sql)?
        .query_row([settled, STEP], |row| row.get(0))?;
    if ready < STEP {
        return Ok(0);
    }
    let sql = "DELETE FROM sample WHERE first IN (SELECT first FROM sample WHERE last <= ?1 ORDER BY first LIMIT ?2)";
    db.prepare_cached(sql)?.execute([settled, MOST_AT_ONCE])
}

/// Drops the oldest samples before a minute, whether the cloud has them or not.
pub(super) fn drop_before(db: &Connection, minute: i64, most: i64) -> rusqlite::Result<usize> {
    let sql = "DELETE FROM sample WHERE first IN (SELECT first FROM sample WHERE minute < ?1 ORDER BY first LIMIT ?2)";
    db.prepare_cached(sql)?.execute([minute, most])
}

/// Minute of the oldest stored sample.
pub(super) fn oldest(db: &Connection) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT minute FROM sample ORDER BY first LIMIT 1";
    db.prepare_cached(sql)?
        .query_row([], |row| row.get(0))
        .optional()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
