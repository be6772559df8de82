//! The store thread: takes what was submitted and carries it to the disk, again and again if it must.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Error as SqliteError;
use solthrive_domain::ledger::LedgerState;

use super::batch::{Batch, Event, Happening};
use super::error::{Failure, Trouble, with_causes};
use super::open;
use super::options::{Opened, Options};
use super::place::{Lock, Place};
use super::queue::{Shared, Taken};
use super::retain::{Space, TIGHT};
use super::saved::Copy;
use super::session::{Session, Shipment};

/// The totals are copied beside the history with every so many batches.
const COPY_EVERY: u64 = 15;
/// After so many crashes without a stored batch between them, what waits is given up: it may be what
/// the writer trips over.
const PATIENCE_WITH_ROWS: u32 = 3;
/// Rows dropped to make room in a file that cannot grow, attempt by attempt.
const RELIEF: [i64; 3] = [60, 600, 6000];

/// Cannot be: it was opened just before.
const NO_SESSION: Failure = Failure::Write(SqliteError::InvalidQuery);

/// Everything the store thread owns.
pub(super) struct Writer {
    pub(super) place: Place,
    options: Options,
    /// `None` while the folder is out of reach.
    lock: Option<Lock>,
    /// `None` while the history is out of reach.
    session: Option<Session>,
    opened: Opened,
    shared: Arc<Shared>,
    /// What is not known to be stored.
    waiting: Batch,
    /// What came since, while it is not even known whether `waiting` is stored; bounded alike.
    later: Batch,
    /// Number of the last attempt.
    number: i64,
    /// Whether that attempt failed while it was written, so that it may be there all the same.
    doubtful: bool,
    /// The file was found damaged and is to be set aside.
    damaged: bool,
    turns: u64,
    /// When the newest batch was that knew.
    known: Option<Timestamp>,
    /// Crashes since a batch was stored.
    crashes: u32,
}

