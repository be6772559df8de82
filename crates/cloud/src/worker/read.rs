//! Reading: the memory at the start, and what a checkpoint needs of the archive.

use std::ops::Range;
use std::sync::Arc;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Archive, UtcDay};
use solthrive_domain::SiteId;

use super::entry::{Decoded, Taking};
use super::memory::Memory;
use super::rollups::{Reads, Stored, month_of};
use super::told::one_day;
use super::{Trouble, Worker};

impl Worker {
    /// What was in mind, or, after a start, the rows that are folded and in no chunk yet.
    pub(super) async fn recall(&mut self) -> Result<Memory, Trouble> {
        if let Some(memory) = self.memory.take() {
            return Ok(memory);
        }
        // What is read below is kept or thrown away by where its device was.
        self.refresh_places().await?;
        let stored = self.stores.archive.cursors().await?;
        self.progress.at(stored);
        let mut memory = Memory::new(stored);
        let mut at = stored.sealed;
        while at < stored.folded {
            let entries = self.stores.log.after(at, self.settings.batch_bytes).await?;
            for entry in entries
                .iter()
                .take_while(|entry| entry.seq <= stored.folded)
            {
                let decoded = Decoded::of(entry, &self.progress)?;
                let (places, progress) = (&self.places, self.progress.as_ref());
                let memory = &mut memory;
                Taking {
                    memory,
                    places,
                    progress,
                }
                .remember(decoded);
            }
            let Some(last) = entries.last() else { break };
            at = last.seq;
        }
        tracing::info!(
            folded = stored.folded.get(),
            sealed = stored.sealed.get(),
            rows = memory.tail.rows(),
            "the log is followed from here"
        );
        Ok(memory)
    }
}

/// Reads what a plan needs.
///
/// # Errors
/// The archive's.
pub(super) async fn gather(
    archive: Arc<dyn Archive>,
    site: SiteId,
    reads: Reads,
) -> Result<Stored, StoreError> {
    let mut stored = Stored::default();
    let days: Vec<_> = reads.bucket_days.into_iter().collect();
    for run in runs(&days) {
        stored
            .bucket_days
            .extend(archive.bucket_days(site, run).await?);
    }
    for first in &reads.months {
        if let Ok(dates) = month_of(*first) {
            stored.days.extend(archive.site_days(site, dates).await?);
        }
        stored
            .months
            .extend(archive.site_month(site, *first).await?);
    }
    for date in reads.compared {
        let Some(day) = one_day(date) else { continue };
        stored.told.extend(archive.told(site, day.clone()).await?);
        if !reads.months.contains(&date.first_of_month()) {
            stored.days.extend(archive.site_days(site, day).await?);
        }
    }
    Ok(stored)
}

/// Neighbouring days together, so that they are read at once.
pub(super) fn runs(days: &[UtcDay]) -> Vec<Range<UtcDay>> {
    let runs = days.chunk_by(|a, b| a + 1 == *b);
    runs.filter_map(|run| Some(*run.first()?..*run.last()? + 1))
        .collect()
}
