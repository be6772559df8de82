//! Runs of registers, and what a run must keep to in order to be read at once.

use serde::{Deserialize, Serialize};

use super::{Block, PlanMemory};
use crate::profile::{Function, PointDef, Profile};

/// Registers `from..to` of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The table.
    pub function: Function,
    /// The first register.
    pub from: u32,
    /// Past the last register, up to 65536.
    pub to: u32,
}

impl Span {
    pub(super) const fn new(function: Function, from: u32, to: u32) -> Self {
        Self { function, from, to }
    }

    pub(super) fn of_point(def: &PointDef) -> Self {
        Self::new(def.function, u32::from(def.address), def.end())
    }

    pub(super) fn of_scale(def: &PointDef) -> Option<Self> {
        let scale = def.scale_register?;
        Some(Self::new(
            scale.function,
            u32::from(scale.address),
            u32::from(scale.address) + 1,
        ))
    }

    pub(super) const fn len(self) -> u32 {
        self.to.saturating_sub(self.from)
    }

    pub(super) fn contains(self, other: Self) -> bool {
        self.function == other.function && self.from <= other.from && other.to <= self.to
    }

    pub(super) fn touches(self, other: Self) -> bool {
        self.function == other.function && self.from < other.to && other.from < self.to
    }

    /// From the first register of one to the last of the other.
    pub(super) fn joined(self, other: Self) -> Self {
        Self::new(
            self.function,
            self.from.min(other.from),
            self.to.max(other.to),
        )
    }

    pub(super) fn block(self) -> Block {
        // A span ends at 65536 at most and is read only up to 125 registers long.
        let address = u16::try_from(self.from).unwrap_or(u16::MAX);
        let count = u16::try_from(self.len()).unwrap_or(u16::MAX);
        Block {
            function: self.function,
            address,
            count,
            points: Vec::new(),
        }
    }
}

/// Disjoint spans in order: those that share registers become one.
pub(super) fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if last.touches(span) => *last = last.joined(span),
            _ => merged.push(span),
        }
    }
    merged
}

/// The span as `profile`'s meter wants to be asked for it.
pub(super) fn aligned(profile: &Profile, span: Span) -> Span {
    if profile.bus.even_only {
        Span::new(span.function, span.from & !1, (span.to + 1) & !1)
    } else {
        span
    }
}

/// What every read of a unit keeps to.
pub(super) struct Rules<'a> {
    pub(super) profile: &'a Profile,
    /// Registers a read.
    pub(super) max: u16,
    pub(super) memory: &'a PlanMemory,
}

impl Rules<'_> {
    /// Registers by which a read may grow at one end.
    pub(super) fn step(&self) -> u32 {
        if self.profile.bus.even_only { 2 } else { 1 }
    }

    /// The span as it has to be asked for.
    pub(super) fn aligned(&self, span: Span) -> Span {
        aligned(self.profile, span)
    }

    /// Whether it may be read at once.
    pub(super) fn allows(&self, span: Span) -> bool {
        span.len() <= u32::from(self.max) && span.to <= 0x1_0000 && self.memory.allows(span)
    }
}
