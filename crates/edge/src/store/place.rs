//! The files of a data folder: the history, the copy of the totals, and who may write them.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::StoreError;

/// Name of the history in the data folder.
pub const DATABASE: &str = "solthrive.db";
const COPY: &str = "ledger.json";
const RESERVE: &str = "solthrive.reserve";
/// Enough for the largest log that the history keeps, so that dropping old rows works on a full disk.
const RESERVED: u64 = 2 * 1024 * 1024;
const LOCK: &str = "solthrive.lock";
/// Damaged files that are kept; a disk that damages everything must not fill itself with them.
const DAMAGED_KEPT: usize = 2;

/// Which file a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    number: u64,
}

/// A data folder.
#[derive(Debug, Clone)]
pub(super) struct Place {
    folder: PathBuf,
}

/// The right to write here, until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Place {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn database(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    /// The file that is the history now; `None` where there is none.
    pub(super) fn identity(&self) -> Option<Identity> {
        let file = fs::metadata(self.database()).ok()?;
        Some(Identity {
            device: file.dev(),
            number: file.ino(),
        })
    }

    pub(super) fn copy(&self) -> PathBuf {
        self.folder.join(COPY)
    }

    /// Takes the folder for this process.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it, [`StoreError::File`] when the folder
    /// cannot be written.
    pub(super) fn lock(&self) -> Result<Lock, StoreError> {
        let path = self.folder.join(LOCK);
        let failed = |error| StoreError::File {
            path: path.clone(),
            error,
        };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let pid = file
                    .read_to_string(&mut pid)
                    .ok()
                    .and_then(|_| pid.trim().parse().ok());
                return Err(StoreError::InUse {
                    folder: self.folder.clone(),
                    pid,
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // The lock counts, not the number: a full disk must not keep the service from starting.
        let _ = write_pid(&mut file);
        Ok(Lock { _file: file })
    }

    /// Keeps some space for the moment when the disk is full, if it is not full already.
    pub(super) fn reserve(&self, free: Option<u64>) {
        let path = self.folder.join(RESERVE);
        if free.is_none_or(|free| free < 2 * RESERVED) || path.exists() {
            return;
        }
        // Zeroes that are never written: the file system only keeps the blocks.
        let kept = File::create(&path).and_then(|file| {
            rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, RESERVED)
                .map_err(io::Error::from)
        });
        if let Err(error) = kept {
            tracing::debug!(%error, "no space could be reserved");
            let _ = fs::remove_file(path);
        }
    }

    /// Gives the reserved space up; false when there is none.
    pub(super) fn release(&self) -> bool {
        fs::remove_file(self.folder.join(RESERVE)).is_ok()
    }

    /// Renames the history and what belongs to it; returns its new name.
    pub(super) fn set_aside(&self, now: Timestamp) -> io::Result<String> {
        let stamp = now.strftime("%Y%m%dT%H%M%SZ");
        let names = (1..100).map(|number| match number {
            1 => format!("{DATABASE}.damaged-{stamp}"),
            number => format!("{DATABASE}.damaged-{stamp}-{number}"),
        });
        let free = names
            .into_iter()
            .find(|name| !self.folder.join(name).exists());
        let name = free.ok_or(io::ErrorKind::AlreadyExists)?;
        for suffix in ["-wal", "-shm"] {
            let from = self.folder.join(format!("{DATABASE}{suffix}"));
            if from.exists() {
                fs::rename(from, self.folder.join(format!("{name}{suffix}")))?;
            }
        }
        fs::rename(self.database(), self.folder.join(&name))?;
        self.drop_old_damage(&name);
        Ok(name)
    }

    /// Keeps the newest damaged files. One that cannot be removed stays.
    fn drop_old_damage(&self, newest: &str) {
        let prefix = format!("{DATABASE}.damaged-");
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut older: Vec<_> = entries
            .flatten()
            .filter(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.starts_with(&prefix)
                    && !name.starts_with(newest)
                    && !name.ends_with("-wal")
                    && !name.ends_with("-shm")
            })
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        older.sort();
        let excess = (older.len() + 1).saturating_sub(DAMAGED_KEPT);
        for (_, path) in older.into_iter().take(excess) {
            for suffix in ["", "-wal", "-shm"] {
                let mut path = path.clone().into_os_string();
                path.push(suffix);
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// Writes a file so that after a power cut it is either the old or the new one.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    File::open(folder)?.sync_all()
}
