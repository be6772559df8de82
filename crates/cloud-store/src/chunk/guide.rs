//! What columns say about one another: physics as integer arithmetic.
//!
//! A guide is one suggestion per row for a column, in 256ths of its step, computed from columns of
//! lower rank. Only integers are used, saturating, in a fixed order: every machine gets the same
//! guide from the same columns. A guide may be wrong in scale or offset: models weigh it and follow
//! its changes.

use super::Known;
use super::model::FRACTION;

/// 120 V in units of 0.1 V, where no voltage is known.
const NOMINAL: i64 = 1200;
/// 1 kWh in units of 0.1 W x 1 ms, twice: sums of two powers are not halved.
const TWICE_KWH: i64 = 72_000_000_000;
/// A gap longer than this (ms) says nothing about the energy in it.
const LONGEST_STEP: i64 = 3_600_000;
/// Larger inputs are cut to this, so that products stay meaningful.
const LIMIT: i64 = 1 << 40;

/// One column's integers, one per row, and the digits of its step.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) digits: u8,
    pub(super) per_row: Vec<i64>,
}

/// The columns that guides may look at.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// ms from the first row.
    pub(super) times: Vec<i64>,
    lanes: Vec<(Known, Lane)>,
}

impl Lanes {
    pub(super) fn new(times: Vec<i64>) -> Self {
        Self {
            times,
            lanes: Vec::new(),
        }
    }

    pub(super) fn has(&self, known: Known) -> bool {
        self.lane(known).is_some()
    }

    pub(super) fn add(&mut self, known: Known, lane: Lane) {
        self.lanes.push((known, lane));
    }

    fn lane(&self, known: Known) -> Option<&Lane> {
        self.lanes
            .iter()
            .find(|(other, _)| *other == known)
            .map(|(_, lane)| lane)
    }

    /// A column in units of `10^-digits`.
    fn scaled(&self, known: Known, digits: u8) -> Option<Vec<i64>> {
        self.lane(known).map(|lane| lane.scaled(digits))
    }
}

impl Lane {
    fn scaled(&self, digits: u8) -> Vec<i64> {
        let cut = |value: &i64| (*value).clamp(-LIMIT, LIMIT);
        if digits >= self.digits {
            let factor = power_of_ten(digits - self.digits);
            self.per_row
                .iter()
                .map(|value| cut(value).saturating_mul(factor))
                .collect()
        } else {
            let divisor = power_of_ten(self.digits - digits);
            self.per_row
                .iter()
                .map(|value| cut(value) / divisor)
                .collect()
        }
    }
}

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

fn power_of_ten(digits: u8) -> i64 {
    10_i64.pow(digits.min(super::number::MAX_DIGITS).into())
}
