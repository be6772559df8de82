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

    /// Whether the newest sample is older than `at`, but not so old that it is given up.
    pub(super) fn lags(&self, at: Mono) -> bool {
        self.last.is_some_and(|(then, _)| then < at)
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
