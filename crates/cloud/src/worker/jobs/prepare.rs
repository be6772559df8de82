//! Makes the log ready for the days to come, where its engine needs that.

use std::time::Duration;

use async_trait::async_trait;
use solthrive_cloud_store::StoreError;

use super::{Context, Job, Step};

/// Prepares the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prepare;

#[async_trait]
impl Job for Prepare {
    fn name(&self) -> &'static str {
        "prepare"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(6 * 3600)
    }

    async fn step(&self, context: &Context) -> Result<Step, StoreError> {
        context.log.prepare((context.now)()).await?;
        Ok(Step::default())
    }
}
