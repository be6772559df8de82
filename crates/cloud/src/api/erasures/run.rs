//! Closes homes whose time has come, and ends what is purged: searches for what may be left, and signs the receipt.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::hot::{HotLog, Seq};
use solthrive_cloud_store::people::{Backup, Closing, Erasure, Remnant};
use solthrive_domain::telemetry::UnixMillis;
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::mail::Letter;
use crate::receipts::{Holds, Kept, Receipt, fingerprint};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// Ends homes.
pub(crate) struct Eraser {
    api: Arc<Api>,
    log: Arc<dyn HotLog>,
}

impl Eraser {
    pub(crate) const fn new(api: Arc<Api>, log: Arc<dyn HotLog>) -> Self {
        Self { api, log }
    }

    /// Until it is told to stop. Every step is one that another node, or the next look, may do once more.
    pub(crate) async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                done = self.look() => if let Err(error) = done {
                    tracing::warn!(%error, "erasures wait for the store");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        let api = &self.api;
        while let Some(closing) = api.erasures.close_due(api.clock.now()).await? {
            match closing {
                Closing::Closed(site) => tracing::info!(site.id = %site, "a home is closed"),
                Closing::Cancelled(site) => {
                    tracing::info!(site.id = %site, "a home is another's by now and stays");
                }
            }
        }
        for erasure in api.erasures.closed().await? {
            let Some((_, through)) = erasure.purged else {
                continue;
            };
            if self.has_forgotten(through).await? {
                self.end(&erasure).await?;
            }
        }
        Ok(())
    }

    /// Whether the log holds nothing up to there any more.
    async fn has_forgotten(&self, through: Seq) -> Result<bool, StoreError> {
        let first = self.log.after(Seq::START, 1).await?;
        Ok(first.first().is_none_or(|entry| entry.seq > through))
    }

    async fn end(&self, erasure: &Erasure) -> Result<(), StoreError> {
        let api = &self.api;
        let searched_at = api.clock.now();
        let found = api.erasures.search(erasure).await?;
        let left: Vec<&Remnant> = found.iter().filter(|found| found.kept.is_none()).collect();
        if !left.is_empty() {
            // No receipt for what is not true. The next look searches again.
            tracing::error!(erasure = %erasure.id, site.id = %erasure.site, ?left, "something of an erased home is left");
            return Ok(());
        }
        let backups = api.erasures.backups().await?;
        let receipt = self.receipt(erasure, &found, &backups, searched_at);
        let Ok(text) = api.receipts.write(&receipt) else {
            tracing::error!(erasure = %erasure.id, "a receipt cannot be signed");
            return Ok(());
        };
        let sha256 = fingerprint(&text);
        let now = api.clock.now();
        if api.erasures.erased(erasure.id, &text, &sha256, now).await? {
            tracing::info!(erasure = %erasure.id, site.id = %erasure.site, "a home is erased");
            self.tell(erasure, &text).await?;
        }
        Ok(())
    }

    fn receipt(
        &self,
        erasure: &Erasure,
        found: &[Remnant],
        backups: &[Backup],
        searched_at: UnixMillis,
    ) -> Receipt {
        let closed_at = erasure.closed_at.unwrap_or(searched_at);
        let holds = backups
            .iter()
            .filter(|backup| backup.began_at <= closed_at && backup.deleted_at.is_none());
        Receipt {
            issuer: self.api.mail.public_url().to_owned(),
            erasure: erasure.id,
            site: erasure.site.as_uuid(),
            asked_at: erasure.created_at.into(),
            closed_at: closed_at.into(),
            searched_at: searched_at.into(),
            deleted: erasure.deleted.clone(),
            kept: found.iter().filter_map(kept).collect(),
            backups: holds
                .map(|backup| Holds {
                    backup: backup.id,
                    made_at: backup.began_at.into(),
                    kept_until: Timestamp::from(backup.keep_until),
                })
                .collect(),
        }
    }

    /// Who asked gets the receipt by mail, too; without mail it is at the API.
    async fn tell(&self, erasure: &Erasure, receipt: &str) -> Result<(), StoreError> {
        let api = &self.api;
        let Some(user) = erasure.asked_by else {
            return Ok(());
        };
        let Some(user) = api.accounts.user(user).await? else {
            return Ok(());
        };
        let letter = Letter::erased(receipt);
        if let Err(error) = api.mail.send(&user.email, &letter).await {
            tracing::warn!(%error, erasure = %erasure.id, "a receipt was not sent; it is kept");
        }
        Ok(())
    }
}

fn kept(found: &Remnant) -> Option<Kept> {
    Some(Kept {
        table: found.table.clone(),
        rows: found.rows,
        why: found.kept?.to_owned(),
    })
}
