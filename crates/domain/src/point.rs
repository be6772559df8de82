//! Names of what a meter measures: a quantity at one of its inputs, such as `v_l1` or `e_imp`.
//!
//! Profiles, the simulator, the CLI and the debug page all use these names, so a custom meter
//! needs no code: its profile says where `p_l1` is found.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Kind of measurement, with its canonical unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// V.
    Voltage,
    /// A.
    Current,
    /// W; sign as the meter gives it after its profile's `k`.
    ActivePower,
    /// VA.
    ApparentPower,
    /// var.
    ReactivePower,
    /// -1 to 1.
    PowerFactor,
    /// Hz.
    Frequency,
    /// kWh drawn, a counter.
    EnergyImport,
    /// kWh fed in, a counter.
    EnergyExport,
    /// kWh in both directions added, a counter.
    EnergyAbsolute,
    /// kWh drawn less fed in, a counter that may fall.
    EnergyNet,
    /// kvarh drawn, a counter.
    ReactiveEnergyImport,
    /// kvarh fed in, a counter.
    ReactiveEnergyExport,
    /// kvarh in both directions added, a counter.
    ReactiveEnergyAbsolute,
    /// kvarh drawn less fed in, a counter that may fall.
    ReactiveEnergyNet,
    /// kVAh, a counter.
    ApparentEnergy,
    /// Degrees.
    PhaseAngle,
    /// Percent of total harmonic distortion of the voltage.
    VoltageDistortion,
    /// Percent of a battery's usable capacity.
    StateOfCharge,
}

impl Quantity {
    const NAMES: [(Self, &'static str, &'static str); 19] = [
        (Self::Voltage, "v", "V"),
        (Self::Current, "i", "A"),
        (Self::ActivePower, "p", "W"),
        (Self::ApparentPower, "s", "VA"),
        (Self::ReactivePower, "q", "var"),
        (Self::PowerFactor, "pf", ""),
        (Self::Frequency, "f", "Hz"),
        (Self::EnergyImport, "e_imp", "kWh"),
        (Self::EnergyExport, "e_exp", "kWh"),
        (Self::EnergyAbsolute, "e_abs", "kWh"),
        (Self::EnergyNet, "e_net", "kWh"),
        (Self::ReactiveEnergyImport, "eq_imp", "kvarh"),
        (Self::ReactiveEnergyExport, "eq_exp", "kvarh"),
        (Self::ReactiveEnergyAbsolute, "eq_abs", "kvarh"),
        (Self::ReactiveEnergyNet, "eq_net", "kvarh"),
        (Self::ApparentEnergy, "es", "kVAh"),
        (Self::PhaseAngle, "phase_angle", "deg"),
        (Self::VoltageDistortion, "thd_v", "%"),
        (Self::StateOfCharge, "soc", "%"),
    ];

    /// Every quantity.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.iter().map(|(quantity, ..)| *quantity)
    }

    /// The short name used in point names: `v`, `i`, `p`, …
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(q, ..)| *q == self)
            .map_or("", |(_, name, _)| name)
    }

    /// The canonical unit, `""` for a ratio.
    #[must_use]
    pub fn unit(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(q, ..)| *q == self)
            .map_or("", |(_, _, unit)| unit)
    }

    /// Whether this is a counter, which changes slowly and is read less often.
    #[must_use]
    pub fn is_counter(self) -> bool {
        matches!(
            self,
            Self::EnergyImport
                | Self::EnergyExport
                | Self::EnergyAbsolute
                | Self::EnergyNet
                | Self::ReactiveEnergyImport
                | Self::ReactiveEnergyExport
                | Self::ReactiveEnergyAbsolute
                | Self::ReactiveEnergyNet
                | Self::ApparentEnergy
        )
    }
}

/// Which of a meter's inputs a measurement belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Input {
    /// The meter as a whole (`p_total`); counters and frequency write no suffix (`e_imp`, `f`).
    Total,
    /// First input, or leg.
    L1,
    /// Second input, or leg.
    L2,
    /// Third input, or phase.
    L3,
    /// A separate PV input (V1's map names one).
    Pv,
    /// Between L1 and L2.
    L12,
    /// Between L2 and L3.
    L23,
    /// Between L3 and L1.
    L31,
    /// Mean of the line-to-neutral voltages, or of the currents.
    Average,
    /// Mean of the line-to-line voltages.
    AverageLineToLine,
}

