//! Who is shown which home, and who says so.

use async_trait::async_trait;
use solthrive_domain::access::{By, Grant, Operator, OwnedSite, Scopes};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{GrantId, OrgId, SiteId, SupportId, UserId};

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

/// A visit of an admin, as the owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupportLine {
    /// By which it is ended.
    pub id: SupportId,
    /// Who looks.
    pub admin: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub from: UnixMillis,
    /// Until when.
    pub until: UnixMillis,
    /// When somebody ended it.
    pub ended_at: Option<UnixMillis>,
}

/// A visit to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSupport {
    /// The id to use.
    pub id: SupportId,
    /// Who looks.
    pub admin: UserId,
    /// At which site.
    pub site: SiteId,
    /// Why; the owner reads it.
    pub reason: String,
    /// Until when.
    pub until: UnixMillis,
}

/// Whose visits may be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The admin's own.
    Admin(UserId),
    /// Those at a site of one's own.
    Owner(OwnedSite),
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

    /// Opens a visit of an admin; false when there is no such site. It leaves a line in the audit log.
    async fn open_support(
        &self,
        by: &Operator,
        support: &NewSupport,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Visits at the site, open or over, the newest first.
    async fn supports(&self, site: OwnedSite) -> Result<Vec<SupportLine>, StoreError>;

    /// Ends a visit; false when there is none of this id that is open.
    async fn end_support(
        &self,
        by: By,
        ended_by: EndedBy,
        support: SupportId,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;
}
