//! Log lines on standard error.

use std::io::IsTerminal as _;

use tracing::Level;

use crate::config::LogFormat;

/// Begins to log. Called once.
pub fn start(format: LogFormat) {
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(Level::INFO);
    if json {
        lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .init();
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).init();
    }
}
