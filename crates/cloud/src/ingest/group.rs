//! One entry of the log: staged, stored, answered.

use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::hot::{
    self, Appended, Counts, Delivery, NotStaged, Note, NoteKind, Rows, Staged,
};
use solthrive_domain::telemetry::UnixMillis;

use super::committer::{Job, NotStored, Work};
use super::known::{Known, Load};

/// How often an append may find that another node was faster, before the calls are sent back.
const PATIENCE: usize = 20;

/// What became of a call that was stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Of its rows; nothing of a note.
    pub counts: Counts,
}

/// How large a group is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Calls in it.
    pub calls: usize,
    /// Of all rows.
    pub counts: Counts,
    /// Bytes of the entry.
    pub bytes: usize,
}

/// Calls that become one entry.
#[derive(Debug)]
pub(super) struct Group {
    jobs: Vec<(Job, Counts)>,
    /// What each brings to the entry, in the order of `jobs`.
    deliveries: Vec<Delivery>,
    staged: Staged,
    bytes: usize,
}

impl Group {
    /// Judges each job's rows. Jobs that cannot be held at all are answered here.
    pub(super) fn stage(known: &mut Known, jobs: Vec<Job>) -> Self {
        let mut group = Self {
            jobs: Vec::with_capacity(jobs.len()),
            deliveries: Vec::with_capacity(jobs.len()),
            staged: Staged::default(),
            bytes: 0,
        };
        for mut job in jobs {
            match take(known, &mut group.staged, &mut job) {
                Ok((delivery, counts)) => {
                    group.jobs.push((job, counts));
                    group.deliveries.push(delivery);
                }
                Err(error) => job.answer(Err(error)),
            }
        }
        group
    }

    /// Makes the group durable, after what others appended meanwhile.
    pub(super) async fn store(
        &mut self,
        known: &mut Known,
        load: &Load,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        for _ in 0..PATIENCE {
            if self.deliveries.is_empty() {
                return Ok(());
            }
            let blob = hot::encode(&self.deliveries);
            self.bytes = blob.len();
            match load.log.append(known.last(), now, blob).await? {
                Appended::At(seq) => {
                    known.appended(seq);
                    return Ok(());
                }
                Appended::Behind(missed) => {
                    // None at all: they are sealed and forgotten already.
                    if missed.is_empty() || !known.replay(&missed)? {
                        *known = load.everything().await?;
                    }
                    self.judge_again(known)?;
                }
            }
        }
        Err(StoreError::Unavailable(
            "other nodes were faster again and again".to_owned(),
        ))
    }

    /// What others appended may be what these calls bring.
    fn judge_again(&mut self, known: &mut Known) -> Result<(), StoreError> {
        self.staged = Staged::default();
        for (delivery, (_, counts)) in self.deliveries.iter_mut().zip(&mut self.jobs) {
            let Delivery::Rows(rows) = delivery else {
                continue;
            };
            let (device, before) = (rows.device, std::mem::take(&mut rows.rows));
            let (fresh, now) = known
                .index
                .stage(&mut self.staged, device, before)
                .map_err(|error| StoreError::Unavailable(error.to_string()))?;
            counts.accepted = now.accepted;
            counts.duplicates += now.duplicates;
            counts.conflicts += now.conflicts;
            if fresh.is_empty() {
                *delivery = seen(device);
            } else {
                rows.rows = fresh;
            }
        }
        Ok(())
    }

    pub(super) fn size(&self) -> Size {
        let mut counts = Counts::default();
        for (_, each) in &self.jobs {
            counts.accepted += each.accepted;
            counts.duplicates += each.duplicates;
            counts.conflicts += each.conflicts;
        }
        Size {
            calls: self.jobs.len(),
            counts,
            bytes: self.bytes,
        }
    }

    /// Answers all. Only what is durable becomes known.
    pub(super) fn answer(self, known: &mut Known, stored: Result<(), StoreError>) {
        let said = stored.map_err(|error| NotStored::Store(error.to_string()));
        if said.is_ok() {
            known.index.commit(self.staged);
        }
        for (job, counts) in self.jobs {
            job.answer(said.clone().map(|()| Done { counts }));
        }
    }
}

/// What a job brings to the entry.
fn take(
    known: &mut Known,
    staged: &mut Staged,
    job: &mut Job,
) -> Result<(Delivery, Counts), NotStored> {
    match &mut job.work {
        Work::Note(note) => {
            let json = std::mem::take(&mut note.json);
            let (device, kind) = (note.device, note.kind);
            Ok((
                Delivery::Note(Note { device, kind, json }),
                Counts::default(),
            ))
        }
        Work::Rows { ledger, rows } => {
            let (fresh, counts) = known
                .index
                .stage(staged, job.device, std::mem::take(rows))
                .map_err(|error| match error {
                    NotStaged::Unacceptable(why) => NotStored::Unacceptable(why.to_string()),
                    // They were looked up a moment ago, and a worker was faster since.
                    NotStaged::Wanted(_) => NotStored::Busy,
                })?;
            let delivery = if fresh.is_empty() {
                seen(job.device)
            } else {
                Delivery::Rows(Rows {
                    device: job.device,
                    ledger: *ledger,
                    rows: fresh,
                })
            };
            Ok((delivery, counts))
        }
    }
}

/// Of a call that brought nothing new: the device is alive all the same.
fn seen(device: solthrive_domain::DeviceId) -> Delivery {
    Delivery::Note(Note {
        device,
        kind: NoteKind::Seen,
        json: Vec::new(),
    })
}
