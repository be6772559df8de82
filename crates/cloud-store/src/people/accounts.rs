//! Who is who, and what proves it.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use solthrive_domain::access::{By, Membership, Role, Scopes, Support};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{OrgId, SiteId, UserId};
use uuid::Uuid;

use crate::StoreError;
use crate::meta::TokenHash;

/// An e-mail address as it is compared: without space around it, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailKey(String);

/// A text that no mail can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no e-mail address")]
pub struct NotAnAddress;

impl EmailKey {
    /// The key of an address as it was typed. Only what no mail server would take is refused: one `@` with
    /// something before it and a name after it, no space or control character, at most 254 bytes (RFC 5321).
    ///
    /// # Errors
    /// [`NotAnAddress`].
    pub fn of(typed: &str) -> Result<Self, NotAnAddress> {
        let typed = typed.trim();
        let plain = !typed.chars().any(|c| c.is_whitespace() || c.is_control());
        let (local, host) = typed.rsplit_once('@').ok_or(NotAnAddress)?;
        let sound = plain && !local.is_empty() && !host.is_empty() && typed.len() <= 254;
        if !sound || local.contains('@') || host.starts_with('.') || host.ends_with('.') {
            return Err(NotAnAddress);
        }
        Ok(Self(typed.to_lowercase()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A person, to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The id to use.
    pub id: UserId,
    /// The address as it was typed.
    pub email: String,
    /// And as it is compared.
    pub key: EmailKey,
    /// What to call him.
    pub name: String,
    /// BCP 47.
    pub locale: String,
    /// Argon2id in the PHC form; `None` for who cannot sign in with one yet.
    pub password: Option<String>,
    /// The address is known to be his.
    pub proven: bool,
    /// Where he belongs from the start.
    pub member_of: Vec<(OrgId, Role)>,
}

/// Without the password's hash.
impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("id", &self.id)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What became of a new person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// He is known now.
    Done,
    /// Somebody has this address already.
    Taken,
    /// One of the orgs does not exist.
    NoSuchOrg,
}

/// A person as he sees himself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// His id.
    pub id: UserId,
    /// The address as he typed it.
    pub email: String,
    /// What to call him.
    pub name: String,
    /// BCP 47.
    pub locale: String,
    /// Whether he has set up a second factor.
    pub second_factor: bool,
    /// Grows with every change.
    pub version: i64,
}

/// What a sign-in is judged by.
#[derive(Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Who has this address.
    pub user: UserId,
    /// Argon2id in the PHC form.
    pub password: Option<String>,
    /// The sealed secret of a second factor that was proven.
    pub totp: Option<Vec<u8>>,
    /// The step of the last code that was taken.
    pub totp_step: Option<i64>,
    /// May not sign in any more.
    pub deactivated: bool,
    /// His orgs.
    pub memberships: Vec<Membership>,
}

/// Nothing that could be guessed from.
impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A browser that is signed in from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Of the cookie's value.
    pub hash: TokenHash,
    /// By which it is listed and ended.
    pub id: Uuid,
    /// Whose.
    pub user: UserId,
    /// When it ends whatever happens.
    pub expires_at: UnixMillis,
    /// The second factor was proven.
    pub factor: bool,
    /// What the browser called itself.
    pub agent: Option<String>,
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLine {
    /// By which it is ended.
    pub id: Uuid,
    /// Since when.
    pub created_at: UnixMillis,
    /// When it was used last, to a minute.
    pub seen_at: UnixMillis,
    /// Until when.
    pub expires_at: UnixMillis,
    /// What the browser called itself.
    pub agent: Option<String>,
}

/// A token for a person's own scripts, to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// By which it is listed and revoked.
    pub id: Uuid,
    /// Of the token.
    pub hash: TokenHash,
    /// Whose.
    pub user: UserId,
    /// What it is for.
    pub name: String,
    /// What it may at most.
    pub scopes: Scopes,
    /// At which sites; `None` for all of the person's.
    pub sites: Option<BTreeSet<SiteId>>,
    /// Until when.
    pub expires_at: Option<UnixMillis>,
}

/// A token as its owner sees it. The token itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenLine {
    /// By which it is revoked.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// What it may at most.
    pub scopes: Scopes,
    /// At which sites; `None` for all of the person's.
    pub sites: Option<BTreeSet<SiteId>>,
    /// Since when.
    pub created_at: UnixMillis,
    /// Until when.
    pub expires_at: Option<UnixMillis>,
    /// When it was used last, to an hour.
    pub used_at: Option<UnixMillis>,
}

