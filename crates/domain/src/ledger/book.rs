//! What a ledger remembers of one line: its total, and how it lies to the counters.
//!
//! The idea that makes every seam safe: at a counter's step it is known exactly where the total
//! and the counter stand beside each other (the anchor). After a gap of any kind (a lost meter, a
//! restart, a lost minute of history) the total must have grown at least as far since the anchor
//! as the counter has; what it lacks is the gap's energy. It does not matter when the gap began or
//! which readings were seen in it: nothing is added twice.
//!
//! A counter shows its whole steps only, so it stands up to one below the truth, at the anchor as
//! after the gap, and what a gap lacks is known to a step. What was added too much for that reason
//! cannot be taken back; it is remembered, and the next gap is given less. Otherwise every gap
//! would leave a little more than there was.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Line;
use crate::Mono;

/// Differences below this are rounding, Wh.
const NOTHING: f64 = 1e-6;
/// Power and counter are compared over at least this much energy, Wh, ...
const CHECKED_ENERGY: f64 = 1000.0;
/// ... and this many of the counter's steps.
const CHECKED_STEPS: f64 = 20.0;
/// Where power over counter leaves this range, the two do not measure the same.
const AGREEMENT: std::ops::RangeInclusive<f64> = 0.8..=1.25;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// Power is integrated without a gap since the anchor was set.
    #[default]
    Whole,
    /// A gap, and no counter reading since is believed yet.
    Torn,
    /// Bridged, until the counter's next step has told the rest.
    Mending,
}

/// One line's memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct LineBook {
    pub(super) total: f64,
    /// Number of the gap-free stretch; grows at every seam.
    pub(super) stretch: u32,
    status: Status,
    /// Power is unknown right now.
    blind: bool,
    anchor: Option<Anchor>,
    /// Bridged, and not yet told in an entry.
    untold: f64,
    /// How far the total lies above what the counters explain, at most a step of theirs.
    #[serde(default)]
    ahead: f64,
    /// When power was given up, in this run.
    #[serde(skip)]
    lost_at: Option<Mono>,
    /// Length of the last gap, where known.
    gap: Option<Duration>,
    check: Check,
}

/// Total and counters at one moment, Wh.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Anchor {
    total: f64,
    counted: f64,
}

/// Where the counters of a line stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    /// Believed growth of all of the line's counters.
    pub(super) counted: f64,
    /// The line's total when the counters were there.
    pub(super) total: f64,
    /// The stretch in which that was.
    pub(super) stretch: u32,
    /// A counter moved.
    pub(super) ticked: bool,
    /// Smallest step of the counters together.
    pub(super) resolution: f64,
}

/// Power and counter over the same time do not agree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Contradiction {
    /// Which total.
    pub line: Line,
    /// Integrated power, Wh.
    pub power_wh: f64,
    /// What the counter counted meanwhile, Wh.
    pub counter_wh: f64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Check {
    power: f64,
    counter: f64,
    /// The last completed comparison that failed.
    failed: Option<(f64, f64)>,
}

impl LineBook {
    /// Power has been unknown for longer than may be integrated over.
    pub(super) fn lose_sight(&mut self, at: Mono) {
        self.blind = true;
        self.lost_at = Some(at);
        self.tear();
    }

    /// Power is known again, or for the first time.
    pub(super) fn regain_sight(&mut self, at: Mono) {
        if std::mem::replace(&mut self.blind, false) {
            if let Some(lost_at) = self.lost_at.take() {
                self.gap = Some(at.since(lost_at));
            }
            self.tear();
        }
    }

    /// Two samples lie so far apart.
    pub(super) fn gap(&mut self, length: Duration) {
        self.gap = Some(length);
        self.tear();
    }

    /// A new run begins: power is unknown until its first sample. `Mono` starts anew with it.
    pub(super) fn restart(&mut self, downtime: Option<Duration>) {
        self.lost_at = None;
        self.gap = downtime;
        self.blind = true;
        self.tear();
    }

    /// How long nobody looked before this run turns out only now.
    pub(super) fn slept(&mut self, downtime: Option<Duration>) {
        self.gap = downtime;
    }

    fn tear(&mut self) {
        self.stretch = self.stretch.wrapping_add(1);
        self.status = Status::Torn;
    }

    /// The counters in use are others than before: what was known about them is void.
    pub(super) fn forget_counters(&mut self) {
        self.anchor = None;
        self.ahead = 0.0;
        self.check = Check::default();
    }

    /// Whether a gap's energy may still be found.
    pub(super) fn is_waiting(&self) -> bool {
        self.anchor.is_some() && self.status != Status::Whole
    }

    /// Whether a gap's energy is still to come as a whole.
    pub(super) fn is_torn(&self) -> bool {
        self.anchor.is_some() && self.status == Status::Torn
    }

    /// Compares with the counters; returns energy to add to the total (already added here).
    pub(super) fn reconcile(&mut self, at: Standing) -> f64 {
        if at.stretch != self.stretch {
            return 0.0;
        }
        let Some(anchor) = self.anchor else {
            self.settle(at);
            return 0.0;
        };
        let (power, counter) = (at.total - anchor.total, at.counted - anchor.counted);
        if self.status == Status::Whole {
            if self.check.compare(power, counter, at) {
                self.settle(at);
            }
            return 0.0;
        }
        let lacking = if self.check.failed.is_none() {
            counter - power - self.ahead
        } else {
            0.0
        };
        let credit = if lacking > NOTHING { lacking } else { 0.0 };
        self.total += credit;
        self.untold += credit;
        if self.status == Status::Mending && at.ticked && !self.blind {
            self.ahead = (-lacking).clamp(0.0, at.resolution);
            self.settle(Standing {
                total: at.total + credit,
                ..at
            });
        } else {
            self.status = Status::Mending;
        }
        credit
    }

    /// Bridged energy that no entry has told yet, and the gap's length. Kept back while the gap lasts.
    pub(super) fn tell(&mut self) -> Option<(f64, Option<Duration>)> {
        if self.blind || self.untold <= 0.0 {
            return None;
        }
        Some((std::mem::take(&mut self.untold), self.gap))
    }

    pub(super) fn contradiction(&self, line: Line) -> Option<Contradiction> {
        let (power_wh, counter_wh) = self.check.failed?;
        Some(Contradiction {
            line,
            power_wh,
            counter_wh,
        })
    }

    fn settle(&mut self, at: Standing) {
        self.anchor = Some(Anchor {
            total: at.total,
            counted: at.counted,
        });
        self.status = if self.blind {
            Status::Mending
        } else {
            Status::Whole
        };
    }
}

impl Check {
    /// In a stretch without gaps both measure the same energy. Returns whether the counter made a
    /// step, which is a new anchor.
    fn compare(&mut self, power: f64, counter: f64, at: Standing) -> bool {
        let enough = CHECKED_ENERGY.max(CHECKED_STEPS * at.resolution);
        if !at.ticked {
            if power > enough {
                self.failed = Some((power, 0.0));
            }
            return false;
        }
        self.power += power;
        self.counter += counter;
        if self.power.max(self.counter) >= enough {
            let agree = self.counter > 0.0 && AGREEMENT.contains(&(self.power / self.counter));
            *self = Self {
                failed: (!agree).then_some((self.power, self.counter)),
                ..Self::default()
            };
        }
        true
    }
}
