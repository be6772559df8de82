//! A home as a file describes it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use solthrive_domain::home::Service;

use super::storage::BatterySpec;
use super::sun::Plane;
use super::weather::Sky;

/// A home: where it stands, what is installed, what runs in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HomeSpec {
    /// The grid connection.
    pub service: Service,
    /// Degrees, north positive.
    pub latitude: f64,
    /// Degrees, east positive.
    pub longitude: f64,
    /// IANA name; days and habits are local.
    pub timezone: String,
    /// The array; none for a home without.
    pub pv: Option<PvSpec>,
    /// Which weather it gets.
    pub sky: Sky,
    /// Homes of one region share their weather, whatever their seeds; without it a home has its own.
    pub region: Option<u64>,
    /// What runs in the house.
    pub load: LoadSpec,
    /// A battery, if there is one.
    pub battery: Option<BatterySpec>,
    /// A car charger, if there is one.
    pub ev: Option<EvSpec>,
    /// Ohm between the transformer and the meter on each leg: voltage sags with load.
    pub source_ohm: f64,
}

/// An array.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PvSpec {
    /// Sum of the modules' rated power, kW.
    pub nameplate_kw: f64,
    /// Most the inverter passes on, kW; the nameplate when absent.
    pub inverter_kw: Option<f64>,
    /// Degrees from level.
    pub tilt: f64,
    /// Degrees from north, clockwise.
    pub azimuth: f64,
}

/// What runs in the house.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoadSpec {
    /// Multiplies every load but the car.
    pub scale: f64,
    /// Whether a compressor runs when it is warm.
    pub air_conditioning: bool,
}

/// A car charger.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvSpec {
    /// kW while charging.
    pub power_kw: f64,
}

impl Default for HomeSpec {
    fn default() -> Self {
        Self {
            service: Service::SplitPhase,
            latitude: 30.27,
            longitude: -97.74,
            timezone: "America/Chicago".to_owned(),
            pv: Some(PvSpec::default()),
            sky: Sky::Random,
            region: None,
            load: LoadSpec::default(),
            battery: None,
            ev: None,
            source_ohm: 0.035,
        }
    }
}

impl Default for PvSpec {
    fn default() -> Self {
        Self {
            nameplate_kw: 7.0,
            inverter_kw: None,
            tilt: 22.0,
            azimuth: 190.0,
        }
    }
}

impl Default for LoadSpec {
    fn default() -> Self {
        Self {
            scale: 1.0,
            air_conditioning: true,
        }
    }
}

impl Default for EvSpec {
    fn default() -> Self {
        Self { power_kw: 7.2 }
    }
}

/// Why a home cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The file cannot be read.
    #[error("{file}: {reason}")]
    File {
        /// Its path.
        file: String,
        /// What the system or the parser says.
        reason: String,
    },
    /// A value makes no sense.
    #[error("{key} is {value}, but it {rule}")]
    Value {
        /// Which key.
        key: &'static str,
        /// What it says.
        value: String,
        /// What is expected.
        rule: String,
    },
}

impl HomeSpec {
    /// A 230 V home in Bavaria without air conditioning.
    #[must_use]
    pub fn european(service: Service) -> Self {
        Self {
            service,
            latitude: 48.14,
            longitude: 11.58,
            timezone: "Europe/Berlin".to_owned(),
            load: LoadSpec {
                air_conditioning: false,
                ..LoadSpec::default()
            },
            ..Self::default()
        }
    }

    /// Reads a YAML file.
    ///
    /// # Errors
    /// [`HomeError`] when it cannot be read, has an unknown key or a value out of range.
    pub fn read(file: &Path) -> Result<Self, HomeError> {
        let failed = |reason: String| HomeError::File {
            file: file.display().to_string(),
            reason,
        };
        let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
        let spec: Self =
            serde_saphyr::from_str(&text).map_err(|error| failed(error.to_string()))?;
        spec.checked()
    }

    /// The home if its values can be.
    ///
    /// # Errors
    /// [`HomeError::Value`] names the first that cannot.
    pub fn checked(self) -> Result<Self, HomeError> {
        let mut limits = vec![
            ("latitude", self.latitude, -90.0, 90.0),
            ("longitude", self.longitude, -180.0, 180.0),
            ("source_ohm", self.source_ohm, 0.0, 1.0),
            ("load.scale", self.load.scale, 0.0, 100.0),
        ];
        if let Some(pv) = &self.pv {
            limits.push(("pv.nameplate_kw", pv.nameplate_kw, 0.0, 1000.0));
            limits.push(("pv.tilt", pv.tilt, 0.0, 90.0));
        }
        if let Some(battery) = &self.battery {
            limits.push(("battery.start_soc", battery.start_soc, 0.0, 1.0));
            limits.push(("battery.capacity_kwh", battery.capacity_kwh, 0.1, 10_000.0));
            limits.push(("battery.power_kw", battery.power_kw, 0.0, 1000.0));
        }
        if let Some(ev) = &self.ev {
            limits.push(("ev.power_kw", ev.power_kw, 0.0, 1000.0));
        }
        let outside = |(_, value, low, high): &&(_, f64, f64, f64)| !(*low..=*high).contains(value);
        if let Some((key, value, low, high)) = limits.iter().find(outside) {
            return Err(HomeError::Value {
                key,
                value: value.to_string(),
                rule: format!("lies between {low} and {high}"),
            });
        }
        if jiff::tz::TimeZone::get(&self.timezone).is_err() {
            return Err(HomeError::Value {
                key: "timezone",
                value: self.timezone,
                rule: "has an IANA name such as America/Chicago".to_owned(),
            });
        }
        Ok(self)
    }
}

impl PvSpec {
    /// The plane the modules lie in.
    #[must_use]
    pub const fn plane(&self) -> Plane {
        Plane {
            tilt: self.tilt,
            azimuth: self.azimuth,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_say_only_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("home.yaml");
        std::fs::write(&file, "pv: null\nbattery: {capacity_kwh: 5}\nsky: clear\n").unwrap();
        let home = HomeSpec::read(&file).unwrap();
        assert_eq!((home.pv, home.battery.unwrap().capacity_kwh), (None, 5.0));
        assert_eq!(home.service, Service::SplitPhase);
    }

    #[test]
    fn an_unknown_key_and_a_wrong_value_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("home.yaml");
        std::fs::write(&file, "latitud: 3\n").unwrap();
        assert!(
            HomeSpec::read(&file)
                .unwrap_err()
                .to_string()
                .contains("latitud")
        );
        let nowhere = HomeSpec {
            timezone: "Mars/Base".to_owned(),
            ..HomeSpec::default()
        }
        .checked();
        assert!(
            nowhere
                .unwrap_err()
                .to_string()
                .starts_with("timezone is Mars/Base")
        );
    }
}
