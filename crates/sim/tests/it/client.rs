//! A client of a serial port with no opinion: it writes bytes and reads bytes.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use solthrive_meter::frame::ReadRequest;
use solthrive_meter::profile::{Catalog, Function, Profile};
use solthrive_sim::{SimConfig, Simulation};

/// Long enough for any reply, however busy the machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Long enough to be sure that nothing comes.
pub(crate) const SILENCE: Duration = Duration::from_millis(200);

pub(crate) fn profile(id: &str) -> Arc<Profile> {
    Catalog::embedded().get(id).unwrap()
}

/// An SDM630 at 115200 baud: quick, so that tests are.
pub(crate) fn fast() -> SimConfig {
    SimConfig::on_pty(profile("eastron-sdm630")).baud(115_200)
}

pub(crate) const fn input(unit: u8, address: u16, count: u16) -> ReadRequest {
    ReadRequest {
        unit,
        function: Function::Input,
        address,
        count,
    }
}

pub(crate) struct Client(OwnedFd);

impl Client {
    pub(crate) fn of(sim: &Simulation) -> Self {
        Self::open(&sim.pty(), 115_200)
    }

    pub(crate) fn open(path: &Path, baud: u32) -> Self {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = open(path, flags, Mode::empty()).unwrap();
        let mut termios = tcgetattr(&fd).unwrap();
        termios.make_raw();
        termios.set_speed(baud).unwrap();
        tcsetattr(&fd, OptionalActions::Now, &termios).unwrap();
        Self(fd)
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        assert_eq!(rustix::io::write(&self.0, bytes).unwrap(), bytes.len());
    }

    /// Reads until `count` bytes are there or nothing came for `pause`.
    pub(crate) fn read(&self, count: usize, pause: Duration) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let timeout = Timespec::try_from(pause).unwrap();
            let ready = poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&timeout)).unwrap();
            let mut buffer = [0; 512];
            match rustix::io::read(&self.0, &mut buffer) {
                Ok(0) => break,
                Ok(got) => bytes.extend_from_slice(&buffer[..got]),
                Err(rustix::io::Errno::AGAIN) if ready > 0 => {}
                Err(_) => break,
            }
        }
        bytes
    }

    /// The whole reply to a request.
    pub(crate) fn ask(&self, request: ReadRequest) -> Vec<u8> {
        self.rest();
        self.send(&request.encode());
        self.read(request.reply_len(), PATIENCE)
    }

    /// Everything that comes, however spoilt: waits for its beginning, then for silence.
    pub(crate) fn ask_all(&self, request: ReadRequest) -> Vec<u8> {
        self.rest();
        self.send(&request.encode());
        let mut bytes = self.read(1, PATIENCE);
        bytes.extend(self.read(usize::MAX, SILENCE));
        bytes
    }

    /// Whether nothing comes.
    pub(crate) fn is_met_with_silence(&self, request: ReadRequest) -> bool {
        self.rest();
        self.send(&request.encode());
        self.read(1, SILENCE).is_empty()
    }

    /// Leaves the line alone for more than 3.5 characters, as a good master does.
    pub(crate) fn rest(&self) {
        assert!(
            self.read(1, Duration::from_millis(3)).is_empty(),
            "bytes nobody asked for"
        );
    }

    /// Whether the port hangs up within a while.
    pub(crate) fn hangs_up(&self) -> bool {
        let timeout = Timespec::try_from(PATIENCE).unwrap();
        let mut fds = [PollFd::new(&self.0, PollFlags::empty())];
        poll(&mut fds, Some(&timeout)).unwrap();
        fds[0].revents().contains(PollFlags::HUP)
    }
}

/// Looks again and again until something is so; panics when it does not come.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests over real descriptors live in real time"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
