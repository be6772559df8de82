//! Numbers as JSON carries them: one unit, one resolution, no negative zero.

use solthrive_domain::units::{Amps, Hertz, PowerFactor, Volts, WattHours, Watts};

/// Rounds to `1 / steps`; adding zero turns `-0.0` into `0.0`.
fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps + 0.0
}

/// kW to 0.1 W.
#[must_use]
pub fn kw(power: Watts) -> f64 {
    rounded(power.kw(), 10_000.0)
}

/// W to 0.1 W.
#[must_use]
pub fn watts(power: Watts) -> f64 {
    rounded(power.get(), 10.0)
}

/// kWh to 0.1 Wh, so that a total is seen to grow.
#[must_use]
pub fn kwh(energy: WattHours) -> f64 {
    rounded(energy.kwh(), 10_000.0)
}

/// kWh to 0.1 Wh, from a number that is in kWh already.
pub(super) fn round_kwh(kwh: f64) -> f64 {
    rounded(kwh, 10_000.0)
}

/// Money to a hundredth.
pub(super) fn money(amount: f64) -> f64 {
    rounded(amount, 100.0)
}

/// V to 10 mV.
#[must_use]
pub fn volts(voltage: Volts) -> f64 {
    rounded(voltage.get(), 100.0)
}

/// A to 1 mA.
#[must_use]
pub fn amps(current: Amps) -> f64 {
    rounded(current.get(), 1_000.0)
}

/// Hz to 1 mHz.
#[must_use]
pub fn hertz(frequency: Hertz) -> f64 {
    rounded(frequency.get(), 1_000.0)
}

/// Power factor to 0.001.
#[must_use]
pub fn pf(factor: PowerFactor) -> f64 {
    rounded(factor.get(), 1_000.0)
}

/// A fraction to 0.0001.
#[must_use]
pub fn ratio(fraction: f64) -> f64 {
    rounded(fraction, 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_flow_the_other_way_is_not_minus_zero() {
        let tiny = Watts::try_from(-0.01).unwrap();
        assert_eq!(serde_json::to_string(&kw(tiny)).unwrap(), "0.0");
    }

    #[test]
    fn a_watt_in_kilowatts_has_no_tail() {
        let power = Watts::try_from(1440.1).unwrap();
        assert_eq!(serde_json::to_string(&kw(power)).unwrap(), "1.4401");
    }
}
