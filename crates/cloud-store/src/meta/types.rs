//! What the registry knows, as it is added and read.

use solthrive_domain::access::OrgKind;
use solthrive_domain::registration::Claim;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use uuid::Uuid;

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
    /// By which it is listed and revoked.
    pub id: Uuid,
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

/// A line of the list of codes. The code itself is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeLine {
    /// Its id.
    pub id: Uuid,
    /// The site it is for.
    pub site: SiteId,
    /// Whose installer.
    pub installer: OrgId,
    /// Since when there is it.
    pub created_at: UnixMillis,
    /// Not taken from then on.
    pub expires_at: UnixMillis,
    /// Devices that may still use it.
    pub uses_left: u32,
    /// When it was revoked.
    pub revoked_at: Option<UnixMillis>,
}

/// Whether a code is taken, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeState {
    /// It is.
    Good,
    /// As many devices as may have used it.
    UsedUp,
    /// Its time is over.
    Expired,
    /// Somebody took it out of use.
    Revoked,
}

impl CodeLine {
    /// Whether it would be taken now.
    #[must_use]
    pub fn state(&self, now: UnixMillis) -> CodeState {
        match self {
            Self {
                revoked_at: Some(_),
                ..
            } => CodeState::Revoked,
            Self { uses_left: 0, .. } => CodeState::UsedUp,
            Self { expires_at, .. } if now >= *expires_at => CodeState::Expired,
            Self { .. } => CodeState::Good,
        }
    }
}

/// A device at a site for a while, in `[from_at, to_at)`. What a device measured before its first one,
/// it measured there too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Which device.
    pub device: DeviceId,
    /// Where.
    pub site: SiteId,
    /// Whose installer put it there.
    pub installer: OrgId,
    /// The site's IANA time zone.
    pub time_zone: String,
    /// Since when.
    pub from_at: UnixMillis,
    /// Until when; `None` while it is there.
    pub to_at: Option<UnixMillis>,
    /// Of this state; see [`super::Registry::assignments`].
    pub revision: i64,
    /// The site is erased: what the device measured there is thrown away, whenever it comes.
    pub is_erased: bool,
}

/// Meters and clamps of a site as they were told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteConfig {
    /// Of the registry when it was told; a newer one is larger.
    pub revision: i64,
    /// When it was told.
    pub at: UnixMillis,
    /// Who told it: `device`.
    pub told_by: String,
    /// Which device.
    pub device: Option<DeviceId>,
    /// What was told.
    pub json: String,
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

/// A rotation that was asked for and is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Which one of the device, from 1.
    pub number: i64,
    /// The token that takes over, once it is stored; it lets in like the others.
    pub next: Option<TokenHash>,
}

/// A line of the list of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLine {
    /// Whose it is.
    pub device: DeviceId,
    /// What is stored of it.
    pub hash: TokenHash,
    /// Since when there is it.
    pub created_at: UnixMillis,
    /// It is offered, and was not used yet.
    pub is_next: bool,
}

/// A line of the list of rotations that are not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationLine {
    /// Whose token is to change.
    pub device: DeviceId,
    /// Since when.
    pub asked_at: UnixMillis,
    /// Since when there is a token to be offered: the device has called since it was asked for.
    pub prepared_at: Option<UnixMillis>,
}

/// What a node must know of a device to let it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The device.
    pub device: DeviceId,
    /// Where it stands.
    pub standing: Standing,
    /// Its tokens, by slot: one, or two while one is being replaced by hand. One that is only offered is not
    /// among them.
    pub tokens: Vec<TokenHash>,
    /// Its rotation that is not over.
    pub rotation: Option<Rotation>,
    /// Of this state; see [`super::Registry::credentials`].
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
    /// What: `device_claimed_elsewhere`, `site_taken`.
    pub code: String,
    /// Which device.
    pub device: DeviceId,
    /// When.
    pub created_at: UnixMillis,
}
