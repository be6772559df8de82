//! Who belongs to an org, and who is asked to.

use async_trait::async_trait;
use solthrive_domain::access::{By, ManagedOrg, OrgKind, ReadableOrg, Role};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{OrgId, UserId};
use uuid::Uuid;

use super::{EmailKey, NewUser};
use crate::StoreError;
use crate::meta::TokenHash;

/// An org as its members see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgLine {
    /// Which one.
    pub id: OrgId,
    /// What kind.
    pub kind: OrgKind,
    /// What it is called.
    pub name: String,
}

/// Somebody who belongs to an org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberLine {
    /// Who.
    pub user: UserId,
    /// What to call him.
    pub name: String,
    /// His address.
    pub email: String,
    /// As what.
    pub role: Role,
    /// Since when.
    pub since: UnixMillis,
    /// Whether he has set up a second factor.
    pub second_factor: bool,
}

/// What became of a change of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is so now.
    Done,
    /// He does not belong to it.
    NoSuchMember,
    /// Nobody would be left who manages the org.
    LastAdmin,
}

/// Somebody is asked to join, to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvitation {
    /// By which it is listed and taken back.
    pub id: Uuid,
    /// Of the secret in the letter.
    pub hash: TokenHash,
    /// The address as it was typed.
    pub email: String,
    /// And as it is compared.
    pub key: EmailKey,
    /// As what.
    pub role: Role,
    /// Until when.
    pub expires_at: UnixMillis,
}

/// An invitation as the org's admins see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationLine {
    /// By which it is taken back.
    pub id: Uuid,
    /// Who is asked.
    pub email: String,
    /// As what.
    pub role: Role,
    /// Since when.
    pub created_at: UnixMillis,
    /// Until when.
    pub expires_at: UnixMillis,
}

/// An invitation as whoever has the letter sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// Into which org.
    pub org: OrgLine,
    /// As what.
    pub role: Role,
    /// Who is asked.
    pub email: String,
    /// Whether somebody has this address already.
    pub known: bool,
}

/// Who accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepting<'a> {
    /// Somebody who is signed in.
    Known(UserId),
    /// Somebody new. The letter proves the address; id, name and password are taken from here.
    New(&'a NewUser),
}

/// What became of accepting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// He belongs to this org now.
    Done(OrgId, UserId),
    /// There is no such invitation, or no more.
    Gone,
    /// Somebody else was asked.
    NotTheirs,
    /// Somebody has this address: he signs in first.
    Known,
}

/// Orgs as an engine keeps them, for their people.
#[async_trait]
pub trait Orgs: Send + Sync {
    /// An org of the caller's.
    async fn org(&self, org: ReadableOrg) -> Result<Option<OrgLine>, StoreError>;

    /// Who belongs to it, by name; at most 500.
    async fn members(&self, org: ReadableOrg) -> Result<Vec<MemberLine>, StoreError>;

    /// Gives a member another role.
    async fn set_role(
        &self,
        by: By,
        org: ManagedOrg,
        member: UserId,
        role: Role,
        now: UnixMillis,
    ) -> Result<Changed, StoreError>;

    /// Takes a member out. What he sees of the org's sites is over with his next call.
    async fn remove_member(
        &self,
        by: By,
        org: ManagedOrg,
        member: UserId,
        now: UnixMillis,
    ) -> Result<Changed, StoreError>;

    /// Remembers an invitation, in place of one for the same address. False when he belongs to the org already.
    async fn invite(
        &self,
        by: By,
        org: ManagedOrg,
        invitation: &NewInvitation,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Invitations that wait, the newest first; at most 500.
    async fn invitations(
        &self,
        org: ManagedOrg,
        now: UnixMillis,
    ) -> Result<Vec<InvitationLine>, StoreError>;

    /// Takes an invitation back; false when none of this id waits.
    async fn revoke_invitation(
        &self,
        by: By,
        org: ManagedOrg,
        invitation: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// An invitation that waits, for whoever has its secret.
    async fn invitation(
        &self,
        hash: TokenHash,
        now: UnixMillis,
    ) -> Result<Option<Invited>, StoreError>;

    /// Accepts an invitation: once, and by whom it was meant for.
    async fn accept(
        &self,
        hash: TokenHash,
        who: Accepting<'_>,
        now: UnixMillis,
    ) -> Result<Accepted, StoreError>;
}
