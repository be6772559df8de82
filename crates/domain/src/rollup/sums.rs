//! What buckets amount to.

use serde::{Deserialize, Serialize};

use crate::telemetry::MilliWatts;
use crate::{Bucket, EnergySums};

/// Sums over buckets. Adding is exact and does not depend on the order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Energy moved.
    pub energy: EnergySums,
    /// Highest mean import of a quarter of an hour.
    pub peak_demand: Option<MilliWatts>,
    /// Time over which the whole flow was measured, ms.
    pub covered_ms: u64,
    /// Times that a total stopped making sense.
    pub breaks: u32,
    /// Restatements of all its buckets together: grows whenever one of them says something else.
    pub revision: u32,
}

impl Sums {
    /// Of one bucket.
    #[must_use]
    pub fn of(bucket: &Bucket) -> Self {
        Self {
            energy: bucket.energy,
            peak_demand: bucket.demand(),
            covered_ms: bucket.covered_ms.into(),
            breaks: bucket.breaks,
            revision: bucket.revision,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            energy: self.energy.plus(other.energy),
            // Unknown is less than any demand.
            peak_demand: self.peak_demand.max(other.peak_demand),
            covered_ms: self.covered_ms + other.covered_ms,
            breaks: self.breaks.saturating_add(other.breaks),
            revision: self.revision.saturating_add(other.revision),
        }
    }
}

impl std::iter::Sum for Sums {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::plus)
    }
}
