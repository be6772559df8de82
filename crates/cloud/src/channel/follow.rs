//! Hears of what waits: one question a second for all lines of this node, and at once when somebody asked on it.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use solthrive_cloud_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::{Channels, PATIENCE};

/// Between two questions.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at what is overdue.
const SWEEP: Duration = Duration::from_secs(10);
/// For so long what came of a command is kept, ms.
const KEPT_MS: i64 = 30 * 86_400_000;

/// How far a node has heard.
#[derive(Debug, Default)]
struct Heard {
    /// Up to this revision.
    revision: Option<i64>,
    /// When it looked last for what is overdue.
    swept: Option<Duration>,
    /// Whether the store did not answer the last time; that is said once.
    trouble: bool,
}

impl Channels {
    /// Hears and wakes until it is told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut heard = Heard::default();
        loop {
            let turn = tokio::time::timeout(PATIENCE, self.turn(&mut heard));
            let trouble = match turn.await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("no answer in time".to_owned()),
            };
            if let Some(error) = trouble.as_ref().filter(|_| !heard.trouble) {
                tracing::warn!(%error, "commands wait for the store");
            }
            heard.trouble = trouble.is_some();
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.asked.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn turn(&self, heard: &mut Heard) -> Result<(), StoreError> {
        let (revision, news) = self.commands.command_news(heard.revision).await?;
        let mut woken = Vec::new();
        {
            let mut waiting = self.waiting.write().unwrap_or_else(PoisonError::into_inner);
            for news in &news {
                if waiting.take(news) {
                    woken.push(news.device);
                }
            }
        }
        heard.revision = Some(revision);
        self.wake(woken);
        let now = self.clock.now();
        let watched = self.commands.live_watched(now).await?;
        let new: BTreeSet<_> = {
            let mut known = self.watched.write().unwrap_or_else(PoisonError::into_inner);
            let new = watched.difference(&known).copied().collect();
            *known = watched;
            new
        };
        self.wake_at(&new);
        let (at, since) = (self.clock.elapsed(), heard.swept);
        if since.is_none_or(|since| at.saturating_sub(since) >= SWEEP) {
            heard.swept = Some(at);
            self.commands
                .sweep_commands(now, now.plus_ms(-KEPT_MS))
                .await?;
            let mut waiting = self.waiting.write().unwrap_or_else(PoisonError::into_inner);
            waiting.prune(now);
        }
        Ok(())
    }
}
