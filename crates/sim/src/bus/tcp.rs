//! Meters behind Modbus TCP.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use solthrive_meter::frame::ReadRequest;
use solthrive_meter::profile::Function;

use super::{Shared, drain, wait};
use crate::meter::registers::exception;
use crate::rng::Rng;
use crate::wire::{Framing, bursts};
use crate::world::Answer;

const HEARTBEAT: Duration = Duration::from_secs(1);
/// Length of the header before the unit number.
const HEADER: usize = 6;
/// Longest message of the protocol after the header.
const LONGEST: usize = 254;
/// A gateway's way to say that nobody answers at a unit.
const NO_TARGET: u8 = 0x0B;

/// How a TCP meter behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TcpSpec {
    pub(crate) address: SocketAddr,
    pub(crate) turnaround: Duration,
    /// More connections than these are closed at once.
    pub(crate) max_clients: usize,
    /// Requests are ignored for so long after a connection was made.
    pub(crate) connect_delay: Duration,
}

/// The thread that accepts, and those that serve.
#[derive(Debug)]
pub(crate) struct TcpServer {
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

impl TcpServer {
    pub(crate) fn start(shared: &Arc<Shared>, spec: TcpSpec, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(spec.address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let mut acceptor = Acceptor {
            shared: Arc::clone(shared),
            spec: TcpSpec { address, ..spec },
            listener: Some(listener),
            waker: shared.waker()?,
            clients: Arc::default(),
            threads: Vec::new(),
            seed,
        };
        let thread = std::thread::Builder::new()
            .name("sim-tcp".to_owned())
            .spawn(move || {
                if let Err(error) = acceptor.run() {
                    tracing::error!(%error, "the simulated TCP meter failed");
                }
                acceptor.shared.wake();
                for thread in acceptor.threads.drain(..) {
                    let _ = thread.join();
                }
            })?;
        Ok(Self {
            address,
            thread: Some(thread),
            shared: Arc::clone(shared),
        })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TcpServer {
    fn drop(&mut self) {
        self.shared.stop_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened.
            let _ = thread.join();
        }
    }
}

struct Acceptor {
    shared: Arc<Shared>,
    spec: TcpSpec,
    /// None while unplugged.
    listener: Option<TcpListener>,
    waker: UnixStream,
    clients: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
    seed: u64,
}

impl Acceptor {
    fn run(&mut self) -> io::Result<()> {
        while !self.shared.stopping() {
            let now = self.shared.clock.elapsed();
            self.shared.world().advance(now);
            let out = self.shared.world().unplugged_until(now);
            let pause = out.map_or(HEARTBEAT, |until| HEARTBEAT.min(until.saturating_sub(now)));
            match (out.is_some(), &self.listener) {
                (true, Some(_)) => {
                    self.listener = None;
                    self.shared.stats().unplugged += 1;
                }
                (false, None) => {
                    let listener = TcpListener::bind(self.spec.address)?;
                    listener.set_nonblocking(true)?;
                    self.listener = Some(listener);
                }
                _ => {}
            }
            let waker = PollFd::new(&self.waker, PollFlags::IN);
            match &self.listener {
                Some(listener) => wait(&mut [waker, PollFd::new(listener, PollFlags::IN)], pause)?,
                None => wait(&mut [waker], pause)?,
            }
            drain(&self.waker);
            self.accept()?;
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        let Some(listener) = &self.listener else {
            return Ok(());
        };
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionAborted
                ) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let serial = {
            let mut stats = self.shared.stats();
            stats.connections += 1;
            stats.connections
        };
        self.threads.retain(|thread| !thread.is_finished());
        if self.clients.load(Ordering::Acquire) >= self.spec.max_clients {
            return Ok(());
        }
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        self.clients.fetch_add(1, Ordering::AcqRel);
        let clients = Arc::clone(&self.clients);
        let mut client = Client {
            shared: Arc::clone(&self.shared),
            spec: self.spec,
            stream,
            waker: self.shared.waker()?,
            rng: Rng::of(self.seed, &[72, serial]),
            heard: Vec::new(),
            sending: VecDeque::new(),
            since: self.shared.clock.elapsed(),
        };
        let thread = std::thread::Builder::new()
            .name("sim-tcp-client".to_owned())
            .spawn(move || {
                // The client went away, or broke the protocol: either way its connection ends.
                let _ = client.serve();
                clients.fetch_sub(1, Ordering::AcqRel);
            })?;
        self.threads.push(thread);
        Ok(())
    }
}

struct Client {
    shared: Arc<Shared>,
    spec: TcpSpec,
    stream: TcpStream,
    waker: UnixStream,
    rng: Rng,
    heard: Vec<u8>,
    sending: VecDeque<(Duration, Vec<u8>)>,
    since: Duration,
}

impl Client {
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let now = self.shared.clock.elapsed();
            if self.shared.stopping() || self.shared.world().unplugged_until(now).is_some() {
                return Ok(());
            }
            while self.sending.front().is_some_and(|(at, _)| *at <= now) {
                if let Some((_, bytes)) = self.sending.pop_front() {
                    self.stream.write_all(&bytes)?;
                }
            }
            let pause = self
                .sending
                .front()
                .map_or(HEARTBEAT, |(at, _)| at.saturating_sub(now));
            let mut fds = [
                PollFd::new(&self.waker, PollFlags::IN),
                PollFd::new(&self.stream, PollFlags::IN),
            ];
            wait(&mut fds, pause.min(HEARTBEAT))?;
            let readable = !fds[1].revents().is_empty();
            drain(&self.waker);
            if readable && !self.hear()? {
                return Ok(());
            }
        }
    }

