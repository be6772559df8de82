//! One turn: reads what is new in the log, folds it, and does what is due.

use solthrive_cloud_store::hot::Entry;
use solthrive_domain::telemetry::UnixMillis;
use tokio::task;

use super::entry::{Decoded, Taking};
use super::memory::Memory;
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
        self.deal_with_erased(memory).await?;
        let bytes = self.settings.batch_bytes;
        let entries = self.stores.log.after(memory.read, bytes).await?;
        // After the entries: whoever delivered was bound to his site before, so his place is known now.
        self.refresh_places().await?;
        self.look_for_moves(memory).await?;
        self.deal_with_late(memory).await?;
        self.deal_with_moved(memory).await?;
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
        self.look_for_moves(memory).await?;
        self.deal_with_late(memory).await?;
        self.deal_with_moved(memory).await?;
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

    pub(super) async fn refresh_places(&mut self) -> Result<(), Trouble> {
        let changed = self
            .stores
            .assignments
            .assignments(self.places.revision())
            .await?;
        self.moved.extend(self.places.take(&changed));
        Ok(())
    }

    async fn take(&mut self, memory: &mut Memory, entry: &Entry) -> Result<(), Trouble> {
        let decoded = Decoded::of(entry, &self.progress)?;
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
}
