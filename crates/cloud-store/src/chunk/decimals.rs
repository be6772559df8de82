//! A column of numbers while it grows: integers at one step, and the exact rest beside them.

use super::ints::Ints;
use super::mask::Mask;
use super::number::{MAX_DIGITS, Step};

/// What an exception costs against one digit more on every changed value, in tenths of a digit's bits:
/// about ten bytes against 0.42.
const EXCEPTION_COST: usize = 24;
/// This many exceptions are never a reason to look for a better step.
const FEW: usize = 4;

/// Numbers of all rows. A value that is exact at the step is a mantissa; any other is an exception.
#[derive(Debug, Clone)]
pub(super) struct Decimals {
    step: Step,
    present: Mask,
    /// One per row; 0 where absent or an exception.
    mantissas: Ints,
    /// Row and value, by row.
    exceptions: Vec<(u32, f64)>,
    /// With more exceptions than this, a better step is looked for.
    tolerated: usize,
}

impl Decimals {
    /// `rows` rows, all absent.
    pub(super) fn absent(rows: usize) -> Self {
        let mut mantissas = Ints::default();
        for _ in 0..rows {
            mantissas.push(0);
        }
        Self {
            present: Mask::absent(rows),
            mantissas,
            ..Self::default()
        }
    }

    /// From what a chunk holds: mantissas of all rows (0 where absent), all exact at `step` but `exceptions`.
    pub(super) fn from_parts(
        step: Step,
        present: Mask,
        mantissas: Vec<i64>,
        exceptions: Vec<(u32, f64)>,
    ) -> Self {
        let tolerated = FEW.max(exceptions.len() * 2);
        Self {
            step,
            present,
            mantissas: mantissas.into(),
            exceptions,
            tolerated,
        }
    }

    pub(super) fn present(&self) -> &Mask {
        &self.present
    }

    pub(super) fn step(&self) -> Step {
        self.step
    }

    pub(super) fn mantissas(&self) -> &Ints {
        &self.mantissas
    }

    pub(super) fn exceptions(&self) -> &[(u32, f64)] {
        &self.exceptions
    }

    pub(super) fn get(&self, row: usize) -> Option<f64> {
        if !self.present.get(row) {
            return None;
        }
        Some(
            self.exception(row)
                .unwrap_or_else(|| self.step.value(self.mantissas.get(row))),
        )
    }

    /// Puts a row before `row`, or at the end.
    pub(super) fn insert(&mut self, row: usize, value: Option<f64>) {
        if let Some(value) = value {
            self.begin_with(value);
        }
        let exact = value.map(|value| self.step.exact(value));
        self.present.insert(row, value.is_some());
        self.mantissas.insert(row, exact.flatten().unwrap_or(0));
        let at = self
            .exceptions
            .partition_point(|(other, _)| (*other as usize) < row);
        for later in &mut self.exceptions[at..] {
            later.0 += 1;
        }
        if let (Some(value), Some(None)) = (value, exact) {
            self.exceptions.insert(at, (index(row), value));
            self.look_for_better_step();
        }
    }

    /// Appends row `row` of `other`; the usual case, equal steps, needs no arithmetic.
    pub(super) fn push_from(&mut self, other: &Self, row: usize) {
        let plain =
            self.step == other.step && other.present.get(row) && other.exceptions.is_empty();
        if plain {
            self.present.push(true);
            self.mantissas.push(other.mantissas.get(row));
        } else {
            self.insert(self.present.len(), other.get(row));
        }
    }

    /// The step that the format prescribes for these values: a function of the values and their
    /// order alone, however they came in. It weighs one digit more on every change against exceptions.
    pub(super) fn best_step(&self) -> Step {
        if self.clearly_needs_step() {
            return self.step;
        }
        let mut needing = [0_usize; MAX_DIGITS as usize + 1];
        let (mut changes, mut last) = (0, None);
        let mut exceptions = self.exceptions.iter().peekable();
        for row in self.present.rows() {
            let exception = exceptions.next_if(|(other, _)| *other as usize == row);
            let (step, now) = match exception {
                Some((_, value)) => (Step::of(*value), (true, value.to_bits().cast_signed())),
                None => {
                    let mantissa = self.mantissas.get(row);
                    (Some(self.step.coarsest(mantissa)), (false, mantissa))
                }
            };
            if let Some(step) = step {
                needing[usize::from(step.digits())] += 1;
            }
            changes += usize::from(last != Some(now));
            last = Some(now);
        }
        cheapest(&needing, changes)
    }

    /// Whether no coarser step can be the best one, and no finer one is needed: so many values need all
    /// digits of this one that they would cost more as exceptions. Found after a few rows, mostly.
    fn clearly_needs_step(&self) -> bool {
        let needed = usize::from(self.step.digits()) * self.present.count() / EXCEPTION_COST;
        let need_it = |row: &usize| self.mantissas.get(*row) % 10 != 0;
        self.exceptions.is_empty() && self.present.rows().filter(need_it).nth(needed).is_some()
    }

    /// The same values at another step.
    pub(super) fn at_step(&self, step: Step) -> Self {
        let mut new = Self {
            step,
            tolerated: usize::MAX,
            ..Self::default()
        };
        for row in 0..self.present.len() {
            new.insert(row, self.get(row));
        }
        new.tolerated = FEW.max(new.exceptions.len() * 2);
        new
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.present.heap() + self.mantissas.heap() + self.exceptions.capacity() * 16
    }

    fn exception(&self, row: usize) -> Option<f64> {
        let at = self
            .exceptions
            .binary_search_by_key(&index(row), |(row, _)| *row)
            .ok()?;
        Some(self.exceptions[at].1)
    }

    /// The first value of all decides the step for now.
    fn begin_with(&mut self, value: f64) {
        if self.present.count() == 0 && self.tolerated != usize::MAX {
            self.step = Step::of(value).unwrap_or(Step::ONE);
        }
    }

    fn look_for_better_step(&mut self) {
        if self.exceptions.len() <= self.tolerated {
            return;
        }
        let best = self.best_step();
        if best == self.step {
            self.tolerated = self.exceptions.len() * 2;
        } else {
            *self = self.at_step(best);
        }
    }
}

impl Default for Decimals {
    fn default() -> Self {
        Self {
            step: Step::ONE,
            present: Mask::default(),
            mantissas: Ints::default(),
            exceptions: Vec::new(),
            tolerated: FEW,
        }
    }
}

/// The step at which digits and exceptions together cost least, the coarsest of equals.
/// `needing[k]` values need exactly `k` digits.
fn cheapest(needing: &[usize; MAX_DIGITS as usize + 1], changes: usize) -> Step {
    let mut finer: usize = needing.iter().sum();
    let mut best = (usize::MAX, Step::ONE);
    for (digits, here) in (0..=MAX_DIGITS).zip(needing) {
        finer -= here;
        let cost = finer * EXCEPTION_COST + usize::from(digits) * changes;
        if let Some(step) = Step::new(digits)
            && cost < best.0
        {
            best = (cost, step);
        }
    }
    best.1
}

/// Rows are counted in `u32`: a table has at most [`super::MAX_ROWS`].
fn index(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}
