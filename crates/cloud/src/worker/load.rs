//! Brings sites and devices into the memory, and goes on without those that cannot be read.

use std::ops::Range;

use solthrive_cloud_store::StoreError;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, Quarter, SiteId};

use super::events::{self, Told};
use super::late::is_damage;
use super::memory::{Held, Memory};
use super::read::runs;
use super::site::{Site, buckets_of};
use super::{Trouble, Worker};

impl Worker {
    pub(super) async fn load_status(
        &self,
        memory: &mut Memory,
        device: DeviceId,
    ) -> Result<(), Trouble> {
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
    pub(super) async fn bring(
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
        memory.events.push(events::damaged(Told::of(site, at), why));
    }
}