    /// False when the client has closed.
    fn hear(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 512];
        match self.stream.read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => self.heard.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        }
        while let Some(message) = self.next_message()? {
            self.answer(&message);
        }
        Ok(true)
    }

    /// A whole message, unit number and PDU behind their header.
    fn next_message(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(header) = self.heard.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        if header[2..4] != [0, 0] || !(2..=LONGEST).contains(&length) {
            self.shared.stats().bad_frames += 1;
            return Err(io::ErrorKind::InvalidData.into());
        }
        if self.heard.len() < HEADER + length {
            return Ok(None);
        }
        Ok(Some(self.heard.drain(..HEADER + length).collect()))
    }

    fn answer(&mut self, message: &[u8]) {
        let now = self.shared.now();
        if now.mono.saturating_sub(self.since) < self.spec.connect_delay {
            self.shared.stats().unanswered += 1;
            return;
        }
        let transaction = u16::from_be_bytes([message[0], message[1]]);
        let (unit, function) = (message[HEADER], message[HEADER + 1]);
        let refusal = |code| Answer {
            registers: Err(code),
            faults: Vec::new(),
        };
        let request = match (Function::from_code(function), message.get(HEADER + 2..)) {
            (Some(function), Some(&[a, b, c, d])) => Some(ReadRequest {
                unit,
                function,
                address: u16::from_be_bytes([a, b]),
                count: u16::from_be_bytes([c, d]),
            }),
            _ => None,
        };
        let answer = match request {
            Some(request) => self
                .shared
                .world()
                .answer(request, now)
                .unwrap_or_else(|| refusal(NO_TARGET)),
            None => refusal(exception::ILLEGAL_FUNCTION),
        };
        let bursts = bursts(
            Framing::Tcp(transaction),
            unit,
            function,
            message,
            &answer,
            &mut self.rng,
        );
        let mut stats = self.shared.stats();
        stats.requests += 1;
        if bursts.is_empty() {
            stats.unanswered += 1;
        } else {
            stats.replies += 1;
            stats.exceptions += u64::from(answer.registers.is_err());
        }
        drop(stats);
        for burst in bursts {
            let at = now.mono + self.spec.turnaround + burst.after;
            let place = self.sending.partition_point(|(due, _)| *due <= at);
            self.sending.insert(place, (at, burst.bytes));
        }
    }
}
