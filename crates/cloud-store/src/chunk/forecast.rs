//! From integers to residuals and back: what a [`Model`] expects, row by row.
//!
//! Everything is integers with wrapping arithmetic: all machines agree, and no input can make it fail.

use super::mask::Mask;
use super::model::{FRACTION, Model, WHOLE};

/// An error this many times the usual one is a step of the signal, not noise.
const JUMP: i64 = 4;

/// What is known of a column before its first residual.
#[derive(Clone, Copy)]
pub(super) struct Basis<'a> {
    pub(super) present: &'a Mask,
    /// The first integer; it has no residual.
    pub(super) first: i64,
    /// One suggestion per row, in 256ths of a step, for models that are guided.
    pub(super) guide: &'a [i64],
}

/// One residual for each of `integers` (one per present row) but the first.
pub(super) fn residuals(model: Model, basis: &Basis<'_>, integers: &[i64]) -> Vec<i64> {
    let rest = integers.get(1..).unwrap_or_default();
    let steps = || {
        rest.iter()
            .zip(integers)
            .map(|(value, before)| value.wrapping_sub(*before))
    };
    match model {
        Model::Last => steps().collect(),
        Model::Track { shift: 0, weight } => steps()
            .zip(guided_steps(basis, weight))
            .map(|(step, guided)| step.wrapping_sub(guided))
            .collect(),
        Model::Line => {
            let mut slope = 0_i64;
            steps()
                .map(|step| step.wrapping_sub(std::mem::replace(&mut slope, step)))
                .collect()
        }
        Model::Smooth { .. } | Model::Track { .. } | Model::Count => {
            walk(model, basis, rest, |expected, value| {
                (value.wrapping_sub(expected), value)
            })
        }
    }
}

/// The integers, one per present row, of which [`residuals`] made these.
pub(super) fn restore(model: Model, basis: &Basis<'_>, residuals: &[i64]) -> Vec<i64> {
    let mut integers = Vec::with_capacity(residuals.len() + 1);
    let mut last = basis.first;
    integers.push(last);
    let mut add = |step: i64| {
        last = last.wrapping_add(step);
        last
    };
    match model {
        Model::Last => integers.extend(residuals.iter().map(|step| add(*step))),
        Model::Track { shift: 0, weight } => {
            let steps = residuals.iter().zip(guided_steps(basis, weight));
            integers.extend(steps.map(|(residual, guided)| add(residual.wrapping_add(guided))));
        }
        Model::Line => {
            let mut slope = 0_i64;
            integers.extend(residuals.iter().map(|bend| {
                slope = slope.wrapping_add(*bend);
                add(slope)
            }));
        }
        Model::Smooth { .. } | Model::Track { .. } | Model::Count => {
            integers.extend(walk(model, basis, residuals, |expected, residual| {
                let value = expected.wrapping_add(residual);
                (value, value)
            }));
        }
    }
    integers
}

/// Between present rows, by how much `weight` of the guide changes, in whole steps.
fn guided_steps(basis: &Basis<'_>, weight: i64) -> Vec<i64> {
    if basis.present.is_full() {
        return steps_of(basis.guide.iter().copied(), weight);
    }
    steps_of(basis.present.rows().map(|row| basis.guide[row]), weight)
}

fn steps_of(guide: impl Iterator<Item = i64>, weight: i64) -> Vec<i64> {
    let mut guide = guide.map(|guide| weighted(guide, weight));
    let mut before = guide.next().unwrap_or(0);
    guide
        .map(|now| rounded(now.wrapping_sub(std::mem::replace(&mut before, now))))
        .collect()
}

/// Walks the present rows after the first. `step` gets what is expected and one of `list`; it gives
/// what to keep and the value to learn.
fn walk(
    model: Model,
    basis: &Basis<'_>,
    list: &[i64],
    step: impl Fn(i64, i64) -> (i64, i64),
) -> Vec<i64> {
    let rows = basis.present.len();
    if basis.present.is_full() && basis.guide.len() == rows {
        return walk_along(model, basis.first, basis.guide.iter().copied(), list, step);
    }
    let guide = |row: usize| basis.guide.get(row).copied().unwrap_or(0);
    walk_along(
        model,
        basis.first,
        basis.present.rows().map(guide),
        list,
        step,
    )
}

/// `guide` has a suggestion for each present row, the first one included.
fn walk_along(
    model: Model,
    first: i64,
    mut guide: impl Iterator<Item = i64>,
    list: &[i64],
    step: impl Fn(i64, i64) -> (i64, i64),
) -> Vec<i64> {
    let first_guide = guide.next().unwrap_or(0);
    let fixed = first.wrapping_shl(FRACTION);
    let mut kept = Vec::with_capacity(list.len());
    match model {
        Model::Count => {
            let mut carry = fixed.wrapping_sub(first_guide);
            for (guide, item) in guide.zip(list) {
                let gathered = carry.wrapping_add(guide);
                let (keep, value) = step(gathered >> FRACTION, *item);
                kept.push(keep);
                carry = still_to_count(gathered, value).wrapping_sub(guide);
            }
        }
        Model::Smooth { shift } | Model::Track { shift, .. } => {
            let weight = if let Model::Track { weight, .. } = model {
                weight
            } else {
                0
            };
            let mut level = Level::new(fixed.wrapping_sub(weighted(first_guide, weight)), shift);
            for (guide, item) in guide.zip(list) {
                let guided = weighted(guide, weight);
                let (keep, value) = step(rounded(guided.wrapping_add(level.at)), *item);
                kept.push(keep);
                level.learn(value.wrapping_shl(FRACTION).wrapping_sub(guided));
            }
        }
        Model::Last | Model::Line => {}
    }
    kept
}

/// What a counter has gathered once it shows `value`: at least that, and less than a step more.
fn still_to_count(gathered: i64, value: i64) -> i64 {
    let least = value.wrapping_shl(FRACTION);
    let most = least.wrapping_add((1 << FRACTION) - 1);
    if gathered < least {
        least
    } else {
        gathered.min(most)
    }
}

/// A smoothed level: follows by a fraction of each error, or at once when the signal steps.
struct Level {
    at: i64,
    usual: i64,
    shift: u8,
}

impl Level {
    fn new(at: i64, shift: u8) -> Self {
        Self {
            at,
            usual: 0,
            shift,
        }
    }

    #[inline]
    fn learn(&mut self, value: i64) {
        let error = value.wrapping_sub(self.at);
        let size = error.wrapping_abs().clamp(0, 1 << 40);
        let is_step = size > self.usual * JUMP + WHOLE;
        self.at = self
            .at
            .wrapping_add(if is_step { error } else { error >> self.shift });
        self.usual += (size - self.usual) >> 3;
    }
}

fn weighted(guide: i64, weight: i64) -> i64 {
    guide.wrapping_mul(weight) >> 8
}

fn rounded(level: i64) -> i64 {
    level.wrapping_add(1 << (FRACTION - 1)) >> FRACTION
}
