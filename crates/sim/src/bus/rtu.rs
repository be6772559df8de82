//! Meters on a pseudo-terminal, at the pace of a real line.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use solthrive_meter::frame::Asked;

use super::line::{Heard, Line};
use super::pty::{Pty, link, unlink};
use super::{LineSpec, Shared, drain, wait};
use crate::meter::registers::exception;
use crate::rng::Rng;
use crate::wire::{Framing, bursts};
use crate::world::Answer;

/// The world moves on at least this often, so that nobody waits for a long catch-up.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// The thread that serves one serial bus.
#[derive(Debug)]
pub(crate) struct RtuServer {
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

impl RtuServer {
    /// Serves on a new pseudo-terminal; `name` is a symbolic link that always points at it.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        spec: LineSpec,
        name: Option<PathBuf>,
        seed: u64,
    ) -> io::Result<Self> {
        let pty = Pty::open(spec.settings.baud)?;
        if let Some(name) = &name {
            link(pty.device(), name)?;
        }
        *shared.pty_device() = Some(pty.device().to_owned());
        let waker = shared.waker()?;
        let mut bus = Bus {
            shared: Arc::clone(shared),
            spec,
            name,
            line: Line::new(spec),
            rng: Rng::of(seed, &[71]),
            pty: Some(pty),
            spare: None,
            waker,
        };
        let thread = std::thread::Builder::new()
            .name("sim-rtu".to_owned())
            .spawn(move || {
                if let Err(error) = bus.run() {
                    tracing::error!(%error, "the simulated bus failed");
                }
                bus.remove_link();
            })?;
        Ok(Self {
            thread: Some(thread),
            shared: Arc::clone(shared),
        })
    }
}

impl Drop for RtuServer {
    fn drop(&mut self) {
        self.shared.stop_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened.
            let _ = thread.join();
        }
    }
}

struct Bus {
    shared: Arc<Shared>,
    spec: LineSpec,
    name: Option<PathBuf>,
    line: Line,
    rng: Rng,
    /// None while the adapter is pulled out.
    pty: Option<Pty>,
    /// As what it will come back.
    spare: Option<Pty>,
    waker: UnixStream,
}

impl Bus {
    fn run(&mut self) -> io::Result<()> {
        while !self.shared.stopping() {
            let now = self.shared.clock.elapsed();
            self.plug(now)?;
            let mut pause = HEARTBEAT;
            if let Some(pty) = &self.pty {
                let due = self.line.due(now);
                if !due.is_empty() {
                    pty.write(&due)?;
                }
                self.line.settle(now, &mut self.shared.stats());
                pause = self
                    .line
                    .next()
                    .map_or(pause, |at| pause.min(at.saturating_sub(now)));
            } else if let Some(until) = self.shared.world().unplugged_until(now) {
                pause = pause.min(until.saturating_sub(now));
            }
            self.rest(pause)?;
        }
        Ok(())
    }

    /// Waits for bytes, a wake-up or the end of the pause, and hears what has come.
    fn rest(&mut self, pause: Duration) -> io::Result<()> {
        let waker = PollFd::new(&self.waker, PollFlags::IN);
        let mut buffer = [0; 512];
        let count = match &self.pty {
            Some(pty) => {
                let fd = pty.fd();
                let mut fds = [waker, PollFd::from_borrowed_fd(fd, PollFlags::IN)];
                wait(&mut fds, pause)?;
                if fds[1].revents().is_empty() {
                    0
                } else {
                    pty.read(&mut buffer)?
                }
            }
            None => {
                wait(&mut [waker], pause)?;
                0
            }
        };
        drain(&self.waker);
        if count == 0 {
            let now = self.shared.clock.elapsed();
            self.shared.world().advance(now);
            return Ok(());
        }
        let now = self.shared.now();
        let heard = self
            .line
            .hear(&buffer[..count], now.mono, &mut self.shared.stats());
        if let Some(heard) = heard {
            self.answer(&heard, now);
        }
        Ok(())
    }

    fn answer(&mut self, heard: &Heard, now: crate::world::Stamp) {
        if self.spec.strict_speed && !self.hears_client() {
            self.shared.stats().wrong_speed += 1;
            return;
        }
        let (unit, function, answer) = match heard.asked {
            Asked::Read(request) => (
                request.unit,
                request.function.code(),
                self.shared.world().answer(request, now),
            ),
            Asked::Other { unit, function } => {
                let known = self.shared.world().meter(unit).is_some();
                let refusal = Answer {
                    registers: Err(exception::ILLEGAL_FUNCTION),
                    faults: Vec::new(),
                };
                (unit, function, known.then_some(refusal))
            }
        };
        let bursts = answer.as_ref().map_or_else(Vec::new, |answer| {
            bursts(
                Framing::Rtu,
                unit,
                function,
                &heard.frame,
                answer,
                &mut self.rng,
            )
        });
        let mut stats = self.shared.stats();
        if bursts.is_empty() {
            stats.unanswered += 1;
            return;
        }
        stats.replies += 1;
        stats.exceptions += u64::from(answer.is_some_and(|answer| answer.registers.is_err()));
        drop(stats);
        self.line.reply(heard.frame.len(), bursts, now.mono);
    }

    fn hears_client(&self) -> bool {
        let speed = self.pty.as_ref().and_then(Pty::client_speed);
        speed.is_none_or(|speed| speed == self.spec.settings.baud)
    }

    /// Pulls the adapter out or puts it in, as the faults say.
    fn plug(&mut self, now: Duration) -> io::Result<()> {
        let out = self.shared.world().unplugged_until(now).is_some();
        if out && self.pty.is_some() {
            self.remove_link();
            // Opened before the old one closes: so it surely has another name.
            self.spare = Some(Pty::open(self.spec.settings.baud)?);
            *self.shared.pty_device() = None;
            self.shared.stats().unplugged += 1;
            self.line.cut();
            self.pty = None;
        } else if let Some(pty) = self.spare.take_if(|_| !out) {
            if let Some(name) = &self.name {
                link(pty.device(), name)?;
            }
            *self.shared.pty_device() = Some(pty.device().to_owned());
            self.pty = Some(pty);
        }
        Ok(())
    }

    fn remove_link(&self) {
        if let (Some(name), Some(pty)) = (&self.name, &self.pty) {
            unlink(pty.device(), name);
        }
    }
}