/// Who has this credential, as the store knows it at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub user: UserId,
    /// His orgs.
    pub memberships: Vec<Membership>,
    /// His support sessions that are open.
    pub support: Vec<Support>,
    /// The session's or token's id.
    pub credential: Uuid,
    /// Of a token: what it may at most, and where.
    pub confined: Option<(Scopes, Option<BTreeSet<SiteId>>)>,
    /// Of a session: the second factor was proven.
    pub factor: bool,
    /// He has set up a second factor.
    pub factor_set_up: bool,
    /// When the credential ends by itself.
    pub expires_at: Option<UnixMillis>,
}

/// A person's second factor.
#[derive(Clone, PartialEq, Eq)]
pub struct Factor {
    /// The sealed secret.
    pub sealed: Vec<u8>,
    /// It was proven: from then on it counts.
    pub proven: bool,
    /// The step of the last code that was taken.
    pub step: Option<i64>,
}

/// Without the secret, sealed as it is.
impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Factor")
            .field("proven", &self.proven)
            .finish_non_exhaustive()
    }
}

/// What proves a second factor, once it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A code of this step: none of it or before is taken again.
    Code(i64),
    /// A recovery code, by its hash: it is gone afterwards.
    Recovery(TokenHash),
}

/// Accounts as an engine keeps them.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Makes a person known, with a line in the audit log.
    async fn add_user(&self, by: By, user: &NewUser, now: UnixMillis) -> Result<Added, StoreError>;

    /// Makes the very first person an admin of the platform, whose org is made too where there is none. False when
    /// there is somebody already: two who try at once are one.
    async fn add_first(&self, user: &NewUser, now: UnixMillis) -> Result<bool, StoreError>;

    /// Whether there is anybody at all.
    async fn is_empty(&self) -> Result<bool, StoreError>;

    /// A person; `None` where there is none, or no more.
    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError>;

    /// What a sign-in with this address is judged by.
    async fn sign_in(&self, email: &EmailKey) -> Result<Option<SignIn>, StoreError>;

    /// Remembers a session. False when the person was deactivated meanwhile.
    async fn begin_session(
        &self,
        session: &NewSession,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Who has this session. `None` when it ended, by itself or not; what was seen of it at least `idle_ms`
    /// ago ended by itself. Notes that it was used.
    async fn by_session(
        &self,
        hash: TokenHash,
        idle_ms: i64,
        now: UnixMillis,
    ) -> Result<Option<Caller>, StoreError>;

    /// Ends one session of a person; false when he has none of this id.
    async fn end_session(&self, user: UserId, session: Uuid) -> Result<bool, StoreError>;

    /// Ends every session of a person but, perhaps, one.
    async fn end_sessions(&self, user: UserId, but: Option<Uuid>) -> Result<u64, StoreError>;

    /// Sessions of a person that are not over, the newest first.
    async fn sessions(
        &self,
        user: UserId,
        idle_ms: i64,
        now: UnixMillis,
    ) -> Result<Vec<SessionLine>, StoreError>;

    /// A person's second factor, proven or not; `None` where none was begun.
    async fn factor(&self, user: UserId) -> Result<Option<Factor>, StoreError>;

    /// Begins a second factor, in place of one that was not proven. False when one was proven already.
    async fn begin_factor(&self, user: UserId, sealed: &[u8]) -> Result<bool, StoreError>;

    /// Makes the begun factor count, with new recovery codes, and lets the session go all the way. False when
    /// there is none to be proven, or its code was taken before.
    async fn prove_factor(
        &self,
        user: UserId,
        session: Uuid,
        step: i64,
        recovery: &[TokenHash],
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Lets the session go all the way. False when the proof was used before, or there is none such.
    async fn pass_factor(
        &self,
        user: UserId,
        session: Uuid,
        proof: &Proof,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Makes a token for a person's scripts.
    async fn add_script_token(&self, token: &NewToken, now: UnixMillis) -> Result<(), StoreError>;

    /// Who has this token. `None` when it ended or was revoked. Notes that it was used.
    async fn by_token(
        &self,
        hash: TokenHash,
        now: UnixMillis,
    ) -> Result<Option<Caller>, StoreError>;

    /// Tokens of a person that count, the newest first.
    async fn tokens(&self, user: UserId, now: UnixMillis) -> Result<Vec<TokenLine>, StoreError>;

    /// Ends a token of a person; false when he has none of this id.
    async fn revoke_script_token(
        &self,
        user: UserId,
        token: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_compared_without_case_and_space() {
        let key = EmailKey::of(" Ada@Example.ORG ").unwrap();
        assert_eq!(key.as_str(), "ada@example.org");
    }

    #[test]
    fn what_no_mail_server_would_take_is_refused() {
        let long = format!("{}@x.org", "a".repeat(250));
        for typed in [
            "", "ada", "@x", "a@", "a b@x", "a@b@c", "a\n@x", "a@.x", &long,
        ] {
            assert_eq!(EmailKey::of(typed), Err(NotAnAddress), "{typed:?}");
        }
    }
}
