//! Wiring faults that show in the numbers: reversed and unplugged CTs, missing and straying
//! voltages, a broken neutral, a meter that repeats itself.
//!
//! Each check says what it sees, with numbers, and what to do; [`FlagBoard`](crate::FlagBoard) has
//! the patience. A check that cannot tell says so, and what was known before stands.

mod balance;
mod contact;
mod orientation;
mod stuck;
mod voltage;

use crate::flagboard::Observation;
use crate::{Cadence, HomeModel, Mono, Readings, Snapshot};

/// Watches one home for wiring faults.
#[derive(Debug, Clone)]
pub struct WiringWatch {
    balance: balance::Balance,
    orientation: orientation::Orientation,
    voltage: voltage::Voltages,
    stuck: stuck::Stuck,
}

impl WiringWatch {
    /// A watch for this home.
    #[must_use]
    pub fn new(home: &HomeModel) -> Self {
        Self {
            balance: balance::Balance::new(home),
            orientation: orientation::Orientation::new(home),
            voltage: voltage::Voltages::default(),
            stuck: stuck::Stuck::default(),
        }
    }

    /// The slowest meter is sampled like this from now on.
    pub fn sampled_every(&mut self, cadence: Cadence) {
        self.orientation.sampled_every(cadence);
    }

    /// Looks at one snapshot and the readings it was made from.
    pub fn observe(
        &mut self,
        home: &HomeModel,
        snapshot: &Snapshot,
        readings: &Readings<'_>,
    ) -> Vec<Observation> {
        let at = snapshot.at;
        let mut seen = Vec::new();
        seen.extend(balance::production(home, snapshot));
        seen.extend(self.balance.observe(at, home, snapshot));
        seen.extend(self.orientation.observe(at, snapshot));
        seen.extend(contact::unplugged(home, snapshot, readings));
        seen.extend(self.voltage.observe(at, home.service, snapshot));
        seen.extend(self.stuck.observe(readings));
        seen
    }
}

/// How a fault of orientation is to be called: on split-phase both look exactly the same.
fn reversed(home: &HomeModel) -> &'static str {
    match home.service {
        crate::Service::SplitPhase => "reversed or on the other leg",
        crate::Service::SinglePhase | crate::Service::ThreePhase => "reversed",
    }
}

/// Whether `span` has passed since `then`.
fn passed(at: Mono, then: Mono, span: std::time::Duration) -> bool {
    at.since(then) >= span
}
