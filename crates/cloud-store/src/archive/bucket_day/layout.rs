//! Which column holds what. The order is part of the format: a guide looks at earlier columns only.

/// Energies: in the order of the columns, their places in a row. Home comes last, from the others.
pub(super) const ENERGIES: [usize; 6] = [0, 1, 2, 4, 5, 3];
/// Swings: in the order of the columns, their places in a row. Home comes before grid.
pub(super) const SWINGS: [usize; 6] = [0, 3, 1, 2, 4, 5];
/// Energies and swings, either of which may be unknown.
pub(super) const PARTS: usize = ENERGIES.len() + SWINGS.len();

pub(super) const SOLAR: usize = 0;
pub(super) const IMPORT: usize = 1;
pub(super) const EXPORT: usize = 2;
pub(super) const CHARGE: usize = 3;
pub(super) const DISCHARGE: usize = 4;
pub(super) const HOME: usize = 5;
pub(super) const BRIDGED: usize = 6;
pub(super) const COVERED: usize = 7;
pub(super) const SAMPLES: usize = 8;
pub(super) const BREAKS: usize = 9;
pub(super) const QUALITY: usize = 10;
pub(super) const REVISION: usize = 11;
/// The first column of swings. Each swing has four: weight, area, smallest, largest.
const FIRST_SWING: usize = 12;

pub(super) const SOLAR_SWING: usize = 0;
pub(super) const BATTERY_SWING: usize = 1;
pub(super) const HOME_SWING: usize = 2;
pub(super) const GRID_SWING: usize = 3;
pub(super) const LEG_1: usize = 4;
pub(super) const LEG_2: usize = 5;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// An energy or a count: the column's number says which.
    Plain(usize),
    /// Time that a swing is over.
    Weight,
    /// Area of this swing.
    Area(usize),
    /// Smallest value of this swing.
    Smallest(usize),
    /// Largest value of this swing.
    Largest(usize),
}

/// How many columns there are.
pub(super) const COLUMNS: usize = FIRST_SWING + 4 * SWINGS.len();

pub(super) const fn weight(swing: usize) -> usize {
    FIRST_SWING + 4 * swing
}
pub(super) const fn area(swing: usize) -> usize {
    weight(swing) + 1
}
pub(super) const fn smallest(swing: usize) -> usize {
    weight(swing) + 2
}
pub(super) const fn largest(swing: usize) -> usize {
    weight(swing) + 3
}

pub(super) const fn holds(column: usize) -> Holds {
    if column < FIRST_SWING {
        return Holds::Plain(column);
    }
    let swing = (column - FIRST_SWING) / 4;
    match (column - FIRST_SWING) % 4 {
        0 => Holds::Weight,
        1 => Holds::Area(swing),
        2 => Holds::Smallest(swing),
        _ => Holds::Largest(swing),
    }
}

/// Bit of the energy or swing that a column belongs to; `None` for those that every bucket has.
pub(super) const fn part(column: usize) -> Option<usize> {
    match column {
        0..=HOME => Some(column),
        _ if column < FIRST_SWING => None,
        _ => Some(ENERGIES.len() + (column - FIRST_SWING) / 4),
    }
}
