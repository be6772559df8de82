//! Flags of devices as alerts: what `solthrive_domain::alert` makes of them, stored.

use solthrive_domain::alert::Ending;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, Severity, SiteId};
use uuid::Uuid;

use super::Event;

/// A time during which a device's flag was up, as an alert of its site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagAlert {
    /// Follows from whose flag it is and when it began.
    pub id: Uuid,
    /// Where the device was.
    pub site: SiteId,
    /// Whose flag.
    pub device: DeviceId,
    /// The flag.
    pub code: String,
    /// Which meter, channel or part.
    pub subject: String,
    /// How bad, as it was said last.
    pub severity: Severity,
    /// Since when.
    pub began_at: UnixMillis,
    /// Until when, and why.
    pub ended: Option<(UnixMillis, Ending)>,
    /// When something was said of it last.
    pub changed_at: UnixMillis,
    /// For a person.
    pub message: String,
}

/// What is known of a device's flags at a site, as far back as something new can matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlagPast {
    /// Alerts that were open then or later, by their beginning.
    pub alerts: Vec<FlagAlert>,
    /// What was raised and cleared from the first of them on, by time.
    pub events: Vec<Event>,
}

/// What is to become of alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlagChanges {
    /// These are one no more.
    pub gone: Vec<Uuid>,
    /// These began earlier than was known, which gives them another id. What people did about them stays.
    pub renamed: Vec<(Uuid, Uuid)>,
    /// As they are now.
    pub put: Vec<FlagAlert>,
}

impl FlagChanges {
    /// Adds those of another device.
    pub fn extend(&mut self, more: Self) {
        self.gone.extend(more.gone);
        self.renamed.extend(more.renamed);
        self.put.extend(more.put);
    }
}
