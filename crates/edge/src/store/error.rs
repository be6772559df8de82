//! What can go wrong with the history, named after what can be done about it.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why the store does not start, or a reader gets no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another daemon works in this folder. Start one only.
    #[error("the data folder {} is in use by another solthrived{}; stop it, or start this one with another --data-dir", folder.display(), pid.map_or_else(String::new, |pid| format!(" (pid {pid})")))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other daemon, where it said who it is.
        pid: Option<u32>,
    },
    /// The file was written by a newer version. Nothing is wrong with it: update, or use another folder.
    #[error("{} was written by a newer version of SolThrive (schema {found}, this one knows {known}); update this machine, or start with another --data-dir", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: usize,
        /// The newest schema this program knows.
        known: usize,
    },
    /// The history cannot be opened or read now. Try again later.
    #[error("the history cannot be read")]
    Unreadable(#[source] rusqlite::Error),
    /// There is no history here.
    #[error("there is no history at {}", .0.display())]
    Missing(PathBuf),
    /// A file beside the history cannot be written or read.
    #[error("{} cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

/// Why a file could not be opened as ours.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("it is a database of another program")]
    Foreign,
    #[error("its schema {found} is newer than {known}")]
    Newer { found: usize, known: usize },
    #[error("it cannot be written")]
    ReadOnly,
    #[error("it is empty, but totals were kept beside it")]
    Emptied,
    #[error("the check found: {0}")]
    Damaged(String),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// What a failed write calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No space: old rows go, then try again.
    Full,
    /// The file is not what was written: set it aside.
    Damaged,
    /// Anything else (card gone, read-only, busy): keep the rows and try again in a minute.
    Later,
}

impl Trouble {
    pub(super) fn of(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            _ => Self::Later,
        }
    }

    /// Whether a file that cannot be opened for this reason is damaged rather than out of reach.
    pub(super) fn at_opening(error: &OpenError) -> Self {
        match error {
            OpenError::Foreign | OpenError::Emptied | OpenError::Damaged(_) => Self::Damaged,
            OpenError::Newer { .. } | OpenError::ReadOnly => Self::Later,
            OpenError::Sqlite(error) => Self::of(error),
        }
    }
}

/// Why a turn failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Write(#[from] rusqlite::Error),
    #[error(transparent)]
    Open(#[from] StoreError),
    #[error(transparent)]
    Check(#[from] OpenError),
}

impl Failure {
    pub(super) fn trouble(&self) -> Trouble {
        match self {
            Self::Write(error) => Trouble::of(error),
            Self::Check(error) => Trouble::at_opening(error),
            Self::Open(_) => Trouble::Later,
        }
    }
}

/// An error and what caused it, in one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
