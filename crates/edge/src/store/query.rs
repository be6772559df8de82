//! Questions to the history, as SQL.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use solthrive_domain::day::Summary;
use solthrive_domain::flagboard::FlagChange;
use solthrive_domain::ids::RunId;
use solthrive_domain::minute::MinuteRow;

use super::batch::{Event, Happening};
use super::calendar::date_of;
use super::columns::{self, Fields, Span};
use super::detail;
use super::names::Names;

pub(super) fn minutes(
    db: &Connection,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> Result<Vec<MinuteRow>> {
    let names = Names::load(db)?;
    let columns = columns::minute_columns(Fields::All);
    let columns = columns.replacen(", run,", ", minute.run,", 1);
    let sql = format!(
        "SELECT {columns}, run.run FROM minute JOIN run ON run.seq = minute.run WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3"
    );
    let count = columns.split(',').count();
    let mut select = db.prepare_cached(&sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = select.query(params![first_id_from(from), first_id_from(to), limit])?;
    let mut minutes = Vec::new();
    while let Some(row) = rows.next()? {
        let (mut packed, blob) = columns::read_minute(row, Fields::All)?;
        if detail::decode(&blob, &names, &mut packed).is_none() {
            tracing::debug!(
                minute = packed.minute,
                "voltages and channels of a minute cannot be read"
            );
        }
        let run: String = row.get(count)?;
        let run: RunId = run.parse().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                count,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        })?;
        minutes.push(packed.into_row(run));
    }
    Ok(minutes)
}

/// The smallest id of a minute that starts at or after this instant.
fn first_id_from(at: Timestamp) -> i64 {
    columns::first_id(-(-at.as_second() - i64::from(at.subsec_nanosecond() > 0)).div_euclid(60))
}

pub(super) fn spans(
    db: &Connection,
    table: &str,
    from: i64,
    to: i64,
) -> Result<Vec<(Date, Summary)>> {
    let end = newest(db)?;
    let sql = format!(
        "SELECT {} FROM {table} WHERE key >= ?1 AND key < ?2 ORDER BY key",
        columns::span_columns()
    );
    let mut select = db.prepare_cached(&sql)?;
    let spans = select.query_map([from, to], columns::read_span)?;
    let mut found = Vec::new();
    for span in spans {
        let span = span?;
        let day = if table == "month" {
            span.key * 100 + 1
        } else {
            span.key
        };
        if let Some(date) = date_of(day) {
            found.push((date, span.sums.summary(elapsed(&span, end))));
        }
    }
    Ok(found)
}

/// How much of a span has passed as far as the history knows: up to the end of the newest minute that
/// is stored. Who knows what time it is knows better.
fn elapsed(span: &Span, end: Option<i64>) -> Duration {
    let passed = end.map_or(span.to, |end| end.clamp(span.from, span.to)) - span.from;
    Duration::from_secs(u64::try_from(passed).unwrap_or(0) * 60)
}

pub(super) fn newest(db: &Connection) -> Result<Option<i64>> {
    let id: Option<i64> = db
        .query_row("SELECT max(id) FROM minute", [], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(id.map(|id| columns::minute_of_id(id) + 1))
}

pub(super) fn events(
    db: &Connection,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> Result<Vec<Event>> {
    let sql =
        "SELECT at, what FROM event WHERE at >= ?1 AND at < ?2 ORDER BY at DESC, id DESC LIMIT ?3";
    let mut select = db.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = select.query(params![from.as_microsecond(), to.as_microsecond(), limit])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let (at, what): (i64, String) = (row.get(0)?, row.get(1)?);
        let what = serde_json::from_str(&what).ok();
        if let (Ok(at), Some(what)) = (Timestamp::from_microsecond(at), what) {
            events.push(Event { at, what });
        }
    }
    events.reverse();
    Ok(events)
}

/// At most `limit` events after a number. One that this version does not understand is `None` there.
pub(super) fn events_after(
    db: &Connection,
    number: i64,
    limit: usize,
) -> Result<Vec<(i64, Event)>> {
    let sql = "SELECT id, at, what FROM event WHERE id > ?1 ORDER BY id LIMIT ?2";
    let mut select = db.prepare_cached(sql)?;
    let mut rows = select.query(params![number, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, at, what): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let what = serde_json::from_str(&what).ok();
        if let (Ok(at), Some(what)) = (Timestamp::from_microsecond(at), what) {
            events.push((id, Event { at, what }));
        }
    }
    Ok(events)
}

/// How the text of a flag that came or went begins, whatever the flag.
const CAME: &str = r#"{"kind":"flag","details":{"change":"raised",%"#;
const WENT: &str = r#"{"kind":"flag","details":{"change":"cleared",%"#;

pub(super) fn flags(
    db: &Connection,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> Result<Vec<(Timestamp, FlagChange)>> {
    let wanted = "FROM event WHERE at >= ?1 AND at < ?2 AND (what LIKE ?4 OR what LIKE ?5)";
    let sql = format!(
        "SELECT at, what {wanted} AND at >= coalesce((SELECT at {wanted} ORDER BY at DESC LIMIT 1 OFFSET ?3), ?1) ORDER BY at DESC, id DESC"
    );
    let mut select = db.prepare_cached(&sql)?;
    let last = i64::try_from(limit.saturating_sub(1)).unwrap_or(i64::MAX);
    // A fraction of a microsecond belongs to the one that begins.
    let micros = |at: Timestamp| {
        at.as_microsecond() + i64::from(at.subsec_nanosecond().rem_euclid(1000) > 0)
    };
    let mut rows = select.query(params![micros(from), micros(to), last, CAME, WENT])?;
    let mut flags = Vec::new();
    while let Some(row) = rows.next()? {
        let (at, what): (i64, String) = (row.get(0)?, row.get(1)?);
        if let (Ok(at), Ok(Happening::Flag(change))) =
            (Timestamp::from_microsecond(at), serde_json::from_str(&what))
        {
            flags.push((at, change));
        }
    }
    Ok(flags)
}
