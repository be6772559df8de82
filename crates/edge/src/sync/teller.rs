//! What the core thread does for the cloud: hand samples on, and ask how far it got.

use std::sync::Arc;
use std::time::Duration;

use solthrive_courier::Courier;
use solthrive_domain::Mono;

use super::reports::FromHistory;
use super::shelf::Samples;
use crate::store::{Numbered, Progress};
use crate::truth::Rate;
use crate::truth::core::Teller;

/// Between two descriptions of the machine.
const SYSTEM: Duration = Duration::from_hours(1);

/// However busy the cloud is, samples are no further apart: what is not taken is not there later.
const SLOWEST: Duration = Duration::from_mins(1);

/// Describes the machine in the shape of `/api/system`.
pub(crate) type Describe = Box<dyn Fn(Mono) -> Option<serde_json::Value> + Send>;

/// Hands samples to the courier's thread.
pub(crate) struct Hand {
    pub(super) courier: Arc<Courier>,
    pub(super) samples: Arc<Samples>,
    pub(super) reports: Arc<FromHistory>,
    pub(super) rate: Arc<Rate>,
    /// As configured: the cloud may ask for fewer samples, not for more.
    pub(super) interval: Duration,
    pub(super) describe: Describe,
    pub(super) described: Option<Mono>,
}

impl Teller for Hand {
    fn made(&mut self, sample: &Numbered) {
        self.samples.push(sample.clone());
        self.courier.made(sample.number);
    }

    fn progress(&self) -> Progress {
        let wanted = self.courier.status().welcome_every.unwrap_or(self.interval);
        self.rate.set(wanted.min(SLOWEST).max(self.interval));
        let (events, days, config) = self.reports.progress();
        Progress {
            rows: self.courier.told(),
            events,
            days,
            config,
        }
    }

    fn system(&mut self, now: Mono) -> Option<serde_json::Value> {
        let due = self
            .described
            .is_none_or(|before| now.since(before) >= SYSTEM);
        if !due {
            return None;
        }
        self.described = Some(now);
        (self.describe)(now)
    }
}
