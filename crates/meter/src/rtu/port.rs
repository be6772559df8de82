//! A serial port as the master needs it: raw, exclusive, never blocking.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, major, open};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, ioctl_tiocexcl,
    ioctl_tiocnxcl, isatty, tcflush, tcgetattr, tcsetattr,
};

use super::Wire;
use crate::bus::BusFault;
use crate::line::{Parity, SerialSettings};

/// How long the kernel may take to accept eight bytes before the port counts as broken.
const WRITE_PATIENCE: Duration = Duration::from_millis(500);
/// Most bytes taken in one go; a longer burst is babble and is cut.
const CHUNK: usize = 512;
/// Device numbers of pseudo-terminals' slave ends (admin-guide/devices.txt of the kernel).
const PTY_MAJORS: std::ops::RangeInclusive<u32> = 136..=143;

/// An open serial port, used by this process alone.
#[derive(Debug)]
pub struct Port {
    fd: OwnedFd,
    path: PathBuf,
    exclusive: bool,
}

impl Port {
    /// Opens and sets the port.
    ///
    /// # Errors
    /// [`BusFault::PortBusy`] when another program holds it, [`BusFault::PortGone`] for the rest.
    pub fn open(path: &Path, settings: SerialSettings) -> Result<Self, BusFault> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = open(path, flags, Mode::empty()).map_err(|errno| refused(errno, path))?;
        if !isatty(&fd) {
            return Err(gone(
                path,
                &io::Error::new(io::ErrorKind::InvalidInput, "is no serial port"),
            ));
        }
        flock(&fd, FlockOperation::NonBlockingLockExclusive)
            .map_err(|errno| refused(errno, path))?;
        let mut port = Self {
            fd,
            path: path.to_owned(),
            exclusive: false,
        };
        port.exclude_others()
            .map_err(|errno| refused(errno, path))?;
        port.configure(settings)
            .map_err(|errno| gone(path, &errno.into()))?;
        Ok(port)
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lock binds programs that ask for it; this binds those that do not. A pseudo-terminal
    /// keeps the mark after a crash for as long as its other end lives, so there the lock is enough.
    fn exclude_others(&mut self) -> Result<(), Errno> {
        if !PTY_MAJORS.contains(&major(fstat(&self.fd)?.st_rdev)) {
            ioctl_tiocexcl(&self.fd)?;
            self.exclusive = true;
        }
        Ok(())
    }

    fn configure(&self, settings: SerialSettings) -> Result<(), Errno> {
        let mut termios = tcgetattr(&self.fd)?;
        termios.make_raw();
        termios.control_modes = modes(&termios, settings);
        termios.set_speed(settings.baud)?;
        // With the descriptor non-blocking, VMIN 1 tells "nothing yet" (EAGAIN) from "gone" (0).
        termios.special_codes[SpecialCodeIndex::VMIN] = 1;
        termios.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&self.fd, OptionalActions::Flush, &termios)
    }

    fn poll(&self, flags: PollFlags, timeout: Duration) -> Result<bool, BusFault> {
        let timeout = Timespec::try_from(timeout).unwrap_or(Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        });
        match poll(&mut [PollFd::new(&self.fd, flags)], Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(errno) => Err(gone(&self.path, &errno.into())),
        }
    }

    fn hung_up(&self) -> BusFault {
        gone(
            &self.path,
            &io::Error::new(io::ErrorKind::BrokenPipe, "the adapter was unplugged"),
        )
    }
}

impl Wire for Port {
    fn take(&mut self, into: &mut Vec<u8>) -> Result<usize, BusFault> {
        let before = into.len();
        let mut chunk = [0; CHUNK];
        loop {
            match rustix::io::read(&self.fd, &mut chunk) {
                Ok(0) => return Err(self.hung_up()),
                Ok(got) => into.extend_from_slice(&chunk[..got]),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(into.len() - before),
                Err(errno) => return Err(gone(&self.path, &errno.into())),
            }
            // A short read took all there was; asking again would only cost a call.
            if into.len() - before < CHUNK || into.len() - before >= 8 * CHUNK {
                return Ok(into.len() - before);
            }
        }
    }

    fn wait(&mut self, timeout: Duration) -> Result<bool, BusFault> {
        self.poll(PollFlags::IN, timeout)
    }

    fn flush_and_write(&mut self, bytes: &[u8]) -> Result<(), BusFault> {
        tcflush(&self.fd, QueueSelector::IOFlush)
            .map_err(|errno| gone(&self.path, &errno.into()))?;
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(&self.fd, rest) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.poll(PollFlags::OUT, WRITE_PATIENCE)? => {}
                Err(Errno::AGAIN) => return Err(gone(&self.path, &io::ErrorKind::TimedOut.into())),
                Err(errno) => return Err(gone(&self.path, &errno.into())),
            }
        }
        Ok(())
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if self.exclusive {
            // The port is closed next, which ends the exclusion anyway on all drivers but a few.
            let _ = ioctl_tiocnxcl(&self.fd);
        }
    }
}

/// The control modes for these settings: eight bits, receiver on, modem lines and RTS ignored.
fn modes(termios: &Termios, settings: SerialSettings) -> ControlModes {
    let mut modes = termios.control_modes;
    modes.remove(
        ControlModes::CSIZE
            | ControlModes::PARENB
            | ControlModes::PARODD
            | ControlModes::CSTOPB
            | ControlModes::CRTSCTS,
    );
    modes.insert(ControlModes::CS8 | ControlModes::CREAD | ControlModes::CLOCAL);
    modes.set(ControlModes::PARENB, settings.parity != Parity::None);
    modes.set(ControlModes::PARODD, settings.parity == Parity::Odd);
    modes.set(ControlModes::CSTOPB, settings.stop_bits > 1);
    modes
}

/// `EBUSY` is another program's exclusive use, `EAGAIN` another program's lock.
fn refused(errno: Errno, path: &Path) -> BusFault {
    match errno {
        Errno::BUSY | Errno::AGAIN => BusFault::PortBusy(path.display().to_string()),
        errno => gone(path, &errno.into()),
    }
}

fn gone(path: &Path, error: &io::Error) -> BusFault {
    BusFault::PortGone(io::Error::new(
        error.kind(),
        format!("{}: {error}", path.display()),
    ))
}
