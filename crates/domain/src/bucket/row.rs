//! A bucket as plain integers, for whoever packs it.

use super::{Bucket, EnergySums, QUARTER_MS, Quarter, Swing};
use crate::telemetry::{Doubts, MicroWattHours};

/// The integers of a bucket; what is unknown is `None`. Turns into a [`Bucket`] and back exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketRow {
    /// Quarters since 1970.
    pub quarter: i64,
    /// µWh: solar, import, export, home, battery charge, battery discharge.
    pub energy: [Option<i64>; 6],
    /// µWh of the import that were not measured.
    pub bridged_import: i64,
    /// mW of solar, home, grid and battery, mV of both legs.
    pub swings: [Option<Swing>; 6],
    /// Measured time, ms.
    pub covered_ms: u32,
    /// Samples.
    pub samples: u32,
    /// Breaks of totals.
    pub breaks: u32,
    /// Flags, by the bits of [`Doubts`].
    pub quality: u32,
    /// Restatements.
    pub revision: u32,
}

/// Integers that no bucket can hold: the row is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRow {
    /// Its quarter lies outside of every calendar.
    #[error("quarter {0} is no quarter of an hour")]
    Quarter(i64),
    /// More time than a quarter has.
    #[error("{0} ms are more than a quarter of an hour")]
    TooLong(u32),
    /// Only the home's energy may be below zero.
    #[error("{0} µWh are below zero")]
    Negative(i64),
    /// The smallest is above the largest.
    #[error("a smallest value of {min} is above the largest, {max}")]
    Extremes {
        /// The smallest.
        min: i32,
        /// The largest.
        max: i32,
    },
}

/// The home's place among the energies.
const HOME: usize = 3;

impl From<&Bucket> for BucketRow {
    fn from(bucket: &Bucket) -> Self {
        let mut copy = *bucket;
        Self {
            quarter: bucket.quarter.index(),
            energy: bucket
                .energy
                .array()
                .map(|energy| energy.map(MicroWattHours::get)),
            bridged_import: bucket.bridged_import.get(),
            swings: copy.swings().map(|swing| *swing),
            covered_ms: bucket.covered_ms,
            samples: bucket.samples,
            breaks: bucket.breaks,
            quality: bucket.quality.bits(),
            revision: bucket.revision,
        }
    }
}

impl TryFrom<&BucketRow> for Bucket {
    type Error = BadRow;
    fn try_from(row: &BucketRow) -> Result<Self, BadRow> {
        row.check()?;
        let quarter = Quarter::try_from(row.quarter).map_err(|_| BadRow::Quarter(row.quarter))?;
        let [solar, import, export, home, charge, discharge] =
            row.energy.map(|energy| energy.map(MicroWattHours::new));
        let mut bucket = Self {
            energy: EnergySums {
                solar,
                import,
                export,
                home,
                battery_charge: charge,
                battery_discharge: discharge,
            },
            bridged_import: MicroWattHours::new(row.bridged_import),
            covered_ms: row.covered_ms,
            samples: row.samples,
            breaks: row.breaks,
            quality: Doubts::from_bits(row.quality),
            revision: row.revision,
            ..Self::empty(quarter)
        };
        for (field, swing) in bucket.swings().into_iter().zip(row.swings) {
            *field = swing;
        }
        Ok(bucket)
    }
}

impl BucketRow {
    fn check(&self) -> Result<(), BadRow> {
        let swings = self.swings.iter().flatten();
        let times = swings.clone().map(|swing| swing.weight_ms);
        for ms in times.chain([self.covered_ms]) {
            if i64::from(ms) > QUARTER_MS {
                return Err(BadRow::TooLong(ms));
            }
        }
        for Swing { min, max, .. } in swings.copied() {
            if min > max {
                return Err(BadRow::Extremes { min, max });
            }
        }
        let counted = self.energy.iter().enumerate();
        let counted = counted.filter(|(place, _)| *place != HOME);
        for energy in counted
            .filter_map(|(_, energy)| *energy)
            .chain([self.bridged_import])
        {
            if energy < 0 {
                return Err(BadRow::Negative(energy));
            }
        }
        Ok(())
    }
}
