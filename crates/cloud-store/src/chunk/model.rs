//! From integers to residuals and back, by one of a few models.

use super::mask::Mask;
use super::panel::Panel;

/// What a value is expected to be. The number is part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    /// As the one before. The fastest.
    Last = 0,
    /// As far from the one before as that was from its own.
    Line = 1,
    /// As the best of a few experts says, see [`super::panel`].
    Panel = 2,
    /// The same, with what other columns suggest, see [`super::guide`].
    Guided = 3,
}

impl Model {
    pub(super) fn from_code(code: u8) -> Option<Self> {
        [Self::Last, Self::Line, Self::Panel, Self::Guided]
            .into_iter()
            .find(|model| *model as u8 == code)
    }
}

/// What is known of a column before its first residual.
pub(super) struct Basis<'a> {
    pub(super) present: &'a Mask,
    /// The first integer; it has no residual.
    pub(super) first: i64,
    /// For [`Model::Guided`]: one suggestion per row.
    pub(super) guide: Option<&'a [i64]>,
}

/// One residual for each of `integers` (one per present row) but the first.
pub(super) fn residuals(model: Model, basis: &Basis<'_>, integers: &[i64]) -> Vec<i64> {
    let integers = integers.get(1..).unwrap_or_default();
    let mut last = basis.first;
    match model {
        Model::Last => integers
            .iter()
            .map(|value| value.wrapping_sub(std::mem::replace(&mut last, *value)))
            .collect(),
        Model::Line => {
            let mut slope = 0_i64;
            let bend = |value: &i64| {
                let new = value.wrapping_sub(std::mem::replace(&mut last, *value));
                new.wrapping_sub(std::mem::replace(&mut slope, new))
            };
            integers.iter().map(bend).collect()
        }
        Model::Panel | Model::Guided => through_panel(basis, integers, |expected, value| {
            (value.wrapping_sub(expected), *value)
        }),
    }
}

/// The integers, one per present row, of which [`residuals`] made these residuals.
pub(super) fn restore(model: Model, basis: &Basis<'_>, mut residuals: Vec<i64>) -> Vec<i64> {
    let mut last = basis.first;
    match model {
        Model::Last => {
            for residual in &mut residuals {
                last = last.wrapping_add(*residual);
                *residual = last;
            }
        }
        Model::Line => {
            let mut slope = 0_i64;
            for residual in &mut residuals {
                slope = slope.wrapping_add(*residual);
                last = last.wrapping_add(slope);
                *residual = last;
            }
        }
        Model::Panel | Model::Guided => {
            residuals = through_panel(basis, &residuals, |expected, residual| {
                let value = expected.wrapping_add(*residual);
                (value, value)
            });
        }
    }
    residuals.insert(0, basis.first);
    residuals
}

/// Walks the present rows after the first; `step` gets what is expected and one of `list`, and gives
/// what to keep and the value to learn.
fn through_panel(
    basis: &Basis<'_>,
    list: &[i64],
    step: impl Fn(i64, &i64) -> (i64, i64),
) -> Vec<i64> {
    let mut panel = Panel::new(basis.guide);
    let mut rows = basis.present.rows();
    if let Some(row) = rows.next() {
        panel.expect(row);
        panel.learn(row, basis.first);
    }
    let each = |(row, item)| {
        let (kept, value) = step(panel.expect(row), item);
        panel.learn(row, value);
        kept
    };
    rows.zip(list).map(each).collect()
}
