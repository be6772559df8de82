//! What stands at an address: homes of a street differ, and share the sky.

use solthrive_domain::home::Service;

use super::Entry;
use crate::home::{EvSpec, HomeSpec, LoadSpec, PvSpec};
use crate::rng::Rng;

/// Homes this many degrees apart, or less, share the weather.
const REGION: f64 = 1.0;
/// South of this, nearly everybody cools.
const HOT: f64 = 33.0;

/// The home of a roster's entry: half of them have air conditioning, in hot places all but one in six, and every fourth
/// has a car at the charger in the evening.
pub(super) fn of(entry: &Entry, seed: u64) -> HomeSpec {
    let pv = PvSpec {
        nameplate_kw: entry.size_kw,
        tilt: 15.0 + (seed % 5) as f64 * 4.0,
        azimuth: 150.0 + (seed % 7) as f64 * 14.0,
        ..PvSpec::default()
    };
    let is_hot = entry.latitude.abs() < HOT;
    HomeSpec {
        service: Service::SplitPhase,
        latitude: entry.latitude,
        longitude: entry.longitude,
        timezone: entry.time_zone.clone(),
        pv: (entry.size_kw > 0.0).then_some(pv),
        region: Some(region(entry)),
        load: LoadSpec {
            scale: 0.6 + (seed % 9) as f64 * 0.1,
            air_conditioning: seed.is_multiple_of(2) || (is_hot && !seed.is_multiple_of(3)),
        },
        ev: (seed % 4 == 1).then(EvSpec::default),
        ..HomeSpec::default()
    }
}

fn region(entry: &Entry) -> u64 {
    let cell = |degrees: f64| (degrees / REGION).floor().to_bits();
    Rng::of(cell(entry.latitude), &[cell(entry.longitude)]).next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Entry {
        Entry {
            serial: "ST-1".to_owned(),
            device_id: solthrive_domain::DeviceId::from_uuid(uuid::Uuid::nil()),
            token: String::new(),
            installer_code: String::new(),
            time_zone: "America/Los_Angeles".to_owned(),
            latitude,
            longitude,
            size_kw: 7.0,
        }
    }

    #[test]
    fn neighbours_share_their_weather_and_another_town_has_its_own() {
        let region = |latitude, seed| of(&at(latitude, -118.1), seed).region;
        assert_eq!(region(34.1, 1), region(34.2, 2));
        assert_ne!(region(34.1, 1), region(37.8, 1));
    }

    #[test]
    fn a_roof_without_modules_stays_without() {
        let bare = Entry {
            size_kw: 0.0,
            ..at(34.1, -118.1)
        };
        assert_eq!(of(&bare, 1).pv, None);
    }
}
