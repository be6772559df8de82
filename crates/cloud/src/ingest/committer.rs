//! The one task that appends to the log, and the way to it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::archive::{Archive, Cursors};
use solthrive_cloud_store::hot::{self, HotLog, Note, Row};
use solthrive_domain::{DeviceId, LedgerId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::group::{Done, Group};
use super::known::{Brought, Known, Load};
use crate::clock::Clock;
use crate::metrics::Metrics;

/// Calls that may wait for the task; each has rows, whose number is bounded by itself.
const CALLS: usize = 8_192;
/// The most calls and rows of one entry: enough to make an `fsync` cheap, few enough to be quick.
const GROUP_CALLS: usize = 1_024;
const GROUP_ROWS: usize = 20_000;
/// Calls whose sealed days are looked up at a time.
const LOOKUPS: usize = 16;
/// Of these, and of those that wait for their turn, one device's: a backfill of many calls at once must
/// not keep others' waiting.
const LOOKUPS_OF_ONE: usize = 2;
/// Calls that may wait for their turn.
const QUEUE: usize = 512;
/// UTC days that one call may have rows of. All of them are looked up at once, and all that lies between
/// them is made anew at once, while everybody waits: 5,000 days take minutes.
const DAYS: usize = 64;
const DAY_MS: i64 = 86_400_000;
/// Time between two looks at what has been sealed.
const LOOK: Duration = Duration::from_secs(2);
/// An archive that has not answered after this long is asked anew.
const PATIENCE: Duration = Duration::from_secs(30);
/// A note counts like this many rows, and one more for so many bytes.
const NOTE: usize = 10;
const NOTE_BYTES: usize = 256;

/// What a call brings.
#[derive(Debug)]
pub enum Work {
    /// Snapshots.
    Rows {
        /// Whose totals they carry.
        ledger: LedgerId,
        /// At least one.
        rows: Vec<Row>,
    },
    /// Something that is kept as it was said.
    Note(Note),
}

impl Work {
    /// How many UTC days it has rows of.
    fn days(&self) -> usize {
        let Self::Rows { rows, .. } = self else {
            return 0;
        };
        let mut days: Vec<i64> = Vec::new();
        for row in rows {
            let day = row.time.div_euclid(DAY_MS);
            if days.last() != Some(&day) {
                days.push(day);
            }
        }
        days.sort_unstable();
        days.dedup();
        days.len()
    }

    /// In rows.
    fn size(&self) -> usize {
        match self {
            Self::Rows { rows, .. } => rows.len(),
            Self::Note(note) => NOTE + note.json.len() / NOTE_BYTES,
        }
    }
}

/// A call that waits for its answer.
#[derive(Debug)]
pub struct Job {
    /// Whose.
    pub device: DeviceId,
    /// What it brings.
    pub work: Work,
    answer: oneshot::Sender<Result<Done, NotStored>>,
    _room: OwnedSemaphorePermit,
}

/// Nothing of a call was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotStored {
    /// More waits already than can be stored soon.
    #[error("the service is busy")]
    Busy,
    /// The store does not take anything now.
    #[error("the store takes nothing now: {0}")]
    Store(String),
    /// These rows cannot be held at all: sending them again does not help.
    #[error("{0}")]
    Unacceptable(String),
    /// Rows of more days than are taken at once: half of them may do.
    #[error("rows of {0} days, but at most {DAYS} are taken at once: send half")]
    TooManyDays(usize),
}

/// The way to the task. Copies lead to the same one.
#[derive(Debug, Clone)]
pub struct Committer {
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
}

impl Committer {
    /// Makes what `work` brings durable, as far as it is new.
    ///
    /// # Errors
    /// [`NotStored`]; the device keeps it and comes again.
    pub async fn commit(&self, device: DeviceId, work: Work) -> Result<Done, NotStored> {
        let days = work.days();
        if days > DAYS {
            return Err(NotStored::TooManyDays(days));
        }
        let size = u32::try_from(work.size()).map_err(|_| NotStored::Busy)?;
        let room = Arc::clone(&self.room)
            .try_acquire_many_owned(size)
            .map_err(|_| NotStored::Busy)?;
        let (answer, heard) = oneshot::channel();
        let job = Job {
            device,
            work,
            answer,
            _room: room,
        };
        self.jobs.try_send(job).map_err(|_| NotStored::Busy)?;
        heard
            .await
            .unwrap_or_else(|_| Err(NotStored::Store("the service is stopping".to_owned())))
    }

