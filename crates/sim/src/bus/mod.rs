//! Simulated meters on a bus: RTU on a pseudo-terminal, and TCP.
//!
//! Own servers over the meter crate's frames: a library's RTU server was seen to answer every unit,
//! and none can be told to be late, or to lie.

pub mod line;
mod pty;
mod rtu;
mod tcp;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, Timespec, poll};
use serde::Serialize;
use solthrive_meter::line::SerialSettings;

use crate::clock::Clock;
use crate::world::{Stamp, World};

pub use pty::SymlinkTaken;
pub(crate) use rtu::RtuServer;
pub(crate) use tcp::{TcpServer, TcpSpec};

/// How a serial bus behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineSpec {
    /// Baud, parity and stop bits.
    pub settings: SerialSettings,
    /// How long a meter thinks; at least the silence of 3.5 characters on a serial line.
    pub turnaround: Duration,
    /// Bytes that reach the client together, as from an adapter's FIFO.
    pub fifo_bytes: usize,
    /// A client that opened the port at another speed is not heard.
    pub strict_speed: bool,
}

impl Default for LineSpec {
    fn default() -> Self {
        Self {
            settings: SerialSettings::default(),
            turnaround: Duration::from_millis(5),
            fifo_bytes: 16,
            strict_speed: true,
        }
    }
}

/// What a bus saw since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct BusStats {
    /// Sound requests, to whatever unit.
    pub requests: u64,
    /// Replies sent, spoilt ones included.
    pub replies: u64,
    /// Of these, refusals.
    pub exceptions: u64,
    /// Requests that no meter answered: another unit's, or silenced by a fault.
    pub unanswered: u64,
    /// Bytes that were no sound request; a meter does not answer these.
    pub bad_frames: u64,
    /// Requests that came less than 3.5 characters after the last byte on the line.
    pub gap_violations: u64,
    /// Requests sent while a meter was still sending; lost.
    pub collisions: u64,
    /// Requests not heard because the client's speed is not the line's.
    pub wrong_speed: u64,
    /// Shortest silence before a request, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortest_gap_ms: Option<f64>,
    /// Times the adapter was pulled out.
    pub unplugged: u64,
    /// TCP connections accepted.
    pub connections: u64,
}

/// What the threads of a simulation share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    world: Mutex<World>,
    stats: Mutex<BusStats>,
    pub(crate) stop: AtomicBool,
    wakers: Mutex<Vec<UnixStream>>,
    pty_device: Mutex<Option<PathBuf>>,
}

impl Shared {
    pub(crate) fn new(clock: Clock, world: World) -> Self {
        Self {
            clock,
            world: Mutex::new(world),
            stats: Mutex::default(),
            stop: AtomicBool::new(false),
            wakers: Mutex::default(),
            pty_device: Mutex::default(),
        }
    }

    /// Now, on both clocks.
    pub(crate) fn now(&self) -> Stamp {
        Stamp {
            mono: self.clock.elapsed(),
            wall: self.clock.wall(),
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.world)
    }

    pub(crate) fn stats(&self) -> MutexGuard<'_, BusStats> {
        locked(&self.stats)
    }

    pub(crate) fn pty_device(&self) -> MutexGuard<'_, Option<PathBuf>> {
        locked(&self.pty_device)
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// A stream that becomes readable when something changed that a waiting thread must know.
    pub(crate) fn waker(&self) -> std::io::Result<UnixStream> {
        // Waking all for nothing drops the ends of threads that are gone.
        self.wake();
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        locked(&self.wakers).push(ours);
        Ok(theirs)
    }

    pub(crate) fn wake(&self) {
        // A thread that has ended has closed its end; its entry goes with the first failure.
        locked(&self.wakers).retain_mut(|waker| {
            !matches!(waker.write(&[1]), Err(error) if error.kind() != std::io::ErrorKind::WouldBlock)
        });
    }

    pub(crate) fn stop_all(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake();
    }
}

/// A thread that panicked holds no half-made value here: every update is a plain assignment.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until a descriptor is ready or the time is over.
fn wait(fds: &mut [PollFd<'_>], timeout: Duration) -> std::io::Result<()> {
    let timeout = Timespec::try_from(timeout).ok();
    match poll(fds, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Takes the wake-up bytes that are waiting.
fn drain(mut waker: &UnixStream) {
    use std::io::Read;
    let mut bytes = [0; 64];
    while matches!(waker.read(&mut bytes), Ok(count) if count > 0) {}
}
