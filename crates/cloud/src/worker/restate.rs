//! Carries out what late samples change.

use std::ops::Range;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::UtcDay;
use solthrive_domain::bucket::{Rebuild, Restated};
use solthrive_domain::{DeviceId, Sample, SiteId};
use tokio::task;

use super::events::{self, Told};
use super::late::{self, There, Verdict, Window, is_damage};
use super::memory::{Late, Memory};
use super::site::Site;
use super::{Trouble, Worker};

impl Worker {
    /// Late samples, entry by entry. Until one is dealt with it stays in mind.
    pub(super) async fn deal_with_late(&mut self, memory: &mut Memory) -> Result<(), Trouble> {
        while let Some(late) = memory.late.front().cloned() {
            match self.rebuild(memory, &late).await {
                Ok(Some(restated)) => {
                    let event = events::restated(Told::of(late.site, late.received_at), &restated);
                    memory.events.extend(event);
                }
                Ok(None) => {}
                Err(Trouble::Store(error)) if is_damage(&error) => {
                    let why = error.to_string();
                    tracing::error!(site.id = %late.site, error = why, "late rows are kept and not counted, since rows around them are damaged");
                    self.progress.found_damage();
                    memory
                        .events
                        .push(events::damaged(Told::of(late.site, late.received_at), &why));
                }
                Err(trouble) => return Err(trouble),
            }
            memory.late.pop_front();
        }
        Ok(())
    }

    /// Everything that late samples change; nothing changes in mind before all of it is known.
    async fn rebuild(&self, memory: &mut Memory, late: &Late) -> Result<Option<Restated>, Trouble> {
        let Some((rebuild, there)) = self.make_anew(memory, late).await? else {
            return Ok(None);
        };
        let Some(site) = memory.site_mut(late.site) else {
            return Ok(None);
        };
        self.bring(site, late.site, &rebuild.quarters).await?;
        if let Some(gone) = there.lacks(site.buckets(rebuild.quarters.clone())) {
            return Err(StoreError::Damaged(format!(
                "rows that the quarter from {} ms was made of are not kept any more",
                gone.start().get()
            ))
            .into());
        }
        let restated = site.restate(&rebuild, &self.places.zone(late.site));
        self.progress
            .rebuilt(u64::try_from(late.samples.len()).unwrap_or(u64::MAX));
        Ok(Some(restated))
    }

    async fn make_anew(
        &self,
        memory: &Memory,
        late: &Late,
    ) -> Result<Option<(Rebuild, There)>, Trouble> {
        let Some(fold) = memory.site(late.site).map(Site::fold) else {
            return Ok(None);
        };
        let newest = fold.last().map(|last| last.ts);
        let Some(mut window) = newest.and_then(|newest| Window::around(late, newest)) else {
            return Ok(None);
        };
        let mut rows = self.rows(memory, late.site, &window.days).await?;
        loop {
            let more = match late::judge(*fold.rules(), late, &window, rows.clone()) {
                Verdict::Made(rebuild) => {
                    let there = There::of(late, &window, &rows);
                    return Ok(Some((*rebuild, there)));
                }
                Verdict::Nothing => return Ok(None),
                Verdict::Earlier => window.earlier(),
                Verdict::Later => window.later(),
                Verdict::ToLast => window.up_to_last(),
                Verdict::Senseless(why) => {
                    return Err(StoreError::Damaged(why.to_string()).into());
                }
            };
            rows.extend(self.rows(memory, late.site, &more).await?);
        }
    }

    /// The site's rows in these days: those in chunks and those that wait.
    async fn rows(
        &self,
        memory: &Memory,
        site: SiteId,
        days: &Range<UtcDay>,
    ) -> Result<Vec<(Sample, DeviceId)>, Trouble> {
        let mut rows = Vec::new();
        let span = Window::span(days);
        for (device, stay) in self.places.stays_at(site) {
            let span = span.start.max(stay.start)..span.end.min(stay.end);
            if span.is_empty() {
                continue;
            }
            let waiting = memory.tail.samples(device, &span);
            rows.extend(waiting.into_iter().map(|sample| (sample, device)));
            let chunks = self
                .stores
                .archive
                .parts_of_days(device, days.clone())
                .await?;
            if chunks.is_empty() {
                continue;
            }
            let decoded = task::spawn_blocking(move || late::decode(&chunks, &span)).await;
            let decoded = decoded.map_err(|error| Trouble::Task(error.to_string()))?;
            rows.extend(decoded.map_err(|unreadable| {
                let (chunk, part) = unreadable.chunk;
                StoreError::Damaged(format!(
                    "chunk of device {} day {} part {part}: {}",
                    chunk.device, chunk.day, unreadable.why
                ))
            })?);
        }
        Ok(rows)
    }
}
