//! The worker's progress as numbers for a Prometheus server.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::{Counts, Now, Progress};

/// Adds the worker's numbers to those that `/metrics` shows.
pub fn expose(registry: &mut Registry, progress: Arc<Progress>, now: Now) {
    registry.register_collector(Box::new(Exposed { progress, now }));
}

struct Exposed {
    progress: Arc<Progress>,
    now: Now,
}

impl fmt::Debug for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposed")
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

impl Collector for Exposed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counts = self.progress.counts((self.now)());
        for (name, help, value) in gauges(&counts) {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        for (name, help, value) in counters(&counts) {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(
                name,
                help,
                None,
                counter.metric_type(),
            )?)?;
        }
        Ok(())
    }
}

/// Name, help and value of what goes up and down.
const fn gauges(counts: &Counts) -> [(&'static str, &'static str, i64); 4] {
    [
        (
            "log_folded",
            "The entry of the log up to which status and rollups are stored",
            counts.folded,
        ),
        (
            "log_sealed",
            "The entry of the log up to which rows are in chunks",
            counts.sealed,
        ),
        (
            "log_read",
            "The newest entry that the worker has taken in",
            counts.read,
        ),
        (
            "worker_lag_ms",
            "Age of the newest entry that is not stored yet; 0 where there is none",
            counts.lag_ms,
        ),
    ]
}

/// Name, help and value of what only grows.
const fn counters(counts: &Counts) -> [(&'static str, &'static str, u64); 8] {
    [
        (
            "worker_rows",
            "Rows that the worker has taken in",
            counts.rows,
        ),
        (
            "worker_late_rows",
            "Rows among them that were late",
            counts.late,
        ),
        (
            "worker_rebuilds",
            "Times that buckets were made anew for late rows",
            counts.rebuilds,
        ),
        (
            "worker_checkpoints",
            "Checkpoints that took effect",
            counts.checkpoints,
        ),
        ("worker_pieces", "Pieces that were sealed", counts.pieces),
        (
            "worker_damaged",
            "Entries, notes, chunks and sites that could not be read",
            counts.damaged,
        ),
        (
            "worker_retries",
            "Turns that failed and were tried again",
            counts.retries,
        ),
        (
            "worker_strays",
            "Rows that belong to no site",
            counts.strays,
        ),
    ]
}
