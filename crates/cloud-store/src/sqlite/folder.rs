//! The folder that holds everything, taken by one process at a time.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::StoreError;

const LOCK: &str = "solthrive-cloud.lock";

/// A folder that this process has for itself until this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// The lock goes with the open file, also when the process is killed.
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be, and takes it.
    ///
    /// # Errors
    /// [`StoreError::InUse`], or [`StoreError::Unavailable`] when it cannot be written.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        let failed =
            |error: std::io::Error| StoreError::Unavailable(format!("{}: {error}", path.display()));
        fs::create_dir_all(path).map_err(failed)?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut said = String::new();
                let _ = file.read_to_string(&mut said);
                return Err(StoreError::InUse {
                    folder: path.to_owned(),
                    pid: said.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // The lock counts, not the number in it: a full disk must not keep the service from starting.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self {
            path: path.to_owned(),
            _lock: file,
        })
    }

    /// The path of a file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}
