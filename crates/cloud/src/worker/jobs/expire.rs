//! Deletes chunks that are older than they are kept. Buckets and days stay.

use std::time::Duration;

use async_trait::async_trait;
use solthrive_cloud_store::StoreError;

use super::{Context, Job, Step, utc_day};

/// Chunks that are deleted in one transaction.
const AT_ONCE: u32 = 2_000;

/// Deletes old chunks.
#[derive(Debug, Clone, Copy)]
pub struct Expire {
    /// Days that chunks are kept where their site says nothing else.
    pub keep_days: u32,
}

#[async_trait]
impl Job for Expire {
    fn name(&self) -> &'static str {
        "expire"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(6 * 3600)
    }

    async fn step(&self, context: &Context) -> Result<Step, StoreError> {
        let today = utc_day((context.now)());
        let done = context
            .archive
            .expire(today, self.keep_days, AT_ONCE)
            .await?;
        Ok(Step {
            done,
            damaged: 0,
            has_more: done >= u64::from(AT_ONCE),
        })
    }
}
