//! What a ledger has to tell: beginnings, bridged gaps and the quirks of counters.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Line;
use crate::counter::CounterEvent;
use crate::ids::LedgerId;
use crate::units::WattHours;
use crate::{FlagCode, MeterId, Mono, Point};

/// Something about the totals that a person may ask about later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// When it was found out.
    pub at: Mono,
    /// What.
    pub what: LedgerEvent,
}

/// What happened in a ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LedgerEvent {
    /// A new ledger began: at zero, or at the totals of an older copy.
    LedgerStarted {
        /// Its id.
        ledger: LedgerId,
    },
    /// A counter did something other than count.
    Counter {
        /// The meter.
        meter: MeterId,
        /// The counter.
        point: Point,
        /// The total it counts for.
        line: Line,
        /// What it did; its values are the counter's, times the channel's factor.
        counter: CounterEvent,
    },
    /// Energy of a gap, as counters counted it.
    GapBridged {
        /// The total.
        line: Line,
        /// What was added to it.
        energy: WattHours,
        /// How long power was unknown; `None` over a restart without a trustworthy clock.
        gap: Option<Duration>,
    },
}

impl LedgerEntry {
    /// The flag that stands for this entry, if any.
    #[must_use]
    pub fn flag(&self) -> Option<FlagCode> {
        let LedgerEvent::Counter { counter, .. } = &self.what else {
            return None;
        };
        match counter {
            CounterEvent::Glitch { .. } => Some(FlagCode::CounterGlitch),
            CounterEvent::Reset { .. } | CounterEvent::Swap { .. } => Some(FlagCode::CounterReset),
            CounterEvent::Started { .. } | CounterEvent::Rollover { .. } => None,
        }
    }

    /// What it is about, such as `main/e_imp`; empty for the ledger as a whole.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.what {
            LedgerEvent::Counter { meter, point, .. } => format!("{meter}/{point}"),
            LedgerEvent::GapBridged { .. } | LedgerEvent::LedgerStarted { .. } => String::new(),
        }
    }

    /// For a person.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.what {
            LedgerEvent::LedgerStarted { ledger } => {
                format!("A new energy ledger began: {ledger}.")
            }
            LedgerEvent::GapBridged { line, energy, gap } => {
                let gap = gap.map_or(String::new(), |gap| format!(" of {} s", gap.as_secs()));
                format!(
                    "A gap{gap} was bridged by the meter's counter: {:.3} kWh {}.",
                    energy.kwh(),
                    line.name()
                )
            }
            LedgerEvent::Counter {
                meter,
                point,
                counter,
                ..
            } => {
                format!(
                    "Counter {point} of meter {meter} {}",
                    counter_message(counter)
                )
            }
        }
    }
}

fn counter_message(event: &CounterEvent) -> String {
    match event {
        CounterEvent::Started { at } => format!("is followed from {:.3} kWh on.", at.kwh()),
        CounterEvent::Glitch {
            expected,
            read,
            readings,
        } => format!(
            "read {:.3} kWh instead of about {:.3} kWh in {readings} readings and came back; they were ignored.",
            read.kwh(),
            expected.kwh()
        ),
        CounterEvent::Rollover { from, to } => {
            format!(
                "passed its last digit, from {:.3} to {:.3} kWh.",
                from.kwh(),
                to.kwh()
            )
        }
        CounterEvent::Reset { from, to } => {
            format!(
                "started again, from {:.3} to {:.3} kWh; the totals go on.",
                from.kwh(),
                to.kwh()
            )
        }
        CounterEvent::Swap { from, to } => {
            format!(
                "went from {:.3} to {:.3} kWh: another meter? The totals go on.",
                from.kwh(),
                to.kwh()
            )
        }
    }
}
