//! What columns say about one another: physics as integer arithmetic.
//!
//! A guide is one suggestion per row for a column, in 256ths of its step, computed from columns of
//! lower rank. Only integers are used, saturating, in a fixed order: every machine gets the same
//! guide from the same columns. A guide may be wrong in scale or offset: models weigh it and follow
//! its changes.

use super::Known;
use super::lanes::{LIMIT, Lanes, power_of_ten};
use super::model::FRACTION;

/// 120 V in units of 0.1 V, where no voltage is known.
const NOMINAL: i64 = 1200;
/// 1 kWh in units of 0.1 W x 1 ms, twice: sums of two powers are not halved.
const TWICE_KWH: i64 = 72_000_000_000;
/// A gap longer than this (ms) says nothing about the energy in it.
const LONGEST_STEP: i64 = 3_600_000;

/// The columns that `target`'s guide looks at, as far as a chunk has them. Each is of lower rank:
/// powers, voltages, currents, power factor, counters.
pub(super) const fn inputs(target: Known) -> &'static [Known] {
    use Known::{
        BatteryKw, CurrentL1, CurrentL2, CurrentPv, ExportKwhTotal, GridKw, HomeKw, ImportKwhTotal,
        Pf, SolarKw, SolarKwhTotal, VoltageL1, VoltageL2,
    };
    match target {
        GridKw => &[HomeKw, SolarKw, BatteryKw],
        VoltageL1 => &[GridKw],
        VoltageL2 => &[VoltageL1],
        CurrentPv => &[SolarKw, VoltageL1],
        CurrentL1 => &[GridKw, VoltageL1],
        CurrentL2 => &[GridKw, VoltageL1, VoltageL2, CurrentL1],
        Pf => &[GridKw, VoltageL1, VoltageL2, CurrentL1, CurrentL2],
        SolarKwhTotal => &[SolarKw],
        ImportKwhTotal | ExportKwhTotal => &[GridKw],
        _ => &[],
    }
}

/// The guide for `target` at a step of `10^-digits`; `None` where the columns it needs are not there.
pub(super) fn guide(target: Known, digits: u8, lanes: &Lanes) -> Option<Vec<i64>> {
    match target {
        Known::GridKw => balance(digits, lanes),
        Known::VoltageL1 => sag(digits, lanes),
        Known::VoltageL2 => Some(fixed(lanes.scaled(Known::VoltageL1, digits)?)),
        Known::CurrentPv => current(Known::SolarKw, Known::VoltageL1, digits, lanes),
        Known::CurrentL1 => current(Known::GridKw, Known::VoltageL1, digits, lanes),
        Known::CurrentL2 => other_leg(digits, lanes)
            .or_else(|| current(Known::GridKw, Known::VoltageL2, digits, lanes)),
        Known::Pf => power_factor(digits, lanes),
        Known::SolarKwhTotal => energy(Known::SolarKw, 1, digits, lanes),
        Known::ImportKwhTotal => energy(Known::GridKw, 1, digits, lanes),
        Known::ExportKwhTotal => energy(Known::GridKw, -1, digits, lanes),
        _ => None,
    }
}

/// For the times: `interval` ms from row to row.
pub(super) fn clock(rows: usize, interval: i64) -> Vec<i64> {
    let step = interval.clamp(-LIMIT, LIMIT) << FRACTION;
    (0_i64..)
        .take(rows)
        .map(|row| row.saturating_mul(step))
        .collect()
}

/// Grid = home - solar - battery.
fn balance(digits: u8, lanes: &Lanes) -> Option<Vec<i64>> {
    let mut grid = lanes.scaled(Known::HomeKw, digits)?;
    for part in [Known::SolarKw, Known::BatteryKw] {
        for (grid, part) in grid
            .iter_mut()
            .zip(lanes.scaled(part, digits).unwrap_or_default())
        {
            *grid = grid.saturating_sub(part);
        }
    }
    Some(fixed(grid))
}

/// One volt for each kW: the model's weight makes it the drop of this service.
fn sag(digits: u8, lanes: &Lanes) -> Option<Vec<i64>> {
    lanes.scaled(Known::GridKw, digits).map(fixed)
}

/// A = W / V.
fn current(power: Known, voltage: Known, digits: u8, lanes: &Lanes) -> Option<Vec<i64>> {
    let watts = lanes.scaled(power, 4)?;
    let volts = volts(voltage, watts.len(), lanes);
    let unit = one(digits);
    Some(
        watts
            .iter()
            .zip(volts)
            .map(|(watts, volts)| watts.saturating_abs().saturating_mul(unit) / volts)
            .collect(),
    )
}

