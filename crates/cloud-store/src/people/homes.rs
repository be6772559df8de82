//! Which sites a caller reaches.

use async_trait::async_trait;
use solthrive_domain::access::{Actor, SiteAccess};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, SiteId};

use crate::StoreError;
use crate::meta::Site;

/// A site that the caller reaches, and what he may there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The site.
    pub site: Site,
    /// What the caller may there.
    pub access: SiteAccess,
    /// When a device there was heard of last; `None` where there is none, or it was never heard of.
    pub last_seen: Option<UnixMillis>,
    /// Alerts there that are firing.
    pub alerts: u32,
    /// When commissioning was over and its owner took it; `None` until then.
    pub handed_over_at: Option<UnixMillis>,
    /// Grows with every change of the site.
    pub version: i64,
}

/// Where a page of a list ends: name and id of its last line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageKey {
    /// The name, as it is sorted.
    pub name: String,
    /// The id.
    pub site: SiteId,
}

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// After this line; `None` for the first page.
    pub after: Option<PageKey>,
    /// At most so many lines.
    pub most: u32,
}

/// Which sites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HomeFilter {
    /// Those whose name has this in it, whatever the case.
    pub name: Option<String>,
    /// Those that were heard of last before this, or never.
    pub silent_since: Option<UnixMillis>,
    /// Those with alerts that are firing.
    pub alerting: bool,
}

/// Sites as an engine keeps them, for people.
#[async_trait]
pub trait Homes: Send + Sync {
    /// A site that the caller reaches now.
    async fn home(
        &self,
        actor: &Actor,
        site: SiteId,
        now: UnixMillis,
    ) -> Result<Option<Home>, StoreError>;

    /// The site where a device is now, if the caller reaches it.
    async fn home_of(
        &self,
        actor: &Actor,
        device: DeviceId,
        now: UnixMillis,
    ) -> Result<Option<Home>, StoreError>;

    /// Sites that the caller reaches now, by name. Fewer than asked for means that there are no more.
    async fn homes(
        &self,
        actor: &Actor,
        filter: &HomeFilter,
        page: &Page,
        now: UnixMillis,
    ) -> Result<Vec<Home>, StoreError>;
}
