//! What a store that was put back has to hear of: homes that were erased since it was saved, and copies that hold them.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use solthrive_cloud_store::people::{Backup, Erasures as _, Passed};
use solthrive_cloud_store::sql::SqlStore;
use solthrive_domain::telemetry::UnixMillis;

use super::console::taken;
use crate::clock::new_id;
use crate::config::{Place, StoreUrl};

/// For so long what was set aside is kept, ms: as long as a backup usually is.
pub(super) const ASIDE_KEPT_MS: i64 = 35 * 86_400_000;

/// What is known of before.
#[derive(Debug, Default)]
pub(super) struct Afterwards {
    erasures: Vec<Passed>,
    backups: Vec<Backup>,
    /// Whether anything could be asked.
    pub(super) is_known: bool,
}

impl Afterwards {
    /// Of a list that was kept, and of the store that is there, if there is one that can be read.
    pub(super) async fn gather(place: &Place, list: Option<&Path>) -> Result<Self> {
        let mut all = Self::default();
        if let Some(path) = list {
            let text =
                fs::read(path).with_context(|| format!("{} could not be read", path.display()))?;
            all.erasures = serde_json::from_slice(&text).with_context(|| {
                format!(
                    "{} is no list of `solthrive-cloud admin --json erasure list`",
                    path.display()
                )
            })?;
            all.is_known = true;
        }
        if let Some(store) = there(place).await {
            if let (Ok(erasures), Ok(backups)) = (store.passed().await, store.backups().await) {
                all.erasures.extend(erasures);
                all.backups = backups;
                all.is_known = true;
            }
            store.close().await;
        }
        Ok(all)
    }

    /// Has it come true in the store that is there now; how many homes are erased again.
    pub(super) async fn come_true(
        &self,
        place: &Place,
        aside: &[String],
        now: UnixMillis,
    ) -> Result<usize> {
        if self.erasures.is_empty() && self.backups.is_empty() && aside.is_empty() {
            return Ok(0);
        }
        let store = match &place.store {
            StoreUrl::Sqlite => {
                let _ours = taken(&place.data)?;
                SqlStore::sqlite(&Place::database(&place.data)).await
            }
            StoreUrl::Postgres(url) => SqlStore::postgres(url).await,
        };
        let store = store.context("the store that was put back could not be opened")?;
        let mut again = 0;
        for passed in &self.erasures {
            again += usize::from(store.erase_again(passed, now).await?);
        }
        // At once: nobody is to see such a home, not even until the service looks.
        while store.close_due(now).await?.is_some() {}
        for backup in &self.backups {
            store.backup_began(backup).await?;
        }
        if !aside.is_empty() {
            let set_aside = Backup {
                id: new_id(),
                began_at: now,
                ended_at: Some(now),
                place: aside.join(", "),
                keep_until: now.plus_ms(ASIDE_KEPT_MS),
                deleted_at: None,
            };
            store.backup_began(&set_aside).await?;
        }
        store.close().await;
        Ok(again)
    }
}

/// The store that is to be replaced. What cannot be opened tells nothing, and is no reason not to replace it.
async fn there(place: &Place) -> Option<SqlStore> {
    match &place.store {
        StoreUrl::Sqlite => {
            let path = Place::database(&place.data);
            if !path.exists() {
                return None;
            }
            SqlStore::sqlite_glance(&path).await.ok()
        }
        StoreUrl::Postgres(url) => SqlStore::postgres_glance(url).await.ok(),
    }
}
