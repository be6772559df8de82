//! Where log lines go: standard output (the journal) and a bounded file in the data folder.
//!
//! The file exists so that `solthrive-cli logs` and support work on a Pi whose journal is kept in
//! memory only. It is rotated once: twice `file_size` on the disk at most.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{panic, thread};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt};

use crate::config::{LogFormat, LogLevel, LoggingConfig};

/// The log file below the data folder.
#[must_use]
pub fn log_file(data_dir: &Path) -> PathBuf {
    data_dir.join("logs/solthrived.jsonl")
}

/// Starts logging for the whole process. A log file that cannot be written is not fatal: standard
/// output goes on, and the error is the returned value.
///
/// # Errors
/// When logging was already started.
pub fn start(config: LoggingConfig, data_dir: &Path) -> Result<Option<io::Error>, TryInitError> {
    let level = level(config.level);
    let (file, problem) = match RotatingFile::open(&log_file(data_dir), config.file_size) {
        Ok(file) => (Some(file), None),
        Err(error) => (None, Some(error)),
    };
    let to_file = file.map(|file| {
        fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(file)
            .with_filter(level)
    });
    let to_output = match config.format {
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_filter(level)
            .boxed(),
        LogFormat::Text => fmt::layer()
            .with_ansi(io::stdout().is_terminal())
            .with_filter(level)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(to_output)
        .with(to_file)
        .try_init()?;
    log_panics();
    Ok(problem)
}

/// A panic is logged like everything else, since standard error may lead nowhere; it still goes there.
fn log_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let thread = thread::current();
        let (name, place) = (thread.name().unwrap_or("?"), info.location());
        let place = place.map(ToString::to_string).unwrap_or_default();
        let message = info.payload_as_str().unwrap_or("without a message");
        tracing::error!(thread = name, place, "a thread panicked: {message}");
        before(info);
    }));
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// A file that starts anew when it is full, keeping its predecessor as `<name>.1`.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    most: u64,
    state: Mutex<(File, u64)>,
}

impl RotatingFile {
    /// Opens or creates the file and its folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(path: &Path, most: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            most,
            state: Mutex::new((file, size)),
        })
    }

    fn append(&self, line: &[u8]) -> io::Result<()> {
        // A poisoned lock only means that another thread panicked while logging.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1 > 0 && state.1 + line.len() as u64 > self.most {
            let old = self.path.with_extension("jsonl.1");
            fs::rename(&self.path, old)?;
            *state = (
                OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(&self.path)?,
                0,
            );
        }
        state.0.write_all(line)?;
        state.1 += line.len() as u64;
        Ok(())
    }
}

/// One log line at a time.
#[derive(Debug)]
pub struct LineWriter<'a>(&'a RotatingFile);

impl Write for LineWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A full disk must not stop anything: the line is lost here and stands in the journal.
        let _ = self.0.append(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for RotatingFile {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_starts_anew_and_keeps_one_predecessor() {
        let folder = tempfile::tempdir().unwrap();
        let path = log_file(folder.path());
        let log = RotatingFile::open(&path, 40).unwrap();
        for number in 0..10 {
            writeln!(log.make_writer(), "this is line number {number:4}").unwrap();
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "this is line number    9\n"
        );
        assert_eq!(
            fs::read_to_string(path.with_extension("jsonl.1")).unwrap(),
            "this is line number    8\n"
        );
    }

    #[test]
    fn a_panic_stands_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = log_file(folder.path());
        let log = RotatingFile::open(&path, 10_000).unwrap();
        log_panics();
        let layer = fmt::layer().json().flatten_event(true).with_writer(log);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            panic::catch_unwind(|| panic!("the sum is {}", 7)).unwrap_err();
        });
        let line = fs::read_to_string(&path).unwrap();
        assert!(line.contains("a thread panicked: the sum is 7"), "{line}");
        assert!(line.contains("logging.rs"), "{line}");
    }

    #[test]
    fn lines_of_an_earlier_start_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = log_file(folder.path());
        for line in ["one\n", "two\n"] {
            RotatingFile::open(&path, 1000)
                .unwrap()
                .append(line.as_bytes())
                .unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }
}
