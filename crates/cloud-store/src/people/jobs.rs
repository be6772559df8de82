//! Work on a site that takes a while: it is asked for, done by some node, and leaves a file or a receipt.

use async_trait::async_trait;
use solthrive_domain::access::{By, Membership, ReadableSite};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{SiteId, UserId};
use uuid::Uuid;

use crate::StoreError;

/// What kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// A file with what of the site somebody may see.
    Export,
}

impl JobKind {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
        }
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// No node has begun.
    Waiting,
    /// A node is at it.
    Running,
    /// It is done.
    Done,
    /// It will not be done.
    Failed,
    /// Somebody took it back.
    Cancelled,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// As it is stored and said.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Work that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its id.
    pub id: Uuid,
    /// What kind.
    pub kind: JobKind,
    /// How the file is written.
    pub format: String,
    /// Who asks.
    pub asked_by: UserId,
    /// What for, JSON.
    pub asked: String,
}

/// Work, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Of which site.
    pub site: SiteId,
    /// How the file is written.
    pub format: String,
    /// Who asked.
    pub asked_by: UserId,
    /// What for, JSON.
    pub asked: String,
    /// Since when.
    pub created_at: UnixMillis,
    /// How far.
    pub state: JobState,
    /// In more words, JSON.
    pub progress: Option<String>,
    /// What came of it, JSON.
    pub result: Option<String>,
    /// When its node was heard of last; by this a node proves that it still has the work.
    pub changed_at: UnixMillis,
    /// When its file is deleted.
    pub expires_at: Option<UnixMillis>,
}

/// Work as an engine keeps it. Asking, taking back and handing out leave lines in the audit log.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Asks for work; false while `most` others of the site wait or run.
    async fn ask(
        &self,
        by: By,
        site: ReadableSite,
        job: &NewJob,
        most: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// The site's work that this person asked for, the newest first; at most 100.
    async fn asked_by(
        &self,
        site: ReadableSite,
        user: UserId,
        kind: JobKind,
    ) -> Result<Vec<Job>, StoreError>;

    /// One; `None` when there is none of this id.
    async fn job(&self, id: Uuid, kind: JobKind) -> Result<Option<Job>, StoreError>;

    /// Gives this node the oldest work that waits, or that no node was heard of since `silent`: it begins anew then.
    async fn claim(
        &self,
        kind: JobKind,
        silent: UnixMillis,
        now: UnixMillis,
    ) -> Result<Option<Job>, StoreError>;

    /// Says how far it is, and stores a part of the file if there is one; what to prove it by from now on. `None` when
    /// the work is not this node's any more.
    async fn go_on(
        &self,
        job: &Job,
        progress: &str,
        part: Option<(i64, &[u8])>,
        now: UnixMillis,
    ) -> Result<Option<UnixMillis>, StoreError>;

    /// It is done: until when its file is kept. False when the work is not this node's any more.
    async fn done(
        &self,
        job: &Job,
        result: &str,
        expires_at: UnixMillis,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// It will not be done, and why. False when the work is not this node's any more.
    async fn failed(&self, job: &Job, why: &str, now: UnixMillis) -> Result<bool, StoreError>;

    /// Takes it back, with its file if there is one; false when there is nothing left to take back.
    async fn cancel(&self, by: By, id: Uuid, now: UnixMillis) -> Result<bool, StoreError>;

    /// A part of the file; `None` when there is none of this number.
    async fn part(&self, id: Uuid, number: i64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes down that the file was handed out.
    async fn handed_out(&self, by: By, job: &Job, now: UnixMillis) -> Result<(), StoreError>;

    /// Deletes files whose time is over; how many.
    async fn expire(&self, now: UnixMillis) -> Result<u64, StoreError>;

    /// Where a person belongs now; `None` when there is none of this id who can sign in.
    async fn still(&self, user: UserId) -> Result<Option<Vec<Membership>>, StoreError>;
}
