//! What this node knows of every device's rows, and how it gets to know it.

use std::sync::Arc;
use std::time::Duration;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Archive, OpenDay};
use solthrive_cloud_store::chunk::{Codec, Pick, Table, merge};
use solthrive_cloud_store::hot::{self, Entry, HotLog, Index, Seq};

use super::committer::{Job, Work};

/// Bytes of the log that are read at a time.
const READ: usize = 8 << 20;
/// A generation of the index is closed after this long, so that it can be let go once it is sealed.
const ROTATE: Duration = Duration::from_secs(600);

/// The index, and up to where it has seen the log.
#[derive(Debug)]
pub struct Known {
    pub(super) index: Index,
    last: Seq,
    rotated: Duration,
}

/// Sealed days that were looked up, and when: an epoch of the index.
#[derive(Debug)]
pub(super) struct Brought {
    days: Vec<(hot::Known, Table)>,
    epoch: u64,
}

/// Where to read from.
#[derive(Clone)]
pub struct Load {
    /// The log.
    pub log: Arc<dyn HotLog>,
    /// What was sealed.
    pub archive: Arc<dyn Archive>,
}

impl Known {
    /// The last entry that is in it.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.last
    }

    pub(super) fn appended(&mut self, at: Seq) {
        self.last = at;
    }

    /// The days that must be looked up before the job can be judged: usually none.
    pub(super) fn wanted(&self, job: &Job) -> Vec<hot::Known> {
        match &job.work {
            Work::Rows { rows, .. } => self.index.wanted(job.device, rows),
            Work::Note(_) => Vec::new(),
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.index.epoch()
    }

    pub(super) fn bring(&mut self, brought: Brought) {
        for (known, table) in brought.days {
            // One that is stale by now is asked for again.
            let _is_fresh = self.index.bring(known, &table, brought.epoch);
        }
    }

    /// Takes in what others appended. False when entries are missing in between.
    pub(super) fn replay(&mut self, entries: &[Entry]) -> Result<bool, StoreError> {
        for entry in entries {
            if entry.seq.get() != self.last.get() + 1 {
                return Ok(false);
            }
            let deliveries = hot::decode(&entry.blob).map_err(|error| {
                StoreError::Damaged(format!("entry {}: {error}", entry.seq.get()))
            })?;
            self.index.replay(&deliveries);
            self.last = entry.seq;
        }
        Ok(true)
    }

    /// Entries up to `sealed` are in chunks.
    pub(super) fn sealed(&mut self, sealed: Seq, now: Duration) {
        if now.saturating_sub(self.rotated) >= ROTATE {
            self.index.rotate(self.last);
            self.rotated = now;
        }
        self.index.drop_sealed(sealed);
    }

    /// Bytes on the heap, roughly.
    #[must_use]
    pub fn heap(&self) -> usize {
        self.index.heap()
    }

    /// Devices with rows that are not sealed.
    #[must_use]
    pub fn devices(&self) -> usize {
        self.index.devices()
    }
}

impl Load {
    /// Reads everything that a node must know when it starts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn everything(&self) -> Result<Known, StoreError> {
        loop {
            let before = self.archive.cursors().await?;
            let known = self.after(before.sealed).await?;
            // If rows were sealed meanwhile, the log may have forgotten some before they were read.
            if self.archive.cursors().await?.sealed == before.sealed {
                return Ok(known);
            }
        }
    }

    async fn after(&self, sealed: Seq) -> Result<Known, StoreError> {
        let mut index = Index::default();
        for (device, time) in self.archive.sealed_to().await? {
            index.sealed_to(device, time);
        }
        let mut known = Known {
            index,
            last: sealed,
            rotated: Duration::ZERO,
        };
        loop {
            let entries = self.log.after(known.last, READ).await?;
            let Some(newest) = entries.last().map(|entry| entry.seq) else {
                break;
            };
            if !known.replay(&entries)? {
                return Err(StoreError::Damaged(format!(
                    "entries before {} are missing",
                    newest.get()
                )));
            }
        }
        known.last = known.last.max(self.log.newest().await?);
        known.index.rotate(known.last);
        Ok(known)
    }

    /// Looks up what is sealed of these days.
    pub(super) async fn days(
        &self,
        wanted: &[hot::Known],
        epoch: u64,
    ) -> Result<Brought, StoreError> {
        let mut days = Vec::with_capacity(wanted.len());
        for known in wanted {
            let day = OpenDay {
                device: known.device,
                day: known.day,
            };
            let parts = self.archive.parts(day).await?;
            let table = tokio::task::spawn_blocking(move || table_of(&parts))
                .await
                .map_err(|error| StoreError::Unavailable(error.to_string()))??;
            days.push((*known, table));
        }
        Ok(Brought { days, epoch })
    }
}

/// All rows of a day's parts.
fn table_of(parts: &[solthrive_cloud_store::archive::Stored]) -> Result<Table, StoreError> {
    let damaged =
        |part: i64, error: String| StoreError::Damaged(format!("part {part} of a day: {error}"));
    let mut all = Table::default();
    if parts.is_empty() {
        return Ok(all);
    }
    let mut codec = Codec::new().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    for stored in parts {
        let table = codec
            .decode(&stored.bytes, Pick::All)
            .map_err(|error| damaged(stored.part, error.to_string()))?;
        all = merge(all, &table)
            .map_err(|error| damaged(stored.part, error.to_string()))?
            .0;
    }
    Ok(all)
}
