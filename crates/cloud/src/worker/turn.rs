//! One turn: reads what is new in the log, folds it, and does what is due.

use std::ops::Range;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::UtcDay;
use solthrive_cloud_store::hot::Entry;
use solthrive_domain::bucket::{Rebuild, Restated};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, Quarter, Sample, SiteId};
use tokio::task;

use super::entry::{Decoded, Taking};
use super::events::{self, Told};
use super::late::{self, Verdict, Window, is_damage};
use super::memory::{Held, Late, Memory};
use super::site::{Site, buckets_of};
use super::{Trouble, Worker, is_due};

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There was something new.
    Worked,
    /// There was nothing new.
    Idle,
}

impl Worker {
    /// One turn. It can be dropped wherever it waits, and taken again when it failed.
    ///
    /// # Errors
    /// [`Trouble`]; what is in mind stays, unless another worker was faster.
    pub async fn turn(&mut self) -> Result<Turn, Trouble> {
        let done = self.try_turn().await;
        if matches!(done, Err(Trouble::Overtaken)) {
            self.memory = None;
        }
        done
    }

    async fn try_turn(&mut self) -> Result<Turn, Trouble> {
        let mut memory = self.recall().await?;
        let done = self.work(&mut memory).await;
        self.memory = Some(memory);
        done
    }

    async fn work(&mut self, memory: &mut Memory) -> Result<Turn, Trouble> {
        self.refresh_places().await?;
        self.deal_with_late(memory).await?;
        let bytes = self.settings.batch_bytes;
        let entries = self.stores.log.after(memory.read, bytes).await?;
        for entry in &entries {
            self.take(memory, entry).await?;
        }
        self.do_what_is_due(memory).await?;
        Ok(if entries.is_empty() {
            Turn::Idle
        } else {
            Turn::Worked
        })
    }

