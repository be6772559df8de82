//! Clouds and temperature as smooth random curves.
//!
//! A day is clear, mixed or overcast. On a mixed day clouds pass within half a minute to minutes,
//! so production falls and rises in ramps as measured inverters show, and overshoots a little at
//! the edge of a cloud.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::rng::{Noise, Rng, smoothstep};

/// Which skies a home gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sky {
    /// Each day draws one of the others.
    #[default]
    Random,
    /// No cloud.
    Clear,
    /// Clouds pass.
    Mixed,
    /// Little light all day.
    Overcast,
}

/// Part of clear-sky light that arrives, 0 to about 1.1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transmission {
    /// Of the direct beam.
    pub beam: f64,
    /// Of diffuse light; above 1 under thin cloud.
    pub diffuse: f64,
}

/// The weather of one place.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    seed: u64,
    sky: Sky,
    broad: Noise,
    fine: Noise,
    warmth: Noise,
    /// Clouds come here so many seconds earlier than to the middle of the place.
    ahead: f64,
}

const DAY_KIND: u64 = 11;

impl Weather {
    /// The weather of a seed.
    #[must_use]
    pub fn new(seed: u64, sky: Sky) -> Self {
        Self {
            seed,
            sky,
            broad: Noise::of(seed, &[12]),
            fine: Noise::of(seed, &[13]),
            warmth: Noise::of(seed, &[14]),
            ahead: 0.0,
        }
    }

    /// The same weather at another spot of the place: its clouds pass there so many seconds earlier.
    #[must_use]
    pub const fn ahead(self, seconds: f64) -> Self {
        Self {
            ahead: seconds,
            ..self
        }
    }

    /// The sky of a local day, counted since 1970.
    #[must_use]
    pub fn sky_of(&self, day: i64) -> Sky {
        if self.sky != Sky::Random {
            return self.sky;
        }
        match Rng::of(self.seed, &[DAY_KIND, day.cast_unsigned()]).unit() {
            x if x < 0.4 => Sky::Clear,
            x if x < 0.85 => Sky::Mixed,
            _ => Sky::Overcast,
        }
    }

    /// How much light arrives at an instant of a local day.
    #[must_use]
    pub fn transmission(&self, day: i64, unix_seconds: f64) -> Transmission {
        let unix_seconds = unix_seconds + self.ahead;
        match self.sky_of(day) {
            Sky::Clear | Sky::Random => Transmission {
                beam: 0.99 + 0.01 * self.broad.at(unix_seconds, 900.0),
                diffuse: 1.0,
            },
            Sky::Mixed => self.passing_clouds(unix_seconds),
            Sky::Overcast => {
                let thickness = 0.75 + 0.2 * self.broad.at(unix_seconds, 2400.0);
                Transmission {
                    beam: 0.15 * (1.0 - thickness),
                    diffuse: 2.6 - 2.0 * thickness,
                }
            }
        }
    }

    fn passing_clouds(&self, unix_seconds: f64) -> Transmission {
        let cover = 0.6 * self.broad.at(unix_seconds, 700.0)
            + 0.3 * self.fine.at(unix_seconds, 160.0)
            + 0.1 * self.fine.at(unix_seconds + 5e5, 45.0);
        let cloud = smoothstep((cover + 0.05) / 0.22);
        // Light reflected at the edge of a cloud adds to the beam just before it fades.
        let edge = (1.0 - (cover + 0.06).abs() / 0.06).max(0.0);
        Transmission {
            beam: 1.0 - 0.82 * cloud + 0.07 * edge,
            diffuse: 1.0 + 0.9 * cloud,
        }
    }

    /// Outdoor temperature, degrees Celsius.
    #[must_use]
    pub fn temperature(&self, latitude: f64, unix_seconds: f64, local_hour: f64) -> f64 {
        let day_of_year = (unix_seconds / 86_400.0).rem_euclid(365.2422);
        let season = (TAU * (day_of_year - 200.0) / 365.2422).cos() * latitude.signum();
        let yearly_mean = 28.0 - 0.3 * latitude.abs();
        let swing = 0.25 * latitude.abs();
        let daily = 6.0 * (TAU * (local_hour - 15.5) / 24.0).cos();
        yearly_mean + swing * season + daily + 4.0 * self.warmth.at(unix_seconds, 86_400.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixed_day_has_both_sun_and_shade_with_ramps_between() {
        let weather = Weather::new(1, Sky::Mixed);
        let beams: Vec<f64> = (0..36_000)
            .map(|s| weather.transmission(0, f64::from(s)).beam)
            .collect();
        assert!(beams.iter().any(|b| *b > 0.95) && beams.iter().any(|b| *b < 0.25));
        let steepest = beams
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f64::max);
        assert!(
            steepest < 0.15,
            "a cloud edge takes seconds, not one sample: {steepest}"
        );
        let minute = beams
            .windows(60)
            .map(|w| (w[59] - w[0]).abs())
            .fold(0.0, f64::max);
        assert!(
            minute > 0.3,
            "and a minute is enough for a big change: {minute}"
        );
    }

    #[test]
    fn overcast_is_darker_than_clear() {
        let (clear, grey) = (Weather::new(1, Sky::Clear), Weather::new(1, Sky::Overcast));
        for s in 0..100 {
            let t = f64::from(s) * 300.0;
            assert!(clear.transmission(0, t).beam > 0.97);
            assert!(grey.transmission(0, t).beam < 0.1);
        }
    }

    #[test]
    fn summers_are_warmer_and_nights_cooler() {
        let weather = Weather::new(3, Sky::Random);
        let (july, january) = (17_362.0 * 86_400.0, 17_546.0 * 86_400.0);
        let mean = |from: f64, hour: f64| {
            (0..20)
                .map(|d| weather.temperature(40.0, from + f64::from(d) * 86_400.0, hour))
                .sum::<f64>()
                / 20.0
        };
        assert!(mean(july, 15.0) > mean(january, 15.0) + 5.0);
        assert!(mean(july, 15.0) > mean(july, 4.0) + 5.0);
    }
}
