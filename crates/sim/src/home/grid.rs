//! The service entrance: turns what is drawn and produced into voltages and currents per leg.

use solthrive_domain::home::Service;

use super::loads::{Attach, Draw};
use super::phasor::Phasor;
use crate::rng::Noise;

/// What disturbs the supply right now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Disturbance {
    /// Part of each leg's voltage that is missing, 0 to 1.
    pub sag: [f64; 3],
    /// The neutral is lost: the legs share 240 V by their loads.
    pub open_neutral: bool,
}

/// Voltages somebody fixed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FixedSupply {
    /// V of each leg.
    pub volts: [Option<f64>; 3],
    /// Hz.
    pub frequency: Option<f64>,
}

/// Legs a service has.
#[must_use]
pub const fn leg_count(service: Service) -> usize {
    match service {
        Service::SplitPhase => 2,
        Service::SinglePhase => 1,
        Service::ThreePhase => 3,
    }
}

/// The supply of one home.
#[derive(Debug, Clone)]
pub struct Supply {
    service: Service,
    ohm: f64,
    slow: [Noise; 3],
    fast: [Noise; 3],
    beat: Noise,
}

impl Supply {
    /// A supply of a seed.
    #[must_use]
    pub fn new(seed: u64, service: Service, ohm: f64) -> Self {
        let slow = [31, 32, 33].map(|leg| Noise::of(seed, &[leg]));
        let fast = [34, 35, 36].map(|leg| Noise::of(seed, &[leg]));
        Self {
            service,
            ohm,
            slow,
            fast,
            beat: Noise::of(seed, &[37]),
        }
    }

    /// Hz at an instant.
    #[must_use]
    pub fn frequency(&self, unix: f64, fixed: &FixedSupply) -> f64 {
        let nominal = if self.service == Service::SplitPhase {
            60.0
        } else {
            50.0
        };
        let wander = 0.018 * self.beat.at(unix, 40.0) + 0.004 * self.beat.at(unix + 7e5, 3.0);
        fixed.frequency.unwrap_or(nominal + wander)
    }

    /// Voltage of every leg at an instant, with what is connected to them; what is produced is a
    /// negative draw.
    #[must_use]
    pub fn voltages(
        &self,
        unix: f64,
        draws: &[Draw],
        disturbance: &Disturbance,
        fixed: &FixedSupply,
    ) -> [Phasor; 3] {
        let net = self.net(draws);
        let mut volts = [Phasor::ZERO; 3];
        let nominal = self.service.nominal().get();
        for (leg, volt) in volts.iter_mut().enumerate().take(leg_count(self.service)) {
            let wander = 0.008 * self.slow[0].at(unix, 600.0)
                + 0.002 * self.slow[leg].at(unix, 90.0)
                + 0.0005 * self.fast[leg].at(unix, 1.0);
            let drop = self.ohm * net[leg] / nominal;
            let magnitude = (nominal * (1.0 + wander) - drop) * (1.0 - disturbance.sag[leg]);
            *volt = Phasor::polar(
                fixed.volts[leg].unwrap_or(magnitude).max(0.0),
                self.angle(leg),
            );
        }
        if disturbance.open_neutral && self.service == Service::SplitPhase {
            share_by_load(&mut volts, draws);
        }
        volts
    }

    /// Active power through the meter on each leg, W.
    fn net(&self, draws: &[Draw]) -> [f64; 3] {
        let legs = leg_count(self.service);
        let mut net = [0.0; 3];
        for draw in draws {
            match draw.attach {
                Attach::Leg(leg) => net[if leg < legs { leg } else { 0 }] += draw.power.re,
                Attach::Across => net
                    .iter_mut()
                    .take(legs)
                    .for_each(|leg| *leg += draw.power.re / legs as f64),
            }
        }
        net
    }

    fn angle(&self, leg: usize) -> f64 {
        match (self.service, leg) {
            (Service::SplitPhase, 1) => 180.0,
            (Service::ThreePhase, 1) => -120.0,
            (Service::ThreePhase, 2) => 120.0,
            _ => 0.0,
        }
    }

