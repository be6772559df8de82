//! Where to look and in which order: what meters leave the factory with comes first.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::ScanOptions;
use crate::line::SerialSettings;
use crate::profile::{Catalog, Profile, TransportKind};

/// A way of asking a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Place {
    /// The serial line's settings; `None` over TCP.
    pub settings: Option<SerialSettings>,
    /// The unit.
    pub unit: u8,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.settings {
            Some(settings) => write!(f, "{settings}, unit {}", self.unit),
            None => write!(f, "unit {}", self.unit),
        }
    }
}

/// The profiles that can be meant: over TCP all of them, since a gateway may stand before an RTU meter.
pub(super) fn eligible(
    catalog: &Catalog,
    serial: bool,
    options: &ScanOptions,
) -> Vec<Arc<Profile>> {
    let wanted = |profile: &&Arc<Profile>| {
        let chosen = options.profiles.as_ref();
        chosen.is_none_or(|ids| ids.contains(&profile.id))
            && (!serial || profile.bus.transports.contains(&TransportKind::Rtu))
    };
    let mut profiles: Vec<_> = catalog.iter().filter(wanted).cloned().collect();
    let native = |profile: &Arc<Profile>| {
        let kind = if serial {
            TransportKind::Rtu
        } else {
            TransportKind::Tcp
        };
        profile.bus.transports.contains(&kind)
    };
    profiles.sort_by_key(|profile| !native(profile));
    profiles
}

/// Every place, the likeliest first: settings that most profiles start with, then the rest of the
/// options; at each, the units in the order given.
#[must_use]
pub fn places(profiles: &[Arc<Profile>], serial: bool, options: &ScanOptions) -> Vec<Place> {
    let settings: Vec<Option<SerialSettings>> = if serial {
        let mut settings = factory_settings(profiles);
        let others = options.bauds.iter().flat_map(|baud| {
            let with = |parity| SerialSettings {
                baud: *baud,
                parity,
                stop_bits: 1,
            };
            options.parities.iter().copied().map(with)
        });
        for other in others {
            // Stop bits make no difference to who listens.
            let known = |one: &SerialSettings| (one.baud, one.parity) == (other.baud, other.parity);
            if !settings.iter().any(known) {
                settings.push(other);
            }
        }
        settings.into_iter().map(Some).collect()
    } else {
        vec![None]
    };
    let at = |settings| {
        let units = units(profiles, settings, options).into_iter();
        units.map(move |unit| Place { settings, unit })
    };
    settings.into_iter().flat_map(at).collect()
}

/// Which units to try with these settings.
fn units(
    profiles: &[Arc<Profile>],
    settings: Option<SerialSettings>,
    options: &ScanOptions,
) -> Vec<u8> {
    if !options.units.is_empty() {
        return options.units.clone();
    }
    let mut units = vec![1];
    let factory = profiles.iter().filter_map(|profile| match settings {
        Some(settings) => {
            let serial = profile.bus.serial?;
            (serial.settings == settings).then_some(serial.unit)
        }
        None => Some(profile.bus.tcp?.unit),
    });
    for unit in factory {
        if !units.contains(&unit) {
            units.push(unit);
        }
    }
    units
}

/// What these meters leave the factory with, the most common first.
fn factory_settings(profiles: &[Arc<Profile>]) -> Vec<SerialSettings> {
    let mut counts: BTreeMap<SerialSettings, usize> = BTreeMap::new();
    let defaults = profiles.iter().filter_map(|profile| profile.bus.serial);
    for serial in defaults {
        *counts.entry(serial.settings).or_default() += 1;
    }
    if counts.is_empty() {
        counts.insert(SerialSettings::default(), 1);
    }
    let mut settings: Vec<(SerialSettings, usize)> = counts.into_iter().collect();
    settings.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    settings.into_iter().map(|(settings, _)| settings).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_meters_leave_the_factory_with_comes_first() {
        let options = ScanOptions::default();
        let profiles = eligible(&Catalog::embedded(), true, &options);
        let places = places(&profiles, true, &options);
        let first = Place {
            settings: Some(SerialSettings::default()),
            unit: 1,
        };
        assert_eq!(places[0], first);
        assert!((2..=8).contains(&places.len()), "{places:?}");
    }

    #[test]
    fn a_thorough_scan_tries_each_combination_once() {
        let options = ScanOptions {
            units: vec![1, 2, 3],
            ..ScanOptions::default().thorough()
        };
        let profiles = eligible(&Catalog::embedded(), true, &options);
        let places = places(&profiles, true, &options);
        let ways: std::collections::BTreeSet<_> = places
            .iter()
            .filter_map(|place| place.settings.map(|s| (s.baud, s.parity, place.unit)))
            .collect();
        assert_eq!(ways.len(), places.len());
        assert_eq!(places.len(), 8 * 3 * 3);
        assert_eq!(places[1].to_string(), "9600 8N1, unit 2");
    }

    #[test]
    fn over_tcp_there_are_only_units_and_its_own_meters_come_first() {
        let options = ScanOptions {
            units: vec![1, 7],
            ..ScanOptions::default()
        };
        let profiles = eligible(&Catalog::embedded(), false, &options);
        assert!(profiles[0].bus.transports.contains(&TransportKind::Tcp));
        assert_eq!(places(&profiles, false, &options).len(), 2);
    }
}
