//! Numbers for a Prometheus server.

use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters and gauges of the channels of this process.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Lines that are open.
    pub(super) open: Gauge<i64, AtomicI64>,
    /// Commands that were sent, each time that they were.
    pub(super) sent: Counter<u64, AtomicU64>,
    /// Reports that were read.
    pub(super) told: Counter<u64, AtomicU64>,
    /// Lines that were closed for a flood.
    pub(super) floods: Counter<u64, AtomicU64>,
}

impl Counts {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("channels", "Open channels of devices", self.open.clone());
        registry.register(
            "commands_sent",
            "Commands that were sent to devices, each time that they were",
            self.sent.clone(),
        );
        registry.register(
            "command_reports",
            "Reports of devices about commands",
            self.told.clone(),
        );
        registry.register(
            "channel_floods",
            "Channels that were closed because the device said too much",
            self.floods.clone(),
        );
    }
}
