//! What all sites of an installer did on a day, kept up by exchanging one site's share.

use serde::{Deserialize, Serialize};

use super::Rollup;
use crate::Bucket;
use crate::bucket::{EnergySums, QUARTER_MS};
use crate::telemetry::MicroWattHours;

/// Energy of those sites that know it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteTally {
    /// The sum in µWh.
    pub energy: MicroWattHours,
    /// How many sites it is of.
    pub sites: i64,
}

/// The days (or months) of many sites. What was added can be taken out again exactly, so a site
/// that is restated does not make the others be summed up again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetSums {
    /// Sites in it.
    pub sites: i64,
    /// Sites whose figures are final.
    pub final_sites: i64,
    /// Measured time of all sites together, ms.
    pub covered_ms: i64,
    /// Time that has passed for all sites together, ms.
    pub elapsed_ms: i64,
    /// Produced.
    pub solar: SiteTally,
    /// Drawn from the grid.
    pub import: SiteTally,
    /// Fed into the grid.
    pub export: SiteTally,
    /// Used by the homes.
    pub home: SiteTally,
    /// Into batteries.
    pub battery_charge: SiteTally,
    /// Out of batteries.
    pub battery_discharge: SiteTally,
}

impl FleetSums {
    /// Of one site.
    #[must_use]
    pub fn of(rollup: &Rollup) -> Self {
        Self {
            sites: 1,
            final_sites: i64::from(rollup.is_final),
            covered_ms: i64::try_from(rollup.sums.covered_ms).unwrap_or(i64::MAX),
            elapsed_ms: i64::try_from(rollup.elapsed().as_millis()).unwrap_or(i64::MAX),
            ..Self::of_energy(&rollup.sums.energy)
        }
    }

    /// Of one site's quarter of an hour that is over; it is final if all of it was measured.
    #[must_use]
    pub fn of_bucket(bucket: &Bucket) -> Self {
        Self {
            sites: 1,
            final_sites: i64::from(i64::from(bucket.covered_ms) == QUARTER_MS),
            covered_ms: bucket.covered_ms.into(),
            elapsed_ms: QUARTER_MS,
            ..Self::of_energy(&bucket.energy)
        }
    }

    fn of_energy(energy: &EnergySums) -> Self {
        let [solar, import, export, home, charge, discharge] =
            energy.array().map(|energy| SiteTally {
                energy: energy.unwrap_or_default(),
                sites: i64::from(energy.is_some()),
            });
        Self {
            solar,
            import,
            export,
            home,
            battery_charge: charge,
            battery_discharge: discharge,
            ..Self::default()
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.combine(other, 1)
    }

    /// Without what was added before.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.combine(other, -1)
    }

    /// With a site's new figures in place of those it had, if it had any.
    #[must_use]
    pub fn replace(self, before: Option<&Rollup>, now: &Rollup) -> Self {
        let without = before.map_or(self, |before| self.minus(Self::of(before)));
        without.plus(Self::of(now))
    }

    /// Measured share of all sites' time, 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share for people to look at")]
    pub fn coverage(&self) -> f64 {
        if self.elapsed_ms <= 0 {
            return 0.0;
        }
        (self.covered_ms as f64 / self.elapsed_ms as f64).clamp(0.0, 1.0)
    }

    fn combine(self, other: Self, sign: i64) -> Self {
        let tally = |mine: SiteTally, theirs: SiteTally| SiteTally {
            energy: MicroWattHours::new(mine.energy.get() + sign * theirs.energy.get()),
            sites: mine.sites + sign * theirs.sites,
        };
        Self {
            sites: self.sites + sign * other.sites,
            final_sites: self.final_sites + sign * other.final_sites,
            covered_ms: self.covered_ms + sign * other.covered_ms,
            elapsed_ms: self.elapsed_ms + sign * other.elapsed_ms,
            solar: tally(self.solar, other.solar),
            import: tally(self.import, other.import),
            export: tally(self.export, other.export),
            home: tally(self.home, other.home),
            battery_charge: tally(self.battery_charge, other.battery_charge),
            battery_discharge: tally(self.battery_discharge, other.battery_discharge),
        }
    }
}
