//! Local days and months of buckets, and what is made of them.

mod days;
mod findings;
mod laws;
mod year;
mod zones;

use solthrive_domain::telemetry::{MicroWattHours, Sample};
use solthrive_domain::{Bucket, EnergySums, Quarter};

/// A bucket with this import in Wh, measured throughout.
pub(crate) fn bucket(quarter: Quarter, import: i64) -> Bucket {
    let import = Some(MicroWattHours::new(import * 1_000_000));
    Bucket {
        energy: EnergySums {
            import,
            home: import,
            ..EnergySums::default()
        },
        covered_ms: 900_000,
        ..Bucket::empty(quarter)
    }
}

/// What the samples say, each bucket of its own.
pub(crate) fn fold_with(rules: solthrive_domain::RollupRules, samples: &[Sample]) -> Vec<Bucket> {
    let mut buckets = solthrive_domain::Buckets::new();
    let mut fold = solthrive_domain::Fold::new(rules);
    let told = solthrive_domain::bucket::append(&mut fold, &mut buckets, samples);
    assert!(told.late.is_empty() && told.breaks.is_empty());
    buckets.into_values().collect()
}
