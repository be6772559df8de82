//! Orgs, for their people.

use async_trait::async_trait;
use solthrive_domain::UserId;
use solthrive_domain::access::{By, ManagedOrg, ReadableOrg, Role};
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use super::{invitations, members};
use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::{
    Accepted, Accepting, Changed, InvitationLine, Invited, MemberLine, NewInvitation, OrgLine, Orgs,
};
use crate::sql::SqlStore;

#[async_trait]
impl Orgs for SqlStore {
    async fn org(&self, org: ReadableOrg) -> Result<Option<OrgLine>, StoreError> {
        members::org(self, org.org()).await
    }

    async fn members(&self, org: ReadableOrg) -> Result<Vec<MemberLine>, StoreError> {
        members::list(self, org.org()).await
    }

    async fn set_role(
        &self,
        by: By,
        org: ManagedOrg,
        member: UserId,
        role: Role,
        now: UnixMillis,
    ) -> Result<Changed, StoreError> {
        members::change(self, by, org.org(), member, Some(role), now).await
    }

    async fn remove_member(
        &self,
        by: By,
        org: ManagedOrg,
        member: UserId,
        now: UnixMillis,
    ) -> Result<Changed, StoreError> {
        members::change(self, by, org.org(), member, None, now).await
    }

    async fn invite(
        &self,
        by: By,
        org: ManagedOrg,
        invitation: &NewInvitation,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        invitations::add(self, by, org.org(), invitation, now).await
    }

    async fn invitations(
        &self,
        org: ManagedOrg,
        now: UnixMillis,
    ) -> Result<Vec<InvitationLine>, StoreError> {
        invitations::list(self, org.org(), now).await
    }

    async fn revoke_invitation(
        &self,
        by: By,
        org: ManagedOrg,
        invitation: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        invitations::revoke(self, by, org.org(), invitation, now).await
    }

    async fn invitation(
        &self,
        hash: TokenHash,
        now: UnixMillis,
    ) -> Result<Option<Invited>, StoreError> {
        invitations::one(self, hash, now).await
    }

    async fn accept(
        &self,
        hash: TokenHash,
        who: Accepting<'_>,
        now: UnixMillis,
    ) -> Result<Accepted, StoreError> {
        invitations::accept(self, hash, &who, now).await
    }
}
