//! Passwords that were forgotten, or are changed.

use async_trait::async_trait;
use solthrive_domain::UserId;
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::EmailKey;
use crate::StoreError;
use crate::meta::TokenHash;

/// To whom a letter goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// Who.
    pub user: UserId,
    /// Where.
    pub email: String,
    /// What to call him.
    pub name: String,
}

/// Passwords as an engine keeps them.
#[async_trait]
pub trait Recovery: Send + Sync {
    /// Remembers a link to set a new password. `None` where nobody has this address, or got five within the hour
    /// before `now`: nobody's letter box is filled by others.
    async fn begin_reset(
        &self,
        email: &EmailKey,
        hash: TokenHash,
        expires_at: UnixMillis,
        now: UnixMillis,
    ) -> Result<Option<Addressee>, StoreError>;

    /// Sets a password by a link: once. Every session and every other link of the person is over, and his address
    /// is proven. `None` when there is no such link, or no more.
    async fn reset_password(
        &self,
        hash: TokenHash,
        password: &str,
        now: UnixMillis,
    ) -> Result<Option<UserId>, StoreError>;

    /// The hash that a person's password is compared with.
    async fn password_of(&self, user: UserId) -> Result<Option<String>, StoreError>;

    /// Sets a person's password and ends his sessions but this one.
    async fn change_password(
        &self,
        user: UserId,
        password: &str,
        but: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;
}
