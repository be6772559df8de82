//! Which conductor goes through which current clamp.
//!
//! As text: `l1=main_l1,l2=main_l2,l3=pv_l1`. A conductor is a branch (`main`, `home`, `pv`,
//! `battery`, `ev`) and a leg; without a leg both hot wires of a 240 V circuit go through the clamp
//! in opposite directions. `@l2` measures against another leg's voltage, `*2` passes the wire
//! twice, a leading `-` turns the clamp round.

use std::collections::BTreeMap;
use std::str::FromStr;

use solthrive_domain::home::Service;
use solthrive_domain::{Input, Role};
use solthrive_meter::profile::Profile;

use crate::home::phasor::Phasor;
use crate::home::{HomeState, LegCurrents, leg_count};

/// A branch of the home's wiring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// The grid connection, positive while drawing.
    Main,
    /// Everything the home uses.
    Home,
    /// The array, positive while producing.
    Pv,
    /// The battery, positive while discharging.
    Battery,
    /// The car charger.
    Ev,
}

impl Branch {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::Main, "main"),
        (Self::Home, "home"),
        (Self::Pv, "pv"),
        (Self::Battery, "battery"),
        (Self::Ev, "ev"),
    ];

    fn currents(self, state: &HomeState) -> LegCurrents {
        match self {
            Self::Main => state.main(),
            Self::Home => state.home,
            Self::Pv => state.pv,
            Self::Battery => state.battery,
            Self::Ev => state.ev,
        }
    }
}

/// Which wires of a branch go through a clamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// The hot wire of leg 0, 1 or 2.
    Leg(usize),
    /// Both hot wires of a 240 V circuit, in opposite directions; the only one elsewhere.
    Both,
}

/// One current clamp with its voltage reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ct {
    /// What it is clamped on.
    pub branch: Branch,
    /// Which of its wires.
    pub wire: Wire,
    /// Leg (0, 1, 2) whose voltage the meter multiplies the current with.
    pub volt_ref: usize,
    /// Passes through the clamp; negative when it is on backwards.
    pub turns: f64,
}

impl Ct {
    /// A clamp on one wire against its own leg.
    #[must_use]
    pub const fn on(branch: Branch, leg: usize) -> Self {
        Self {
            branch,
            wire: Wire::Leg(leg),
            volt_ref: leg,
            turns: 1.0,
        }
    }

    /// What it senses.
    #[must_use]
    pub fn current(&self, state: &HomeState) -> Phasor {
        let legs = self.branch.currents(state);
        let sensed = match (self.wire, state.service) {
            (Wire::Leg(leg), _) => legs[leg],
            (Wire::Both, Service::SplitPhase) => legs[0] - legs[1],
            (Wire::Both, _) => legs[0],
        };
        sensed * self.turns
    }

    /// What the measured power has to be multiplied with to be the branch's part of the home.
    #[must_use]
    pub fn multiplier(&self, service: Service) -> f64 {
        let legs = leg_count(service) as f64;
        let seen = match (self.branch, self.wire) {
            (Branch::Main | Branch::Home, Wire::Leg(_)) => 1.0,
            (_, Wire::Leg(_)) => 1.0 / legs,
            (_, Wire::Both) if service == Service::ThreePhase => 1.0 / legs,
            (_, Wire::Both) => 1.0,
        };
        1.0 / (seen * self.turns)
    }

    /// The role a channel on this clamp has.
    #[must_use]
    pub fn role(&self) -> Role {
        match (self.branch, self.wire) {
            (Branch::Main, Wire::Leg(1)) => Role::MainL2,
            (Branch::Main, Wire::Leg(2)) => Role::MainL3,
            (Branch::Main, _) => Role::MainL1,
            (Branch::Home, _) => Role::Home,
            (Branch::Pv, _) => Role::Pv,
            (Branch::Battery, _) => Role::Battery,
            (Branch::Ev, _) => Role::Ev,
        }
    }
}

/// Inputs a meter can have, in the order of its terminals.
pub const INPUTS: [Input; 4] = [Input::L1, Input::L2, Input::L3, Input::Pv];

/// The clamps of one meter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MeterWiring(BTreeMap<Input, Ct>);

impl MeterWiring {
    /// These clamps.
    #[must_use]
    pub fn new(clamps: impl IntoIterator<Item = (Input, Ct)>) -> Self {
        Self(clamps.into_iter().collect())
    }

    /// As an installer would wire this meter in such a home: mains first, then the array on the
    /// next free input, one hot wire of it against L1. V1's map has a PV input of its own, whose
    /// clamp takes both hot wires, so that it needs no multiplier.
    #[must_use]
    pub fn usual(profile: &Profile, service: Service, has_pv: bool) -> Self {
        let has = |input: Input| profile.points.iter().any(|def| def.point.input == input);
        let mut free = INPUTS
            .into_iter()
            .filter(|input| has(*input) || *input == Input::L1);
        let mut clamps = BTreeMap::new();
        for leg in 0..leg_count(service) {
            let Some(input) = free.next().filter(|input| *input != Input::Pv) else {
                break;
            };
            clamps.insert(input, Ct::on(Branch::Main, leg));
        }
        if has_pv && has(Input::Pv) {
            clamps.insert(
                Input::Pv,
                Ct {
                    wire: Wire::Both,
                    ..Ct::on(Branch::Pv, 0)
                },
            );
        } else if let Some(input) = free
            .next()
            .filter(|_| has_pv && clamps.len() == leg_count(service))
        {
            clamps.insert(input, Ct::on(Branch::Pv, 0));
        }
        Self(clamps)
    }

