//! Makes the files that were asked for, one at a time. A node that dies leaves its work to the others.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::people::{Job, JobKind};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Made;
use super::contents::{Broke, Export, Progress};
use super::file;
use super::shown::{Order, Shown, still};
use super::table::Format;
use crate::api::Api;
use crate::api::problem::Problem;

/// Between two looks for work.
const LOOK: Duration = Duration::from_secs(5);
/// Between two signs of life of who is at work.
const BEAT: Duration = Duration::from_secs(10);
/// Work of whose node nothing was heard for so long is somebody else's, ms.
const SILENT_MS: i64 = 120_000;
/// For how long a file is kept, ms.
const KEPT_MS: i64 = 7 * 86_400_000;

/// Makes files.
pub(crate) struct Exporter(Arc<Api>);

/// How a file ended.
enum End {
    Made(file::Whole, Shown),
    /// It is somebody else's, or was taken back.
    Lost,
}

impl Exporter {
    pub(crate) const fn new(api: Arc<Api>) -> Self {
        Self(api)
    }

    /// Until it is told to stop; what it was at then is begun anew by whoever is next.
    pub(crate) async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                did = self.turn() => match did {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => tracing::warn!(%error, "exports wait for the store"),
                },
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.exports_wait.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Whether there was something to do.
    async fn turn(&self) -> Result<bool, StoreError> {
        let api = &self.0;
        let now = api.clock.now();
        api.jobs.expire(now).await?;
        let silent = now.plus_ms(-SILENT_MS);
        let Some(mut job) = api.jobs.claim(JobKind::Export, silent, now).await? else {
            return Ok(false);
        };
        tracing::info!(job = %job.id, site.id = %job.site, "an export is made");
        match self.make(&mut job).await {
            Ok(End::Made(whole, shown)) => self.done(&job, whole, shown).await?,
            Ok(End::Lost) => {}
            // Another try will do.
            Err(Broke::Problem(problem)) if problem.is_passing() => {
                tracing::warn!(job = %job.id, code = problem.code(), "an export is made later");
                tokio::time::sleep(LOOK).await;
            }
            Err(broke) => {
                let why = match broke {
                    Broke::Problem(problem) => problem.code().to_owned(),
                    Broke::Ended => "internal".to_owned(),
                    Broke::Format(error) => {
                        tracing::error!(job = %job.id, %error, "an export cannot be written");
                        "internal".to_owned()
                    }
                };
                api.jobs.failed(&job, &why, api.clock.now()).await?;
            }
        }
        Ok(true)
    }

    async fn done(&self, job: &Job, whole: file::Whole, shown: Shown) -> Result<(), StoreError> {
        let made = Made {
            bytes: whole.bytes,
            sha256: whole.sha256,
            parts: whole.parts,
            shown,
        };
        let (made, now) = (json!(made).to_string(), self.0.clock.now());
        let kept = now.plus_ms(KEPT_MS);
        self.0.jobs.done(job, &made, kept, now).await?;
        Ok(())
    }

    async fn make(&self, job: &mut Job) -> Result<End, Broke> {
        let api = &self.0;
        let order: Order = serde_json::from_str(&job.asked).map_err(|_| Problem::internal())?;
        let format = Format::of(&job.format).ok_or(Problem::internal())?;
        let (home, now_shown) = still(api, job).await?;
        let shown = order.shown.and(now_shown);
        let about = json!({
            "site": job.site.as_uuid(), "time_zone": home.site.time_zone, "format": job.format,
            "made_at": jiff::Timestamp::from(api.clock.now()), "shown": shown,
            "from": order.from.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()),
            "to": order.to.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()),
        });
        let progress = Progress::default();
        let (to, parts, packing) = file::begin(about);
        let export = Export {
            api,
            home: &home,
            shown,
            order,
            format,
            progress: &progress,
            to,
        };
        // Both at once: contents are read while parts are stored. Who loses the work stops the other one.
        let (written, stored) = tokio::join!(export.write(), self.store(job, parts, &progress));
        if !stored? {
            return Ok(End::Lost);
        }
        written?;
        let whole = packing.await.map_err(|_| Problem::internal())?;
        let whole = whole.map_err(|error| Broke::Format(error.to_string()))?;
        Ok(End::Made(whole, shown))
    }

    /// Stores parts until there are no more; false when the work is not this node's any more.
    async fn store(
        &self,
        job: &mut Job,
        mut parts: mpsc::Receiver<Vec<u8>>,
        progress: &Progress,
    ) -> Result<bool, StoreError> {
        let mut number = 0;
        loop {
            let part = match tokio::time::timeout(BEAT, parts.recv()).await {
                Ok(None) => return Ok(true),
                Ok(Some(part)) => Some(part),
                Err(_) => None,
            };
            let numbered = part.as_deref().map(|part| (number, part));
            number += i64::from(part.is_some());
            let (told, now) = (progress.told().to_string(), self.0.clock.now());
            match self.0.jobs.go_on(job, &told, numbered, now).await? {
                Some(proof) => job.changed_at = proof,
                None => return Ok(false),
            }
        }
    }
}
