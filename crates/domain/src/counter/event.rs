//! What can happen to a counter beside counting.

use serde::{Deserialize, Serialize};

use crate::units::WattHours;

/// What happened to a counter. Values are the counter's own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CounterEvent {
    /// First believed value.
    Started {
        /// Where the counter stands.
        at: WattHours,
    },
    /// Readings that were ignored, and the counter went on as before.
    Glitch {
        /// Where the counter stood.
        expected: WattHours,
        /// The ignored value farthest from it.
        read: WattHours,
        /// How many readings were ignored.
        readings: u32,
    },
    /// The counter passed its last digit.
    Rollover {
        /// Last value before.
        from: WattHours,
        /// First value after.
        to: WattHours,
    },
    /// The counter started again near zero.
    Reset {
        /// Last value before.
        from: WattHours,
        /// First value after.
        to: WattHours,
    },
    /// The counter is at another value without having counted there: another meter, or written.
    Swap {
        /// Last value before.
        from: WattHours,
        /// First value after.
        to: WattHours,
    },
}
