//! Units a meter may use, and what they are in the canonical one.

use solthrive_domain::Quantity;

/// Factor from `unit` to the canonical unit of `quantity`, if that is a unit of it.
pub(super) fn to_canonical(quantity: Quantity, unit: &str) -> Option<f64> {
    units(quantity)
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor)
}

/// The units of a quantity and their factors, the canonical one first.
pub(super) fn units(quantity: Quantity) -> &'static [(&'static str, f64)] {
    match quantity {
        Quantity::Voltage => &[("V", 1.0), ("mV", 1e-3), ("kV", 1e3)],
        Quantity::Current => &[("A", 1.0), ("mA", 1e-3), ("kA", 1e3)],
        Quantity::ActivePower => &[("W", 1.0), ("mW", 1e-3), ("kW", 1e3), ("MW", 1e6)],
        Quantity::ApparentPower => &[("VA", 1.0), ("kVA", 1e3), ("MVA", 1e6)],
        Quantity::ReactivePower => &[("var", 1.0), ("kvar", 1e3), ("Mvar", 1e6)],
        Quantity::PowerFactor => &[("1", 1.0), ("%", 1e-2)],
        Quantity::Frequency => &[("Hz", 1.0), ("mHz", 1e-3)],
        Quantity::EnergyImport
        | Quantity::EnergyExport
        | Quantity::EnergyAbsolute
        | Quantity::EnergyNet => &[("kWh", 1.0), ("Wh", 1e-3), ("MWh", 1e3), ("J", 1.0 / 3.6e6)],
        Quantity::ReactiveEnergyImport
        | Quantity::ReactiveEnergyExport
        | Quantity::ReactiveEnergyAbsolute
        | Quantity::ReactiveEnergyNet => &[("kvarh", 1.0), ("varh", 1e-3), ("Mvarh", 1e3)],
        Quantity::ApparentEnergy => &[("kVAh", 1.0), ("VAh", 1e-3), ("MVAh", 1e3)],
        Quantity::PhaseAngle => &[("deg", 1.0), ("rad", 180.0 / std::f64::consts::PI)],
        Quantity::VoltageDistortion | Quantity::StateOfCharge => &[("%", 1.0), ("1", 1e2)],
    }
}
