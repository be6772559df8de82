//! What lies between those who submit and the store thread: one batch that later ones merge into.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::batch::Batch;
use super::health::Health;

/// Shared by the store's handles, its readers and its thread.
#[derive(Debug, Default)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    health: Mutex<Health>,
    /// Grows when readers must open the file anew.
    generation: AtomicU64,
    /// A reader found damage.
    suspect: AtomicBool,
    /// The service ends because something in it crashed.
    failed: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    batch: Batch,
    /// Rows that did not fit since the thread last looked.
    lost: u64,
    /// Whether the thread works on what it took.
    busy: bool,
    closing: bool,
    done: bool,
}

/// Tells those who wait that the thread has ended, however it did.
pub(super) struct Farewell(pub(super) Arc<Shared>);

impl Drop for Farewell {
    fn drop(&mut self) {
        if thread::panicking() {
            let error = "the store's thread crashed; please send the log to support".to_owned();
            self.0.note(|health| health.error = Some(error));
        }
        self.0.done();
    }
}

/// What the thread works on next.
pub(super) struct Taken {
    pub(super) batch: Batch,
    pub(super) lost: u64,
    pub(super) closing: bool,
}

impl Shared {
    pub(super) fn new(health: Health) -> Self {
        Self {
            health: Mutex::new(health),
            ..Self::default()
        }
    }

    /// Adds a batch; never waits for the disk.
    pub(super) fn submit(&self, batch: Batch) {
        if batch.is_empty() {
            return;
        }
        let mut queue = lock(&self.queue);
        queue.lost += queue.batch.merge(batch);
        drop(queue);
        self.changed.notify_all();
    }

    /// Waits for work.
    pub(super) fn take(&self) -> Taken {
        let mut queue = lock(&self.queue);
        queue.busy = false;
        self.changed.notify_all();
        let idle = |queue: &mut Queue| queue.batch.is_empty() && !queue.closing;
        let mut queue = self
            .changed
            .wait_while(queue, idle)
            .unwrap_or_else(PoisonError::into_inner);
        queue.busy = true;
        let (batch, lost) = (
            std::mem::take(&mut queue.batch),
            std::mem::take(&mut queue.lost),
        );
        Taken {
            batch,
            lost,
            closing: queue.closing,
        }
    }

    /// Waits until everything submitted so far was tried; false when that takes too long.
    pub(super) fn settled(&self, patience: Duration) -> bool {
        let working = |queue: &mut Queue| !queue.done && (queue.busy || !queue.batch.is_empty());
        let waited = self
            .changed
            .wait_timeout_while(lock(&self.queue), patience, working);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Tells the thread to end and waits for it; false when that takes too long.
    pub(super) fn close(&self, patience: Duration) -> bool {
        lock(&self.queue).closing = true;
        self.changed.notify_all();
        let working = |queue: &mut Queue| !queue.done;
        let waited = self
            .changed
            .wait_timeout_while(lock(&self.queue), patience, working);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Whether the thread was told to end.
    pub(super) fn is_closing(&self) -> bool {
        lock(&self.queue).closing
    }

    /// The stop that follows is not a proper one.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    /// Whether the stop is not a proper one.
    pub(super) fn is_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// The thread ends.
    fn done(&self) {
        lock(&self.queue).done = true;
        self.changed.notify_all();
    }

    pub(super) fn health(&self) -> Health {
        let queued = lock(&self.queue).batch.minutes.len();
        let mut health = lock(&self.health).clone();
        health.waiting += queued;
        health
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Health)) {
        change(&mut lock(&self.health));
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// A reader found damage: the thread should look.
    pub(super) fn suspect(&self) {
        self.suspect.store(true, Ordering::Release);
    }

    /// Whether a reader found damage since this was asked last.
    pub(super) fn is_suspect(&self) -> bool {
        self.suspect.swap(false, Ordering::AcqRel)
    }

    /// The file is another one now.
    pub(super) fn renew(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
