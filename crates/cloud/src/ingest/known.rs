//! What this node knows of every device's rows, and how it gets to know it.

use std::sync::Arc;
use std::time::Duration;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Archive, OpenDay, Stored};
use solthrive_cloud_store::chunk::{ChunkError, Codec, Pick};
use solthrive_cloud_store::hot::{self, Entry, HotLog, Index, Sealed, Seq};

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
    days: Vec<(hot::Known, Sealed)>,
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
        for (known, sealed) in brought.days {
            // One that is stale by now is asked for again.
            let _is_fresh = self.index.bring(known, sealed, brought.epoch);
        }
    }

    /// Takes in what others appended. False when entries are missing in between.
    pub(super) fn replay(&mut self, entries: &[Entry]) -> Result<bool, StoreError> {
        for entry in entries {
            if entry.seq.get() != self.last.get() + 1 {
                return Ok(false);
            }
            let deliveries = match hot::decode(&entry.blob) {
                Ok(deliveries) => deliveries,
                Err(why) if why.is_newer() => {
                    let entry = entry.seq.get();
                    return Err(StoreError::Unavailable(format!(
                        "entry {entry} of the log needs a newer program: {why}"
                    )));
                }
                // The worker passes over it as well: what it held is lost, and nobody else's.
                Err(why) => {
                    tracing::error!(entry = entry.seq.get(), error = %why, "an entry of the log is damaged");
                    Vec::new()
                }
            };
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
            let newest = self.log.newest().await?;
            if newest < before.folded {
                // What is appended here would get numbers that were counted already: nobody would read it.
                let (folded, newest) = (before.folded.get(), newest.get());
                return Err(StoreError::Damaged(format!(
                    "the log ends with entry {newest}, but entry {folded} was counted: it is not the log of this database; restore both from one backup"
                )));
            }
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
            let sealed = tokio::task::spawn_blocking(move || sealed_of(&parts))
                .await
                .map_err(|error| StoreError::Unavailable(error.to_string()))??;
            days.push((*known, sealed));
        }
        Ok(Brought { days, epoch })
    }
}

/// All rows of a day's parts.
fn sealed_of(parts: &[Stored]) -> Result<Sealed, StoreError> {
    let mut all = Sealed::default();
    if parts.is_empty() {
        return Ok(all);
    }
    let unavailable = |error: &ChunkError| StoreError::Unavailable(error.to_string());
    let mut codec = Codec::new().map_err(|error| unavailable(&error))?;
    for stored in parts {
        match codec.decode(&stored.bytes, Pick::All) {
            Ok(table) => all.add(&table),
            Err(error @ (ChunkError::Compressor(_) | ChunkError::UnknownVersion(_))) => {
                return Err(unavailable(&error));
            }
            // Nobody knows its rows any more. What the device still has of that day is worth more than
            // certainty that none of it is there twice; where it is, a merge keeps the first.
            Err(error) => tracing::warn!(
                device.id = %stored.device, day = stored.day, part = stored.part, %error,
                "rows are judged without a chunk that is damaged"
            ),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use solthrive_cloud_store::chunk::{Finite, Table, Value};
    use solthrive_cloud_store::hot::{Index, Row, Staged};
    use solthrive_domain::DeviceId;
    use uuid::Uuid;

    use super::*;

    const DEVICE: DeviceId = DeviceId::from_uuid(Uuid::from_u128(1));

    /// Rows each of which names 90 channels that no other row has.
    fn rows(times: std::ops::Range<i64>) -> Vec<Row> {
        let one = Value::Number(Finite::try_from(1.0).unwrap());
        let row = |time| Row {
            time,
            cells: (0..90)
                .map(|n| (format!("channels.t{time}n{n}.kw").parse().unwrap(), one))
                .collect(),
        };
        times.map(row).collect()
    }

    fn part(number: i64, rows: &[Row]) -> Stored {
        let mut table = Table::default();
        for row in rows {
            table.insert(row.time, &row.cells).unwrap();
        }
        Stored {
            device: DEVICE,
            day: 0,
            part: number,
            bytes: Codec::new().unwrap().encode(&table).unwrap(),
        }
    }

    fn judged(sealed: Sealed, rows: Vec<Row>) -> hot::Counts {
        let mut index = Index::default();
        index.sealed_to(DEVICE, 1_000);
        let day = hot::Known {
            device: DEVICE,
            day: 0,
        };
        assert!(index.bring(day, sealed, index.epoch()));
        index.stage(&mut Staged::default(), DEVICE, rows).unwrap().1
    }

    #[test]
    fn rows_are_judged_by_parts_that_do_not_fit_into_one_table() {
        let parts = [part(7, &rows(0..2)), part(8, &rows(2..4))];
        let counts = judged(sealed_of(&parts).unwrap(), rows(1..6));
        assert_eq!((counts.duplicates, counts.accepted), (3, 2));
    }

    #[test]
    fn a_damaged_part_does_not_keep_a_device_from_sending() {
        let mut damaged = part(7, &rows(0..2));
        damaged.bytes[30] ^= 1;
        let sealed = sealed_of(&[damaged, part(8, &rows(2..4))]).unwrap();
        let counts = judged(sealed, rows(1..4));
        assert_eq!((counts.duplicates, counts.accepted), (2, 1));
    }
}
