//! A minute row as integers: the form that is stored, summed and compared.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use solthrive_domain::ids::RunId;
use solthrive_domain::minute::{MinuteRow, Stat};
use solthrive_domain::units::WattHours;
use solthrive_domain::{Energies, FlagCode, Input};

use super::scale::{MICRO, MILLI, RATIO, steps, units};
use super::tally::{ENERGIES, FLOWS};

/// Mean, smallest and largest sample, in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Swing {
    pub(super) mean: i64,
    pub(super) min: i64,
    pub(super) max: i64,
}

/// A minute row in integers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Packed {
    /// Minutes since 1970, UTC.
    pub(super) minute: i64,
    /// Number of the run that wrote it, by the table `run`.
    pub(super) run: i64,
    /// Tells rows of one run and minute apart.
    pub(super) part: u16,
    pub(super) samples: i64,
    pub(super) covered_ms: i64,
    /// µWh: solar, import, export, home, battery charge, battery discharge, ev.
    pub(super) energy: [Option<i64>; ENERGIES],
    /// The part of it that counters brought for an earlier gap.
    pub(super) bridged: [Option<i64>; ENERGIES],
    /// µWh, same order.
    pub(super) totals: [Option<i64>; ENERGIES],
    /// mW: solar, home, grid, battery, ev.
    pub(super) power: [Option<Swing>; FLOWS],
    /// mHz.
    pub(super) frequency: Option<i64>,
    /// Ten-thousandths.
    pub(super) pf: Option<i64>,
    pub(super) quality: Vec<FlagCode>,
    /// mV.
    pub(super) voltages: BTreeMap<Input, Swing>,
    /// mA.
    pub(super) currents: BTreeMap<String, i64>,
    /// mW.
    pub(super) powers: BTreeMap<String, i64>,
}

impl Packed {
    /// The row in integers; `run` is the number of its run.
    pub(super) fn of(row: &MinuteRow, run: i64) -> Self {
        let flows = [row.solar, row.home, row.grid, row.battery, row.ev];
        let named = |map: &BTreeMap<String, f64>| {
            map.iter()
                .filter_map(|(name, value)| Some((name.clone(), steps(*value, MILLI)?)))
                .collect()
        };
        Self {
            minute: row.start.as_second().div_euclid(60),
            run,
            part: row.part,
            samples: row.samples.into(),
            covered_ms: i64::try_from(row.covered.as_millis()).unwrap_or(i64::MAX),
            energy: energies_in(&row.energy),
            bridged: energies_in(&row.bridged),
            totals: energies_in(&row.totals),
            power: flows.map(|stat| stat.and_then(swing)),
            frequency: row.frequency.and_then(|value| steps(value, MILLI)),
            pf: row.pf.and_then(|value| steps(value, RATIO)),
            quality: row.quality.clone(),
            voltages: row
                .voltages
                .iter()
                .filter_map(|(input, stat)| Some((*input, swing(*stat)?)))
                .collect(),
            currents: named(&row.currents),
            powers: named(&row.powers),
        }
    }

    /// The row as the rest of the appliance knows it.
    pub(super) fn into_row(self, run: RunId) -> MinuteRow {
        let [solar, home, grid, battery, ev] = self.power.map(|swing| swing.map(stat));
        let named = |map: BTreeMap<String, i64>| {
            map.into_iter()
                .map(|(name, value)| (name, units(value, MILLI)))
                .collect()
        };
        MinuteRow {
            start: instant(self.minute),
            run,
            part: self.part,
            samples: u16::try_from(self.samples).unwrap_or(u16::MAX),
            covered: Duration::from_millis(u64::try_from(self.covered_ms).unwrap_or(0)),
            energy: energies_out(self.energy),
            bridged: energies_out(self.bridged),
            totals: energies_out(self.totals),
            solar,
            home,
            grid,
            battery,
            ev,
            voltages: self
                .voltages
                .into_iter()
                .map(|(input, swing)| (input, stat(swing)))
                .collect(),
            currents: named(self.currents),
            powers: named(self.powers),
            pf: self.pf.map(|value| units(value, RATIO)),
            frequency: self.frequency.map(|value| units(value, MILLI)),
            quality: self.quality,
        }
    }
}

/// The start of a minute; the earliest or latest instant there is where the number has none.
pub(super) fn instant(minute: i64) -> Timestamp {
    let edge = if minute < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    minute
        .checked_mul(60)
        .and_then(|second| Timestamp::from_second(second).ok())
        .unwrap_or(edge)
}

/// The minute that an instant lies in.
pub(super) fn minute_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

/// Energies in µWh, in the order of the columns.
pub(super) fn energies_in(energy: &Energies) -> [Option<i64>; ENERGIES] {
    let Energies {
        solar,
        import,
        export,
        home,
        battery_charge,
        battery_discharge,
        ev,
    } = *energy;
    [
        solar,
        import,
        export,
        home,
        battery_charge,
        battery_discharge,
        ev,
    ]
    .map(|value| value.and_then(|value| steps(value.get(), MICRO)))
}

/// Back from the order of the columns.
pub(super) fn energies_out(stored: [Option<i64>; ENERGIES]) -> Energies {
    let [
        solar,
        import,
        export,
        home,
        battery_charge,
        battery_discharge,
        ev,
    ] = stored.map(|value| value.and_then(|value| WattHours::try_from(units(value, MICRO)).ok()));
    Energies {
        solar,
        import,
        export,
        home,
        battery_charge,
        battery_discharge,
        ev,
    }
}

/// A stat in thousandths; `None` when it is no number.
fn swing(stat: Stat) -> Option<Swing> {
    Some(Swing {
        mean: steps(stat.mean, MILLI)?,
        min: steps(stat.min, MILLI)?,
        max: steps(stat.max, MILLI)?,
    })
}

/// Back to the unit.
pub(super) fn stat(swing: Swing) -> Stat {
    Stat {
        mean: units(swing.mean, MILLI),
        min: units(swing.min, MILLI),
        max: units(swing.max, MILLI),
    }
}
