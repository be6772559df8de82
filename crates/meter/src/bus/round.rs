//! What one poll of a meter has brought so far.

use std::collections::BTreeSet;

use solthrive_domain::Mono;

use super::FaultKind;
use crate::decode::Registers;
use crate::plan::Block;

/// The answers of one poll.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) registers: Registers,
    /// Points whose blocks were answered, as indices into the profile's.
    pub(super) points: BTreeSet<usize>,
    /// When the first request went out.
    pub(super) sent_at: Option<Mono>,
    /// The last refusal: the poll goes on after one.
    pub(super) refused: Option<FaultKind>,
    /// What ended the poll, and at which block.
    pub(super) fault: Option<(FaultKind, Block)>,
}

impl Round {
    /// `block` was answered with these.
    pub(super) fn take(&mut self, block: &Block, values: Vec<u16>) {
        self.registers.push(block.function, block.address, values);
        self.points.extend(&block.points);
    }

    /// Whether asking for `block` would bring nothing new.
    pub(super) fn has(&self, block: &Block) -> bool {
        let mut points = block.points.iter();
        let all = !block.points.is_empty() && points.all(|point| self.points.contains(point));
        all || self
            .registers
            .get(block.function, block.address, block.count)
            .is_some()
    }

    /// Whether anything was answered at all.
    pub(super) fn brought_any(&self) -> bool {
        self.registers.blocks().next().is_some()
    }
}
