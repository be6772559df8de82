//! Where the sun stands and what a clear sky sends onto a tilted plane.
//!
//! A simple almanac (declination and equation of time from the day of the year), good to about a
//! degree: enough for a plausible production curve at any latitude.

use std::f64::consts::TAU;

/// Position of the sun as seen from a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SunPosition {
    /// Radians above the horizon; negative at night.
    pub elevation: f64,
    /// Radians from north, clockwise.
    pub azimuth: f64,
}

/// A surface: tilt from level and the direction it faces, degrees (180 is south).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plane {
    /// Degrees from level.
    pub tilt: f64,
    /// Degrees from north, clockwise.
    pub azimuth: f64,
}

/// Irradiance on a plane, W/m².
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Irradiance {
    /// Straight from the sun; clouds take it first.
    pub beam: f64,
    /// From the rest of the sky.
    pub diffuse: f64,
}

/// The sun at an instant (seconds since 1970, UTC) over a place (degrees, north and east positive).
#[must_use]
pub fn position(unix_seconds: f64, latitude: f64, longitude: f64) -> SunPosition {
    let days = unix_seconds / 86_400.0;
    // 1970 began a tropical year; its length keeps the phase right for centuries.
    let year_angle = TAU * (days - 0.5).rem_euclid(365.2422) / 365.2422;
    let declination = 0.006_918 - 0.399_912 * year_angle.cos() + 0.070_257 * year_angle.sin()
        - 0.006_758 * (2.0 * year_angle).cos()
        + 0.000_907 * (2.0 * year_angle).sin();
    let equation_of_time = 229.18
        * (0.000_075 + 0.001_868 * year_angle.cos()
            - 0.032_077 * year_angle.sin()
            - 0.014_615 * (2.0 * year_angle).cos()
            - 0.040_849 * (2.0 * year_angle).sin());
    let solar_minutes = days.rem_euclid(1.0) * 1440.0 + 4.0 * longitude + equation_of_time;
    let hour_angle = (solar_minutes / 4.0 - 180.0).to_radians();
    let latitude = latitude.to_radians();
    let sin_elevation =
        latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * hour_angle.cos();
    let north =
        declination.sin() * latitude.cos() - declination.cos() * latitude.sin() * hour_angle.cos();
    let east = -declination.cos() * hour_angle.sin();
    SunPosition {
        elevation: sin_elevation.clamp(-1.0, 1.0).asin(),
        azimuth: east.atan2(north).rem_euclid(TAU),
    }
}

/// What a clear sky sends onto a plane.
#[must_use]
pub fn clear_sky(sun: SunPosition, plane: Plane) -> Irradiance {
    let sin_elevation = sun.elevation.sin();
    if sin_elevation <= 0.0 {
        return Irradiance::default();
    }
    let degrees = sun.elevation.to_degrees();
    // Kasten and Young's air mass, Meinel's direct beam.
    let air_mass = 1.0 / (sin_elevation + 0.505_72 * (degrees + 6.079_95).powf(-1.636_4));
    let beam = 1353.0 * 0.7_f64.powf(air_mass.powf(0.678));
    let (tilt, facing) = (plane.tilt.to_radians(), plane.azimuth.to_radians());
    let incidence = sin_elevation * tilt.cos()
        + sun.elevation.cos() * tilt.sin() * (sun.azimuth - facing).cos();
    let sky_seen = f64::midpoint(1.0, tilt.cos());
    Irradiance {
        beam: beam * incidence.max(0.0),
        diffuse: 0.1 * beam * sky_seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUSTIN: (f64, f64) = (30.27, -97.74);

    fn at(text: &str) -> f64 {
        text.parse::<jiff::Timestamp>().unwrap().as_second() as f64
    }

    #[test]
    fn the_sun_is_highest_at_solar_noon_of_midsummer() {
        // 90 - 30.27 + 23.44 = 83.2 degrees; solar noon in Austin is about 18:33 UTC in June.
        let sun = position(at("2024-06-21T18:33:00Z"), AUSTIN.0, AUSTIN.1);
        assert!(
            (sun.elevation.to_degrees() - 83.2).abs() < 1.0,
            "{}",
            sun.elevation.to_degrees()
        );
        let winter = position(at("2024-12-21T18:29:00Z"), AUSTIN.0, AUSTIN.1);
        assert!((winter.elevation.to_degrees() - 36.3).abs() < 1.0);
    }

    #[test]
    fn it_rises_in_the_east_and_sets_in_the_west() {
        let morning = position(at("2024-03-20T13:00:00Z"), AUSTIN.0, AUSTIN.1);
        let evening = position(at("2024-03-20T23:30:00Z"), AUSTIN.0, AUSTIN.1);
        assert!((60.0..120.0).contains(&morning.azimuth.to_degrees()));
        assert!((240.0..300.0).contains(&evening.azimuth.to_degrees()));
    }

    #[test]
    fn night_gives_nothing() {
        let plane = Plane {
            tilt: 25.0,
            azimuth: 180.0,
        };
        let midnight = position(at("2024-06-21T06:30:00Z"), AUSTIN.0, AUSTIN.1);
        assert_eq!(clear_sky(midnight, plane), Irradiance::default());
    }

    #[test]
    fn a_plane_toward_the_sun_at_noon_gets_about_a_kilowatt() {
        let plane = Plane {
            tilt: 10.0,
            azimuth: 180.0,
        };
        let noon = position(at("2024-06-21T18:33:00Z"), AUSTIN.0, AUSTIN.1);
        let sky = clear_sky(noon, plane);
        assert!(
            (900.0..1100.0).contains(&(sky.beam + sky.diffuse)),
            "{sky:?}"
        );
    }
}
