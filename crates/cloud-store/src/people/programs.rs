//! Programs of partners and apps, and the keys that their tokens are signed with.

use std::fmt;

use async_trait::async_trait;
use solthrive_domain::ClientId;
use solthrive_domain::access::{By, ManagedOrg, Scopes};
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::OrgLine;
use crate::StoreError;
use crate::meta::TokenHash;

/// A program, to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProgram {
    /// The id to use, and by which it says who it is.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// Of its secret; `None` for an app that can keep none.
    pub secret: Option<TokenHash>,
    /// Where people may be sent back to, compared letter by letter. None has a space in it.
    pub redirect_uris: Vec<String>,
    /// What it may at most.
    pub scopes: Scopes,
}

/// A program as the org's admins see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramLine {
    /// By which it says who it is.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// It has a secret.
    pub confidential: bool,
    /// Where people may be sent back to.
    pub redirect_uris: Vec<String>,
    /// What it may at most.
    pub scopes: Scopes,
    /// Since when.
    pub created_at: UnixMillis,
}

/// A program as its calls are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// By which it says who it is.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub org: OrgLine,
    /// Of its secret; `None` for an app that can keep none.
    pub secret: Option<TokenHash>,
    /// Where people may be sent back to.
    pub redirect_uris: Vec<String>,
    /// What it may at most.
    pub scopes: Scopes,
}

/// A key that access tokens are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// As tokens name it.
    pub id: Uuid,
    /// The half that everybody may know.
    pub public: Vec<u8>,
    /// The other half, sealed.
    pub sealed: Vec<u8>,
    /// Signs nothing from then on.
    pub retires_at: UnixMillis,
}

/// Without the private half, sealed as it is.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .field("retires_at", &self.retires_at)
            .finish_non_exhaustive()
    }
}

/// Programs as an engine keeps them.
#[async_trait]
pub trait Programs: Send + Sync {
    /// Programs of an org that count, the newest first; at most 500.
    async fn programs(&self, org: ManagedOrg) -> Result<Vec<ProgramLine>, StoreError>;

    /// Remembers a program.
    async fn add_program(
        &self,
        by: By,
        org: ManagedOrg,
        program: &NewProgram,
        now: UnixMillis,
    ) -> Result<(), StoreError>;

    /// Ends a program: its tokens, codes and consents are worth nothing with the next call. False when the org
    /// has none of this id.
    async fn revoke_program(
        &self,
        by: By,
        org: ManagedOrg,
        program: ClientId,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// A program that counts.
    async fn program(&self, program: ClientId) -> Result<Option<Program>, StoreError>;

    /// Keys that retire after this, the one that retires last first.
    async fn signing_keys(&self, after: UnixMillis) -> Result<Vec<SigningKey>, StoreError>;

    /// One key, retired or not.
    async fn signing_key(&self, key: Uuid) -> Result<Option<SigningKey>, StoreError>;

    /// Adds a key unless there is one that signs, and forgets those that retired before `forget`. Two nodes at
    /// the same moment may both add theirs: both count.
    async fn add_signing_key(
        &self,
        key: &SigningKey,
        forget: UnixMillis,
        now: UnixMillis,
    ) -> Result<(), StoreError>;
}
