//! The reading side: one read-only connection, opened when somebody asks.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, params};
use solthrive_domain::day::{DaySummary, Summary};
use solthrive_domain::ids::RunId;
use solthrive_domain::minute::MinuteRow;

use super::batch::Event;
use super::calendar::{date_of, key_of};
use super::columns::{self, Fields, Span};
use super::detail;
use super::error::{OpenError, StoreError};
use super::names::Names;
use super::options::SavedLedger;
use super::packed::instant;
use super::place::Place;
use super::queue::Shared;
use super::{saved, schema};

/// A local month.
#[derive(Debug, Clone, PartialEq)]
pub struct MonthSummary {
    /// Its first day.
    pub first: Date,
    /// What happened.
    pub summary: Summary,
}

/// Reads the history. Cheap to clone; clones share a connection and take turns.
#[derive(Debug, Clone)]
pub struct Reader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// The daemon's store, where the reader is in the same process.
    beside: Option<Arc<Shared>>,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    db: Connection,
    generation: u64,
}

impl Reader {
    /// Reads the history in a data folder; whether a daemon works there does not matter.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none, [`StoreError::Newer`] or
    /// [`StoreError::Unreadable`] when it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = Place::new(folder).database();
        if !path.exists() {
            return Err(StoreError::Missing(path));
        }
        let reader = Self(Arc::new(Inner {
            path,
            beside: None,
            open: Mutex::default(),
        }));
        reader.with(|_| Ok(()))?;
        Ok(reader)
    }

    pub(super) fn beside(path: PathBuf, shared: Arc<Shared>) -> Self {
        Self(Arc::new(Inner {
            path,
            beside: Some(shared),
            open: Mutex::default(),
        }))
    }

    /// Minute rows that start in `[from, to)`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the history cannot be read now.
    pub fn minutes(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<MinuteRow>, StoreError> {
        self.with(|db| read_minutes(db, from, to, limit))
    }

    /// Summaries of the local days in `[from, to)` that have any data, oldest first.
    ///
    /// # Errors
    /// When the history cannot be read now.
    pub fn days(&self, from: Date, to: Date) -> Result<Vec<DaySummary>, StoreError> {
        let of = |(date, summary)| DaySummary { date, summary };
        self.with(|db| {
            Ok(read_spans(db, "day", key_of(from), key_of(to))?
                .into_iter()
                .map(of)
                .collect())
        })
    }

    /// Summaries of the local months whose first day lies in `[from, to)` and that have any data.
    ///
    /// # Errors
    /// When the history cannot be read now.
    pub fn months(&self, from: Date, to: Date) -> Result<Vec<MonthSummary>, StoreError> {
        // The first month that starts at or after a day.
        let month = |day: Date| (key_of(day) + 98).div_euclid(100);
        let of = |(first, summary)| MonthSummary { first, summary };
        self.with(|db| {
            Ok(read_spans(db, "month", month(from), month(to))?
                .into_iter()
                .map(of)
                .collect())
        })
    }

    /// What happened in `[from, to)`, oldest first, at most the newest `limit`. What a newer version
    /// wrote and this one does not understand is left out.
    ///
    /// # Errors
    /// When the history cannot be read now.
    pub fn events(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.with(|db| read_events(db, from, to, limit))
    }

    /// End of the newest minute.
    ///
    /// # Errors
    /// When the history cannot be read now.
    pub fn newest(&self) -> Result<Option<Timestamp>, StoreError> {
        self.with(|db| Ok(newest(db)?.map(instant)))
    }

    /// The totals of the newest batch.
    ///
    /// # Errors
    /// When the history cannot be read now.
    pub fn ledger(&self) -> Result<Option<SavedLedger>, StoreError> {
        self.with(saved::get)
    }

    /// Opens the file where that is still to be done, and asks it.
    fn with<T>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let inner = &*self.0;
        let generation = inner
            .beside
            .as_ref()
            .map_or(0, |shared| shared.generation());
        let mut open = inner.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open
            .as_ref()
            .is_some_and(|open| open.generation != generation)
        {
            *open = None;
        }
        if open.is_none() {
            *open = Some(Open {
                db: open_file(&inner.path)?,
                generation,
            });
        }
        let db = open.as_ref().map(|open| &open.db);
        let answer = db
            .ok_or_else(|| StoreError::Missing(inner.path.clone()))
            .and_then(|db| ask(db).map_err(StoreError::Unreadable));
        if answer.is_err() {
            // Whatever it was, the next one starts afresh.
            *open = None;
        }
        answer
    }
}

fn open_file(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing(path.to_owned()));
    }
    schema::open_for_reading(path).map_err(|error| match error {
        OpenError::Newer { found, known } => StoreError::Newer {
            path: path.to_owned(),
            found,
            known,
        },
        OpenError::Sqlite(error) => StoreError::Unreadable(error),
        error => StoreError::File {
            path: path.to_owned(),
            error: std::io::Error::other(error),
        },
    })
}

fn read_minutes(
    db: &Connection,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<MinuteRow>> {
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

fn read_spans(
    db: &Connection,
    table: &str,
    from: i64,
    to: i64,
) -> rusqlite::Result<Vec<(Date, Summary)>> {
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

/// How much of a span has passed: up to the end of the newest minute that is stored.
fn elapsed(span: &Span, end: Option<i64>) -> Duration {
    let passed = end.map_or(span.to, |end| end.clamp(span.from, span.to)) - span.from;
    Duration::from_secs(u64::try_from(passed).unwrap_or(0) * 60)
}

fn newest(db: &Connection) -> rusqlite::Result<Option<i64>> {
    let id: Option<i64> = db
        .query_row("SELECT max(id) FROM minute", [], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(id.map(|id| columns::minute_of_id(id) + 1))
}

fn read_events(
    db: &Connection,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<Event>> {
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
