//! One thread per bus, each polling on the monotonic grid whatever the rest of the process does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{io, mem};

use solthrive_meter::bus::{BusConfig, BusCycle, BusStatus, Pace, SystemPace, run_bus};

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
    stop: Arc<AtomicBool>,
    pace: Arc<SystemPace>,
    /// What each bus tells about itself, in the configuration's order.
    pub statuses: Vec<Arc<Mutex<BusStatus>>>,
}

impl Poller {
    /// Starts a thread for each bus; their cycles go to `heard`.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start(
        buses: Vec<BusConfig>,
        pace: Arc<SystemPace>,
        heard: &Sender<Heard>,
    ) -> io::Result<Self> {
        let mut poller = Self {
            threads: Vec::new(),
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
            let run = move || keep_running(&config, &pace, &stop, &status, &heard);
            poller.threads.push(
                thread::Builder::new()
                    .name(name)
                    .stack_size(256 * 1024)
                    .spawn(run)?,
            );
        }
        Ok(poller)
    }

    /// Asks every bus to stop and waits until it has.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.pace.wake();
        for thread in mem::take(&mut self.threads) {
            // Panics are caught inside; there is nothing left to report.
            let _ = thread.join();
        }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.stop();
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
