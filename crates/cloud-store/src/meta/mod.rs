//! Who there is: orgs, sites, devices, tokens, codes.
//!
//! Every call that concerns somebody's data takes a value of `solthrive_domain::access`, which says
//! that the caller may.

mod audit;
mod types;

use std::num::NonZeroU32;

use async_trait::async_trait;
use solthrive_domain::access::{Operator, ReadableSite};
use solthrive_domain::registration::Decision;
use solthrive_domain::rotation::Asking;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use uuid::Uuid;

pub use self::audit::{AuditCheck, AuditRow};
pub use solthrive_domain::access::OrgKind;

pub use self::types::{
    Asked, Assignment, CodeHash, CodeLine, CodeState, Credential, DeviceLine, NewCode, NewDevice,
    Notice, Org, Provisioned, Rotation, RotationLine, Site, SiteConfig, Standing, TokenHash,
    TokenLine,
};
use crate::StoreError;

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

    /// Puts this in place of what is known of the site; false when there is no such site of this owner.
    /// Who follows [`Registry::assignments`] hears of another time zone.
    async fn update_site(
        &self,
        by: &Operator,
        site: &Site,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Meters and clamps of the site, each time that they changed, the newest first.
    async fn site_configs(&self, site: ReadableSite) -> Result<Vec<SiteConfig>, StoreError>;

    /// All sites by name.
    async fn sites(&self, by: &Operator) -> Result<Vec<Site>, StoreError>;

    /// Says how long chunks of the site's devices are kept, in days; `None` for the platform's usual
    /// time. False when there is no such site.
    async fn keep_raw(
        &self,
        by: &Operator,
        site: SiteId,
        days: Option<NonZeroU32>,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// How long chunks of the site's devices are kept, in days; `None` for the platform's usual time.
    async fn raw_days(&self, by: &Operator, site: SiteId)
    -> Result<Option<NonZeroU32>, StoreError>;

    /// Adds a code; false when its site or org does not exist.
    async fn add_code(
        &self,
        by: &Operator,
        code: &NewCode,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// All codes, the newest first.
    async fn codes(&self, by: &Operator) -> Result<Vec<CodeLine>, StoreError>;

    /// Takes a code out of use; false when there is none of this id. A device that used it stays where
    /// it is, and is told so when it asks again.
    async fn revoke_code(
        &self,
        by: &Operator,
        code: Uuid,
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
    /// elsewhere leaves a notice with both installers' orgs, one for a
    /// site that another device measures with the code's; the same notice once a day. A deactivated
    /// device gives its place up to the next one. Whose installer's code was used is let in at the site. `ids`
    /// are those to use for what is added.
    async fn register(
        &self,
        asked: &Asked<'_>,
        ids: [Uuid; 2],
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
    /// A rotation that was open is over, and its next token out of use.
    async fn add_token(
        &self,
        by: &Operator,
        device: DeviceId,
        token: TokenHash,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Takes a token out of use; false when no device has it. A rotation of its device that was open is over,
    /// and its next token out of use too: who held the one may have been offered the other.
    async fn revoke_token(
        &self,
        by: &Operator,
        token: TokenHash,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Takes every token of the device but `keep` out of use; false when `keep` is not one of its tokens.
    /// A rotation that was open is over.
    async fn retire_older_tokens(
        &self,
        by: &Operator,
        device: DeviceId,
        keep: TokenHash,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// Asks for another token of each device; see `solthrive_domain::rotation`. `None` for one that does
    /// not exist.
    async fn ask_rotation(
        &self,
        by: &Operator,
        devices: &[DeviceId],
        now: UnixMillis,
    ) -> Result<Vec<Option<Asking>>, StoreError>;

    /// Lets `next` in beside `current`, of the rotation of this number. Whether it does, be it since now
    /// or before: false when the rotation is over, `current` is not the device's token, or another
    /// one was prepared.
    async fn prepare_token(
        &self,
        device: DeviceId,
        number: i64,
        [current, next]: [TokenHash; 2],
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// The device came with `next`: every other token of it is out of use from now on, and its rotation
    /// over. False when `next` is not a token that was prepared and not used before.
    async fn complete_rotation(
        &self,
        device: DeviceId,
        next: TokenHash,
        now: UnixMillis,
    ) -> Result<bool, StoreError>;

    /// All tokens, the oldest first.
    async fn device_tokens(&self, by: &Operator) -> Result<Vec<TokenLine>, StoreError>;

    /// The rotations that are not over, the oldest first.
    async fn rotations(&self, by: &Operator) -> Result<Vec<RotationLine>, StoreError>;

    /// Moves the place of `old` to `new` from `now` on; the history stays with the site. `old` is not
    /// deactivated: it may send what it still has and be used elsewhere. `None` when `old` is nowhere,
    /// or `new` does not exist, is somewhere already or was deactivated.
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

    /// Every assignment, over or not, of the devices that changed after `revision`, by device and begin:
    /// they replace what was known of these devices. Who has seen the largest revision asks for more
    /// with that.
    async fn assignments(&self, revision: i64) -> Result<Vec<Assignment>, StoreError>;

    /// What was done, the newest first, before row `before` or up to the newest; at most `most`. Every
    /// call here that takes an [`Operator`] and changes something leaves a row in the same transaction.
    async fn audit(
        &self,
        by: &Operator,
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<AuditRow>, StoreError>;

    /// Whether every row of the audit log is as it was written, and none is missing.
    async fn audit_check(&self, by: &Operator) -> Result<AuditCheck, StoreError>;
}
