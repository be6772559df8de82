//! The reading side: one read-only connection, opened when somebody asks.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Connection;
use solthrive_domain::day::{DaySummary, Summary};
use solthrive_domain::delivery::Span;
use solthrive_domain::flagboard::FlagChange;
use solthrive_domain::minute::MinuteRow;

use super::batch::Event;
use super::calendar::key_of;
use super::delivery::Numbered;
use super::error::{OpenError, StoreError, Trouble};
use super::options::SavedLedger;
use super::packed::instant;
use super::place::Place;
use super::queue::Shared;
use super::{delivery, query, saved, schema};

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

    /// A reader of the same history that waits for no other reader.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self(Arc::new(Inner {
            path: self.0.path.clone(),
            beside: self.0.beside.clone(),
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
        self.with(|db| query::minutes(db, from, to, limit))
    }

    /// Summaries of the local days in `[from, to)` that have any data, oldest first.
    ///
    /// # Errors
    /// When the history cannot be read now.
    pub fn days(&self, from: Date, to: Date) -> Result<Vec<DaySummary>, StoreError> {
        let of = |(date, summary)| DaySummary { date, summary };
        self.with(|db| {
            Ok(query::spans(db, "day", key_of(from), key_of(to))?
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
            Ok(query::spans(db, "month", month(from), month(to))?
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
        self.with(|db| query::events(db, from, to, limit))
    }

    /// Flags that came and went in `[from, to)`, newest first: `limit` of them, and those of the same
    /// instant as the last, so that who reads on before that instant misses none.
    ///
    /// # Errors
    /// When the history cannot be read now.
    pub fn flags(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, FlagChange)>, StoreError> {
        self.with(|db| query::flags(db, from, to, limit))
    }

    /// Samples for the cloud with a number in a span, in order.
    ///
    /// # Errors
    /// When the history cannot be read now.
    pub fn samples(&self, span: Span) -> Result<Vec<Numbered>, StoreError> {
        self.with(|db| delivery::get(db, span))
    }

    /// Number of the oldest and of the newest stored sample.
    ///
    /// # Errors
    /// When the history cannot be read now.
    pub fn sample_numbers(&self) -> Result<Option<Span>, StoreError> {
        self.with(delivery::known)
    }

    /// At most `limit` events after the one with this number, each with its own, oldest first.
    ///
    /// # Errors
    /// When the history cannot be read now.
    pub fn events_after(&self, number: i64, limit: usize) -> Result<Vec<(i64, Event)>, StoreError> {
        self.with(|db| query::events_after(db, number, limit))
    }

    /// End of the newest minute.
    ///
    /// # Errors
    /// When the history cannot be read now.
    pub fn newest(&self) -> Result<Option<Timestamp>, StoreError> {
        self.with(|db| Ok(query::newest(db)?.map(instant)))
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
        if let (Err(StoreError::Unreadable(error)), Some(shared)) = (&answer, &inner.beside)
            && Trouble::of(error) == Trouble::Damaged
        {
            shared.suspect();
        }
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
