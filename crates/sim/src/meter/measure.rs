//! What a meter's inputs see of the home, wiring mistakes and failed clamps included.

use solthrive_domain::Input;

use super::wiring::{INPUTS, MeterWiring};
use crate::home::HomeState;
use crate::home::phasor::Phasor;

/// What is wrong with a meter's clamps and voltage taps right now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct InputFaults {
    /// Clamps on backwards, by place in [`INPUTS`].
    pub reversed: [bool; 4],
    /// Clamps pulled out.
    pub unplugged: [bool; 4],
    /// Voltage taps without contact, by leg.
    pub tap_missing: [bool; 3],
}

/// One input.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct InputReading {
    /// The voltage it is measured against.
    pub volts: Phasor,
    /// A, never negative.
    pub amps: f64,
    /// W and var.
    pub power: Phasor,
    /// A clamp is there.
    pub wired: bool,
}

/// A whole meter at an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MeterReading {
    /// By place in [`INPUTS`].
    pub inputs: [InputReading; 4],
    /// Hz.
    pub frequency: f64,
    /// Battery's state of charge, 0 to 1.
    pub soc: Option<f64>,
    /// Voltage of the three taps, connected to a leg of the service or to the leg a clamp refers to.
    pub taps: [Phasor; 3],
}

/// Place of an input in [`INPUTS`].
#[must_use]
pub fn slot(input: Input) -> Option<usize> {
    INPUTS.iter().position(|known| *known == input)
}

impl MeterReading {
    /// What a meter wired like this sees.
    #[must_use]
    pub fn of(state: &HomeState, wiring: &MeterWiring, faults: &InputFaults) -> Self {
        let mut reading = Self {
            frequency: state.frequency,
            soc: state.soc,
            ..Self::default()
        };
        let leg_volts = |leg: usize| {
            if faults.tap_missing[leg] {
                Phasor::ZERO
            } else {
                state.volts[leg]
            }
        };
        for (place, input) in INPUTS.into_iter().enumerate() {
            let Some(ct) = wiring.get(input) else {
                continue;
            };
            let mut current = ct.current(state);
            if faults.reversed[place] {
                current = -current;
            }
            if faults.unplugged[place] {
                current = Phasor::ZERO;
            }
            let volts = leg_volts(ct.volt_ref);
            reading.inputs[place] = InputReading {
                volts,
                amps: current.magnitude(),
                power: volts.power(current),
                wired: true,
            };
        }
        for (leg, tap) in reading.taps.iter_mut().enumerate() {
            let input = reading.inputs[leg];
            *tap = if input.wired {
                input.volts
            } else {
                leg_volts(leg)
            };
        }
        reading
    }

    /// Clamps that are there.
    pub fn wired(&self) -> impl Iterator<Item = &InputReading> {
        self.inputs.iter().filter(|input| input.wired)
    }

    /// W and var of all clamps added, whatever they are on.
    #[must_use]
    pub fn total(&self) -> Phasor {
        self.wired()
            .fold(Phasor::ZERO, |sum, input| sum + input.power)
    }

    /// VA of all clamps added.
    #[must_use]
    pub fn total_apparent(&self) -> f64 {
        self.wired().map(|input| input.power.magnitude()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::home::{Disturbance, Home, HomeSpec, Pins, Replay};

    fn state() -> HomeState {
        let pins = Pins {
            solar_kw: Some(4.0),
            home_l1_kw: Some(1.0),
            home_l2_kw: Some(0.4),
            ..Pins::default()
        };
        let mut home = Home::new(
            HomeSpec::default(),
            Replay::default(),
            1,
            jiff::Timestamp::UNIX_EPOCH,
        );
        home.step(Duration::ZERO, 1.0, &Disturbance::default(), &pins)
    }

    fn reading(wiring: &str, faults: &InputFaults) -> MeterReading {
        MeterReading::of(&state(), &wiring.parse().unwrap(), faults)
    }

    const V1: &str = "l1=main_l1,l2=main_l2,l3=pv_l1";

    #[test]
    fn mains_are_negative_while_feeding_in_and_totals_mix_in_the_array() {
        let meter = reading(V1, &InputFaults::default());
        let watts: Vec<f64> = meter.inputs.iter().map(|input| input.power.re).collect();
        assert!((watts[0] + watts[1] + 2600.0).abs() < 1e-6, "{watts:?}");
        assert!(
            (watts[2] - 2000.0).abs() < 30.0,
            "one hot wire carries half: {watts:?}"
        );
        assert!((meter.total().re - (watts[0] + watts[1] + watts[2])).abs() < 1e-9);
    }

    #[test]
    fn both_hot_wires_through_one_clamp_read_the_whole_circuit() {
        let meter = reading("pv=pv", &InputFaults::default());
        assert!(
            (meter.inputs[3].power.re - 4000.0).abs() < 40.0,
            "{meter:?}"
        );
    }

    #[test]
    fn a_clamp_on_the_other_leg_looks_reversed() {
        let right = reading("l1=main_l1", &InputFaults::default()).inputs[0]
            .power
            .re;
        let wrong = reading("l1=main_l1@l2", &InputFaults::default()).inputs[0]
            .power
            .re;
        assert!(
            (right + wrong).abs() < right.abs() * 0.02,
            "{right} {wrong}"
        );
    }

    #[test]
    fn faults_do_what_they_are_called() {
        let whole = reading(V1, &InputFaults::default());
        let reversed = reading(
            V1,
            &InputFaults {
                reversed: [true, false, false, false],
                ..Default::default()
            },
        );
        assert_eq!(reversed.inputs[0].power.re, -whole.inputs[0].power.re);
        assert_eq!(reversed.inputs[0].amps, whole.inputs[0].amps);
        let unplugged = reading(
            V1,
            &InputFaults {
                unplugged: [false, false, true, false],
                ..Default::default()
            },
        );
        assert_eq!(
            (unplugged.inputs[2].amps, unplugged.inputs[2].power.re),
            (0.0, 0.0)
        );
        assert!(unplugged.inputs[2].volts.magnitude() > 110.0);
        let dead = reading(
            V1,
            &InputFaults {
                tap_missing: [false, true, false],
                ..Default::default()
            },
        );
        assert_eq!(
            (dead.inputs[1].volts.magnitude(), dead.inputs[1].power.re),
            (0.0, 0.0)
        );
        assert_eq!(dead.inputs[1].amps, whole.inputs[1].amps);
    }
}