    /// Starts the task. It ends when every copy of the committer is gone, after what it was given, or
    /// when `stop` says so.
    ///
    /// # Errors
    /// [`StoreError`] when what the log and the archive hold could not be read.
    pub async fn start(
        log: Arc<dyn HotLog>,
        archive: Arc<dyn Archive>,
        clock: Clock,
        metrics: Arc<Metrics>,
        waiting_rows: usize,
        stop: CancellationToken,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), StoreError> {
        let load = Load { log, archive };
        let known = load.everything().await?;
        let (jobs, inbox) = mpsc::channel(CALLS);
        let task = Task {
            load,
            known,
            clock,
            metrics,
            lookups: Lookups::default(),
            look: JoinSet::new(),
        };
        let committer = Self {
            jobs,
            room: Arc::new(Semaphore::new(waiting_rows)),
        };
        Ok((committer, tokio::spawn(task.run(inbox, stop))))
    }
}

impl Job {
    /// Answers the call; whoever asked may be gone, the work is done all the same.
    pub(super) fn answer(self, what: Result<Done, NotStored>) {
        let _ = self.answer.send(what);
    }

    fn rows(&self) -> usize {
        self.work.size()
    }
}

struct Task {
    load: Load,
    known: Known,
    clock: Clock,
    metrics: Arc<Metrics>,
    lookups: Lookups,
    /// The question how far the archive is, while it is not answered.
    look: JoinSet<Result<Cursors, StoreError>>,
}

/// Jobs whose sealed days are being looked up, and those that wait for that.
#[derive(Default)]
struct Lookups {
    running: JoinSet<(Job, Result<Brought, StoreError>)>,
    waiting: VecDeque<(Job, Vec<hot::Known>)>,
    of_device: HashMap<DeviceId, usize>,
}

impl Lookups {
    /// Takes a job in, or sends it back.
    fn add(&mut self, job: Job, wanted: Vec<hot::Known>) {
        let of_one = self.of_device.entry(job.device).or_default();
        if *of_one >= LOOKUPS_OF_ONE || self.waiting.len() >= QUEUE {
            return job.answer(Err(NotStored::Busy));
        }
        *of_one += 1;
        self.waiting.push_back((job, wanted));
    }

    /// Starts as many as may run.
    fn start(&mut self, load: &Load, epoch: u64) {
        while self.running.len() < LOOKUPS
            && let Some((job, wanted)) = self.waiting.pop_front()
        {
            let load = load.clone();
            self.running.spawn(async move {
                let looked_up = tokio::time::timeout(PATIENCE, load.days(&wanted, epoch)).await;
                (job, looked_up.unwrap_or_else(|_| Err(no_answer())))
            });
        }
    }

    fn ended(&mut self, device: DeviceId) {
        if let Some(count) = self.of_device.get_mut(&device) {
            *count -= 1;
            if *count == 0 {
                self.of_device.remove(&device);
            }
        }
    }
}

