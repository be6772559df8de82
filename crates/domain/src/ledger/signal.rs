//! A power that lines are integrated from, sample by sample.

use std::time::Duration;

use super::book::LineBook;
use super::integral;
use super::{Line, field, wh};
use crate::units::Watts;
use crate::{Energies, Mono};

/// One of the home's powers and the lines its two directions feed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    positive: Line,
    negative: Option<Line>,
    pub(super) installed: bool,
    last: Option<(Mono, f64)>,
}

impl Signal {
    pub(super) fn new(positive: Line, negative: Option<Line>, installed: bool) -> Self {
        Self {
            positive,
            negative,
            installed,
            last: None,
        }
    }

    /// The lines it feeds.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line> + use<> {
        std::iter::once(self.positive).chain(self.negative)
    }

    /// Energy of a line since the newest sample, Wh, if its power went on until `at`.
    pub(super) fn owed(&self, line: Line, at: Mono) -> f64 {
        let Some((then, power)) = self.last else {
            return 0.0;
        };
        let energy = integral::between(power, power, at.since(then));
        match line {
            line if line == self.positive => energy.positive,
            line if Some(line) == self.negative => energy.negative,
            _ => 0.0,
        }
    }

    /// Takes a sample, or the lack of one. Returns the time that was integrated.
    pub(super) fn advance(
        &mut self,
        at: Mono,
        power: Option<Watts>,
        max_gap: Duration,
        lines: &mut [LineBook],
        grown: &mut Energies,
    ) -> Duration {
        let span = self.last.map(|(then, _)| at.since(then));
        let Some(power) = power.map(Watts::get) else {
            if span.is_some_and(|span| span > max_gap) {
                self.last = None;
                self.lines()
                    .for_each(|line| lines[line as usize].lose_sight(at));
            }
            return Duration::ZERO;
        };
        let before = self.last.replace((at, power));
        match (before, span) {
            (Some((_, before)), Some(span)) if span <= max_gap => {
                let energy = integral::between(before, power, span);
                for (line, energy) in [
                    (Some(self.positive), energy.positive),
                    (self.negative, energy.negative),
                ] {
                    let Some(line) = line else { continue };
                    lines[line as usize].total += energy;
                    *field(grown, line) = Some(wh(energy));
                }
                span
            }
            (Some((then, _)), _) => {
                self.lines()
                    .for_each(|line| lines[line as usize].gap(at.since(then)));
                Duration::ZERO
            }
            (None, _) => {
                self.lines()
                    .for_each(|line| lines[line as usize].regain_sight(at));
                Duration::ZERO
            }
        }
    }
}
