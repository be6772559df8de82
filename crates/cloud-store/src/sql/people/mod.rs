//! People in SQL.

mod backups;
mod callers;
mod channel;
mod closing;
mod commands;
mod commissioning;
mod consents;
pub(super) mod erasures;
mod exchanges;
mod factors;
mod found;
mod grants;
mod homes;
mod identities;
mod invitations;
mod jobs;
mod members;
mod office;
mod orgs;
mod overdue;
mod parse;
mod programs;
mod recovery;
mod remnants;
mod rights;
mod sessions;
mod signing;
mod supports;
mod tokens;
mod transfers;
mod users;

pub(super) use self::closing::NOBODY;
use async_trait::async_trait;
use solthrive_domain::access::{Actor, By, Operator, OwnedSite};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, GrantId, SiteId, SupportId, UserId};
use uuid::Uuid;

use super::SqlStore;
use crate::StoreError;
use crate::meta::TokenHash;
use crate::people::{
    Accounts, Added, Caller, EmailKey, EndedBy, Factor, GrantLine, Home, HomeFilter, Homes,
    NewGrant, NewSession, NewSupport, NewToken, NewUser, Page, Proof, SessionLine, SignIn,
    SupportLine, Tenancy, TokenLine, User,
};

#[async_trait]
impl Accounts for SqlStore {
    async fn add_user(&self, by: By, user: &NewUser, now: UnixMillis) -> Result<Added, StoreError> {
        users::add(self, by, user, now).await
    }

    async fn add_first(&self, user: &NewUser, now: UnixMillis) -> Result<bool, StoreError> {
        users::add_first(self, user, now).await
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        users::is_empty(self).await
    }

    async fn user(&self, user: UserId) -> Result<Option<User>, StoreError> {
        users::one(self, user).await
    }

    async fn sign_in(&self, email: &EmailKey) -> Result<Option<SignIn>, StoreError> {
        users::sign_in(self, email).await
    }

    async fn begin_session(
        &self,
        session: &NewSession,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        sessions::begin(self, session, now).await
    }

    async fn by_session(
        &self,
        hash: TokenHash,
        idle_ms: i64,
        now: UnixMillis,
    ) -> Result<Option<Caller>, StoreError> {
        sessions::caller(self, hash, idle_ms, now).await
    }

    async fn end_session(&self, user: UserId, session: Uuid) -> Result<bool, StoreError> {
        sessions::end(self, user, session).await
    }

    async fn end_sessions(&self, user: UserId, but: Option<Uuid>) -> Result<u64, StoreError> {
        sessions::end_all(self, user, but).await
    }

    async fn sessions(
        &self,
        user: UserId,
        idle_ms: i64,
        now: UnixMillis,
    ) -> Result<Vec<SessionLine>, StoreError> {
        sessions::list(self, user, idle_ms, now).await
    }

    async fn factor(&self, user: UserId) -> Result<Option<Factor>, StoreError> {
        factors::one(self, user).await
    }

    async fn begin_factor(&self, user: UserId, sealed: &[u8]) -> Result<bool, StoreError> {
        factors::begin(self, user, sealed).await
    }

    async fn prove_factor(
        &self,
        user: UserId,
        session: Uuid,
        step: i64,
        recovery: &[TokenHash],
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        factors::prove(self, user, session, step, recovery, now).await
    }

    async fn pass_factor(
        &self,
        user: UserId,
        session: Uuid,
        proof: &Proof,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        factors::pass(self, user, session, proof, now).await
    }

    async fn add_script_token(&self, token: &NewToken, now: UnixMillis) -> Result<(), StoreError> {
        tokens::add(self, token, now).await
    }

    async fn by_token(
        &self,
        hash: TokenHash,
        now: UnixMillis,
    ) -> Result<Option<Caller>, StoreError> {
        tokens::caller(self, hash, now).await
    }

    async fn tokens(&self, user: UserId, now: UnixMillis) -> Result<Vec<TokenLine>, StoreError> {
        tokens::list(self, user, now).await
    }

    async fn revoke_script_token(
        &self,
        user: UserId,
        token: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        tokens::revoke(self, user, token, now).await
    }
}

#[async_trait]
impl Homes for SqlStore {
    async fn home(
        &self,
        actor: &Actor,
        site: SiteId,
        now: UnixMillis,
    ) -> Result<Option<Home>, StoreError> {
        homes::one(self, actor, site, now).await
    }

    async fn home_of(
        &self,
        actor: &Actor,
        device: DeviceId,
        now: UnixMillis,
    ) -> Result<Option<Home>, StoreError> {
        match homes::place_of(self, device).await? {
            Some(site) => homes::one(self, actor, site, now).await,
            None => Ok(None),
        }
    }

    async fn homes(
        &self,
        actor: &Actor,
        filter: &HomeFilter,
        page: &Page,
        now: UnixMillis,
    ) -> Result<Vec<Home>, StoreError> {
        homes::page(self, actor, filter, page, now).await
    }
}

#[async_trait]
impl Tenancy for SqlStore {
    async fn grants(&self, site: OwnedSite) -> Result<Vec<GrantLine>, StoreError> {
        grants::list(self, site).await
    }

    async fn add_grant(
        &self,
        by: By,
        site: OwnedSite,
        grant: &NewGrant,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        grants::add(self, by, site, grant, now).await
    }

    async fn revoke_grant(
        &self,
        by: By,
        site: OwnedSite,
        grant: GrantId,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        grants::revoke(self, by, site, grant, now).await
    }

    async fn open_support(
        &self,
        by: &Operator,
        support: &NewSupport,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        supports::open(self, by.by(), support, now).await
    }

    async fn supports(&self, site: OwnedSite) -> Result<Vec<SupportLine>, StoreError> {
        supports::list(self, site).await
    }

    async fn end_support(
        &self,
        by: By,
        ended_by: EndedBy,
        support: SupportId,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        supports::end(self, by, ended_by, support, now).await
    }
}
