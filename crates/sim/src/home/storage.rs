//! A home battery that keeps the grid at zero while it can.

use serde::{Deserialize, Serialize};

/// A battery as installed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatterySpec {
    /// Usable energy, kWh.
    pub capacity_kwh: f64,
    /// Most it charges or discharges, kW.
    pub power_kw: f64,
    /// State of charge at the start, 0 to 1.
    pub start_soc: f64,
}

impl Default for BatterySpec {
    fn default() -> Self {
        Self {
            capacity_kwh: 13.5,
            power_kw: 5.0,
            start_soc: 0.5,
        }
    }
}

/// Part of the energy that survives each way.
const EFFICIENCY: f64 = 0.95;
const LOWEST: f64 = 0.05;
/// Its controller follows the home with this time constant, seconds.
const LAG: f64 = 1.5;

/// A battery at work.
#[derive(Debug, Clone)]
pub struct Battery {
    spec: BatterySpec,
    soc: f64,
    watts: f64,
}

impl Battery {
    /// As installed.
    #[must_use]
    pub fn new(spec: BatterySpec) -> Self {
        Self {
            spec,
            soc: spec.start_soc.clamp(0.0, 1.0),
            watts: 0.0,
        }
    }

    /// State of charge, 0 to 1.
    #[must_use]
    pub const fn soc(&self) -> f64 {
        self.soc
    }

    /// Power over the next `seconds`, W, positive while discharging; `demand` is what the home
    /// lacks (or has too much, negative). A pinned power is taken as it is.
    pub fn step(&mut self, demand: f64, seconds: f64, pinned: Option<f64>) -> f64 {
        let most = self.spec.power_kw * 1000.0;
        let mut wanted = demand.clamp(-most, most);
        if (wanted > 0.0 && self.soc <= LOWEST) || (wanted < 0.0 && self.soc >= 1.0) {
            wanted = 0.0;
        }
        self.watts += (wanted - self.watts) * (seconds / LAG).min(1.0);
        if let Some(pinned) = pinned {
            self.watts = pinned;
        }
        let stored = if self.watts > 0.0 {
            self.watts / EFFICIENCY
        } else {
            self.watts * EFFICIENCY
        };
        let moved = stored * seconds / 3.6e6;
        self.soc = (self.soc - moved / self.spec.capacity_kwh.max(0.1)).clamp(0.0, 1.0);
        self.watts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surplus_charges_until_full_and_a_lack_empties_to_the_reserve() {
        let mut battery = Battery::new(BatterySpec::default());
        for _ in 0..20_000 {
            battery.step(-3000.0, 1.0, None);
        }
        assert_eq!(battery.soc(), 1.0);
        assert!(
            battery.step(-3000.0, 1.0, None).abs() < 1.0,
            "a full battery takes nothing"
        );
        for _ in 0..40_000 {
            battery.step(4000.0, 1.0, None);
        }
        assert!((battery.soc() - LOWEST).abs() < 0.01 && battery.step(4000.0, 1.0, None) < 1.0);
    }

    #[test]
    fn its_inverter_is_its_limit() {
        let mut battery = Battery::new(BatterySpec {
            start_soc: 0.9,
            ..BatterySpec::default()
        });
        for _ in 0..30 {
            battery.step(20_000.0, 1.0, None);
        }
        assert!((battery.step(20_000.0, 1.0, None) - 5000.0).abs() < 1.0);
    }
}
