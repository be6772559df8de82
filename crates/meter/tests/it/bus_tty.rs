//! A bus on a real pseudo-terminal: ports that vanish, ports in use, and what the thread costs.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use solthrive_meter::bus::{
    BusConfig, BusCycle, BusStatus, FaultKind, Link, MeterConfig, MeterOutcome, Pace, SystemPace,
    run_bus,
};
use solthrive_meter::discover::{PortSelector, Roots, UsbId};
use solthrive_meter::line::{Parity, SerialSettings};

use crate::bus_virtual::{answering, meter};
use crate::random_profile::profile_with;
use crate::rtu_faults::ms;
use crate::rtu_line::ScriptedMeter;

const LINE: SerialSettings = SerialSettings {
    baud: 115_200,
    parity: Parity::None,
    stop_bits: 1,
};
/// Far beyond what any of this takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bus thread. Dropping it stops it.
pub(crate) struct RunningBus {
    cycles: Receiver<BusCycle>,
    pub status: Arc<Mutex<BusStatus>>,
    stop: Arc<AtomicBool>,
    pace: Arc<SystemPace>,
    thread: Option<JoinHandle<()>>,
}

impl RunningBus {
    pub(crate) fn start(config: BusConfig) -> Self {
        let (send, cycles) = channel();
        let status = Arc::new(Mutex::new(BusStatus::new(&config)));
        let (stop, pace) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(SystemPace::new()),
        );
        let thread = std::thread::spawn({
            let (status, stop, pace) = (Arc::clone(&status), Arc::clone(&stop), Arc::clone(&pace));
            move || {
                run_bus(config, pace, &stop, status, &mut |cycle| {
                    drop(send.send(cycle));
                });
            }
        });
        Self {
            cycles,
            status,
            stop,
            pace,
            thread: Some(thread),
        }
    }

    /// The first poll whose first meter is as wanted.
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&MeterOutcome) -> bool) -> BusCycle {
        let deadline = self.pace.now() + PATIENCE;
        let mut last = None;
        while self.pace.now() < deadline {
            let Ok(cycle) = self.cycles.recv_timeout(PATIENCE) else {
                break;
            };
            if wanted(&cycle.meters[0].outcome) {
                return cycle;
            }
            last = Some(cycle);
        }
        panic!("{what} did not come; last: {last:?}");
    }

    pub(crate) fn status(&self) -> BusStatus {
        self.status.lock().unwrap().clone()
    }
}