    /// The current in each leg that a draw causes.
    #[must_use]
    pub fn currents(&self, volts: &[Phasor; 3], draw: &Draw) -> [Phasor; 3] {
        let mut currents = [Phasor::ZERO; 3];
        match (draw.attach, self.service) {
            (Attach::Across, Service::SplitPhase) => {
                let through = (volts[0] - volts[1]).current_for(draw.power);
                currents[0] = through;
                currents[1] = -through;
            }
            (Attach::Across, Service::ThreePhase) => {
                for (current, volt) in currents.iter_mut().zip(volts) {
                    *current = volt.current_for(draw.power * (1.0 / 3.0));
                }
            }
            (Attach::Across, Service::SinglePhase) => {
                currents[0] = volts[0].current_for(draw.power);
            }
            (Attach::Leg(leg), _) => {
                // A leg the service does not have hangs on the first.
                let leg = if leg < leg_count(self.service) {
                    leg
                } else {
                    0
                };
                currents[leg] = volts[leg].current_for(draw.power);
            }
        }
        currents
    }
}

/// Two loads in series on 240 V: the smaller load gets the larger part.
fn share_by_load(volts: &mut [Phasor; 3], draws: &[Draw]) {
    let drawn = |leg| {
        let watts: f64 = draws
            .iter()
            .filter(|d| d.attach == Attach::Leg(leg))
            .map(|d| d.power.re)
            .sum();
        watts.max(5.0)
    };
    let whole = (volts[0] - volts[1]).magnitude();
    let first = (whole * drawn(1) / (drawn(0) + drawn(1))).clamp(0.2 * whole, 0.8 * whole);
    volts[0] = Phasor::polar(first, 0.0);
    volts[1] = Phasor::polar(whole - first, 180.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(attach: Attach, watts: f64) -> Draw {
        Draw {
            attach,
            power: Phasor::new(watts, 0.0),
        }
    }

    #[test]
    fn a_240_v_load_takes_half_its_power_from_each_leg() {
        let supply = Supply::new(1, Service::SplitPhase, 0.0);
        let fixed = FixedSupply {
            volts: [Some(120.0), Some(120.0), None],
            frequency: None,
        };
        let volts = supply.voltages(0.0, &[], &Disturbance::default(), &fixed);
        let currents = supply.currents(&volts, &load(Attach::Across, 4800.0));
        assert!((currents[0].magnitude() - 20.0).abs() < 1e-9);
        for leg in 0..2 {
            assert!((volts[leg].power(currents[leg]).re - 2400.0).abs() < 1e-6);
        }
    }

    #[test]
    fn load_pulls_a_leg_down_and_production_pushes_it_up() {
        let supply = Supply::new(1, Service::SplitPhase, 0.05);
        let at = |watts| {
            let draws = [load(Attach::Across, watts)];
            supply.voltages(
                0.0,
                &draws,
                &Disturbance::default(),
                &FixedSupply::default(),
            )[0]
            .magnitude()
        };
        assert!((at(0.0) - at(9600.0) - 2.0).abs() < 1e-6);
        assert!((at(-9600.0) - at(0.0) - 2.0).abs() < 1e-6);
    }

    #[test]
    fn without_a_neutral_the_lighter_leg_rises_and_240_v_stay() {
        let supply = Supply::new(1, Service::SplitPhase, 0.0);
        let draws = [load(Attach::Leg(0), 900.0), load(Attach::Leg(1), 600.0)];
        let broken = Disturbance {
            open_neutral: true,
            ..Disturbance::default()
        };
        let fixed = FixedSupply {
            volts: [Some(120.0), Some(120.0), None],
            frequency: None,
        };
        let volts = supply.voltages(0.0, &draws, &broken, &fixed);
        assert!(
            (volts[0].magnitude() - 96.0).abs() < 0.1 && (volts[1].magnitude() - 144.0).abs() < 0.1,
            "{volts:?}"
        );
    }

    #[test]
    fn three_phases_stand_120_degrees_apart() {
        let supply = Supply::new(1, Service::ThreePhase, 0.0);
        let volts = supply.voltages(
            0.0,
            &[],
            &Disturbance::default(),
            &FixedSupply {
                volts: [Some(230.0); 3],
                frequency: None,
            },
        );
        for (a, b) in [(0, 1), (1, 2), (2, 0)] {
            assert!(((volts[a] - volts[b]).magnitude() - 398.37).abs() < 0.01);
        }
    }
}