impl Input {
    const SUFFIXES: [(Self, &'static str); 10] = [
        (Self::Total, "total"),
        (Self::L1, "l1"),
        (Self::L2, "l2"),
        (Self::L3, "l3"),
        (Self::Pv, "pv"),
        (Self::L12, "l12"),
        (Self::L23, "l23"),
        (Self::L31, "l31"),
        (Self::Average, "avg"),
        (Self::AverageLineToLine, "avg_ll"),
    ];

    /// Every input.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::SUFFIXES.iter().map(|(input, _)| *input)
    }

    /// The suffix used in point names.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::SUFFIXES
            .iter()
            .find(|(input, _)| *input == self)
            .map_or("", |(_, name)| name)
    }
}

impl FromStr for Input {
    type Err = UnknownPoint;
    fn from_str(text: &str) -> Result<Self, UnknownPoint> {
        let found = Self::SUFFIXES.iter().find(|(_, name)| *name == text);
        found
            .map(|(input, _)| *input)
            .ok_or_else(|| UnknownPoint(text.to_owned()))
    }
}

impl TryFrom<String> for Input {
    type Error = UnknownPoint;
    fn try_from(text: String) -> Result<Self, UnknownPoint> {
        text.parse()
    }
}

impl From<Input> for String {
    fn from(input: Input) -> Self {
        input.name().to_owned()
    }
}

/// One measurement of a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Point {
    /// What is measured.
    pub quantity: Quantity,
    /// Where.
    pub input: Input,
}

impl Point {
    /// The point of `quantity` at `input`.
    #[must_use]
    pub const fn new(quantity: Quantity, input: Input) -> Self {
        Self { quantity, input }
    }

    /// Every point there is a name for.
    pub fn all() -> impl Iterator<Item = Self> {
        Quantity::all()
            .flat_map(|quantity| Input::all().map(move |input| Self::new(quantity, input)))
    }
}

/// A name that is no point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no measurement; expected a quantity (v, i, p, s, q, pf, f, e_imp, e_exp, e_abs, e_net, eq_imp, eq_exp, eq_abs, eq_net, es, phase_angle, thd_v, soc) and an input (total, l1, l2, l3, pv, l12, l23, l31, avg, avg_ll), such as `v_l1`, `p_total`, `e_imp` or `f`"
)]
pub struct UnknownPoint(pub String);

impl FromStr for Point {
    type Err = UnknownPoint;
    fn from_str(text: &str) -> Result<Self, UnknownPoint> {
        // Longest quantity first, so that `e_imp_l1` is not read as a quantity `e` of `imp_l1`.
        let mut names: Vec<_> = Quantity::NAMES.iter().collect();
        names.sort_by_key(|(_, name, _)| std::cmp::Reverse(name.len()));
        for (quantity, name, _) in names {
            if text == *name {
                return Ok(Self::new(*quantity, Input::Total));
            }
            let rest = text
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('_'));
            if let Some(input) = rest.and_then(|rest| rest.parse().ok()) {
                return Ok(Self::new(*quantity, input));
            }
        }
        Err(UnknownPoint(text.to_owned()))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.input == Input::Total
            && (self.quantity.is_counter()
                || matches!(self.quantity, Quantity::Frequency | Quantity::StateOfCharge));
        if bare {
            f.write_str(self.quantity.name())
        } else {
            write!(f, "{}_{}", self.quantity.name(), self.input.name())
        }
    }
}

impl TryFrom<String> for Point {
    type Error = UnknownPoint;
    fn try_from(text: String) -> Result<Self, UnknownPoint> {
        text.parse()
    }
}

impl From<Point> for String {
    fn from(point: Point) -> Self {
        point.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_read_back_from_its_name() {
        for (quantity, ..) in Quantity::NAMES {
            for (input, _) in Input::SUFFIXES {
                let point = Point::new(quantity, input);
                assert_eq!(point.to_string().parse(), Ok(point), "{point}");
            }
        }
    }

    #[test]
    fn a_name_that_is_no_point_says_what_would_be() {
        let wrong = "volts_1".parse::<Point>().unwrap_err();
        assert!(wrong.to_string().contains("`volts_1` is no measurement"));
    }
}
