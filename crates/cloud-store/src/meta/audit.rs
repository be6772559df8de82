//! Who did what, as a chain: each row's hash covers the row and the hash of the one before it.

use aws_lc_rs::digest::{Context, SHA256};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};
use uuid::Uuid;

/// Says what is hashed, and in which spelling.
const SPELLING: &[u8] = b"solthrive audit 1";

/// One act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place, from 1 without gaps.
    pub seq: i64,
    /// When.
    pub at: UnixMillis,
    /// Who: `console`, or `device`.
    pub actor: String,
    /// What: `site.updated`.
    pub action: String,
    /// Of which org.
    pub org: Option<OrgId>,
    /// At which site.
    pub site: Option<SiteId>,
    /// With which device.
    pub device: Option<DeviceId>,
    /// What more there is to say, JSON.
    pub details: Option<String>,
    /// Of the row before; zeros before the first.
    pub prev_hash: [u8; 32],
    /// Of this row; see [`AuditRow::expected_hash`].
    pub hash: [u8; 32],
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditCheck {
    /// All is as it was written. Who keeps this hash elsewhere can tell later that no row up to here
    /// was changed, not even together with all that followed.
    Whole {
        /// How many rows.
        rows: i64,
        /// Of the last one.
        hash: [u8; 32],
    },
    /// This row is not as it was written, or missing, or the first that is too much.
    Broken {
        /// Its place.
        seq: i64,
    },
}

impl AuditRow {
    /// SHA-256 over every field but `hash`: each with its length before it, numbers as eight bytes,
    /// the highest first, an absent one as nothing but another length than any that is there.
    #[must_use]
    pub fn expected_hash(&self) -> [u8; 32] {
        let mut sum = Context::new(&SHA256);
        let id = |id: Option<Uuid>| id.map(Uuid::into_bytes);
        let (org, site, device) = (
            id(self.org.map(OrgId::as_uuid)),
            id(self.site.map(SiteId::as_uuid)),
            id(self.device.map(DeviceId::as_uuid)),
        );
        let (seq, at) = (self.seq.to_be_bytes(), self.at.get().to_be_bytes());
        let fields: [Option<&[u8]>; 10] = [
            Some(SPELLING),
            Some(&seq),
            Some(&at),
            Some(self.actor.as_bytes()),
            Some(self.action.as_bytes()),
            org.as_ref().map(<[u8; 16]>::as_slice),
            site.as_ref().map(<[u8; 16]>::as_slice),
            device.as_ref().map(<[u8; 16]>::as_slice),
            self.details.as_deref().map(str::as_bytes),
            Some(&self.prev_hash),
        ];
        for field in fields {
            let length = field.map_or(u64::MAX, |field| field.len() as u64);
            sum.update(&length.to_be_bytes());
            sum.update(field.unwrap_or_default());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(sum.finish().as_ref());
        hash
    }
}
