//! Energy and power of a site, quarter hour by quarter hour.
//!
//! The bucket of 15 minutes in UTC is the only thing kept below a day: every local day of every
//! zone consists of whole ones. [`Fold`] makes buckets of samples in time order, as they come or
//! from sorted rows; [`Rebuild`] tells what late samples change. All numbers are integers, and
//! what a sample contributes depends on little more than the sample before it, so both ways lead
//! to the same buckets, bit for bit.
//!
//! * Between samples that follow each other closely the powers are known: the time is *covered*.
//! * Energy is what the ledger's totals grew by, also over gaps, split over the time they grew in.
//!   Where a line has no total, its power is integrated, and a gap's energy stays unknown.
//! * Home has no total. It is solar + import - export + discharge - charge where all of these are
//!   counted, so the balance of every bucket holds to the µWh; otherwise its power is integrated.

mod append;
mod certain;
mod counted;
mod energy;
mod fine;
mod fold;
mod home;
mod pair;
mod quarter;
mod rebuild;
mod restated;
mod row;
mod rules;
mod slices;
mod swing;

use serde::{Deserialize, Serialize};

pub use self::append::{Appended, append};
pub use self::counted::Break;
pub use self::energy::EnergySums;
pub use self::fine::{Slice, Slicer};
pub use self::fold::{Breaks, BucketSink, Buckets, Fold, NotNewer};
pub use self::quarter::{OffTheGrid, Quarter};
pub use self::rebuild::{Rebuild, RebuildError, Rows};
pub use self::restated::Restated;
pub use self::row::{BadRow, BucketRow};
pub use self::rules::RollupRules;
pub use self::swing::Swing;
use crate::Stat;
use crate::telemetry::{Doubts, MicroWattHours, MilliVolts, MilliWatts, Sample};

pub(crate) use self::quarter::QUARTER_MS;

/// A quarter counts as a demand when at least this much of it was measured: 12 minutes.
const DEMAND_COVERED_MS: u32 = 720_000;

/// What happened at a site in a quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Which quarter.
    pub quarter: Quarter,
    /// Energy moved.
    pub energy: EnergySums,
    /// The part of the import that totals brought for time in which nothing was measured.
    pub bridged_import: MicroWattHours,
    /// Production, mW.
    pub solar: Option<Swing>,
    /// Consumption, mW.
    pub home: Option<Swing>,
    /// Grid, mW, positive while importing.
    pub grid: Option<Swing>,
    /// Battery, mW, positive while discharging.
    pub battery: Option<Swing>,
    /// Leg 1, mV.
    pub voltage_l1: Option<Swing>,
    /// Leg 2, mV.
    pub voltage_l2: Option<Swing>,
    /// Time over which the whole flow was measured, ms of 900,000.
    pub covered_ms: u32,
    /// Samples in it.
    pub samples: u32,
    /// Times that a total stopped making sense in it and was followed anew.
    pub breaks: u32,
    /// Everything that made any of its samples doubtful.
    pub quality: Doubts,
    /// How often it changed after it was over.
    pub revision: u32,
}

impl Bucket {
    /// One of which nothing is known.
    #[must_use]
    pub const fn empty(quarter: Quarter) -> Self {
        let energy = EnergySums {
            solar: None,
            import: None,
            export: None,
            home: None,
            battery_charge: None,
            battery_discharge: None,
        };
        Self {
            quarter,
            energy,
            bridged_import: MicroWattHours::new(0),
            solar: None,
            home: None,
            grid: None,
            battery: None,
            voltage_l1: None,
            voltage_l2: None,
            covered_ms: 0,
            samples: 0,
            breaks: 0,
            quality: Doubts::NONE,
            revision: 0,
        }
    }

    /// Measured share, 0 to 1.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        f64::from(self.covered_ms) / 900_000.0
    }

    /// Mean of the measured import; `None` when too little of the quarter was measured to say.
    #[must_use]
    pub fn demand(&self) -> Option<MilliWatts> {
        if self.covered_ms < DEMAND_COVERED_MS {
            return None;
        }
        let measured = self.energy.import?.get() - self.bridged_import.get();
        // A µWh per ms is 3.6 kW.
        let mw = i128::from(measured.max(0)) * 3600 / i128::from(self.covered_ms);
        Some(MilliWatts::new(i32::try_from(mw).unwrap_or(i32::MAX)))
    }

    /// Powers in W: solar, home, grid, battery.
    #[must_use]
    pub fn powers(&self) -> [Option<Stat>; 4] {
        let watts = |swing: Swing| swing.stat(MilliWatts::STEPS_PER_UNIT);
        [self.solar, self.home, self.grid, self.battery].map(|swing| swing.map(watts))
    }

    /// Voltages of both legs in V.
    #[must_use]
    pub fn voltages(&self) -> [Option<Stat>; 2] {
        let volts = |swing: Swing| swing.stat(MilliVolts::STEPS_PER_UNIT);
        [self.voltage_l1, self.voltage_l2].map(|swing| swing.map(volts))
    }

    /// Whether both say the same, however often each was restated.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let revision = other.revision;
        Self { revision, ..*self } == *other
    }

    pub(crate) fn swings(&mut self) -> [&mut Option<Swing>; 6] {
        [
            &mut self.solar,
            &mut self.home,
            &mut self.grid,
            &mut self.battery,
            &mut self.voltage_l1,
            &mut self.voltage_l2,
        ]
    }

    /// Counts a sample that lies in the quarter.
    fn see(&mut self, sample: &Sample) {
        for (swing, value) in self.swings().into_iter().zip(pair::measured(sample)) {
            if let Some(value) = value {
                Swing::see(swing, value);
            }
        }
        self.samples = self.samples.saturating_add(1);
        self.quality = self.quality.union(sample.quality);
    }
}
