//! Which registers to read together: the cheapest set of block reads, by time on the wire.

use std::time::Duration;

use crate::profile::Function;

/// One read request and the points its answer carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Block {
    /// The table to read from.
    pub function: Function,
    /// Protocol address of the first register.
    pub address: u16,
    /// Registers to read, 1 to 125.
    pub count: u16,
    /// Indices into [`crate::profile::Profile::points`] of the wanted points that lie wholly inside.
    pub points: Vec<usize>,
}

/// What a read costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireCost {
    /// Time of one character on the wire.
    pub char_time: Duration,
    /// How long the meter thinks before it answers.
    pub turnaround: Duration,
    /// Silence and pauses that belong to each transaction.
    pub overhead: Duration,
}

/// What a plan has to keep to, beyond its profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanLimits {
    /// A lower limit on registers a read than the profile's, such as one a gateway has.
    pub max_registers: Option<u16>,
}

/// The reads of one unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitPlan {
    /// Read in every poll.
    pub fast: Vec<Block>,
    /// Read instead of `fast` when the slow points are due: it carries all points.
    pub full: Vec<Block>,
}
