//! The store as the rest of the appliance sees it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::batch::Batch;
use super::error::StoreError;
use super::health::Health;
use super::open;
use super::options::{Opened, Options};
use super::place::Place;
use super::queue::{Farewell, Shared};
use super::reader::Reader;
use super::session::Session;
use super::writer::Writer;

/// How long the end of the service waits for the disk.
const FAREWELL: Duration = Duration::from_secs(10);

/// The history, written by a thread of its own. Cheap to clone; the last clone that goes closes it.
#[derive(Debug, Clone)]
pub struct Store(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    reader: Reader,
}

impl Store {
    /// Opens the history and starts its thread.
    ///
    /// A damaged history is set aside and a new one begins. One that is out of reach (no folder,
    /// no permission, a card that is gone) is no reason not to poll: rows wait in memory, and
    /// [`Store::health`] says so.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another daemon has the folder, [`StoreError::Newer`] when a newer
    /// version wrote the history, [`StoreError::File`] when there can be no thread.
    pub fn open(options: Options) -> Result<(Self, Opened), StoreError> {
        let place = Place::new(&options.folder);
        let mut health = Health {
            low_space: options.low_space,
            free: (options.free_space)(place.folder()),
            ..Health::default()
        };
        let lock = unless_fatal(place.lock(), &mut health)?;
        let reached = match lock {
            Some(_) => unless_fatal(open::open(&place, &options, false), &mut health)?,
            None => None,
        };
        let (session, opened) = match reached {
            Some((session, opened)) => (Some(session), opened),
            None => (None, Opened::default()),
        };
        health.set_aside.clone_from(&opened.set_aside);
        health.size = session.as_ref().and_then(Session::size);
        let shared = Arc::new(Shared::new(health));
        let reader = Reader::beside(place.database(), Arc::clone(&shared));
        let writer = Writer::new(
            place,
            options,
            lock,
            session,
            opened.clone(),
            Arc::clone(&shared),
        );
        start(writer, Arc::clone(&shared))?;
        Ok((Self(Arc::new(Handle { shared, reader })), opened))
    }

    /// Hands over a batch. Never waits: while the disk cannot take it, it waits in memory, at most
    /// [`super::MOST_ROWS`] rows. To be called about once a minute, which is also when what failed
    /// is tried again.
    pub fn submit(&self, batch: Batch) {
        self.0.shared.submit(batch);
    }

    /// Waits until everything submitted was tried. False when that takes longer than `patience`,
    /// or something waits because it could not be stored.
    #[must_use]
    pub fn flush(&self, patience: Duration) -> bool {
        self.0.shared.settled(patience) && self.health().error.is_none()
    }

    /// How the store is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        self.0.shared.health()
    }

    /// The reading side.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.0.reader.clone()
    }

    /// Stores what waits, notes that the stop was a proper one, and ends the thread; waits at most
    /// ten seconds. What is submitted afterwards is dropped.
    pub fn close(&self) {
        self.0.close();
    }

    /// As [`Store::close`], when the service ends because something in it crashed: what waits is
    /// stored, but the next start learns that the stop was not a proper one.
    pub fn close_after_crash(&self) {
        self.0.shared.fail();
        self.0.close();
    }
}

impl Handle {
    fn close(&self) {
        if !self.shared.close(FAREWELL) {
            tracing::error!("the history did not close in time; the last minutes may be missing");
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

/// What another attempt can mend is left to the writer.
fn unless_fatal<T>(
    result: Result<T, StoreError>,
    health: &mut Health,
) -> Result<Option<T>, StoreError> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error @ (StoreError::InUse { .. } | StoreError::Newer { .. })) => Err(error),
        Err(error) => {
            let text = super::error::with_causes(&error);
            tracing::error!(error = %text, "the history is out of reach; rows wait in memory");
            health.error = Some(text);
            Ok(None)
        }
    }
}

fn start(writer: Writer, shared: Arc<Shared>) -> Result<(), StoreError> {
    let path = writer.place.folder().to_owned();
    let thread = thread::Builder::new().name("store".to_owned());
    let started = thread.spawn(move || {
        let _farewell = Farewell(Arc::clone(&shared));
        let mut writer = writer;
        // When this is over the file is closed and the folder free. A crash is tried again with the
        // next batch, a minute later: that is all the pause there needs to be.
        while catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
            writer = writer.after_crash();
            if shared.is_closing() {
                break;
            }
        }
    });
    started
        .map(drop)
        .map_err(|error| StoreError::File { path, error })
}
