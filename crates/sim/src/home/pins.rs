//! Values somebody fixed, so that a test knows what to expect.

use serde::{Deserialize, Serialize};
use solthrive_domain::home::Service;

use super::grid::{FixedSupply, leg_count};
use super::loads::{Attach, Draw};
use super::phasor::Phasor;

/// Values somebody fixed; the rest of the home goes on around them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pins {
    /// Production, kW.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solar_kw: Option<f64>,
    /// Use without the car, kW, evenly on the legs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_kw: Option<f64>,
    /// Use on the first leg, kW; with the next two instead of `home_kw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_l1_kw: Option<f64>,
    /// Use on the second leg, kW.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_l2_kw: Option<f64>,
    /// Use on the third phase, kW.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_l3_kw: Option<f64>,
    /// Battery, kW, positive while discharging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_kw: Option<f64>,
    /// Car, kW.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ev_kw: Option<f64>,
    /// V of the first leg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voltage_l1: Option<f64>,
    /// V of the second leg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voltage_l2: Option<f64>,
    /// V of the third phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voltage_l3: Option<f64>,
    /// Hz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency: Option<f64>,
}

impl Pins {
    pub(super) fn supply(&self) -> FixedSupply {
        FixedSupply {
            volts: [self.voltage_l1, self.voltage_l2, self.voltage_l3],
            frequency: self.frequency,
        }
    }

    /// Loads in place of the modelled ones, when any is fixed.
    pub(super) fn loads(&self, service: Service) -> Option<Vec<Draw>> {
        let legs = leg_count(service);
        let per_leg = [self.home_l1_kw, self.home_l2_kw, self.home_l3_kw];
        let fixed: Vec<f64> = if per_leg.iter().any(Option::is_some) {
            per_leg
                .iter()
                .take(legs)
                .map(|kw| kw.unwrap_or(0.0))
                .collect()
        } else {
            vec![self.home_kw? / legs as f64; legs]
        };
        let draw = |(leg, kw): (usize, f64)| Draw {
            attach: Attach::Leg(leg),
            power: Phasor::new(kw * 1000.0, 0.0),
        };
        Some(fixed.into_iter().enumerate().map(draw).collect())
    }
}
