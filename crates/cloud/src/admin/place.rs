//! What is said of a home's place, checked.

use std::fmt;
use std::str::FromStr;

use jiff::tz::{self, TimeZone};

/// An IANA time zone that this machine knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone(String);

impl FromStr for Zone {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = TimeZone::get(text).ok();
        // Spelled as the database spells it, whatever the case.
        if let Some(name) = known.as_ref().and_then(TimeZone::iana_name) {
            return Ok(Self(name.to_owned()));
        }
        Err(similar(text).map_or_else(
            || "no such time zone; it is a name like America/Los_Angeles".to_owned(),
            |names| format!("no such time zone; did you mean {names}?"),
        ))
    }
}

/// Zones of a place with this name.
fn similar(text: &str) -> Option<String> {
    let typed = text.to_lowercase().replace(' ', "_");
    let place = typed.rsplit('/').next().filter(|place| place.len() > 2)?;
    let names: Vec<String> = tz::db()
        .available()
        .map(|name| name.to_string())
        .filter(|name| name.to_lowercase().contains(place))
        .take(3)
        .collect();
    (!names.is_empty()).then(|| names.join(" or "))
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tenths of a degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Degrees(i16);

impl Degrees {
    pub(super) fn latitude(text: &str) -> Result<Self, String> {
        Self::within(text, 90.0)
    }

    pub(super) fn longitude(text: &str) -> Result<Self, String> {
        Self::within(text, 180.0)
    }

    pub(super) const fn tenths(self) -> i16 {
        self.0
    }

    fn within(text: &str, most: f64) -> Result<Self, String> {
        let degrees: f64 = text
            .parse()
            .map_err(|_| "write degrees with a decimal point, such as 34.1".to_owned())?;
        if !(-most..=most).contains(&degrees) {
            return Err(format!("it is from -{most} to {most}"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "within 1800 either way")]
        Ok(Self((degrees * 10.0).round() as i16))
    }
}

/// Power of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kilowatts(u32);

impl Kilowatts {
    pub(super) const fn watts(self) -> u32 {
        self.0
    }
}

impl FromStr for Kilowatts {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let kilowatts: f64 = text
            .parse()
            .map_err(|_| "write kW with a decimal point, such as 7.6".to_owned())?;
        if !(0.0..=10_000.0).contains(&kilowatts) {
            return Err("it is from 0 to 10000 kW".to_owned());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within 0 to ten million"
        )]
        Ok(Self((kilowatts * 1000.0).round() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_known_ones_and_a_city_is_helped_along() {
        let zone = |text: &str| text.parse::<Zone>().map(|zone| zone.to_string());
        assert_eq!(
            zone("America/Los_Angeles").as_deref(),
            Ok("America/Los_Angeles")
        );
        assert_eq!(
            zone("america/los_angeles").as_deref(),
            Ok("America/Los_Angeles")
        );
        assert!(
            zone("Los Angeles")
                .unwrap_err()
                .contains("America/Los_Angeles")
        );
        assert!(zone("Mars/Olympus").is_err());
        assert!(zone("").is_err());
    }

    #[test]
    fn degrees_are_rounded_and_bounded() {
        assert_eq!(Degrees::longitude("-118.2437"), Ok(Degrees(-1182)));
        assert_eq!(Degrees::latitude("34.05"), Ok(Degrees(341)));
        for wrong in ["90.01", "-91", "NaN", "inf", "34,05", ""] {
            assert!(Degrees::latitude(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_in_kilowatts() {
        assert_eq!("7.6".parse(), Ok(Kilowatts(7600)));
        for wrong in ["-1", "NaN", "1e9", "7,6"] {
            assert!(wrong.parse::<Kilowatts>().is_err(), "{wrong}");
        }
    }
}
