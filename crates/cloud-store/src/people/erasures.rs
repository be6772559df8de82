//! The end of homes: asked for by their owners, carried out after a time of grace, proven by a search of every table.

use std::collections::BTreeMap;

use async_trait::async_trait;
use solthrive_domain::access::{By, OwnedSite};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{SiteId, UserId};
use uuid::Uuid;

use crate::StoreError;
use crate::hot::Seq;

/// An end that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewErasure {
    /// Its id.
    pub id: Uuid,
    /// Who asks.
    pub asked_by: UserId,
    /// Until when it can be taken back.
    pub due_at: UnixMillis,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureState {
    /// It can be taken back.
    Waiting,
    /// Nobody reaches the home any more, its data are being deleted.
    Running,
    /// Nothing is left, and there is a receipt.
    Done,
    /// It was taken back, or the home changed hands.
    Cancelled,
}

impl ErasureState {
    /// As it is said.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The end of a home, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Its id.
    pub id: Uuid,
    /// Of which site.
    pub site: SiteId,
    /// Who asked.
    pub asked_by: Option<UserId>,
    /// Since when.
    pub created_at: UnixMillis,
    /// Until when it can be taken back.
    pub due_at: UnixMillis,
    /// When it was taken back.
    pub cancelled_at: Option<UnixMillis>,
    /// Since when nobody reaches the home.
    pub closed_at: Option<UnixMillis>,
    /// When its telemetry was gone, and the log's entry up to which something of it may be there.
    pub purged: Option<(UnixMillis, Seq)>,
    /// When it was over.
    pub done_at: Option<UnixMillis>,
    /// Rows that were deleted, by table.
    pub deleted: BTreeMap<String, u64>,
    /// Signed.
    pub receipt: Option<String>,
}

impl Erasure {
    /// How far it is.
    #[must_use]
    pub const fn state(&self) -> ErasureState {
        match (self.cancelled_at, self.closed_at, self.done_at) {
            (Some(_), ..) => ErasureState::Cancelled,
            (None, None, _) => ErasureState::Waiting,
            (None, Some(_), None) => ErasureState::Running,
            (None, Some(_), Some(_)) => ErasureState::Done,
        }
    }
}

/// What became of an end whose time had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Nobody reaches the home any more.
    Closed(SiteId),
    /// The home is somebody else's by now, who did not ask.
    Cancelled(SiteId),
}

/// Rows in which a search found a home that is to be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The table.
    pub table: String,
    /// Its column; empty where rows are the home's by their device and time.
    pub column: String,
    /// How many.
    pub rows: u64,
    /// Why they stay; `None` for what should not be there.
    pub kept: Option<&'static str>,
}

/// A copy of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Its id.
    pub id: Uuid,
    /// Everything of before is in it.
    pub began_at: UnixMillis,
    /// `None`: it did not end, or has not yet.
    pub ended_at: Option<UnixMillis>,
    /// Where it lies.
    pub place: String,
    /// Until when it is kept.
    pub keep_until: UnixMillis,
    /// When it was deleted.
    pub deleted_at: Option<UnixMillis>,
}

/// An end of before a store was replaced by an older one, which has to come true again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Passed {
    /// Its id.
    pub id: Uuid,
    /// Of which site.
    pub site: Uuid,
    /// When nobody reached the home any more.
    pub closed_at: jiff::Timestamp,
}

/// Ends of homes as an engine keeps them. Asking, taking back, closing and the end leave lines in the audit log.
#[async_trait]
pub trait Erasures: Send + Sync {
    /// Asks for the end of a home; false while one is asked for already.
    async fn ask_erasure(
        &self,
        by: By,
        site: OwnedSite,
        erasure: &NewErasure,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// The one that the owner asked for and that was not taken back.
    async fn erasure_of(&self, site: OwnedSite) -> Result<Option<Erasure>, StoreError>;

    /// One by its id.
    async fn erasure(&self, id: Uuid) -> Result<Option<Erasure>, StoreError>;

    /// Takes it back; false when there is none that can be.
    async fn cancel_erasure(
        &self,
        by: By,
        site: OwnedSite,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Closes the home of the oldest one whose time has come: it is nobody's from then on, what was given to see of it
    /// is over, its appliance is free. All in one transaction. `None` when no time has come.
    async fn close_due(&self, now: UnixMillis) -> Result<Option<Closing>, StoreError>;

    /// Those that are closed and have no receipt yet, the oldest first; at most 100.
    async fn closed(&self) -> Result<Vec<Erasure>, StoreError>;

    /// Looks for the home in every column of every table.
    async fn search(&self, erasure: &Erasure) -> Result<Vec<Found>, StoreError>;

    /// It is over: `receipt` is kept, and its SHA-256 (hexadecimal) written into the audit log. False when it was over already.
    async fn erased(
        &self,
        id: Uuid,
        receipt: &str,
        sha256: &str,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Ends that came true, the oldest first: what a store that is put back has to hear of.
    async fn passed(&self) -> Result<Vec<Passed>, StoreError>;

    /// Has an end come true again in a store that was put back: the home closes at the next [`Erasures::close_due`].
    /// False when the store knows no such home, or it is erased there.
    async fn erase_again(&self, passed: &Passed, now: UnixMillis) -> Result<bool, StoreError>;

    /// A copy of everything begins; what is known of it already is replaced.
    async fn backup_began(&self, backup: &Backup) -> Result<(), StoreError>;

    /// It ended.
    async fn backup_ended(&self, id: Uuid, now: UnixMillis) -> Result<(), StoreError>;

    /// It is deleted; false when it was, or is not known.
    async fn backup_deleted(&self, id: Uuid, now: UnixMillis) -> Result<bool, StoreError>;

    /// Copies that are known, the oldest first.
    async fn backups(&self) -> Result<Vec<Backup>, StoreError>;
}
