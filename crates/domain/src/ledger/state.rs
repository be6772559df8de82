//! What a ledger keeps over a restart.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::book::{LineBook, Standing};
use super::{CounterPlan, LedgerPlan, Line};
use crate::counter::{Counter, Mark};
use crate::ids::LedgerId;
use crate::{MeterId, Mono, Point};

/// Home power below zero by noise is set off against what follows, up to this energy, Wh. More is
/// a wiring fault, which is shown as such and must not eat the home's energy after its repair.
const HOME_DEBT: f64 = 10.0;

/// How long one line's bridged energy waits for another's.
const PATIENCE: Duration = Duration::from_mins(10);

/// A ledger's memory, which the store keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerState {
    pub(super) id: LedgerId,
    /// The entry of its beginning has been handed out.
    pub(super) announced: bool,
    pub(super) lines: [LineBook; Line::ALL.len()],
    pub(super) home: HomeBook,
    /// In the order of the plan.
    pub(super) counters: Vec<CounterBook>,
}

impl LedgerState {
    pub(super) fn new(id: LedgerId, plan: &LedgerPlan) -> Self {
        let counters = plan.counters.iter().map(CounterBook::new).collect();
        let lines = [LineBook::default(); Line::ALL.len()];
        Self {
            id,
            announced: false,
            lines,
            home: HomeBook::default(),
            counters,
        }
    }

    /// Which ledger it is.
    #[must_use]
    pub fn id(&self) -> LedgerId {
        self.id
    }

    /// The same totals as the beginning of another ledger: for an older copy, whose totals may lie
    /// below what was already handed out under its own id.
    #[must_use]
    pub fn begin_anew(self, id: LedgerId) -> Self {
        Self {
            id,
            announced: false,
            ..self
        }
    }

    /// The same totals under another plan, after a restart: power was unknown in between.
    pub(super) fn resumed(mut self, plan: &LedgerPlan, downtime: Option<Duration>) -> Self {
        let was = std::mem::take(&mut self.counters);
        let same = |planned: &CounterPlan| was.iter().find(|book| book.is_for(planned)).cloned();
        self.counters = plan
            .counters
            .iter()
            .map(|p| same(p).unwrap_or_else(|| CounterBook::new(p)))
            .collect();
        for line in Line::ALL {
            let of_line = |books: &[CounterBook]| -> Vec<(MeterId, Point, Option<f64>)> {
                books
                    .iter()
                    .filter(|book| book.line == line)
                    .map(|book| (book.meter.clone(), book.point, book.scale))
                    .collect()
            };
            let book = &mut self.lines[line as usize];
            if of_line(&was) != of_line(&self.counters) {
                book.forget_counters();
            }
            book.restart(downtime);
        }
        self
    }

    /// Where the counters of a line stand, once all of them are followed.
    pub(super) fn standing(
        &self,
        line: Line,
        plan: &LedgerPlan,
        moved: &[(usize, f64)],
    ) -> Option<Standing> {
        let of_line = |index: usize| self.counters[index].line == line;
        if !moved.iter().any(|(index, _)| of_line(*index)) {
            return None;
        }
        let ticked = moved
            .iter()
            .any(|(index, gained)| of_line(*index) && *gained > 0.0);
        let mut standing = Standing {
            counted: 0.0,
            total: f64::MAX,
            stretch: u32::MAX,
            ticked,
            resolution: 0.0,
        };
        for (book, planned) in self
            .counters
            .iter()
            .zip(&plan.counters)
            .filter(|(book, _)| book.line == line)
        {
            let mark = book.mark.filter(|_| book.counter.has_started())?;
            standing.counted += book.counter.total();
            standing.total = standing.total.min(mark.total);
            standing.stretch = standing.stretch.min(mark.stretch);
            standing.resolution += planned.rules.resolution.get();
        }
        Some(standing)
    }
}

/// One counter, and where the line was when it was last believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CounterBook {
    meter: MeterId,
    point: Point,
    pub(super) line: Line,
    /// In which its values are kept; not known of states from before this was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<f64>,
    pub(super) counter: Counter,
    pub(super) mark: Option<Mark>,
}

impl CounterBook {
    fn new(planned: &CounterPlan) -> Self {
        let (meter, point, line) = (planned.meter.clone(), planned.point, planned.line);
        Self {
            meter,
            point,
            line,
            scale: Some(planned.scale),
            counter: Counter::default(),
            mark: None,
        }
    }

    fn is_for(&self, planned: &CounterPlan) -> bool {
        self.meter == planned.meter
            && self.point == planned.point
            && self.line == planned.line
            && self.scale == Some(planned.scale)
    }
}

/// The home's total, which follows from the other lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct HomeBook {
    pub(super) total: f64,
    debt: f64,
    /// Bridged by some lines while others are still to come: what is added cannot be taken back.
    held: f64,
    #[serde(skip)]
    held_since: Option<Mono>,
}

impl HomeBook {
    /// Takes what counters brought; returns what may be added now. While another line is `torn`
    /// it is held, but not forever: that line's counter may never come back.
    pub(super) fn bridge(&mut self, at: Mono, bridged: f64, torn: bool) -> f64 {
        self.held += bridged;
        if self.held == 0.0 {
            self.held_since = None;
            return 0.0;
        }
        let since = *self.held_since.get_or_insert(at);
        if torn && at.since(since) < PATIENCE {
            return 0.0;
        }
        self.held_since = None;
        std::mem::take(&mut self.held)
    }

    /// Adds the other lines' sum of one step; returns what the total grew by.
    ///
    /// While a gap may still be bridged (`waiting`), a negative sum waits for the missing part.
    pub(super) fn add(&mut self, net: f64, waiting: bool) -> f64 {
        let due = net - self.debt;
        self.debt = (-due).max(0.0);
        if !waiting {
            self.debt = self.debt.min(HOME_DEBT);
        }
        let grown = due.max(0.0);
        self.total += grown;
        grown
    }
}
