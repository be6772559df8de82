//! Which model for which column: candidates by an estimate, the best of them by real size.

use super::ChunkError;
use super::bytes::zigzag;
use super::forecast::{Basis, residuals};
use super::model::{FRACTION, MOST_WEIGHT, Model, WHOLE};
use super::pack::{Packed, Packer};

/// Steps that count for a weight are cut to this: one outlier does not decide.
const MOST_STEP: i64 = 1 << 30;

/// A model, its residuals and the estimate of their size.
struct Candidate {
    model: Model,
    residuals: Vec<i64>,
    estimate: u64,
}

impl Candidate {
    fn new(model: Model, basis: &Basis<'_>, integers: &[i64]) -> Self {
        let residuals = residuals(model, basis, integers);
        Self {
            model,
            estimate: estimate(&residuals),
            residuals,
        }
    }

    /// The better of both; this one of equals.
    fn or(self, other: Self) -> Self {
        if other.estimate < self.estimate {
            other
        } else {
            self
        }
    }
}

/// The best of `models` (the first of equals), and its packed residuals.
pub(super) fn best_of(
    packer: &mut Packer,
    models: &[Model],
    basis: &Basis<'_>,
    integers: &[i64],
) -> Result<(Model, Packed), ChunkError> {
    let plain = Candidate::new(Model::Last, basis, integers);
    let candidates = models
        .iter()
        .map(|model| Candidate::new(*model, basis, integers));
    let best = candidates.fold(plain, Candidate::or);
    Ok((best.model, packer.pack(&best.residuals)?))
}

/// The best for a column with a guide: a weight first, then how slowly to follow.
pub(super) fn guided(
    packer: &mut Packer,
    basis: &Basis<'_>,
    integers: &[i64],
) -> Result<(Model, Packed), ChunkError> {
    let candidate = |shift, weight| Candidate::new(Model::Track { shift, weight }, basis, integers);
    let mut best = Candidate::new(Model::Last, basis, integers);
    for weight in [WHOLE, WHOLE / 2, fitted_weight(basis, integers)] {
        best = best.or(candidate(0, weight));
    }
    if let Model::Track { weight, .. } = best.model {
        best = best.or(candidate(2, weight)).or(candidate(4, weight));
    }
    Ok((best.model, packer.pack(&best.residuals)?))
}

/// Models for a column without a guide.
pub(super) const ALONE: &[Model] = &[Model::Smooth { shift: 1 }, Model::Smooth { shift: 3 }];
/// Models for a counter, whose guide is the energy gathered.
pub(super) const COUNTING: &[Model] = &[
    Model::Count,
    Model::Track {
        shift: 0,
        weight: WHOLE,
    },
];
/// Models for times: a steady clock, with jitter or without.
pub(super) const CLOCKED: &[Model] = &[
    Model::Line,
    Model::Track {
        shift: 0,
        weight: WHOLE,
    },
    Model::Track {
        shift: 4,
        weight: WHOLE,
    },
];

/// The weight by which the guide's steps explain the column's best, by least squares, in integers.
fn fitted_weight(basis: &Basis<'_>, integers: &[i64]) -> i64 {
    let (mut both, mut guide) = (0_i128, 0_i128);
    let mut before: Option<(i64, i64)> = None;
    for (row, value) in basis.present.rows().zip(integers) {
        let now = (*value, basis.guide[row]);
        if let Some(before) = before {
            let cut = |step: i64| step.clamp(-MOST_STEP, MOST_STEP);
            let (step, guided) = (
                cut(now.0.wrapping_sub(before.0)),
                cut(now.1.wrapping_sub(before.1)),
            );
            both += i128::from(step * guided);
            guide += i128::from(guided * guided);
        }
        before = Some(now);
    }
    let weight = (both << (2 * FRACTION)).checked_div(guide).unwrap_or(0);
    i64::try_from(weight)
        .unwrap_or(0)
        .clamp(-MOST_WEIGHT, MOST_WEIGHT)
}

/// Bits that the residuals need at least.
fn estimate(residuals: &[i64]) -> u64 {
    residuals
        .iter()
        .map(|residual| u64::from(u64::BITS - zigzag(*residual).leading_zeros()))
        .sum()
}