impl Drop for RunningBus {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.pace.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(crate) fn is_read(outcome: &MeterOutcome) -> bool {
    matches!(outcome, MeterOutcome::Read(_))
}

fn failed_with(kind: FaultKind) -> impl Fn(&MeterOutcome) -> bool {
    move |outcome| matches!(outcome, MeterOutcome::Failed { fault, .. } if *fault == kind)
}

fn small() -> MeterConfig {
    let profile = profile_with(
        "  v_l1: {address: 0}\n  e_imp: {address: 100, type: u32}\n",
        60,
        false,
    );
    meter(1, &profile)
}

fn config(port: PortSelector) -> BusConfig {
    let link = Link::Serial {
        port,
        settings: LINE,
    };
    BusConfig {
        poll_every: ms(100),
        ..BusConfig::new("bus", link, vec![small()])
    }
}

fn plugged_in() -> ScriptedMeter {
    let script = answering(LINE, 1..=1, |_, address| Some(address));
    ScriptedMeter::start(script, Arc::new(SystemPace::new()))
}

/// Shows the pseudo-terminal to `roots` as the FTDI adapter, under the name it has now.
fn show(roots: &Roots, meter: &ScriptedMeter) {
    for root in [&roots.dev, &roots.sys] {
        let _ = std::fs::remove_dir_all(root);
    }
    let name = meter.path.file_name().unwrap();
    let usb = roots.sys.join("devices/usb1/1-1");
    std::fs::create_dir_all(usb.join("tty").join(name)).unwrap();
    for (property, text) in [
        ("idVendor", "0403"),
        ("idProduct", "6001"),
        ("serial", "A50285BI"),
    ] {
        std::fs::write(usb.join(property), text).unwrap();
    }
    let class = roots.sys.join("class/tty").join(name);
    std::fs::create_dir_all(&class).unwrap();
    symlink(usb.join("tty").join(name), class.join("device")).unwrap();
    let by_id = roots.dev.join("serial/by-id");
    std::fs::create_dir_all(&by_id).unwrap();
    symlink(&meter.path, roots.dev.join(name)).unwrap();
    symlink(&meter.path, by_id.join("usb-FTDI-port0")).unwrap();
}

fn roots(dir: &Path) -> Roots {
    Roots {
        dev: dir.join("dev"),
        sys: dir.join("sys"),
    }
}

#[rstest::rstest]
#[case::named_by_its_path(None)]
#[case::named_by_its_link(Some(PortSelector::ById("usb-FTDI-port0".into())))]
#[case::named_by_its_usb_identity(Some(PortSelector::UsbId(UsbId { vid: 0x0403, pid: 0x6001, serial: None })))]
fn an_adapter_plugged_in_again_under_another_name_is_polled_on(
    #[case] selector: Option<PortSelector>,
) {
    let dir = tempfile::tempdir().unwrap();
    let roots = roots(&dir.path().canonicalize().unwrap());
    let first = plugged_in();
    show(&roots, &first);
    let by_path = || PortSelector::Path(roots.dev.join(first.path.file_name().unwrap()));
    let port = selector.unwrap_or_else(by_path);
    let bus = RunningBus::start(BusConfig {
        roots: roots.clone(),
        ..config(port)
    });
    bus.until("the first reading", is_read);

    // Held while the first one goes, so that the kernel gives it another name.
    let second = plugged_in();
    assert_ne!(first.path, second.path);
    drop(first);
    bus.until("the loss", failed_with(FaultKind::PortGone));
    assert!(!bus.status().open);
    show(&roots, &second);
    bus.until("a reading by the new name", is_read);

    let status = bus.status();
    assert!(status.open && status.reopened >= 1, "{status:?}");
    assert!(status.errors.port_gone >= 1, "{:?}", status.errors);
    assert!(second.requests() > 0);
}

#[test]
fn a_bus_whose_port_another_program_holds_says_so_and_takes_over_when_it_is_free() {
    let line = plugged_in();
    let port = || PortSelector::Path(line.path.clone());
    let first = RunningBus::start(config(port()));
    first.until("the first reading", is_read);
    let second = RunningBus::start(config(port()));
    second.until("the refusal", failed_with(FaultKind::PortBusy));
    assert!(second.status().errors.port_busy >= 1);
    first.until("undisturbed readings", is_read);
    drop(first);
    second.until("a reading of its own", is_read);
}

#[test]
fn a_stop_ends_a_bus_at_once_and_frees_its_port() {
    let line = plugged_in();
    let port = || PortSelector::Path(line.path.clone());
    let slow = BusConfig {
        poll_every: Duration::from_secs(3600),
        ..config(port())
    };
    drop(RunningBus::start(slow));
    let bus = RunningBus::start(config(port()));
    bus.until("a reading", is_read);
}

/// Voluntary context switches of this thread since it started: each is a time it slept.
fn switches() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("voluntary_ctxt_switches"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_bus_thread_wakes_up_at_most_twice_a_request_and_once_a_poll() {
    const POLLS: u64 = 60;
    const SETTLED: u64 = 10;
    let line = plugged_in();
    // Ten polls a second in place of one: what an answer is guarded against is scaled with it.
    let quarantine = Some(ms(50));
    let config = BusConfig {
        quarantine,
        ..config(PortSelector::Path(line.path.clone()))
    };
    let status = Arc::new(Mutex::new(BusStatus::new(&config)));
    let stop = AtomicBool::new(false);
    let (mut polls, mut at_start) = (0, (0, 0));
    let mut measured = (0, 0);
    run_bus(
        config,
        Arc::new(SystemPace::new()),
        &stop,
        Arc::clone(&status),
        &mut |_| {
            polls += 1;
            let now = (switches(), status.lock().unwrap().requests);
            if polls == SETTLED {
                at_start = now;
            }
            measured = (now.0 - at_start.0, now.1 - at_start.1);
            stop.store(polls == POLLS, Ordering::Release);
        },
    );
    let (slept, requests) = measured;
    println!(
        "{slept} voluntary context switches for {requests} requests in {} polls",
        POLLS - SETTLED
    );
    // A busy machine makes answers come later than a sleep planned for; those wait once more.
    assert!(
        slept <= 2 * requests + (POLLS - SETTLED) + 10,
        "{slept} for {requests} requests"
    );
    assert_eq!(line.seen(|seen| seen.violations(LINE)), 0);
}
