//! The right to follow the log, held by one worker at a time.

use std::sync::Arc;
use std::time::Duration;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Archive, Lease};
use solthrive_domain::telemetry::UnixMillis;
use tokio::time;
use uuid::Uuid;

use super::Now;

/// A right that is prolonged while somebody works, and ends by itself.
#[derive(Clone)]
pub(super) struct Right {
    pub(super) archive: Arc<dyn Archive>,
    pub(super) job: &'static str,
    pub(super) holder: Uuid,
    pub(super) length: Duration,
    pub(super) now: Now,
}

impl Right {
    /// Takes or prolongs it; `None` while another has it.
    pub(super) async fn take(&self) -> Result<Option<Lease>, StoreError> {
        let now = (self.now)();
        let until = later(now, self.length);
        self.archive.lease(self.job, self.holder, now, until).await
    }

    /// Gives it back, with the time at which the job was done to its end, if it was.
    pub(super) async fn give_back(&self, done_at: Option<UnixMillis>) {
        if let Err(error) = self.archive.release(self.job, self.holder, done_at).await {
            tracing::warn!(job = self.job, %error, "a lease could not be given back and ends by itself");
        }
    }

    /// Prolongs it three times in its length. Returns when it could not be prolonged: a try takes up
    /// to a third of it, so a third is left for those who have to end.
    pub(super) async fn keep(&self) {
        let third = self.length / 3;
        loop {
            time::sleep(third).await;
            match time::timeout(third, self.take()).await {
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => {
                    tracing::warn!(job = self.job, "another process took the lease");
                    return;
                }
                Ok(Err(error)) => {
                    tracing::warn!(job = self.job, %error, "the lease could not be prolonged");
                    return;
                }
                Err(_) => {
                    tracing::warn!(job = self.job, "prolonging the lease took too long");
                    return;
                }
            }
        }
    }
}

fn later(now: UnixMillis, by: Duration) -> UnixMillis {
    let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    now.plus_ms(ms)
}
