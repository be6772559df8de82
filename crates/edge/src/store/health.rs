//! How the store is doing.

use jiff::Timestamp;

const MEGABYTE: u64 = 1024 * 1024;

/// How the store is doing; a copy of what the writer noted last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Bytes free where the data folder lies, where that is known.
    pub free: Option<u64>,
    /// Free space below which old minutes go.
    pub low_space: u64,
    /// What the last attempt to write failed with; gone after one that did not.
    pub error: Option<String>,
    /// A damaged history that was set aside in this run.
    pub set_aside: Option<String>,
    /// How often the thread that stores crashed in this run, and went on.
    pub crashes: u64,
    /// Minute rows in memory that are not stored yet.
    pub waiting: usize,
    /// Minute rows that had to be given up in this run.
    pub lost: u64,
    /// Minute rows stored in this run.
    pub stored: u64,
    /// Batches stored in this run.
    pub commits: u64,
    /// Start of the newest minute stored in this run.
    pub newest: Option<Timestamp>,
    /// Bytes of the history.
    pub size: Option<u64>,
}

impl Health {
    /// Whether space is running out.
    #[must_use]
    pub fn is_low(&self) -> bool {
        self.free.is_some_and(|free| free < self.low_space)
    }

    /// Whether anything is wrong with the history.
    #[must_use]
    pub fn has_error(&self) -> bool {
        self.error.is_some() || self.set_aside.is_some() || self.lost > 0
    }

    /// For the flag `low_storage`.
    #[must_use]
    pub fn low_space_message(&self) -> String {
        let free = self.free.unwrap_or(0) / MEGABYTE;
        format!(
            "Only {free} MB are free on the disk: the oldest minutes are dropped to make room; daily totals stay. Remove other files, or use a larger card."
        )
    }

    /// For the flag `storage_error`.
    #[must_use]
    pub fn error_message(&self) -> String {
        let mut parts = Vec::new();
        if let Some(error) = &self.error {
            let waiting = self.waiting;
            parts.push(format!("The history cannot be written ({error}): {waiting} minutes wait in memory. Check the card and its space."));
        }
        if let Some(file) = &self.set_aside {
            parts.push(format!("The history was damaged and is set aside as {file}; a new one began. The card may be failing."));
        }
        if self.lost > 0 {
            parts.push(format!(
                "{} minutes could not be kept; totals are not affected.",
                self.lost
            ));
        }
        parts.join(" ")
    }
}
