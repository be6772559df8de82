//! What who runs the platform looks up and does there. It shows who and what there is, and nothing that a home measured.

use async_trait::async_trait;
use solthrive_domain::access::{Operator, OrgKind, Role};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId, UserId};

use crate::StoreError;
use crate::meta::{AuditRow, DeviceLine};

/// A site that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSite {
    /// Its id.
    pub id: SiteId,
    /// What it is called.
    pub name: String,
    /// Whose it is.
    pub owner: OrgId,
    /// The owner's name.
    pub owner_name: String,
    /// When it was taken over by who lives there.
    pub handed_over_at: Option<UnixMillis>,
}

/// A device that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundDevice {
    /// What the registry knows of it.
    pub line: DeviceLine,
    /// When it was heard of last, if it is at a site.
    pub last_seen: Option<UnixMillis>,
}

/// A person who was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPerson {
    /// His id.
    pub id: UserId,
    /// What he is called.
    pub name: String,
    /// With what he signs in.
    pub email: String,
    /// Since when he cannot sign in any more.
    pub deactivated_at: Option<UnixMillis>,
}

/// An org that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundOrg {
    /// Its id.
    pub id: OrgId,
    /// What kind.
    pub kind: OrgKind,
    /// What it is called.
    pub name: String,
}

/// What was found, of each kind at most as many as were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// By id or a part of the name.
    pub sites: Vec<FoundSite>,
    /// By id or a part of the serial number.
    pub devices: Vec<FoundDevice>,
    /// By id or a part of name or address.
    pub people: Vec<FoundPerson>,
    /// By id or a part of the name.
    pub orgs: Vec<FoundOrg>,
}

/// A person and where he belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Himself.
    pub found: FoundPerson,
    /// His orgs, with what he is there.
    pub orgs: Vec<(FoundOrg, Role)>,
}

/// What became of shutting somebody out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutOut {
    /// He is out.
    Done,
    /// There is no such person, or he was out before.
    Nobody,
    /// Nobody would be left who runs the platform.
    LastOperator,
}

/// Which lines of the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this site.
    pub site: Option<SiteId>,
    /// About this device.
    pub device: Option<DeviceId>,
    /// About this org.
    pub org: Option<OrgId>,
    /// By this actor, as it is written there.
    pub actor: Option<String>,
    /// Acts whose name begins so.
    pub action: Option<String>,
}

/// The platform's office, as an engine keeps it.
#[async_trait]
pub trait Office: Send + Sync {
    /// Looks for sites, devices, people and orgs: an id, or letters of a name, a serial number or an address.
    async fn find(&self, by: &Operator, text: &str, most: u32) -> Result<Found, StoreError>;

    /// One device; `None` when there is none of this id.
    async fn device(
        &self,
        by: &Operator,
        device: DeviceId,
    ) -> Result<Option<FoundDevice>, StoreError>;

    /// One person; `None` when there is none of this id.
    async fn person(&self, by: &Operator, user: UserId) -> Result<Option<Person>, StoreError>;

    /// Lets a person in no more: every session, token and app of his is over.
    async fn shut_out(
        &self,
        by: &Operator,
        user: UserId,
        now: UnixMillis,
    ) -> Result<ShutOut, StoreError>;

    /// Lets a person in again, who signs in anew. False when he was not shut out.
    async fn let_in_again(
        &self,
        by: &Operator,
        user: UserId,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Lines of the audit log before `before`, the newest first.
    async fn acts(
        &self,
        by: &Operator,
        filter: &AuditFilter,
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<AuditRow>, StoreError>;
}