    /// Stores everything that is in mind, as far as it has been read.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn store_all(&mut self) -> Result<(), Trouble> {
        let mut memory = self.recall().await?;
        let done = self.store_until_clean(&mut memory).await;
        if !matches!(done, Err(Trouble::Overtaken)) {
            self.memory = Some(memory);
        }
        done
    }

    async fn store_until_clean(&mut self, memory: &mut Memory) -> Result<(), Trouble> {
        self.refresh_places().await?;
        self.deal_with_late(memory).await?;
        while memory.is_dirty() {
            self.checkpoint(memory).await?;
        }
        Ok(())
    }

    async fn do_what_is_due(&mut self, memory: &mut Memory) -> Result<(), Trouble> {
        let now = (self.now)();
        if is_due(self.times.finalise, self.settings.finalise_every, now) {
            let has_more = self.look_at_days(memory, now).await?;
            self.times.finalise = Some(now).filter(|_| !has_more);
        }
        let checkpoint = *self.times.checkpoint.get_or_insert(now);
        let is_much = memory.rows >= self.settings.checkpoint_rows;
        if memory.is_dirty()
            && (is_much || is_due(Some(checkpoint), self.settings.checkpoint_every, now))
        {
            self.checkpoint(memory).await?;
            self.times.checkpoint = Some(now);
            let idle = i64::try_from(self.settings.idle.as_millis()).unwrap_or(i64::MAX);
            if let Ok(before) = UnixMillis::try_from(now.get().saturating_sub(idle)) {
                memory.forget_idle(before);
            }
        }
        self.seal_if_due(memory, now).await
    }

    async fn refresh_places(&mut self) -> Result<(), Trouble> {
        let changed = self
            .stores
            .assignments
            .assignments(self.places.revision())
            .await?;
        self.places.take(&changed);
        Ok(())
    }

    async fn take(&mut self, memory: &mut Memory, entry: &Entry) -> Result<(), Trouble> {
        let decoded = Decoded::of(entry, &self.progress);
        for device in decoded.devices() {
            self.load_status(memory, device).await?;
        }
        for site in decoded.sites(&self.places) {
            self.load_site(memory, site, entry.received_at).await?;
        }
        let mut taking = Taking {
            memory,
            places: &self.places,
            progress: &self.progress,
        };
        taking.take(decoded);
        self.deal_with_late(memory).await?;
        task::yield_now().await;
        Ok(())
    }

    async fn load_status(&self, memory: &mut Memory, device: DeviceId) -> Result<(), Trouble> {
        if memory.statuses.contains_key(&device) {
            return Ok(());
        }
        match self.stores.archive.device_status(device).await {
            Ok(status) => memory
                .statuses
                .extend(status.map(|status| (device, status))),
            Err(error) if is_damage(&error) => {
                tracing::error!(device.id = %device, %error, "the status of a device is damaged and begins anew");
                self.progress.found_damage();
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Brings a site into the memory, with the buckets that its next sample may change.
    pub(super) async fn load_site(
        &self,
        memory: &mut Memory,
        id: SiteId,
        now: UnixMillis,
    ) -> Result<(), Trouble> {
        if memory.sites.contains_key(&id) {
            return Ok(());
        }
        let loaded = self.read_site(id, now).await;
        match loaded {
            Ok(site) => {
                memory.sites.insert(id, Held::Sound(Box::new(site)));
            }
            Err(error) if is_damage(&error) => self.isolate(memory, id, now, &error.to_string()),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn read_site(&self, id: SiteId, now: UnixMillis) -> Result<Site, StoreError> {
        let Some(state) = self.stores.archive.site_state(id).await? else {
            return Ok(Site::new(now));
        };
        let mut site = Site::stored(state, now);
        if let Some(needed) = site.needed_at_first() {
            self.bring(&mut site, id, &needed).await?;
        }
        Ok(site)
    }

    /// Reads stored buckets that are not in mind.
    async fn bring(
        &self,
        site: &mut Site,
        id: SiteId,
        needed: &Range<Quarter>,
    ) -> Result<(), StoreError> {
        for run in runs(&site.missing(needed)) {
            let stored = self.stores.archive.bucket_days(id, run.clone()).await?;
            for day in run {
                site.bring(day, buckets_of(&stored, day));
            }
        }
        Ok(())
    }

    /// Goes on without a site. The others must not wait for it.
    pub(super) fn isolate(&self, memory: &mut Memory, site: SiteId, at: UnixMillis, why: &str) {
        tracing::error!(site.id = %site, error = why, "what is stored of a site is damaged, it is not counted any more");
        self.progress.found_damage();
        memory.sites.insert(site, Held::Isolated);
        memory.late.retain(|late| late.site != site);
        memory.events.push(events::damaged(told(site, at), why));
    }

    /// Late samples, entry by entry. Until one is dealt with it stays in mind.
    async fn deal_with_late(&mut self, memory: &mut Memory) -> Result<(), Trouble> {
        while let Some(late) = memory.late.front().cloned() {
            match self.rebuild(memory, &late).await {
                Ok(Some(restated)) => {
                    let event = events::restated(told(late.site, late.received_at), &restated);
                    memory.events.extend(event);
                }
                Ok(None) => {}
                Err(Trouble::Store(error)) if is_damage(&error) => {
                    let why = error.to_string();
                    tracing::error!(site.id = %late.site, error = why, "late rows are kept and not counted, since rows around them are damaged");
                    self.progress.found_damage();
                    memory
                        .events
                        .push(events::damaged(told(late.site, late.received_at), &why));
                }
                Err(trouble) => return Err(trouble),
            }
            memory.late.pop_front();
        }
        Ok(())
    }

    /// Everything that late samples change; nothing changes in mind before all of it is known.
    async fn rebuild(&self, memory: &mut Memory, late: &Late) -> Result<Option<Restated>, Trouble> {
        let Some(rebuild) = self.make_anew(memory, late).await? else {
            return Ok(None);
        };
        let Some(site) = memory.site_mut(late.site) else {
            return Ok(None);
        };
        self.bring(site, late.site, &rebuild.quarters).await?;
        let restated = site.restate(&rebuild, &self.places.zone(late.site));
        self.progress
            .rebuilt(u64::try_from(late.samples.len()).unwrap_or(u64::MAX));
        Ok(Some(restated))
    }

    async fn make_anew(&self, memory: &Memory, late: &Late) -> Result<Option<Rebuild>, Trouble> {
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
                Verdict::Made(rebuild) => return Ok(Some(*rebuild)),
                Verdict::Nothing => return Ok(None),
                Verdict::Earlier => window.earlier(),
                Verdict::Later => window.later(),
                Verdict::ToLast => window.to_last(),
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

const fn told(site: SiteId, received_at: UnixMillis) -> Told {
    Told {
        site,
        device: None,
        received_at,
    }
}

/// Neighbouring days together, so that they are read at once.
pub(super) fn runs(days: &[UtcDay]) -> Vec<Range<UtcDay>> {
    let runs = days.chunk_by(|a, b| a + 1 == *b);
    runs.filter_map(|run| Some(*run.first()?..*run.last()? + 1))
        .collect()
}