impl Writer {
    pub(super) fn new(
        place: Place,
        options: Options,
        lock: Option<Lock>,
        session: Option<Session>,
        opened: Opened,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            place,
            options,
            lock,
            session,
            opened,
            shared,
            waiting: Batch::default(),
            later: Batch::default(),
            number: 0,
            doubtful: false,
            damaged: false,
            turns: 0,
            known: None,
            crashes: 0,
        }
    }

    /// The one that goes on after this one panicked: it opens the history anew, and has what waited.
    /// The batch in hand may be stored or not, as after a commit that failed.
    pub(super) fn after_crash(self) -> Self {
        let crashes = self.crashes + 1;
        let mut next = Self {
            waiting: self.waiting,
            later: self.later,
            number: self.number,
            doubtful: true,
            turns: self.turns,
            known: self.known,
            crashes,
            ..Self::new(
                self.place,
                self.options,
                self.lock,
                None,
                self.opened,
                self.shared,
            )
        };
        if crashes >= PATIENCE_WITH_ROWS {
            next.give_up();
        }
        let waiting = next.in_memory();
        tracing::error!(
            crashes,
            waiting,
            "the store's thread crashed; it goes on with the next batch"
        );
        next.shared.note(|health| {
            health.crashes += 1;
            health.error =
                Some("the part that stores crashed; please send the log to support".to_owned());
            health.waiting = waiting;
        });
        next
    }

    /// Lets go of everything that waits but the totals.
    fn give_up(&mut self) {
        let mut all = std::mem::take(&mut self.waiting);
        let _ = all.merge(std::mem::take(&mut self.later));
        let rows = all.minutes.len() as u64;
        self.waiting = Batch {
            at: all.at,
            started: all.started,
            ledger: all.ledger,
            ..Batch::default()
        };
        let event = self.note_lost(rows);
        self.waiting.events.extend(event);
    }

    /// Runs until the store is closed.
    pub(super) fn run(&mut self) {
        loop {
            let taken = self.shared.take();
            let closing = taken.closing;
            self.turn(taken);
            if closing {
                break;
            }
        }
        if let Some(session) = self.session.take() {
            session.finish();
        }
        let waiting = self.in_memory();
        if waiting > 0 {
            tracing::error!(
                rows = waiting,
                "the service ends and rows could not be stored"
            );
        }
    }

    fn turn(&mut self, taken: Taken) {
        let closing = taken.closing;
        // First of all: what is in hand outlives a crash from here on.
        self.accept(taken);
        let free = (self.options.free_space)(self.place.folder());
        self.shared.note(|health| health.free = free);
        let space = match free {
            Some(free) if free < TIGHT => Space::Full,
            _ if self.shared.health().is_low() => Space::Low,
            _ => Space::Enough,
        };
        self.place.reserve(free);
        let due = closing || self.turns.is_multiple_of(COPY_EVERY);
        let newest = self.later.ledger.as_ref().or(self.waiting.ledger.as_ref());
        let totals = newest.filter(|_| due).cloned();
        let at = self.later.at.or(self.waiting.at);
        let settled = self.settle();
        self.turns += 1;
        let proper = closing && !self.shared.is_failed();
        match settled.and_then(|()| self.ship(space, proper)) {
            Ok(()) => self.stored(space),
            Err(error) => self.failed(&error),
        }
        if let Some(totals) = totals {
            self.copy(at, totals);
        }
    }

    /// A commit that failed may have taken effect all the same: then nothing of it is stored again.
    /// Only when that is known, what came later joins it.
    fn settle(&mut self) -> Result<(), Failure> {
        if self.doubtful {
            let number = self.number;
            if self.reach()?.has(number)? {
                self.waiting = Batch::default();
            }
            self.doubtful = false;
        }
        let later = std::mem::take(&mut self.later);
        let lost = self.waiting.merge(later);
        let event = self.note_lost(lost);
        self.waiting.events.extend(event);
        Ok(())
    }

    fn accept(&mut self, taken: Taken) {
        let Taken {
            batch,
            lost,
            closing,
        } = taken;
        self.known = batch.at.max(batch.started).or(self.known);
        let lost = lost + self.later.merge(batch);
        let event = self.note_lost(lost);
        self.later.events.extend(event);
        if closing && !self.shared.is_failed() {
            let run = self.options.run;
            let at = self.about_now();
            let what = Happening::Stopped { run };
            self.later.events.push(Event { at, what });
        }
    }

    fn note_lost(&self, rows: u64) -> Option<Event> {
        if rows == 0 {
            return None;
        }
        self.shared.note(|health| health.lost += rows);
        Some(Event {
            at: self.about_now(),
            what: Happening::RowsLost { rows },
        })
    }

    /// As of the newest batch. Without one, a machine without a clock battery may show any time; it
    /// cannot be before what is stored.
    fn about_now(&self) -> Timestamp {
        let now = self.options.now;
        let earliest = self.opened.newest.map_or(now, |newest| newest.max(now));
        self.known.unwrap_or(earliest)
    }

    /// Minute rows that are not known to be stored.
    fn in_memory(&self) -> usize {
        self.waiting.minutes.len() + self.later.minutes.len()
    }

    /// Stores what waits; makes room, or a new file, where that is what it takes.
    fn ship(&mut self, space: Space, last: bool) -> Result<(), Failure> {
        let mut relief = RELIEF.into_iter();
        let mut fresh = false;
        loop {
            match self.attempt(space, last) {
                Ok(()) => return Ok(()),
                Err(error) => match error.trouble() {
                    Trouble::Full => self.make_room(relief.next(), error)?,
                    Trouble::Damaged if !fresh => {
                        fresh = true;
                        self.session = None;
                        self.damaged = true;
                    }
                    Trouble::Damaged | Trouble::Later => return Err(error),
                },
            }
        }
    }

    fn attempt(&mut self, space: Space, last: bool) -> Result<(), Failure> {
        self.number += 1;
        let suspect = self.shared.is_suspect();
        self.reach()?;
        // What waits stays where a crash leaves it.
        let session = self.session.as_mut().ok_or(NO_SESSION)?;
        if suspect {
            session.doubt();
        }
        session.verify()?;
        session.store(&Shipment {
            batch: &self.waiting,
            number: self.number,
            space,
            last,
        })?;
        Ok(())
    }

    /// On a full disk: the reserved space first, then the oldest minutes, more each time.
    fn make_room(&mut self, rows: Option<i64>, full: Failure) -> Result<(), Failure> {
        let (Some(rows), Some(session)) = (rows, self.session.as_mut()) else {
            return Err(full);
        };
        let released = self.place.release();
        let dropped = match session.relieve(rows) {
            Err(error) if Trouble::of(&error) != Trouble::Full => return Err(error.into()),
            dropped => dropped.unwrap_or(0),
        };
        if released || dropped > 0 {
            tracing::warn!(
                dropped,
                released,
                "the disk is full; the oldest minutes went"
            );
            return Ok(());
        }
        Err(full)
    }

    /// The open history; opened first where it was out of reach.
    fn reach(&mut self) -> Result<&mut Session, Failure> {
        if self.lock.is_none() {
            self.lock = Some(self.place.lock()?);
        }
        let gone = |session: &Session| !session.is_at(self.place.identity());
        if self.session.as_ref().is_some_and(gone) {
            tracing::error!(
                "the history was removed or replaced while it was open; what is there now is gone on with"
            );
            self.session = None;
        }
        if self.session.is_none() {
            let (session, opened) = open::open(&self.place, &self.options, self.damaged)?;
            self.damaged = false;
            self.note_set_aside(opened.set_aside);
            self.session = Some(session);
            self.shared.renew();
        }
        self.session.as_mut().ok_or(NO_SESSION)
    }

    fn note_set_aside(&self, name: Option<String>) {
        if name.is_some() {
            self.shared.note(|health| health.set_aside = name);
        }
    }

    fn stored(&mut self, space: Space) {
        let batch = std::mem::take(&mut self.waiting);
        self.crashes = 0;
        let size = self.session.as_ref().and_then(|session| {
            session.shrink(space);
            session.size()
        });
        let newest = batch.minutes.iter().map(|row| row.start).max();
        self.shared.note(|health| {
            if health.error.take().is_some() {
                tracing::info!("the history can be written again");
            }
            health.stored += batch.minutes.len() as u64;
            health.commits += 1;
            health.newest = health.newest.max(newest);
            health.waiting = 0;
            health.size = size;
        });
    }

    fn failed(&mut self, error: &Failure) {
        self.doubtful |= matches!(error, Failure::Write(_));
        let waiting = self.in_memory();
        if error.trouble() == Trouble::Later {
            // The card may have been gone: what is open may lead nowhere.
            self.session = None;
        }
        let text = with_causes(error);
        self.shared.note(|health| {
            if health.error.as_ref() != Some(&text) {
                tracing::error!(error = %text, waiting, "the history cannot be written; rows wait in memory");
            }
            health.error = Some(text);
            health.waiting = waiting;
        });
    }

    fn copy(&self, at: Option<Timestamp>, ledger: LedgerState) {
        let (boot, boot_count, starts) = (
            self.options.boot.clone(),
            self.opened.boot_count,
            self.opened.starts_since_boot,
        );
        let copy = Copy {
            at,
            boot,
            boot_count,
            starts,
            ledger,
        };
        if let Err(error) = copy.write(&self.place.copy()) {
            tracing::debug!(%error, "the copy of the totals could not be written");
        }
    }
}

#[cfg(test)]
mod tests;
