//! Which device was at which site when, and whose installer looked after it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use solthrive_cloud_store::StoreError;
use solthrive_cloud_store::meta::{Assignment, Registry};
use solthrive_domain::telemetry::UnixMillis;
use solthrive_domain::{DeviceId, OrgId, SiteId};

/// Who tells the assignments: the registry, of which the worker needs nothing else.
#[async_trait]
pub trait Assignments: Send + Sync {
    /// See [`Registry::assignments`].
    async fn assignments(&self, revision: i64) -> Result<Vec<Assignment>, StoreError>;
}

/// The registry, as far as the worker asks it.
pub struct InRegistry(pub Arc<dyn Registry>);

#[async_trait]
impl Assignments for InRegistry {
    async fn assignments(&self, revision: i64) -> Result<Vec<Assignment>, StoreError> {
        self.0.assignments(revision).await
    }
}

/// One assignment, with times in ms: within `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stay {
    device: DeviceId,
    site: SiteId,
    installer: OrgId,
    from: i64,
    to: i64,
    /// The site is erased.
    is_erased: bool,
}

#[derive(Debug)]
struct Place {
    zone: TimeZone,
    is_erased: bool,
    /// By begin.
    stays: Vec<Stay>,
}

/// All assignments, as far as they were told.
#[derive(Debug, Default)]
pub struct Places {
    devices: HashMap<DeviceId, Vec<Stay>>,
    sites: HashMap<SiteId, Place>,
    revision: i64,
}

impl Places {
    /// Up to where they were told.
    #[must_use]
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// Takes what changed: everything of the devices that are named, in place of what was known of them.
    /// Returns the sites whose time zone is another one now, so that their days begin elsewhere.
    pub fn take(&mut self, changed: &[Assignment]) -> BTreeSet<SiteId> {
        let mut moved = BTreeSet::new();
        let devices: HashSet<DeviceId> = changed.iter().map(|changed| changed.device).collect();
        for device in &devices {
            for stay in self.devices.remove(device).unwrap_or_default() {
                if let Some(place) = self.sites.get_mut(&stay.site) {
                    place.stays.retain(|stay| stay.device != *device);
                }
            }
        }
        for assignment in changed {
            self.revision = self.revision.max(assignment.revision);
            let stay = Stay {
                device: assignment.device,
                site: assignment.site,
                installer: assignment.installer,
                from: assignment.from_at.get(),
                to: assignment.to_at.map_or(i64::MAX, UnixMillis::get),
                is_erased: assignment.is_erased,
            };
            put(self.devices.entry(stay.device).or_default(), stay);
            let zone = zone_of(assignment);
            let place = self.sites.entry(stay.site).or_insert_with(|| Place {
                zone: zone.clone(),
                is_erased: stay.is_erased,
                stays: Vec::new(),
            });
            if stay.is_erased {
                moved.remove(&stay.site);
            } else if place.zone != zone {
                moved.insert(stay.site);
            }
            place.zone = zone;
            place.is_erased = stay.is_erased;
            put(&mut place.stays, stay);
        }
        moved
    }

    /// Where the device was at this instant. What it measured before it was bound for the first
    /// time, it measured where it was bound.
    #[must_use]
    pub fn site_at(&self, device: DeviceId, at: UnixMillis) -> Option<SiteId> {
        let stay = self.stay_at(device, at.get())?;
        (at.get() < stay.to && !stay.is_erased).then_some(stay.site)
    }

    /// Whether what the device measured at this instant is to be thrown away: it did so at a home that is erased, or after
    /// that and before it was bound elsewhere.
    #[must_use]
    pub fn is_erased_at(&self, device: DeviceId, at: i64) -> bool {
        self.stay_at(device, at).is_some_and(|stay| stay.is_erased)
    }

    /// Whether the site is erased.
    #[must_use]
    pub fn is_erased(&self, site: SiteId) -> bool {
        self.sites.get(&site).is_some_and(|place| place.is_erased)
    }

    /// The device's last stay that began until then, or its first.
    fn stay_at(&self, device: DeviceId, at: i64) -> Option<&Stay> {
        let stays = self.devices.get(&device)?;
        let begun = stays.iter().rev().find(|stay| stay.from <= at);
        begun.or(stays.first())
    }

