//! Starting anew, in place: the same process, the same arguments, everything else from the beginning.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use tokio::sync::Notify;

/// Asks the service to start anew. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Again(Arc<Notify>);

impl Again {
    /// It ends properly, and starts anew.
    pub(crate) fn start(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody asks.
    pub(super) async fn asked(&self) {
        self.0.notified().await;
    }
}

/// Becomes the program anew. Whoever watches this process sees it go on: systemd is told by the next start.
pub(super) fn again() -> ExitCode {
    tracing::info!("starting anew");
    let mut words = std::env::args_os();
    let program = std::env::current_exe()
        .ok()
        .map(std::path::PathBuf::into_os_string);
    let first = words.next();
    let Some(program) = program.or(first) else {
        return ExitCode::FAILURE;
    };
    // Returns only when it did not work; then whoever started this one starts the next.
    let error = Command::new(program).args(words).exec();
    eprintln!("solthrived: it cannot start itself anew: {error}");
    ExitCode::FAILURE
}
