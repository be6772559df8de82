//! The loop: turn after turn while this process has the right to, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::time;
use tokio_util::sync::CancellationToken;

use super::lease::Right;
use super::{Trouble, Turn, Worker};

/// Pauses after turns that failed, each twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Worker {
    /// Follows the log until `stop`. What fails is tried again; the log keeps what waits meanwhile.
    pub async fn run(mut self, stop: CancellationToken) {
        let right = Right {
            archive: Arc::clone(&self.stores.archive),
            job: "worker",
            holder: self.holder,
            length: self.settings.lease,
            now: Arc::clone(&self.now),
        };
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            match right.take().await {
                Ok(Some(_)) => {
                    pause = FIRST_PAUSE;
                    self.run_with(&right, &stop).await;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "the right to follow the log could not be asked for");
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            let wait = pause.max(self.settings.lease / 3);
            tokio::select! {
                () = stop.cancelled() => {}
                () = time::sleep(wait) => {}
            }
        }
    }

    /// Works while the right lasts.
    async fn run_with(&mut self, right: &Right, stop: &CancellationToken) {
        // Another may have worked meanwhile.
        if let Err(error) = self.forget_what_is_old().await {
            tracing::warn!(%error, "the cursors could not be read");
            return;
        }
        tokio::select! {
            () = right.keep() => {}
            // Told to stop, it ends the turn first.
            () = self.turns(stop) => {}
        }
        if stop.is_cancelled() {
            let stored = time::timeout(self.settings.lease / 3, self.store_all()).await;
            if !matches!(stored, Ok(Ok(()))) {
                tracing::warn!(
                    "the last checkpoint failed, its rows are counted at the next start"
                );
            }
            right.give_back(None).await;
        }
    }

    async fn turns(&mut self, stop: &CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            let wait = match self.turn().await {
                Ok(turn) => {
                    pause = FIRST_PAUSE;
                    (turn == Turn::Idle).then_some(self.settings.poll)
                }
                Err(trouble) => {
                    self.progress.will_retry();
                    tracing::warn!(error = %trouble, pause_ms = pause.as_millis(), "a turn failed and is tried again");
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    Some(wait)
                }
            };
            let Some(wait) = wait else { continue };
            tokio::select! {
                () = stop.cancelled() => {}
                () = time::sleep(wait) => {}
            }
        }
    }

    /// Throws away what is in mind if it does not follow from what is stored.
    async fn forget_what_is_old(&mut self) -> Result<(), Trouble> {
        let stored = self.stores.archive.cursors().await?;
        self.memory = self.memory.take().filter(|memory| memory.stored == stored);
        Ok(())
    }
}
