//! The one write connection and what it knows by heart.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{
    Connection, OptionalExtension as _, Transaction, TransactionBehavior, params, params_from_iter,
};
use solthrive_domain::ids::RunId;
use solthrive_domain::minute::MinuteRow;

use super::batch::{Batch, Event, Happening};
use super::calendar::Calendar;
use super::columns::{self, Fields};
use super::error::OpenError;
use super::names::Names;
use super::options::Options;
use super::packed::{Packed, minute_of};
use super::place::Identity;
use super::retain::{self, Retention, Space};
use super::rollup::Rollup;
use super::{delivery, detail, open, saved};

/// An open history.
#[derive(Debug)]
pub(super) struct Session {
    db: Connection,
    calendar: Calendar,
    retention: Retention,
    checked: bool,
    file: Option<Identity>,
    memory: Memory,
    run: RunId,
}

/// What is read once and kept in step; read again after a transaction that failed.
#[derive(Debug)]
struct Memory {
    names: Names,
    runs: BTreeMap<RunId, i64>,
    rollup: Rollup,
}

/// A batch on its way.
#[derive(Debug)]
pub(super) struct Shipment<'a> {
    pub(super) batch: &'a Batch,
    /// Grows with each attempt.
    pub(super) number: i64,
    /// How the disk is doing.
    pub(super) space: Space,
    /// Nothing comes after this: the stop was a proper one.
    pub(super) last: bool,
}

impl Session {
    /// `file` is the one that was opened; `checked`: the whole of it was found sound.
    pub(super) fn new(
        db: Connection,
        options: &Options,
        file: Option<Identity>,
        checked: bool,
    ) -> rusqlite::Result<Self> {
        let calendar = Calendar::new(options.zone.clone());
        let memory = Memory::load(&db, &calendar)?;
        Ok(Self {
            db,
            calendar,
            retention: Retention::new(options),
            checked,
            file,
            memory,
            run: options.run,
        })
    }

    /// Whether what is written here is found again under the history's name.
    pub(super) fn is_at(&self, file: Option<Identity>) -> bool {
        self.file == file
    }

    /// Somebody read nonsense: the whole file is to be looked at again.
    pub(super) fn doubt(&mut self) {
        self.checked = false;
    }

    /// Looks at the whole file where that is still to be done.
    pub(super) fn verify(&mut self) -> Result<(), OpenError> {
        if !self.checked {
            // Pages that are still in memory would be found sound whatever is on the disk.
            self.db.execute_batch("PRAGMA shrink_memory")?;
            open::check(&self.db, "PRAGMA quick_check(1)")?;
            self.checked = true;
        }
        Ok(())
    }

    /// Stores a batch whole or not at all. Rows that are there already stay as they are.
    pub(super) fn store(&mut self, shipment: &Shipment<'_>) -> rusqlite::Result<()> {
        let tx = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        let done = fill(
            &tx,
            shipment,
            self.run,
            &mut self.memory,
            &mut self.retention,
        )
        .and_then(|()| tx.commit());
        if done.is_err() {
            // What was learned in the transaction is not in the file.
            self.memory = Memory::load(&self.db, &self.calendar)?;
        }
        done
    }

    /// Gives free space back. Worth a try only: it is done again with the next batch.
    pub(super) fn shrink(&self, space: Space) {
        if let Err(error) = retain::shrink(&self.db, space) {
            tracing::debug!(%error, "free pages could not be given back");
        }
    }

    /// Makes room in a file that cannot grow, by dropping the oldest minutes; returns how many.
    pub(super) fn relieve(&mut self, rows: i64) -> rusqlite::Result<usize> {
        let dropped = retain::relieve(&self.db, rows)?;
        self.memory = Memory::load(&self.db, &self.calendar)?;
        Ok(dropped)
    }

    /// The end: the log goes back into the file, as far as readers let it.
    pub(super) fn finish(&self) {
        retain::checkpoint(&self.db, "TRUNCATE");
    }

