//! Which devices there are, and what they were given.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use solthrive_domain::DeviceId;

/// A device, and where it goes.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The number on its case.
    pub serial: String,
    /// Its id.
    pub device_id: DeviceId,
    /// The token that it was made with.
    pub token: String,
    /// What the installer was given for its site.
    pub installer_code: String,
    /// The home's IANA time zone.
    pub time_zone: String,
    /// Degrees, north positive.
    pub latitude: f64,
    /// Degrees, east positive.
    pub longitude: f64,
    /// The array's nameplate, kW; 0 for none.
    pub size_kw: f64,
}

/// Without what lets somebody in.
impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

/// The devices of a roster: a JSON list of [`Entry`].
///
/// # Errors
/// When the file cannot be read, is no such list, or is empty.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    let name = path.display();
    let text = fs::read(path).with_context(|| format!("{name} cannot be read"))?;
    let roster: Vec<Entry> = serde_json::from_slice(&text).with_context(|| {
        format!("{name} is no list of devices; see `solthrive-sim fleet --help`")
    })?;
    ensure!(!roster.is_empty(), "{name} names no device");
    Ok(roster)
}
