//! Who is shown which home, and who says so.

use async_trait::async_trait;
use solthrive_domain::access::{By, Grant, OwnedSite, Scopes};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{GrantId, OrgId, UserId};

use crate::StoreError;

/// A grant as the owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantLine {
    /// The grant.
    pub grant: Grant,
    /// Name of the org or person.
    pub grantee: String,
    /// Since when there is it.
    pub created_at: UnixMillis,
    /// Who gave it; `None` for the service, by rule.
    pub granted_by: Option<UserId>,
}

/// A grant by the owner, to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewGrant {
    /// The id to use.
    pub id: GrantId,
    /// To whom.
    pub org: OrgId,
    /// Which rights.
    pub scopes: Scopes,
    /// Until when; `None` for as long as nobody ends it.
    pub valid_to: Option<UnixMillis>,
    /// Nothing older is shown; `None` shows all.
    pub data_from: Option<UnixMillis>,
}

/// Tenancy as an engine keeps it. Every change leaves a line in the audit log.
#[async_trait]
pub trait Tenancy: Send + Sync {
    /// Every grant of the site, over or not, the newest first.
    async fn grants(&self, site: OwnedSite) -> Result<Vec<GrantLine>, StoreError>;

    /// Gives a right; false when there is no such org.
    async fn add_grant(
        &self,
        by: By,
        site: OwnedSite,
        grant: &NewGrant,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Ends a right of the site, whoever gave it; false when there is none of this id that is not ended.
    async fn revoke_grant(
        &self,
        by: By,
        site: OwnedSite,
        grant: GrantId,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;
}
