//! A configuration from afar on trial: it stays once the cloud was reached with it, and goes otherwise.
//!
//! What was before it, and that there is a trial, is on the disk before the new one is. A process that
//! does not even come up with it counts its tries before it reads any configuration.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use solthrive_domain::CommandId;

use super::config;
use crate::config::files::write_private;

/// Within this a process has to reach the cloud.
pub(super) const PATIENCE: Duration = Duration::from_mins(10);
/// Starts that a configuration gets to reach the cloud.
const TRIES: u32 = 3;

/// A trial that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trial {
    command: CommandId,
    /// The layer before; `None`: there was none.
    before: Option<String>,
    tries_left: u32,
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("config-trial.json")
}

impl Trial {
    /// The one that is under way.
    pub(super) fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(file(data_dir)).ok()?).ok()
    }

    /// Begins one: the next start is with this layer.
    pub(super) fn begin(data_dir: &Path, command: CommandId, text: &str) -> io::Result<()> {
        let layer = config::path(data_dir);
        let before = match fs::read_to_string(&layer) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let trial = Self {
            command,
            before,
            tries_left: TRIES,
        };
        trial.write(data_dir)?;
        write_private(&layer, text.as_bytes())
    }

    /// Which command asked for it.
    pub(super) const fn command(&self) -> CommandId {
        self.command
    }

    /// It stays.
    pub(super) fn confirm(&self, data_dir: &Path) -> io::Result<()> {
        fs::remove_file(file(data_dir))?;
        fs::File::open(data_dir)?.sync_all()
    }

    /// What was before it comes back.
    pub(super) fn roll_back(&self, data_dir: &Path) -> io::Result<()> {
        let layer = config::path(data_dir);
        match &self.before {
            Some(text) => write_private(&layer, text.as_bytes())?,
            None => match fs::remove_file(&layer) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            },
        }
        self.confirm(data_dir)
    }

    fn write(&self, data_dir: &Path) -> io::Result<()> {
        write_private(&file(data_dir), &serde_json::to_vec(self)?)
    }
}

/// Counts this start as a try; with none left the configuration before comes back, and the command that
/// asked for the other one is told as failed by whoever finds it open. Before any configuration is read.
pub(crate) fn roll_back_if_out_of_tries(data_dir: &Path) {
    let Some(trial) = Trial::read(data_dir) else {
        return;
    };
    let done = match trial.tries_left.checked_sub(1) {
        Some(tries_left) => Trial {
            tries_left,
            ..trial
        }
        .write(data_dir),
        None => {
            eprintln!(
                "solthrived: the configuration from afar did not come up; the one before it is back"
            );
            trial.roll_back(data_dir)
        }
    };
    if let Err(error) = done {
        eprintln!("solthrived: the trial of a configuration cannot be noted: {error}");
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn layer(folder: &Path) -> Option<String> {
        fs::read_to_string(config::path(folder)).ok()
    }

    #[test]
    fn a_configuration_that_never_reaches_the_cloud_is_gone_after_three_starts() {
        let folder = tempfile::tempdir().unwrap();
        let (path, id) = (folder.path(), CommandId::from_uuid(Uuid::from_u128(1)));
        for before in [None, Some("{\"base\":{}}")] {
            if let Some(text) = before {
                fs::write(config::path(path), text).unwrap();
            }
            Trial::begin(path, id, "{\"new\":1}").unwrap();
            for _ in 0..3 {
                roll_back_if_out_of_tries(path);
                assert_eq!(layer(path).as_deref(), Some("{\"new\":1}"));
                assert_eq!(Trial::read(path).unwrap().command(), id);
            }
            roll_back_if_out_of_tries(path);
            assert_eq!((layer(path).as_deref(), Trial::read(path)), (before, None));
        }
    }

    #[test]
    fn one_that_reaches_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        Trial::begin(path, CommandId::from_uuid(Uuid::from_u128(1)), "{}").unwrap();
        Trial::read(path).unwrap().confirm(path).unwrap();
        roll_back_if_out_of_tries(path);
        assert_eq!(
            (layer(path).as_deref(), Trial::read(path)),
            (Some("{}"), None)
        );
    }
}
