//! What is done every so often beside following the log: one file per job.
//!
//! A job runs under a lease of its own, so once across all processes, and the lease remembers when it
//! was done, so a restart does not do it again. Twice equals once all the same.

mod expire;
mod merge;
mod prepare;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::Archive;
use solthrive_cloud_store::hot::HotLog;
use solthrive_domain::telemetry::UnixMillis;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::expire::Expire;
pub use self::merge::Merge;
pub use self::prepare::Prepare;
use super::lease::Right;
use super::{Now, Progress, is_due};

/// How long the right to do a job is taken for; it is prolonged before each step.
const LEASE: Duration = Duration::from_secs(120);
/// Time between two looks at the schedule.
const LOOK: Duration = Duration::from_secs(30);

/// What a job's step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Things that were dealt with.
    pub done: u64,
    /// Things that were left as they are because they could not be read.
    pub damaged: u64,
    /// There is more to do.
    pub has_more: bool,
}

/// What a job works with.
pub struct Context {
    /// What it works on.
    pub archive: Arc<dyn Archive>,
    /// What comes before it.
    pub log: Arc<dyn HotLog>,
    /// Tells the time.
    pub now: Now,
    /// Where damage is counted.
    pub progress: Arc<Progress>,
}

/// A job that is done in steps, each of some seconds at most.
#[async_trait]
pub trait Job: Send + Sync {
    /// Its name, which is its lease's too.
    fn name(&self) -> &'static str;

    /// Time between two runs.
    fn every(&self) -> Duration;

    /// Does a part.
    async fn step(&self, context: &Context) -> Result<Step, StoreError>;
}

/// All jobs, as they are usually done. `keep_days` is for how long chunks are kept where their site says
/// nothing else.
#[must_use]
pub fn usual(keep_days: u32) -> Vec<Box<dyn Job>> {
    vec![
        Box::new(Prepare),
        Box::new(Merge::default()),
        Box::new(Expire { keep_days }),
    ]
}

/// Runs jobs when they are due.
pub struct Scheduler {
    context: Context,
    holder: Uuid,
    jobs: Vec<Box<dyn Job>>,
}

impl Scheduler {
    /// For these jobs. `holder` is an id that the process made when it started.
    #[must_use]
    pub fn new(context: Context, holder: Uuid, jobs: Vec<Box<dyn Job>>) -> Self {
        Self {
            context,
            holder,
            jobs,
        }
    }

    /// Runs what is due until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut looked = vec![None; self.jobs.len()];
        while !stop.is_cancelled() {
            let now = (self.context.now)();
            for (job, looked) in self.jobs.iter().zip(&mut looked) {
                // A job that another process did is asked for again after a tenth of its time.
                if !is_due(*looked, job.every() / 10, now) {
                    continue;
                }
                *looked = Some(now);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.attend(job.as_ref()) => {}
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = time::sleep(LOOK) => {}
            }
        }
    }

    /// Runs each job that is due once, and says how many these were.
    pub async fn run_due(&self) -> usize {
        let mut ran = 0;
        for job in &self.jobs {
            ran += usize::from(self.run_if_due(job.as_ref()).await.unwrap_or(false));
        }
        ran
    }

    async fn attend(&self, job: &dyn Job) {
        if let Err(error) = self.run_if_due(job).await {
            tracing::warn!(job = job.name(), %error, "a job failed and is tried again");
        }
    }

    async fn run_if_due(&self, job: &dyn Job) -> Result<bool, StoreError> {
        let right = Right {
            archive: Arc::clone(&self.context.archive),
            job: job.name(),
            holder: self.holder,
            length: LEASE,
            now: Arc::clone(&self.context.now),
        };
        let Some(lease) = right.take().await? else {
            return Ok(false);
        };
        let now = (self.context.now)();
        if !is_due(lease.done_at, job.every(), now) {
            right.give_back(None).await;
            return Ok(false);
        }
        let done = self.steps(job, &right).await;
        let is_done = matches!(done, Ok(true));
        right.give_back(Some(now).filter(|_| is_done)).await;
        done
    }

    /// True when it came to its end.
    async fn steps(&self, job: &dyn Job, right: &Right) -> Result<bool, StoreError> {
        let began = Instant::now();
        let (mut done, mut damaged) = (0, 0);
        loop {
            let step = job.step(&self.context).await?;
            done += step.done;
            damaged += step.damaged;
            if !step.has_more {
                break;
            }
            if right.take().await?.is_none() {
                return Ok(false);
            }
        }
        let duration_ms = began.elapsed().as_millis();
        tracing::info!(job = job.name(), done, damaged, duration_ms, "job done");
        Ok(true)
    }
}

/// The UTC day that this instant lies in.
const fn utc_day(at: UnixMillis) -> i64 {
    at.get().div_euclid(crate::tail::DAY_MS)
}
