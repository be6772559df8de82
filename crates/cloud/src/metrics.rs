//! Numbers for a Prometheus server.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::ingest::Size;

/// A call by its route and the status of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Call {
    route: &'static str,
    status: u16,
}

impl EncodeLabelSet for Call {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        use prometheus_client::encoding::EncodeLabel as _;
        ("route", self.route).encode(encoder.encode_label())?;
        ("status", u32::from(self.status)).encode(encoder.encode_label())
    }
}

/// What became of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Fate(&'static str);

impl EncodeLabelSet for Fate {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        use prometheus_client::encoding::EncodeLabel as _;
        ("fate", self.0).encode(encoder.encode_label())
    }
}

/// Counters and gauges of this process.
#[derive(Debug)]
pub struct Metrics {
    registry: std::sync::Mutex<Registry>,
    calls: Family<Call, Counter<u64, AtomicU64>>,
    call_seconds: Histogram,
    rows: Family<Fate, Counter<u64, AtomicU64>>,
    commits: Counter<u64, AtomicU64>,
    failed_commits: Counter<u64, AtomicU64>,
    commit_seconds: Histogram,
    commit_calls: Histogram,
    commit_bytes: Counter<u64, AtomicU64>,
    index_bytes: Gauge<i64, AtomicI64>,
    index_devices: Gauge<i64, AtomicI64>,
    connections: Gauge<i64, AtomicI64>,
    turned_away: Counter<u64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
        let mut metrics = Self {
            registry: std::sync::Mutex::default(),
            calls: Family::default(),
            call_seconds: seconds(),
            rows: Family::default(),
            commits: Counter::default(),
            failed_commits: Counter::default(),
            commit_seconds: seconds(),
            commit_calls: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            commit_bytes: Counter::default(),
            index_bytes: Gauge::default(),
            index_devices: Gauge::default(),
            connections: Gauge::default(),
            turned_away: Counter::default(),
        };
        metrics.name();
        metrics
    }
}

impl Metrics {
    fn name(&mut self) {
        let mut named = Registry::with_prefix("solthrive_cloud");
        named.register("calls", "Calls by route and status", self.calls.clone());
        named.register(
            "call_seconds",
            "Time from the head of a call to its answer",
            self.call_seconds.clone(),
        );
        named.register(
            "rows",
            "Snapshots by what became of them",
            self.rows.clone(),
        );
        named.register(
            "commits",
            "Entries that were made durable",
            self.commits.clone(),
        );
        named.register(
            "failed_commits",
            "Entries that could not be stored",
            self.failed_commits.clone(),
        );
        named.register(
            "commit_seconds",
            "Time from judging a group to its being durable",
            self.commit_seconds.clone(),
        );
        named.register(
            "commit_calls",
            "Calls that share one entry",
            self.commit_calls.clone(),
        );
        named.register(
            "commit_bytes",
            "Bytes of entries",
            self.commit_bytes.clone(),
        );
        named.register(
            "index_bytes",
            "Memory of the rows that are not sealed",
            self.index_bytes.clone(),
        );
        named.register(
            "index_devices",
            "Devices of which anything is known",
            self.index_devices.clone(),
        );
        named.register("connections", "Open connections", self.connections.clone());
        named.register(
            "turned_away",
            "Connections beyond the limits",
            self.turned_away.clone(),
        );
        self.registry = std::sync::Mutex::new(named);
    }

    /// Lets another part of the program add its numbers.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self
            .registry
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// Counts a call that was answered.
    pub fn call(&self, route: &'static str, status: u16, took: Duration) {
        self.calls.get_or_create(&Call { route, status }).inc();
        self.call_seconds.observe(took.as_secs_f64());
    }

    /// Counts a group.
    pub fn group(&self, size: &Size, took: Duration, stored: bool) {
        if !stored {
            self.failed_commits.inc();
            return;
        }
        self.commits.inc();
        self.commit_seconds.observe(took.as_secs_f64());
        self.commit_calls.observe(size.calls as f64);
        self.commit_bytes.inc_by(size.bytes as u64);
        let fates = [
            ("accepted", size.counts.accepted),
            ("duplicate", size.counts.duplicates),
            ("conflict", size.counts.conflicts),
        ];
        for (fate, count) in fates {
            if count > 0 {
                self.rows.get_or_create(&Fate(fate)).inc_by(count.into());
            }
        }
    }

    /// Counts rows that were refused before they reached the log.
    pub fn refused(&self, rows: usize) {
        if rows > 0 {
            self.rows
                .get_or_create(&Fate("refused"))
                .inc_by(rows as u64);
        }
    }

    /// Says how much is waiting to be sealed.
    pub fn index(&self, bytes: usize, devices: usize) {
        self.index_bytes
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.index_devices
            .set(i64::try_from(devices).unwrap_or(i64::MAX));
    }

    /// A connection was opened (+1) or ended (-1).
    pub fn connection(&self, change: i64) {
        self.connections.inc_by(change);
    }

    /// A connection was turned away.
    pub fn turned_away(&self) {
        self.turned_away.inc();
    }

    /// All of them in the exposition format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self
            .registry
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // Writing to a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }
}