/// Half of a change is this leg's (the sun's, a 240 V load's), unless leg 1 took clearly more or
/// less than half: then it is the rest.
fn other_leg(digits: u8, lanes: &Lanes) -> Option<Vec<i64>> {
    let all = current(Known::GridKw, Known::VoltageL2, digits, lanes)?;
    let one_leg = fixed(lanes.scaled(Known::CurrentL1, digits)?);
    let clearly = one(digits) / 3;
    let mut sum = 0_i64;
    let mut guide = vec![0; all.len()];
    for row in 1..all.len() {
        let (all, one_leg) = (
            all[row].saturating_sub(all[row - 1]),
            one_leg[row].saturating_sub(one_leg[row - 1]),
        );
        let is_uneven = one_leg.saturating_sub(all / 2).saturating_abs() > clearly;
        sum = sum.saturating_add(if is_uneven {
            all.saturating_sub(one_leg)
        } else {
            all / 2
        });
        guide[row] = sum;
    }
    Some(guide)
}

/// Active over apparent power of the mains.
fn power_factor(digits: u8, lanes: &Lanes) -> Option<Vec<i64>> {
    let watts = lanes.scaled(Known::GridKw, 4)?;
    let mut apparent = vec![0_i64; watts.len()];
    lanes.lane(Known::CurrentL1)?;
    for (amps, voltage) in [
        (Known::CurrentL1, Known::VoltageL1),
        (Known::CurrentL2, Known::VoltageL2),
    ] {
        let volts = volts(voltage, watts.len(), lanes);
        let amps = lanes.scaled(amps, 3).unwrap_or_default();
        for ((sum, amps), volts) in apparent.iter_mut().zip(amps).zip(volts) {
            *sum = sum.saturating_add(amps.saturating_mul(volts));
        }
    }
    let unit = one(digits);
    let ratio = |(watts, apparent): (&i64, &i64)| {
        watts
            .saturating_mul(1000)
            .saturating_mul(unit)
            .checked_div(*apparent)
            .unwrap_or(0)
            .clamp(-unit, unit)
    };
    Some(watts.iter().zip(&apparent).map(ratio).collect())
}

/// Energy of one direction of `power` since the first row.
fn energy(power: Known, sign: i64, digits: u8, lanes: &Lanes) -> Option<Vec<i64>> {
    let watts = lanes.scaled(power, 4)?;
    let unit = one(digits);
    let (mut sum, mut rest) = (0_i64, 0_i64);
    let mut before = (0, 0);
    let next = |(watts, time): (&i64, &i64)| {
        let watts = watts.saturating_mul(sign).max(0);
        let span = (time - before.1).clamp(0, LONGEST_STEP);
        let twice = watts
            .saturating_add(before.0)
            .saturating_mul(span)
            .saturating_mul(unit)
            .saturating_add(rest);
        sum = sum.saturating_add(twice / TWICE_KWH);
        rest = twice % TWICE_KWH;
        before = (watts, *time);
        sum
    };
    Some(watts.iter().zip(&lanes.times).map(next).collect())
}

/// Positive voltages in 0.1 V, one per row.
fn volts(voltage: Known, rows: usize, lanes: &Lanes) -> Vec<i64> {
    let mut volts = lanes
        .scaled(voltage, 1)
        .unwrap_or_else(|| vec![NOMINAL; rows]);
    for volts in &mut volts {
        if *volts <= 0 {
            *volts = NOMINAL;
        }
    }
    volts
}

fn fixed(mut values: Vec<i64>) -> Vec<i64> {
    for value in &mut values {
        *value = value.saturating_mul(1 << FRACTION);
    }
    values
}

/// 1 in 256ths of a step.
fn one(digits: u8) -> i64 {
    power_of_ten(digits) << FRACTION
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::lanes::Lane;

    /// How many columns deep the guide of `target` leans on others.
    fn rank(target: Known, depth: usize) -> usize {
        assert!(depth < Known::ALL.len(), "{target:?} leans on itself");
        inputs(target)
            .iter()
            .map(|input| 1 + rank(*input, depth + 1))
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn no_column_leans_on_itself() {
        assert!(
            Known::ALL
                .iter()
                .map(|known| rank(*known, 0))
                .max()
                .unwrap()
                <= 5
        );
    }

    #[test]
    fn a_kilowatt_for_an_hour_counts_as_a_kilowatt_hour() {
        let mut lanes = Lanes::new((0..=3600).map(|second| second * 1000).collect());
        lanes.add(
            Known::GridKw,
            Lane {
                digits: 3,
                per_row: vec![1000; 3601],
            },
        );
        let guide = guide(Known::ImportKwhTotal, 2, &lanes).unwrap();
        assert_eq!(guide[3600], 100 << FRACTION);
    }

    #[test]
    fn the_extremes_of_all_inputs_give_some_guide() {
        for extreme in [i64::MIN, i64::MAX, -1, 0] {
            for (from, to) in [(0, 12), (12, 0), (3, 3)] {
                let mut lanes = Lanes::new(vec![0, i64::MAX]);
                for known in Known::ALL {
                    lanes.add(
                        *known,
                        Lane {
                            digits: from,
                            per_row: vec![extreme, -5],
                        },
                    );
                }
                for known in Known::ALL
                    .iter()
                    .filter(|known| !inputs(**known).is_empty())
                {
                    assert_eq!(guide(*known, to, &lanes).unwrap().len(), 2);
                }
            }
        }
    }
}
