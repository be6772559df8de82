//! When a walk that begins in the middle of a history has forgotten that it did.
//!
//! What came before the first sample can matter in two ways: the total may have been low, waiting to
//! reach what it was, or waiting for a step; and a gap may have ended so shortly before that a
//! later one belongs to it. Both have an end, which is told from the samples alone.

use serde::{Deserialize, Serialize};

use super::RollupRules;
use super::rules::ms;

/// What may still depend on samples before the first one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unsure {
    /// The end of what may be one gap with something before.
    gap_to: Option<i64>,
    level: Option<Level>,
}

/// The total as the walk sees it may not be the one that a longer walk compares with.
///
/// Once it has not been low for longer than a total may be low, both see the same total. After the
/// same time again both wait for its next step since the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Level {
    since: i64,
    is_same: bool,
}

impl Unsure {
    /// A walk begins here.
    pub(super) const fn at_first(at: i64) -> Self {
        Self {
            gap_to: Some(at),
            level: Some(Level {
                since: at,
                is_same: false,
            }),
        }
    }

    /// Nothing depends on what was before.
    pub(super) const fn is_over(&self) -> bool {
        self.gap_to.is_none() && self.level.is_none()
    }

    /// Time passes, measured or as a gap.
    pub(super) fn pass(&mut self, rules: &RollupRules, from: i64, to: i64, is_measured: bool) {
        let here = if is_measured { to } else { from };
        self.gap_to = self.gap_to.filter(|end| here - end <= ms(rules.settling));
        if !is_measured {
            self.gap_to = self.gap_to.map(|_| to);
        }
    }

    /// A total was read.
    pub(super) fn read(&mut self, rules: &RollupRules, at: i64, is_low: bool) {
        let Some(level) = self.level else { return };
        let is_same = !is_low && level.is_same;
        self.level = if is_low {
            Some(Level { since: at, is_same })
        } else if at - level.since <= ms(rules.longest_wait) {
            Some(level)
        } else {
            (!is_same).then_some(Level {
                since: at,
                is_same: true,
            })
        };
    }
}
