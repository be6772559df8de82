//! Who people are at identity providers, and sign-ins that are away there.

use async_trait::async_trait;
use solthrive_domain::UserId;
use solthrive_domain::access::By;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::NewSession;

/// Somebody at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WhoElsewhere {
    /// The provider: its `iss`.
    pub issuer: String,
    /// Who it is there: its `sub`, which it gives to nobody else ever.
    pub subject: String,
}

/// Somebody who links an identity, in a session of his.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linking {
    /// Who.
    pub user: UserId,
    /// The session's id.
    pub session: Uuid,
}

/// A sign-in that goes to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTrip {
    /// Of the secret that its browser keeps.
    pub hash: TokenHash,
    /// Where it goes.
    pub issuer: String,
    /// What the provider's answer has to repeat.
    pub nonce: String,
    /// The secret of PKCE, sealed.
    pub verifier: Vec<u8>,
    /// The page that it comes back to.
    pub return_to: String,
    /// Who is to be linked; `None` to sign somebody in.
    pub links: Option<Linking>,
    /// Until when it may be away.
    pub expires_at: UnixMillis,
}

/// One that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trip {
    /// Where it was.
    pub issuer: String,
    /// What the provider's answer has to repeat.
    pub nonce: String,
    /// The secret of PKCE, sealed.
    pub verifier: Vec<u8>,
    /// The page that it comes back to.
    pub return_to: String,
    /// Who is to be linked; `None` to sign somebody in.
    pub links: Option<Linking>,
    /// When it left.
    pub created_at: UnixMillis,
}

/// What became of linking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// It is the person's, from now on or already.
    Done,
    /// It is another's.
    Taken,
    /// The session is over, or its person shut out.
    Over,
}

/// An identity as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityLine {
    /// By which it is unlinked.
    pub id: Uuid,
    /// The provider.
    pub issuer: String,
    /// Since when.
    pub created_at: UnixMillis,
}

/// Identities as an engine keeps them. Linking, unlinking and what was refused leave lines in the audit log, without who it
/// is elsewhere.
#[async_trait]
pub trait Identities: Send + Sync {
    /// A sign-in leaves for a provider. Those whose time is over are deleted.
    async fn begin_trip(&self, trip: &NewTrip, now: UnixMillis) -> Result<(), StoreError>;

    /// It came back: once, and in time.
    async fn end_trip(&self, hash: TokenHash, now: UnixMillis) -> Result<Option<Trip>, StoreError>;

    /// Who that is here; `None` where nobody has linked it.
    async fn whose(&self, who: &WhoElsewhere) -> Result<Option<UserId>, StoreError>;

    /// It is this person from now on, if his session still counts: that is asked in the same transaction.
    async fn link(
        &self,
        linking: Linking,
        who: &WhoElsewhere,
        id: Uuid,
        now: UnixMillis,
    ) -> Result<Linked, StoreError>;

    /// Identities of a person, the oldest first; at most 100.
    async fn identities(&self, user: UserId) -> Result<Vec<IdentityLine>, StoreError>;

    /// Begins a session of whose identity this is; false when it is not the session's person's any more, or he is shut out.
    async fn let_in(
        &self,
        who: &WhoElsewhere,
        session: &NewSession,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// It is this person no more; false when it was not.
    async fn unlink(&self, user: UserId, id: Uuid, now: UnixMillis) -> Result<bool, StoreError>;

    /// Writes down why a provider's word was not believed.
    async fn refused(
        &self,
        by: By,
        issuer: &str,
        why: &'static str,
        now: UnixMillis,
    ) -> Result<(), StoreError>;
}
