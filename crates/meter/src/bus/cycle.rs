//! What a bus hands on after each poll.

use std::sync::Arc;
use std::time::Duration;

use solthrive_domain::{MeterId, Mono, Reading};

use super::FaultKind;

/// One poll of one bus.
#[derive(Debug, Clone, PartialEq)]
pub struct BusCycle {
    /// The bus.
    pub bus: Arc<str>,
    /// Which instant of the grid: `tick * poll_every` after the clock's origin. Grows, never
    /// repeats; a number that is left out was missed.
    pub tick: u64,
    /// When the poll began.
    pub at: Mono,
    /// How far from the grid that was.
    pub deviation: Duration,
    /// Every meter of the bus, in the configuration's order.
    pub meters: Vec<MeterCycle>,
}

/// One meter in one poll.
#[derive(Debug, Clone, PartialEq)]
pub struct MeterCycle {
    /// The meter.
    pub meter: MeterId,
    /// What came of it.
    pub outcome: MeterOutcome,
    /// How far apart this meter's readings are at most while all goes well: the time between two
    /// polls, or longer where its bus is too slow for that.
    pub every: Duration,
    /// Why a reading lacks points that every poll asks for, though others were answered.
    pub lacking: Option<FaultKind>,
}

impl MeterCycle {
    /// A poll on a bus that is quick enough for one a second.
    #[must_use]
    pub const fn new(meter: MeterId, outcome: MeterOutcome) -> Self {
        Self {
            meter,
            outcome,
            every: Duration::from_secs(1),
            lacking: None,
        }
    }
}

/// What came of asking a meter.
#[derive(Debug, Clone, PartialEq)]
pub enum MeterOutcome {
    /// Some block was answered. A point that the meter refused, or whose block was not answered, is
    /// not in the reading; [`MeterCycle::lacking`] tells the second from the first.
    Read(Reading),
    /// It was asked, or should have been, and nothing was answered.
    Failed {
        /// What went wrong.
        fault: FaultKind,
        /// How many polls in a row have failed.
        failures: u32,
        /// When it is asked again at the earliest.
        retry_at: Mono,
    },
    /// Not asked in this poll: it is left alone after failures, or the bus is too slow for its
    /// schedule and this was not the meter's turn.
    Waiting,
}
