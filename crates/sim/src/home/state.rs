//! The whole home at one instant: voltages, currents and powers.

use solthrive_domain::home::Service;

use super::phasor::Phasor;

/// Power of the home at an instant, W, in the project's signs: everything positive flows in.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Flow {
    /// Produced; `None` where there is no array.
    pub solar: Option<f64>,
    /// Used, the car included.
    pub home: f64,
    /// Drawn from the grid, negative while feeding in.
    pub grid: f64,
    /// Discharged, negative while charging.
    pub battery: Option<f64>,
    /// Into the car.
    pub ev: Option<f64>,
}

/// Current in every leg, as a phasor.
pub type LegCurrents = [Phasor; 3];

/// The whole home at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HomeState {
    /// Which legs exist.
    pub service: Service,
    /// Simulated time, seconds since 1970.
    pub unix: f64,
    /// Voltage of each leg against neutral.
    pub volts: [Phasor; 3],
    /// Hz.
    pub frequency: f64,
    /// What the home uses.
    pub home: LegCurrents,
    /// The car's part of it.
    pub ev: LegCurrents,
    /// What the array sends.
    pub pv: LegCurrents,
    /// What the battery sends.
    pub battery: LegCurrents,
    /// Powers.
    pub flow: Flow,
    /// Battery's state of charge, 0 to 1.
    pub soc: Option<f64>,
    /// The replayed inverter says "no value" in a way a meter can hand out.
    pub pv_sentinel: bool,
}

impl HomeState {
    /// Current through the grid connection, positive while drawing.
    #[must_use]
    pub fn main(&self) -> LegCurrents {
        std::array::from_fn(|leg| self.home[leg] - self.pv[leg] - self.battery[leg])
    }

    /// Active power of some currents on each leg, W.
    #[must_use]
    pub fn watts(&self, currents: &LegCurrents) -> [f64; 3] {
        std::array::from_fn(|leg| self.volts[leg].power(currents[leg]).re)
    }
}
