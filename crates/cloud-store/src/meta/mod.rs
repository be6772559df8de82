//! Who there is: orgs, sites, devices, tokens, codes.
//!
//! Every call that concerns somebody's data takes a value of `solthrive_domain::access`, which says
//! that the caller may.

use std::num::NonZeroU32;

use async_trait::async_trait;
use solthrive_domain::access::{Operator, ReadableSite};
use solthrive_domain::registration::{Claim, Decision};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use uuid::Uuid;

use crate::StoreError;

/// What kind of org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgKind {
    /// People who live in a home.
    Household,
    /// A company that installs.
    Installer,
    /// Who runs the platform.
    Platform,
}

impl OrgKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Household, Self::Installer, Self::Platform];

    /// As it is stored and said.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Household => "household",
            Self::Installer => "installer",
            Self::Platform => "platform",
        }
    }
}

/// An org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Its id.
    pub id: OrgId,
    /// What kind.
    pub kind: OrgKind,
    /// What it is called.
    pub name: String,
    /// How to reach it.
    pub contact: Option<String>,
}

/// A home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// Whose it is.
    pub owner: OrgId,
    /// What it is called.
    pub name: String,
    /// IANA time zone.
    pub time_zone: String,
    /// Nameplate of the array.
    pub size_w: Option<u32>,
    /// Latitude and longitude in tenths of a degree.
    pub place: Option<(i16, i16)>,
}

/// SHA-256 of a device's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// Keyed hash of an installer's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeHash(pub [u8; 32]);

/// A device that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDevice {
    /// Its id.
    pub id: DeviceId,
    /// The number on its case.
    pub serial: String,
    /// Of the token that it was made with.
    pub token: TokenHash,
}

/// What became of a new device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioned {
    /// It is known now.
    New,
    /// It was known already, with this id, serial and token.
    Same,
    /// The id, the serial or the token is another device's: nothing was changed.
    Taken,
}

/// A code for an installer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewCode {
    /// Of the code.
    pub hash: CodeHash,
    /// The site it is for.
    pub site: SiteId,
    /// Whose installer.
    pub installer: OrgId,
    /// Not taken from then on.
    pub expires_at: UnixMillis,
    /// Devices that may use it.
    pub uses: u32,
}

/// Where a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was made, and belongs nowhere yet.
    Waiting,
    /// It is at a site.
    Bound(SiteId),
    /// It must not send any more.
    Deactivated,
}

/// What a node must know of a device to let it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The device.
    pub device: DeviceId,
    /// Where it stands.
    pub standing: Standing,
    /// Its tokens, by slot: one, or two while one is being replaced.
    pub tokens: Vec<TokenHash>,
    /// Of this state; see [`Registry::credentials`].
    pub revision: i64,
}

/// A registration that a device asks for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What it says of itself.
    pub claim: Claim<'a>,
    /// The token that it came with.
    pub token: TokenHash,
    /// The code that it named.
    pub code: CodeHash,
    /// What it is.
    pub model: &'a str,
    /// Version of its software.
    pub firmware: &'a str,
    /// Meters and clamps, JSON.
    pub config: Option<&'a str>,
}

/// A line of the list of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceLine {
    /// Its id.
    pub id: DeviceId,
    /// The number on its case.
    pub serial: String,
    /// Where it stands.
    pub standing: Standing,
    /// Version of its software as it last registered.
    pub firmware: Option<String>,
}

/// Something that an org is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What: `device_claimed_elsewhere`.
    pub code: String,
    /// Which device.
    pub device: DeviceId,
    /// When.
    pub created_at: UnixMillis,
}

/// The registry as an engine keeps it.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Adds an org.
    async fn add_org(&self, by: &Operator, org: &Org, now: UnixMillis) -> Result<(), StoreError>;

    /// All orgs by name.
    async fn orgs(&self, by: &Operator) -> Result<Vec<Org>, StoreError>;

    /// Adds a site; false when its owner does not exist.
    async fn add_site(
        &self,
        by: &Operator,
        site: &Site,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// A site; `None` when there is none of this id.
    async fn site(&self, site: ReadableSite) -> Result<Option<Site>, StoreError>;

    /// All sites by name.
    async fn sites(&self, by: &Operator) -> Result<Vec<Site>, StoreError>;

    /// Says how long chunks of the site's devices are kept, in days; `None` for the platform's usual
    /// time. False when there is no such site.
    async fn keep_raw(
        &self,
        by: &Operator,
        site: SiteId,
        days: Option<NonZeroU32>,
    ) -> Result<bool, StoreError>;

    /// Adds a code; false when its site or org does not exist.
    async fn add_code(
        &self,
        by: &Operator,
        code: &NewCode,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Makes devices known, all or none: when one is [`Provisioned::Taken`], nothing is stored.
    async fn provision(
        &self,
        by: &Operator,
        devices: &[NewDevice],
        now: UnixMillis,
    ) -> Result<Vec<Provisioned>, StoreError>;

    /// All devices by serial.
    async fn devices(&self, by: &Operator) -> Result<Vec<DeviceLine>, StoreError>;

    /// Binds a device to the site of the code it names, or says why not. A claim of a device that is
    /// elsewhere leaves a notice (`notices` are the ids to use) with both installers' orgs.
    async fn register(
        &self,
        asked: &Asked<'_>,
        notices: [Uuid; 2],
        now: UnixMillis,
    ) -> Result<Decision, StoreError>;

    /// What an org is to be told, the newest first.
    async fn notices(&self, by: &Operator, org: OrgId) -> Result<Vec<Notice>, StoreError>;

    /// Ends a device's right to send; false when there is no such device. Its history stays.
    async fn deactivate(
        &self,
        by: &Operator,
        device: DeviceId,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Puts `token` into the free slot, or into that of the older token; false when there is no such device.
    async fn add_token(
        &self,
        by: &Operator,
        device: DeviceId,
        token: TokenHash,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Takes a token out of use; false when no device has it.
    async fn revoke_token(&self, by: &Operator, token: TokenHash) -> Result<bool, StoreError>;

    /// Moves the place of `old` to `new` from `now` on; the history stays with the site. `None` when
    /// `old` is nowhere, or `new` does not exist, is somewhere already or was deactivated.
    async fn replace(
        &self,
        by: &Operator,
        old: DeviceId,
        new: DeviceId,
        now: UnixMillis,
    ) -> Result<Option<SiteId>, StoreError>;

    /// Devices whose standing or tokens changed after `revision`, by revision. A node that asks every
    /// few seconds knows of every revocation within that time.
    async fn credentials(&self, revision: i64) -> Result<Vec<Credential>, StoreError>;
}