    /// Whether this batch is there after all: a commit can fail after it took effect.
    pub(super) fn has(&self, number: i64) -> rusqlite::Result<bool> {
        let sql = "SELECT count(*) FROM state JOIN run ON run.seq = state.run WHERE run.run = ?1 AND state.batch = ?2";
        let count: i64 = self
            .db
            .query_row(sql, params![self.run.to_string(), number], |row| row.get(0))?;
        Ok(count > 0)
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> Option<u64> {
        let number = |name| {
            self.db
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .ok()
        };
        let bytes = number("page_count")?.checked_mul(number("page_size")?)?;
        u64::try_from(bytes).ok()
    }
}

impl Memory {
    fn load(db: &Connection, calendar: &Calendar) -> rusqlite::Result<Self> {
        Ok(Self {
            names: Names::load(db)?,
            runs: BTreeMap::new(),
            rollup: Rollup::new(calendar.clone()),
        })
    }

    /// The number of a run, entered when it is new.
    fn number(&mut self, db: &Connection, run: RunId) -> rusqlite::Result<i64> {
        if let Some(number) = self.runs.get(&run) {
            return Ok(*number);
        }
        let number = number_of_run(db, run)?;
        self.runs.insert(run, number);
        Ok(number)
    }

    fn put_minute(&mut self, db: &Connection, row: &MinuteRow) -> rusqlite::Result<()> {
        let packed = Packed::of(row, self.number(db, row.run)?);
        self.rollup.enter(db, packed.minute)?;
        let blob = detail::encode(&packed, |name| self.names.number(db, name))?;
        let columns = columns::minute_columns(Fields::All);
        let sql = format!(
            "INSERT OR IGNORE INTO minute ({columns}) VALUES ({})",
            columns::placeholders(&columns)
        );
        let stored = db
            .prepare_cached(&sql)?
            .execute(params_from_iter(columns::minute_values(&packed, blob)))?;
        if stored == 1 {
            self.rollup.add(&packed);
        } else {
            tracing::warn!(start = %row.start, part = row.part, "this minute is stored already; the first one stays");
        }
        Ok(())
    }
}

fn fill(
    db: &Connection,
    shipment: &Shipment<'_>,
    run: RunId,
    memory: &mut Memory,
    retention: &mut Retention,
) -> rusqlite::Result<()> {
    let batch = shipment.batch;
    for row in &batch.minutes {
        memory.put_minute(db, row)?;
    }
    memory.rollup.write(db)?;
    for event in &batch.events {
        put_event(db, event)?;
    }
    for (at, entry) in &batch.entries {
        put_event(
            db,
            &Event {
                at: *at,
                what: Happening::Ledger(entry.clone()),
            },
        )?;
    }
    let number = memory.number(db, run)?;
    if let Some(at) = batch.started {
        restamp_start(db, number, at)?;
    }
    saved::put(db, number, shipment.number, batch.at, batch.ledger.as_ref())?;
    delivery::put(db, &batch.samples)?;
    if let Some(progress) = &batch.progress {
        delivery::put_progress(db, progress)?;
        delivery::drop_told(db, progress)?;
    }
    if let Some(now) = batch.minutes.iter().map(|row| minute_of(row.start)).max() {
        retention.prune(db, now, shipment.space)?;
    }
    if shipment.last {
        db.execute("UPDATE run SET clean = 1 WHERE seq = ?1", [number])?;
    }
    Ok(())
}

/// The start was entered with the time that the clock showed then.
fn restamp_start(db: &Connection, run: i64, at: Timestamp) -> rusqlite::Result<()> {
    let at = at.as_microsecond();
    let events = "UPDATE event SET at = ?2 WHERE at = (SELECT started FROM run WHERE seq = ?1)";
    db.execute(events, [run, at])?;
    db.execute("UPDATE run SET started = ?2 WHERE seq = ?1", [run, at])?;
    Ok(())
}

fn number_of_run(db: &Connection, run: RunId) -> rusqlite::Result<i64> {
    let name = run.to_string();
    let find = "SELECT seq FROM run WHERE run = ?1";
    if let Some(number) = db.query_row(find, [&name], |row| row.get(0)).optional()? {
        return Ok(number);
    }
    let insert = "INSERT INTO run (run, version, started) VALUES (?1, '', 0)";
    db.execute(insert, [&name])?;
    Ok(db.last_insert_rowid())
}

/// Writes an event.
pub(super) fn put_event(db: &Connection, event: &Event) -> rusqlite::Result<()> {
    let what = serde_json::to_string(&event.what)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let sql = "INSERT INTO event (at, what) VALUES (?1, ?2)";
    db.prepare_cached(sql)?
        .execute(params![event.at.as_microsecond(), what])?;
    Ok(())
}
