//! Homes on their way: an installer makes them, and codes by which their appliances find them.

use async_trait::async_trait;
use solthrive_domain::SiteId;
use solthrive_domain::access::{By, CommissioningOrg, WritableSite};
use solthrive_domain::telemetry::UnixMillis;
use uuid::Uuid;

use crate::StoreError;
use crate::meta::{CodeHash, CodeLine};

/// A home that an installer begins. It is the installer's until somebody takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHome {
    /// Its id.
    pub id: SiteId,
    /// What it is called.
    pub name: String,
    /// IANA time zone.
    pub time_zone: String,
    /// Nameplate of the array.
    pub size_w: Option<u32>,
}

/// A code for one appliance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteCode {
    /// By which it is listed and revoked.
    pub id: Uuid,
    /// Of the code itself.
    pub hash: CodeHash,
    /// Not taken from then on.
    pub expires_at: UnixMillis,
}

/// Homes on their way, as an engine keeps them. Each change leaves a line in the audit log.
#[async_trait]
pub trait Commissioning: Send + Sync {
    /// Begins a home of the installer's.
    async fn begin_home(
        &self,
        by: By,
        org: CommissioningOrg,
        home: &NewHome,
        now: UnixMillis,
    ) -> Result<(), StoreError>;

    /// Makes a code for an appliance at a site.
    ///
    /// # Errors
    /// [`StoreError::RightOver`] when the site was taken from the installer meanwhile.
    async fn add_site_code(
        &self,
        by: By,
        org: CommissioningOrg,
        site: WritableSite,
        code: &SiteCode,
        now: UnixMillis,
    ) -> Result<(), StoreError>;

    /// The installer's codes, the newest first; at most 500.
    async fn site_codes(&self, org: CommissioningOrg) -> Result<Vec<CodeLine>, StoreError>;

    /// Takes a code of the installer's out of use; false when there is none of this id that was not taken out before.
    async fn revoke_site_code(
        &self,
        by: By,
        org: CommissioningOrg,
        code: Uuid,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;
}
