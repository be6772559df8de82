//! A pseudo-terminal whose other end looks like a serial adapter.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// The name wanted for the pseudo-terminal is something else's.
#[derive(Debug, thiserror::Error)]
#[error("{0} exists and is no symbolic link: choose another --pty")]
pub struct SymlinkTaken(pub PathBuf);

/// Both ends of a pseudo-terminal. The client's end is kept open too, so that the line survives a
/// client that comes and goes.
#[derive(Debug)]
pub(crate) struct Pty {
    master: OwnedFd,
    client_end: OwnedFd,
    device: PathBuf,
}

impl Pty {
    /// A raw pseudo-terminal, set to the line's speed.
    pub(crate) fn open(baud: u32) -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let device = PathBuf::from(name.to_string_lossy().into_owned());
        let client_end = open(
            &device,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let mut termios = tcgetattr(&client_end)?;
        termios.make_raw();
        termios.set_speed(baud)?;
        tcsetattr(&client_end, OptionalActions::Now, &termios)?;
        fcntl_setfl(&master, OFlags::NONBLOCK)?;
        Ok(Self {
            master,
            client_end,
            device,
        })
    }

    pub(crate) fn device(&self) -> &Path {
        &self.device
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    /// What the client has written; nothing when there is nothing.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match rustix::io::read(&self.master, buffer) {
            Ok(count) => Ok(count),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Sends; what finds no room is lost, as on a wire that nobody reads.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match rustix::io::write(&self.master, bytes) {
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The speed the client set its port to. (A pseudo-terminal forgets the parity.)
    pub(crate) fn client_speed(&self) -> Option<u32> {
        tcgetattr(&self.client_end)
            .ok()
            .map(|termios| termios.output_speed())
    }
}

/// Points a symbolic link at a device, replacing an older link at once.
pub(crate) fn link(device: &Path, name: &Path) -> io::Result<()> {
    if name
        .symlink_metadata()
        .is_ok_and(|found| !found.is_symlink())
    {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            SymlinkTaken(name.to_owned()),
        ));
    }
    if let Some(folder) = name
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)?;
    }
    let mut fresh = name.as_os_str().to_owned();
    fresh.push(format!(".{}", std::process::id()));
    let fresh = PathBuf::from(fresh);
    // A leftover of a process that had our number.
    let _ = std::fs::remove_file(&fresh);
    std::os::unix::fs::symlink(device, &fresh)?;
    std::fs::rename(&fresh, name)
}

/// Removes the link if it still points at the device.
pub(crate) fn unlink(device: &Path, name: &Path) {
    if std::fs::read_link(name).is_ok_and(|target| target == device) {
        // Nothing is lost when it stays.
        let _ = std::fs::remove_file(name);
    }
}
