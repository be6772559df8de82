//! Reads the log for [`Recent`].

use std::sync::Arc;
use std::time::Duration;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::Archive;
use solthrive_cloud_store::hot::{Delivery, Entry, HotLog, Row, decode};
use solthrive_domain::DeviceId;
use tokio_util::sync::CancellationToken;

use super::Recent;

/// Bytes of the log that are read at once.
const BATCH: usize = 1 << 20;
/// Between two looks: what was measured is on the page within two seconds.
const LOOK: Duration = Duration::from_millis(400);
/// Between two looks at what was sealed.
const SEALED: Duration = Duration::from_secs(20);
/// After an error.
const PAUSE: Duration = Duration::from_secs(2);
/// More is not kept: while nobody seals, the newest rows are not shown rather than the node lost.
const MOST_BYTES: usize = 1 << 30;

/// Follows the log.
pub struct Follower {
    recent: Arc<Recent>,
    log: Arc<dyn HotLog>,
    archive: Arc<dyn Archive>,
}

impl Follower {
    /// Of this log, whose rows go into this archive.
    #[must_use]
    pub fn new(recent: Arc<Recent>, log: Arc<dyn HotLog>, archive: Arc<dyn Archive>) -> Self {
        Self {
            recent,
            log,
            archive,
        }
    }

    /// Follows until it is told to stop. A store that does not answer is asked again.
    pub async fn run(self, stop: CancellationToken) {
        let mut looked = None;
        loop {
            let now = self.recent.clock.elapsed();
            let due = looked.is_none_or(|at| now.saturating_sub(at) >= SEALED);
            let done = match due {
                true => self.look_at_sealed().await,
                false => Ok(()),
            };
            if done.is_ok() && due {
                looked = Some(now);
            }
            let read = match done {
                Ok(()) => self.read_on().await,
                Err(error) => Err(error),
            };
            let pause = match read {
                Ok(()) => LOOK,
                Err(error) => {
                    tracing::warn!(%error, "the log cannot be followed for people, trying again");
                    PAUSE
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn look_at_sealed(&self) -> Result<(), StoreError> {
        let cursors = self.archive.cursors().await?;
        self.recent.sealed(cursors.sealed);
        Ok(())
    }

    /// Reads what is new.
    ///
    /// # Errors
    /// The log's.
    pub async fn read_on(&self) -> Result<(), StoreError> {
        loop {
            if self.recent.bytes() > MOST_BYTES {
                return Err(StoreError::Unavailable(
                    "too many rows wait to be sealed: is a worker running?".to_owned(),
                ));
            }
            let entries = self.log.after(self.recent.read_to(), BATCH).await?;
            let Some(last) = entries.last() else {
                self.recent.is_fresh();
                return Ok(());
            };
            let to = last.seq;
            let rows: Vec<_> = entries.iter().flat_map(rows_of).collect();
            self.recent.take(&rows, to);
        }
    }
}

/// A damaged entry has none; whoever seals it says so.
fn rows_of(entry: &Entry) -> Vec<(DeviceId, Vec<Row>)> {
    let deliveries = decode(&entry.blob).unwrap_or_default();
    let rows = deliveries
        .into_iter()
        .filter_map(|delivery| match delivery {
            Delivery::Rows(rows) => Some((rows.device, rows.rows)),
            Delivery::Note(_) => None,
        });
    rows.collect()
}
