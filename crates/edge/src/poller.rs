//! One thread per bus, each polling on the monotonic grid whatever the rest of the process does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{io, mem};

use solthrive_meter::bus::{BusConfig, BusCycle, BusStatus, Pace, SystemPace, run_bus};

use crate::vital::Vital;

/// Pause before a bus thread that panicked starts again.
const AFTER_CRASH: Duration = Duration::from_secs(1);

/// What the core thread hears.
#[derive(Debug)]
pub enum Heard {
    /// A poll of one bus.
    Cycle(BusCycle),
    /// A bus thread panicked and starts again.
    BusCrashed(String),
    /// The service stops: nothing comes after this.
    Stop,
}

/// Running bus threads.
pub struct Poller {
    threads: Vec<JoinHandle<()>>,
    /// Says that the last of them has ended, by having no sender left.
    running: Receiver<()>,
    stop: Arc<AtomicBool>,
    pace: Arc<SystemPace>,
    /// What each bus tells about itself, in the configuration's order.
    pub statuses: Vec<Arc<Mutex<BusStatus>>>,
}

impl Poller {
    /// Starts a thread for each bus; their cycles go to `heard`, and their end to `vital`.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start(
        buses: Vec<BusConfig>,
        pace: Arc<SystemPace>,
        heard: &Sender<Heard>,
        vital: &Vital,
    ) -> io::Result<Self> {
        let (runs, running) = channel();
        let mut poller = Self {
            threads: Vec::new(),
            running,
            stop: Arc::default(),
            pace,
            statuses: Vec::new(),
        };
        for config in buses {
            let status = Arc::new(Mutex::new(BusStatus::new(&config)));
            poller.statuses.push(Arc::clone(&status));
            let (stop, pace, heard) = (
                Arc::clone(&poller.stop),
                Arc::clone(&poller.pace),
                heard.clone(),
            );
            let name = format!("bus-{}", config.name);
            let marks = (vital.mark(name.clone()), runs.clone());
            let run = move || {
                let _marks = marks;
                keep_running(&config, &pace, &stop, &status, &heard);
            };
            poller.threads.push(
                thread::Builder::new()
                    .name(name)
                    .stack_size(256 * 1024)
                    .spawn(run)?,
            );
        }
        Ok(poller)
    }

    /// Asks every bus to stop: an idle one does at once, another after its exchange.
    pub fn ask_to_stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.pace.wake();
    }

    /// Waits until every bus has stopped; false when that takes longer than `patience`. Then a bus
    /// waits for a meter, and is left to end with the process.
    #[must_use]
    pub fn wait(&mut self, patience: Duration) -> bool {
        if self.running.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            return false;
        }
        for thread in mem::take(&mut self.threads) {
            // Panics are caught inside; there is nothing left to report.
            let _ = thread.join();
        }
        true
    }
}

#[cfg(test)]
impl Poller {
    /// Without any bus.
    pub(crate) fn idle() -> Self {
        let (vital, _) = crate::vital::vital();
        Self::start(
            Vec::new(),
            Arc::new(SystemPace::new()),
            &channel().0,
            &vital,
        )
        .unwrap()
    }

    /// Takes a thread for its only bus.
    pub(crate) fn adopt(&mut self, bus: impl FnOnce() + Send + 'static) {
        let (runs, running) = channel();
        self.running = running;
        self.threads.push(thread::spawn(move || {
            let _runs: Sender<()> = runs;
            bus();
        }));
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

/// A panic in a bus is a bug, but the other buses, the dashboard and, after a second, this bus go on.
fn keep_running(
    config: &BusConfig,
    pace: &Arc<SystemPace>,
    stop: &Arc<AtomicBool>,
    status: &Arc<Mutex<BusStatus>>,
    heard: &Sender<Heard>,
) {
    while !stop.load(Ordering::Acquire) {
        let mut sink = |cycle| {
            // The core thread outlives the buses; if it is gone, the process is ending.
            let _ = heard.send(Heard::Cycle(cycle));
        };
        let run = || {
            run_bus(
                config.clone(),
                Arc::clone(pace) as Arc<dyn Pace>,
                stop,
                Arc::clone(status),
                &mut sink,
            );
        };
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            tracing::error!(bus = %config.name, "the bus thread panicked; it starts again");
            let _ = heard.send(Heard::BusCrashed(config.name.clone()));
            pace.idle_until(pace.now() + AFTER_CRASH, stop);
        }
    }
}
