//! Days that devices summed up themselves, beside the cloud's.

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use solthrive_cloud_store::archive::{Event, SiteDay, ToldDay};
use solthrive_domain::rollup::daily_mismatch;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, SiteId};
use solthrive_protocol::DayBody;

use super::events::{self, Told};
use super::places::Places;
use crate::notes::told_energies;

/// Where the device was on this local day: at noon there.
pub(super) fn site_on(places: &Places, device: DeviceId, date: Date) -> Option<SiteId> {
    let noon = |zone: &TimeZone| {
        let noon = zone
            .to_ambiguous_timestamp(date.at(12, 0, 0, 0))
            .compatible();
        UnixMillis::try_from(noon.ok()?).ok()
    };
    let mut site = places.site_at(device, noon(&TimeZone::UTC)?)?;
    // The zone is the site's, and the site is asked of the instant: once more is enough, as a device
    // does not move between two homes on one day.
    site = places
        .site_at(device, noon(&places.zone(site))?)
        .unwrap_or(site);
    Some(site)
}

/// What device and cloud disagree on. Where a home has another device too, none of them tells the
/// whole home.
pub(super) fn mismatch(places: &Places, told: &ToldDay, cloud: &SiteDay) -> Option<Event> {
    let span = &cloud.day.rollup.span;
    let (start, end) = (span.start.start(), span.end.start());
    let stays = places.stays_at(told.site);
    let mut here = stays
        .iter()
        .filter(|(_, stay)| stay.start < end.get() && start.get() < stay.end);
    let (device, stay) = here.next()?;
    let is_alone = here.next().is_none() && *device == told.device;
    if !is_alone || stay.start > start.get() || stay.end < end.get() {
        return None;
    }
    let day: DayBody = serde_json::from_str(&told.json).ok()?;
    let found = daily_mismatch(&cloud.day, &told_energies(&day), day.coverage)?;
    let told = Told {
        site: told.site,
        device: Some(told.device),
        received_at: told.told_at,
    };
    Some(events::mismatch(told, end, &found))
}

/// The dates from the first to the last of these, and nothing else where there is none.
pub(super) fn one_day(date: Date) -> Option<std::ops::Range<Date>> {
    Some(date..date.checked_add(1.day()).ok()?)
}
