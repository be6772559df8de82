//! What a local day or month amounts to, in exact integers.
//!
//! The same sums as the domain's `Summariser`, but in steps instead of floats: adding is then
//! associative, so a day that grew row by row equals the same day rebuilt from its rows bit by bit.

use std::collections::BTreeMap;

use super::packed::{Packed, energies_out};
use super::scale::{MILLI, units};
use std::time::Duration;

use solthrive_domain::day::Summary;
use solthrive_domain::units::Watts;

/// Powers of a row: solar, home, grid, battery, ev.
pub(super) const FLOWS: usize = 5;
/// Energies of a row: solar, import, export, home, battery charge, battery discharge, ev.
pub(super) const ENERGIES: usize = 7;
const IMPORT: usize = 1;

/// Demand is the mean over a quarter of an hour, which every zone's days consist of.
const QUARTER_MINUTES: i64 = 15;
/// A quarter counts as a demand when at least this much of it was measured.
const QUARTER_COVERED_MS: i64 = 12 * 60_000;

/// Sums over a stretch of time. `None`: nothing is known, which is not zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Minute rows in it.
    pub(super) rows: i64,
    /// Covered time.
    pub(super) covered_ms: i64,
    /// µWh.
    pub(super) energy: [Option<i64>; ENERGIES],
    /// Highest quarter-hour demand, mW.
    pub(super) peak_mw: Option<i64>,
}

impl Sums {
    /// Both stretches as one.
    pub(super) fn merged(mut self, other: &Self) -> Self {
        self.rows += other.rows;
        self.covered_ms += other.covered_ms;
        add(&mut self.energy, &other.energy);
        self.peak_mw = self.peak_mw.max(other.peak_mw);
        self
    }

    /// As the rest of the appliance knows it; `elapsed` is how much of the span has passed.
    pub(super) fn summary(&self, elapsed: Duration) -> Summary {
        Summary {
            energy: energies_out(self.energy),
            peak_demand: self
                .peak_mw
                .and_then(|peak| Watts::try_from(units(peak, MILLI)).ok()),
            covered: Duration::from_millis(u64::try_from(self.covered_ms).unwrap_or(0)),
            elapsed,
        }
    }
}

/// Sums that grow row by row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    sums: Sums,
    quarters: BTreeMap<i64, Quarter>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Quarter {
    import_uwh: i64,
    covered_ms: i64,
}

impl Tally {
    /// Goes on from what was stored, where the rows it was made of are gone.
    pub(super) fn continuing(sums: Sums) -> Self {
        Self {
            sums,
            quarters: BTreeMap::new(),
        }
    }

    /// Adds one row.
    pub(super) fn add(&mut self, row: &Packed) {
        self.sums.rows += 1;
        self.sums.covered_ms += row.covered_ms;
        add(&mut self.sums.energy, &row.energy);
        let index = row.minute.div_euclid(QUARTER_MINUTES);
        let quarter = self.quarters.entry(index).or_default();
        // Energy that a counter brought for an earlier gap is no demand of this quarter.
        let import = row.energy[IMPORT].unwrap_or(0) - row.bridged[IMPORT].unwrap_or(0);
        quarter.import_uwh = quarter.import_uwh.saturating_add(import.max(0));
        quarter.covered_ms += row.covered_ms;
    }

    /// The sums so far.
    pub(super) fn sums(&self) -> Sums {
        let demand = self.quarters.values().filter_map(Quarter::demand).max();
        Sums {
            peak_mw: self.sums.peak_mw.max(demand),
            ..self.sums
        }
    }
}

impl Quarter {
    /// Mean import in mW. A µWh per ms is 3.6 kW.
    fn demand(&self) -> Option<i64> {
        if self.covered_ms < QUARTER_COVERED_MS {
            return None;
        }
        let mw = i128::from(self.import_uwh) * 3600 / i128::from(self.covered_ms);
        i64::try_from(mw).ok()
    }
}

fn add(sums: &mut [Option<i64>; ENERGIES], more: &[Option<i64>; ENERGIES]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = match (*sum, *more) {
            (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
            (sum, more) => sum.or(more),
        };
    }
}