fn no_answer() -> StoreError {
    StoreError::Unavailable("the archive does not answer".to_owned())
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::Receiver<Job>, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut jobs = Vec::new();
        let mut held = Vec::new();
        loop {
            let mut brought = Vec::new();
            tokio::select! {
                biased;
                Some(looked_up) = self.lookups.running.join_next() => {
                    self.take_lookup(looked_up, &mut jobs, &mut brought);
                }
                // Before the calls: a busy service must forget what is sealed, too.
                Some(looked) = self.look.join_next() => self.take_look(looked).await,
                _ = look.tick(), if self.look.is_empty() => self.start_look(),
                some = inbox.recv_many(&mut jobs, GROUP_CALLS), if held.is_empty() => {
                    if some == 0 { break; }
                }
                () = std::future::ready(()), if !held.is_empty() => jobs.append(&mut held),
                () = stop.cancelled() => break,
            }
            let mut rest = self.cut(&mut jobs);
            rest.append(&mut held);
            held = rest;
            self.commit(std::mem::take(&mut jobs), brought).await;
            self.lookups.start(&self.load, self.known.epoch());
        }
        // What was handed over before the end is stored and answered.
        inbox.close();
        jobs = held;
        while !jobs.is_empty() || inbox.recv_many(&mut jobs, GROUP_CALLS).await > 0 {
            let rest = self.cut(&mut jobs);
            self.commit(std::mem::replace(&mut jobs, rest), Vec::new())
                .await;
        }
    }

    /// Leaves in `jobs` what makes one group, and gives back the rest.
    fn cut(&self, jobs: &mut Vec<Job>) -> Vec<Job> {
        let mut rows = 0;
        let fits = jobs
            .iter()
            .take_while(|job| {
                let before = rows;
                rows += job.rows();
                before == 0 || rows <= GROUP_ROWS
            })
            .count();
        jobs.split_off(fits)
    }

    fn take_lookup(
        &mut self,
        looked_up: Result<(Job, Result<Brought, StoreError>), tokio::task::JoinError>,
        jobs: &mut Vec<Job>,
        brought: &mut Vec<Brought>,
    ) {
        match looked_up {
            Ok((job, days)) => {
                self.lookups.ended(job.device);
                match days {
                    Ok(days) => {
                        jobs.push(job);
                        brought.push(days);
                    }
                    Err(error) => job.answer(Err(NotStored::Store(error.to_string()))),
                }
            }
            Err(error) => tracing::error!(%error, "a sealed day could not be looked up"),
        }
    }

    async fn commit(&mut self, jobs: Vec<Job>, brought: Vec<Brought>) {
        if jobs.is_empty() {
            return;
        }
        for days in brought {
            self.known.bring(days);
        }
        let jobs = self.park(jobs);
        if jobs.is_empty() {
            return;
        }
        let began = self.clock.elapsed();
        let mut group = Group::stage(&mut self.known, jobs);
        let stored = group
            .store(&mut self.known, &self.load, self.clock.now())
            .await;
        let took = self.clock.elapsed().saturating_sub(began);
        self.metrics.group(&group.size(), took, stored.is_ok());
        if let Err(error) = &stored {
            tracing::warn!(%error, calls = group.size().calls, "a group could not be stored");
        }
        group.answer(&mut self.known, stored);
        self.metrics.index(self.known.heap(), self.known.devices());
    }

    /// Sends the jobs that need a sealed day to look for it, and gives back the others.
    fn park(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let mut ready = Vec::with_capacity(jobs.len());
        for job in jobs {
            let wanted = self.known.wanted(&job);
            if wanted.is_empty() {
                ready.push(job);
            } else {
                self.lookups.add(job, wanted);
            }
        }
        ready
    }

    /// Asks how far the archive is, beside the calls: one that is slow, or away, must not hold them up.
    fn start_look(&mut self) {
        let archive = Arc::clone(&self.load.archive);
        self.look.spawn(async move {
            let asked = tokio::time::timeout(PATIENCE, archive.cursors()).await;
            asked.unwrap_or_else(|_| Err(no_answer()))
        });
    }

    /// Lets go of what has been sealed.
    async fn take_look(
        &mut self,
        looked: Result<Result<Cursors, StoreError>, tokio::task::JoinError>,
    ) {
        match looked {
            Ok(Ok(cursors)) if cursors.sealed > self.known.last() => {
                // Entries were sealed that this node has never seen: begin anew.
                match self.load.everything().await {
                    Ok(known) => self.known = known,
                    Err(error) => tracing::warn!(%error, "the log could not be read again"),
                }
            }
            Ok(Ok(cursors)) => self.known.sealed(cursors.sealed, self.clock.elapsed()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the archive could not be asked how far it is");
            }
            Err(error) => tracing::error!(%error, "the archive could not be asked how far it is"),
        }
    }
}
