//! Homes that change, and homes that change hands.

use async_trait::async_trait;
use solthrive_domain::access::{By, OwnedSite};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{OrgId, SiteId, UserId};
use uuid::Uuid;

use super::EmailKey;
use crate::StoreError;
use crate::meta::TokenHash;

/// What an owner changes of a site; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteEdit {
    /// Its name.
    pub name: Option<String>,
    /// The array's nameplate, W.
    pub size_w: Option<u32>,
}

/// What became of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// It is so now, with this version.
    Done(i64),
    /// Somebody else changed it first; nothing was changed.
    Stale,
}

/// How much of what was goes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// All that the owner himself sees.
    All,
    /// From a time on.
    From(UnixMillis),
    /// Nothing before the moment of the transfer.
    Nothing,
}

impl History {
    /// As it is stored and said.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::From(_) => "from_date",
            Self::Nothing => "none",
        }
    }

    /// From when on the next owner sees something. Nobody hands over more than he sees himself.
    #[must_use]
    pub fn begin(self, seen_by_owner: Option<UnixMillis>, now: UnixMillis) -> Option<UnixMillis> {
        let chosen = match self {
            Self::All => None,
            Self::From(at) => Some(at),
            Self::Nothing => Some(now),
        };
        chosen.max(seen_by_owner)
    }
}

/// A home that is offered to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTransfer {
    /// By which it is listed and withdrawn.
    pub id: Uuid,
    /// Of the secret in the letter.
    pub hash: TokenHash,
    /// The address as it was typed.
    pub email: String,
    /// And as it is compared.
    pub key: EmailKey,
    /// How much goes along.
    pub history: History,
    /// Until when it can be taken.
    pub expires_at: UnixMillis,
}

/// A transfer as the owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferLine {
    /// By which it is withdrawn.
    pub id: Uuid,
    /// To whom.
    pub email: String,
    /// How much goes along: see [`History::as_str`].
    pub history: String,
    /// Since when.
    pub created_at: UnixMillis,
    /// Until when it can be taken.
    pub expires_at: UnixMillis,
    /// When it was taken.
    pub accepted_at: Option<UnixMillis>,
    /// When it was withdrawn or declined.
    pub ended_at: Option<UnixMillis>,
}

/// A transfer as whoever has the letter sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The site's name.
    pub site: String,
    /// Who hands it over.
    pub from: String,
    /// To whom.
    pub email: String,
    /// How much goes along.
    pub history: String,
}

/// What became of taking a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is theirs now.
    Done(SiteId, OrgId),
    /// There is no such offer, or no more.
    Gone,
    /// It was made to somebody else.
    NotTheirs,
}

/// Changes of homes as an engine keeps them.
#[async_trait]
pub trait Transfers: Send + Sync {
    /// Changes a site, if its version is still this one.
    async fn edit_site(
        &self,
        by: By,
        site: OwnedSite,
        version: i64,
        edit: &SiteEdit,
        now: UnixMillis,
    ) -> Result<Edited, StoreError>;

    /// Offers a site to somebody. False while another offer of it is open.
    async fn offer(
        &self,
        by: By,
        site: OwnedSite,
        transfer: &NewTransfer,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Offers of a site, the newest first; at most 500.
    async fn transfers(&self, site: OwnedSite) -> Result<Vec<TransferLine>, StoreError>;

    /// Takes an offer back; false when none of this id is open.
    async fn withdraw(
        &self,
        by: By,
        site: OwnedSite,
        transfer: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// An offer that is open, for whoever has its secret.
    async fn offered(
        &self,
        hash: TokenHash,
        now: UnixMillis,
    ) -> Result<Option<Offered>, StoreError>;

    /// Takes a home: it goes to the person's household, which is made with this id where he has none. All at once: the
    /// owner, what he sees, every grant that the last owner gave, every visit.
    async fn take(
        &self,
        hash: TokenHash,
        user: UserId,
        household: OrgId,
        now: UnixMillis,
    ) -> Result<Taken, StoreError>;

    /// Says no to an offer that was made to this person; false when there is none such.
    async fn decline(
        &self,
        hash: TokenHash,
        user: UserId,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;
}