    /// The devices that were ever at an erased site, each with a span in which its rows are to be thrown away, in ms since
    /// the Unix epoch.
    #[must_use]
    pub fn erased_at(&self, site: SiteId) -> Vec<(DeviceId, Range<i64>)> {
        let stays = self.sites.get(&site).map_or(&[][..], |place| &place.stays);
        let spans = stays.iter().filter(|stay| stay.is_erased).map(|stay| {
            let all = self.devices.get(&stay.device).map_or(&[][..], |all| all);
            let place = all.iter().position(|other| other == stay);
            let next = place.and_then(|place| all.get(place + 1));
            let from = if place == Some(0) {
                i64::MIN
            } else {
                stay.from
            };
            (stay.device, from..next.map_or(i64::MAX, |next| next.from))
        });
        spans.collect()
    }

    /// Where the device is; `None` where it was taken away.
    #[must_use]
    pub fn site_now(&self, device: DeviceId) -> Option<SiteId> {
        let stay = self.devices.get(&device)?.last()?;
        (stay.to == i64::MAX && !stay.is_erased).then_some(stay.site)
    }

    /// The devices that were ever at the site, each with a span in which its rows are the site's,
    /// in ms since the Unix epoch.
    #[must_use]
    pub fn stays_at(&self, site: SiteId) -> Vec<(DeviceId, Range<i64>)> {
        let stays = self.sites.get(&site).map_or(&[][..], |place| &place.stays);
        stays
            .iter()
            .map(|stay| {
                let is_first = self
                    .devices
                    .get(&stay.device)
                    .and_then(|stays| stays.first())
                    .is_some_and(|first| first == stay);
                let from = if is_first { i64::MIN } else { stay.from };
                (stay.device, from..stay.to)
            })
            .collect()
    }

    /// When the device's stays at the site were over, by time. One that goes on under another installer is not.
    #[must_use]
    pub fn ends_at(&self, site: SiteId, device: DeviceId) -> Vec<UnixMillis> {
        let stays = self.devices.get(&device).map_or(&[][..], |stays| stays);
        let goes_on = |stay: &Stay| {
            let is_next = |next: &Stay| next.site == site && next.from == stay.to;
            stays.iter().any(is_next)
        };
        let here = stays.iter().filter(|stay| stay.site == site);
        let over = here.filter(|stay| stay.to < i64::MAX && !goes_on(stay));
        over.filter_map(|stay| UnixMillis::try_from(stay.to).ok())
            .collect()
    }

    /// The installer that looked after the site: who came last until then, or first of all.
    #[must_use]
    pub fn installer_at(&self, site: SiteId, at: UnixMillis) -> Option<OrgId> {
        let stays = &self.sites.get(&site)?.stays;
        let latest = stays.iter().rev().find(|stay| stay.from <= at.get());
        latest.or(stays.first()).map(|stay| stay.installer)
    }

    /// The site's time zone; UTC where nothing is known of it.
    #[must_use]
    pub fn zone(&self, site: SiteId) -> TimeZone {
        self.sites
            .get(&site)
            .map_or(TimeZone::UTC, |place| place.zone.clone())
    }

    /// All sites that a device was ever at, but for erased ones.
    pub fn sites(&self) -> impl Iterator<Item = SiteId> {
        let there = self.sites.iter().filter(|(_, place)| !place.is_erased);
        there.map(|(site, _)| *site)
    }
}

/// Adds a stay where it belongs.
fn put(stays: &mut Vec<Stay>, stay: Stay) {
    let key = |stay: &Stay| (stay.from, stay.device, stay.site);
    let at = stays.partition_point(|other| key(other) < key(&stay));
    stays.insert(at, stay);
}