    /// The first clamp on a leg that the service does not have, or measured against one.
    #[must_use]
    pub fn beyond(&self, service: Service) -> Option<Input> {
        let legs = leg_count(service);
        let beyond =
            |ct: &Ct| ct.volt_ref >= legs || matches!(ct.wire, Wire::Leg(leg) if leg >= legs);
        self.iter()
            .find(|(_, ct)| beyond(ct))
            .map(|(input, _)| input)
    }

    /// The clamp of an input.
    #[must_use]
    pub fn get(&self, input: Input) -> Option<&Ct> {
        self.0.get(&input)
    }

    /// Every clamp.
    pub fn iter(&self) -> impl Iterator<Item = (Input, &Ct)> {
        self.0.iter().map(|(input, ct)| (*input, ct))
    }
}

/// A wiring that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no clamp; expected INPUT=[-]BRANCH[_LEG][@LEG][*TURNS] such as `l3=pv_l1@l1`, with an input of l1, l2, l3, pv and a branch of main, home, pv, battery, ev"
)]
pub struct BadWiring(String);

impl FromStr for MeterWiring {
    type Err = BadWiring;
    fn from_str(text: &str) -> Result<Self, BadWiring> {
        let clamp = |part: &str| parse_clamp(part).ok_or_else(|| BadWiring(part.to_owned()));
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(clamp)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn parse_clamp(text: &str) -> Option<(Input, Ct)> {
    let (input, rest) = text.split_once('=')?;
    let input = input
        .trim()
        .parse()
        .ok()
        .filter(|input| INPUTS.contains(input))?;
    let (rest, turns) = match rest.split_once('*') {
        Some((rest, turns)) => (
            rest,
            turns
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|t| t.is_finite() && *t > 0.0)?,
        ),
        None => (rest, 1.0),
    };
    let (rest, reference) = match rest.split_once('@') {
        Some((rest, leg)) => (rest, Some(parse_leg(leg.trim())?)),
        None => (rest, None),
    };
    let rest = rest.trim();
    let (rest, turns) = rest
        .strip_prefix('-')
        .map_or((rest, turns), |rest| (rest, -turns));
    let (branch, name) = Branch::NAMES
        .into_iter()
        .find(|(_, name)| rest.starts_with(name))?;
    let wire = match rest.strip_prefix(name)? {
        "" => Wire::Both,
        leg => Wire::Leg(parse_leg(leg.strip_prefix('_')?)?),
    };
    let own = if let Wire::Leg(leg) = wire { leg } else { 0 };
    Some((
        input,
        Ct {
            branch,
            wire,
            volt_ref: reference.unwrap_or(own),
            turns,
        },
    ))
}

/// `l1`, `l2`, `l3` as 0, 1, 2.
#[must_use]
pub fn parse_leg(text: &str) -> Option<usize> {
    ["l1", "l2", "l3"].iter().position(|leg| *leg == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wiring_reads_as_it_is_written() {
        let wiring: MeterWiring = "l1=main_l1, l2=-main_l2, l3=pv_l1@l2*2, pv=pv"
            .parse()
            .unwrap();
        assert_eq!(wiring.get(Input::L1), Some(&Ct::on(Branch::Main, 0)));
        assert_eq!(
            wiring.get(Input::L2),
            Some(&Ct {
                turns: -1.0,
                ..Ct::on(Branch::Main, 1)
            })
        );
        assert_eq!(
            wiring.get(Input::L3),
            Some(&Ct {
                volt_ref: 1,
                turns: 2.0,
                ..Ct::on(Branch::Pv, 0)
            })
        );
        assert_eq!(
            wiring.get(Input::Pv),
            Some(&Ct {
                wire: Wire::Both,
                ..Ct::on(Branch::Pv, 0)
            })
        );
    }

    #[test]
    fn a_wiring_that_is_none_says_what_would_be() {
        for wrong in [
            "l1",
            "l4=main_l1",
            "l1=roof_l1",
            "l1=main_l9",
            "l1=pv*0",
            "l1=pv@9",
        ] {
            let error = wrong.parse::<MeterWiring>().unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`{wrong}` is no clamp")),
                "{error}"
            );
        }
    }

    #[test]
    fn half_of_a_240_v_circuit_needs_a_multiplier_of_two() {
        assert_eq!(Ct::on(Branch::Pv, 0).multiplier(Service::SplitPhase), 2.0);
        assert_eq!(
            Ct {
                wire: Wire::Both,
                ..Ct::on(Branch::Pv, 0)
            }
            .multiplier(Service::SplitPhase),
            1.0
        );
        assert_eq!(Ct::on(Branch::Main, 1).multiplier(Service::SplitPhase), 1.0);
        assert_eq!(Ct::on(Branch::Pv, 0).multiplier(Service::SinglePhase), 1.0);
        assert_eq!(Ct::on(Branch::Pv, 0).multiplier(Service::ThreePhase), 3.0);
    }
}
