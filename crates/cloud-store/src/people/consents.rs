//! What people let apps do, and the codes and refresh tokens that come of it.
//!
//! Each consent is one sign-in of one app: what came of it is one family, and ends as a whole.

use std::collections::BTreeSet;

use async_trait::async_trait;
use solthrive_domain::access::Scopes;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{ClientId, SiteId, UserId};
use uuid::Uuid;

use super::Caller;
use crate::StoreError;
use crate::meta::TokenHash;

/// A person lets an app in: the consent and the code by which the app learns of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConsent {
    /// By which it is listed and ended.
    pub id: Uuid,
    /// Which app.
    pub client: ClientId,
    /// Who.
    pub user: UserId,
    /// What it may at most.
    pub scopes: Scopes,
    /// At which sites; `None` for all of the person's.
    pub sites: Option<BTreeSet<SiteId>>,
    /// Of the code.
    pub code: TokenHash,
    /// Where the code is sent.
    pub redirect_uri: String,
    /// SHA-256 that the app shall show the origin of.
    pub challenge: [u8; 32],
    /// When the code ends.
    pub expires_at: UnixMillis,
}

/// A consent as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentLine {
    /// By which it is ended.
    pub id: Uuid,
    /// Which app.
    pub client: ClientId,
    /// What it is called.
    pub name: String,
    /// Whose it is.
    pub org: String,
    /// What it may at most.
    pub scopes: Scopes,
    /// At which sites; `None` for all of the person's.
    pub sites: Option<BTreeSet<SiteId>>,
    /// Since when.
    pub created_at: UnixMillis,
}

/// A code as an app brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BroughtCode<'a> {
    /// Of the code.
    pub hash: TokenHash,
    /// Which app.
    pub client: ClientId,
    /// Where it was sent, as the app says.
    pub redirect_uri: &'a str,
    /// SHA-256 of what the app shows.
    pub challenge: [u8; 32],
}

/// A refresh token, to be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewRefresh {
    /// Of the token.
    pub hash: TokenHash,
    /// Until when.
    pub expires_at: UnixMillis,
}

/// What a token is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// By which consent.
    pub consent: Uuid,
    /// Whose.
    pub user: UserId,
    /// What it may at most.
    pub scopes: Scopes,
}

/// What becomes of a code or a refresh token that an app brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchanged {
    /// It is used now, and the next refresh token is remembered.
    Done(Given),
    /// More is asked for than was given; nothing was used.
    TooWide,
    /// It is not known, over, another app's, or not proven.
    Refused,
    /// It was used before: whoever has a copy is out, and so is the app.
    Again,
}

/// Consents as an engine keeps them.
#[async_trait]
pub trait Consents: Send + Sync {
    /// Remembers a consent and its code.
    async fn add_consent(&self, consent: &NewConsent, now: UnixMillis) -> Result<(), StoreError>;

    /// Consents of a person that count, the newest first; at most 500.
    async fn consents(&self, user: UserId, now: UnixMillis)
    -> Result<Vec<ConsentLine>, StoreError>;

    /// Ends a consent of a person, and all that came of it; false when he has none of this id.
    async fn revoke_consent(
        &self,
        user: UserId,
        consent: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Takes a code for the first refresh token. It is used up even where it is refused.
    async fn redeem(
        &self,
        code: BroughtCode<'_>,
        next: NewRefresh,
        now: UnixMillis,
    ) -> Result<Exchanged, StoreError>;

    /// Takes a refresh token for the next; `asked` is what the app wants of it.
    async fn refresh(
        &self,
        client: ClientId,
        token: TokenHash,
        asked: Option<Scopes>,
        next: NewRefresh,
        now: UnixMillis,
    ) -> Result<Exchanged, StoreError>;

    /// Ends what this refresh token of the app belongs to; false when there is nothing to end.
    async fn end_refresh(
        &self,
        client: ClientId,
        token: TokenHash,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Whom the app acts for by this consent, and within which bounds. `None` when it ended, or the app or the
    /// person did.
    async fn by_consent(
        &self,
        client: ClientId,
        consent: Uuid,
    ) -> Result<Option<Caller>, StoreError>;
}