/// A zone that this program does not know is taken for UTC: energies are right, days begin elsewhere.
fn zone_of(assignment: &Assignment) -> TimeZone {
    TimeZone::get(&assignment.time_zone).unwrap_or_else(|_| {
        tracing::warn!(
            site.id = %assignment.site,
            zone = assignment.time_zone,
            "the site's time zone is not known here, its days are those of UTC"
        );
        TimeZone::UTC
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn ms(at: i64) -> UnixMillis {
        UnixMillis::try_from(at).unwrap()
    }

    fn stay(site: u128, installer: u128, from: i64, to: Option<i64>) -> Assignment {
        Assignment {
            device: DeviceId::from_uuid(id(1)),
            site: SiteId::from_uuid(id(site)),
            installer: OrgId::from_uuid(id(installer)),
            time_zone: "Australia/Lord_Howe".to_owned(),
            from_at: ms(from),
            to_at: to.map(ms),
            revision: from,
            is_erased: false,
        }
    }

    #[test]
    fn a_device_that_moved_belongs_to_each_site_in_its_time() {
        let mut places = Places::default();
        places.take(&[stay(10, 7, 100, None)]);
        places.take(&[stay(10, 7, 100, Some(200)), stay(20, 8, 300, None)]);
        let device = DeviceId::from_uuid(id(1));
        let site = |at| places.site_at(device, ms(at)).map(SiteId::as_uuid);
        assert_eq!(
            [0, 100, 199, 200, 299, 300].map(site),
            [
                Some(id(10)),
                Some(id(10)),
                Some(id(10)),
                None,
                None,
                Some(id(20))
            ]
        );
        assert_eq!(places.site_now(device), Some(SiteId::from_uuid(id(20))));
        let stays = |site| places.stays_at(SiteId::from_uuid(id(site)));
        assert_eq!(stays(10), [(device, i64::MIN..200)]);
        assert_eq!(stays(20), [(device, 300..i64::MAX)]);
        assert_eq!(places.revision(), 300);
    }

    #[test]
    fn what_was_measured_at_an_erased_home_is_nobodys_until_the_device_is_bound_elsewhere() {
        let mut places = Places::default();
        let erased = |stay| Assignment {
            is_erased: true,
            ..stay
        };
        let first = stay(10, 7, 100, Some(200));
        let second = erased(stay(20, 7, 300, Some(400)));
        places.take(&[first, second, stay(30, 8, 500, None)]);
        let (device, gone) = (DeviceId::from_uuid(id(1)), SiteId::from_uuid(id(20)));
        let is_gone = |at| places.is_erased_at(device, at);
        assert_eq!(
            [0, 250, 299, 300, 399, 400, 499, 500].map(is_gone),
            [false, false, false, true, true, true, true, false]
        );
        let site = |at| places.site_at(device, ms(at)).map(SiteId::as_uuid);
        assert_eq!(
            [150, 350, 450, 500].map(site),
            [Some(id(10)), None, None, Some(id(30))]
        );
        assert_eq!(places.erased_at(gone), [(device, 300..500)]);
        assert!(places.is_erased(gone));
        assert!(!places.sites().any(|site| site == gone));
        // Of a home that was the device's first, and is its last.
        let mut places = Places::default();
        let moved = places.take(&[stay(10, 7, 100, None)]);
        assert!(moved.is_empty());
        let elsewhere = Assignment {
            time_zone: "UTC".to_owned(),
            ..stay(10, 7, 100, Some(200))
        };
        assert!(
            places.take(&[erased(elsewhere)]).is_empty(),
            "its days do not begin anew"
        );
        let first = SiteId::from_uuid(id(10));
        assert_eq!(places.erased_at(first), [(device, i64::MIN..i64::MAX)]);
        assert!(places.is_erased_at(device, 0) && places.is_erased_at(device, 900));
        assert_eq!(places.site_now(device), None);
    }

    #[test]
    fn an_installer_keeps_the_site_until_another_comes() {
        let mut places = Places::default();
        places.take(&[stay(10, 7, 100, Some(200)), stay(10, 8, 300, None)]);
        let site = SiteId::from_uuid(id(10));
        let installer = |at| places.installer_at(site, ms(at)).map(OrgId::as_uuid);
        assert_eq!(
            [0, 250, 300].map(installer),
            [Some(id(7)), Some(id(7)), Some(id(8))]
        );
    }
}
