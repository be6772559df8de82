//! What a courier is handed: rows, reports, a place for tokens, the time.

use std::io;

use jiff::Timestamp;
use solthrive_domain::delivery::{Span, Tokens};
use solthrive_domain::{LedgerId, Mono};
use solthrive_protocol::{DayBody, HealthEventBody, SnapshotBody};

/// A row as it is said.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Whose totals they are.
    pub ledger: LedgerId,
    /// The home at one instant.
    pub body: SnapshotBody,
}

/// Rows cannot be read now.
#[derive(Debug, thiserror::Error)]
#[error("rows cannot be read: {0}")]
pub struct ShelfError(pub String);

/// Where the rows are that a device numbered.
pub trait Shelf: Send + Sync {
    /// The rows of a span that are there, in order. One that is missing is gone for good.
    ///
    /// # Errors
    /// [`ShelfError`] when they cannot be read now; nothing is believed gone then.
    fn rows(&self, span: Span) -> Result<Vec<(u64, Row)>, ShelfError>;
}

/// Something beside rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// Days that are over.
    Days(Vec<DayBody>),
    /// What happened, and how the machine is.
    Health(Vec<HealthEventBody>, Option<serde_json::Value>),
    /// Meters and clamps, which are other ones now.
    Config(serde_json::Value),
}

impl Report {
    /// How many elements the cloud accounts for.
    #[must_use]
    pub fn elements(&self) -> usize {
        match self {
            Self::Days(days) => days.len(),
            Self::Health(events, _) => events.len(),
            Self::Config(_) => 0,
        }
    }
}

/// What there is to report. The number that comes with a report names it when it was told.
pub trait Reports: Send + Sync {
    /// The next report, oldest first; the same one until it is told.
    fn next(&self) -> Option<(u64, Report)>;

    /// The cloud has it, or will never take it.
    fn told(&self, number: u64);
}

/// Keeps a device's tokens.
pub trait Vault: Send + Sync {
    /// Makes them durable before it returns.
    ///
    /// # Errors
    /// What the disk says; the tokens are not used then.
    fn keep(&self, tokens: &Tokens) -> io::Result<()>;
}

/// The time.
pub trait Clock: Send + Sync {
    /// Monotonic.
    fn mono(&self) -> Mono;

    /// Wall time, right or wrong.
    fn wall(&self) -> Timestamp;
}
