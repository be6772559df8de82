//! What a value probably is, from what stands before it. Arithmetic wraps: any integers can come.

use super::columns::Columns;
use super::layout::{
    BATTERY_SWING, CHARGE, COVERED, DISCHARGE, EXPORT, GRID_SWING, HOME, HOME_SWING, Holds, IMPORT,
    LEG_1, LEG_2, SAMPLES, SOLAR, SOLAR_SWING, area, holds, largest, smallest, weight,
};

/// A quarter of an hour in ms.
const QUARTER_MS: i64 = 900_000;
/// mW ms in a µWh.
const AREA_OF_ENERGY: i64 = 3_600;

/// Where a guess comes from. The number is part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guide {
    /// Zero.
    Nothing = 0,
    /// The same column of the bucket before.
    Before = 1,
    /// What it nearly always is: a full quarter, all of the measured time, the balance of energies.
    Usual = 2,
    /// An area by the energy of the same line.
    Energy = 3,
    /// The grid's area by home, solar and battery; leg 2 as far from its last value as leg 1.
    Others = 4,
    /// An extreme by the mean, which it lies beyond.
    Mean = 5,
    /// The grid's extreme as far from its mean as the home's.
    Home = 6,
    /// The same, or as far as the sun's on the other side, if that is farther.
    HomeOrSun = 7,
}

impl Guide {
    const ALL: [Self; 8] = [
        Self::Nothing,
        Self::Before,
        Self::Usual,
        Self::Energy,
        Self::Others,
        Self::Mean,
        Self::Home,
        Self::HomeOrSun,
    ];

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The guess for a row, on a multiple of `step`. `before` is the last row that has the column.
    pub(super) fn tell(self, at: &Place<'_>, step: i64) -> i64 {
        let guess = self.guess(at);
        if step == 1 {
            return guess;
        }
        let below = guess.wrapping_sub(guess.rem_euclid(step));
        let is_on_it = below == guess;
        if self.side(at.column) == Side::Below && !is_on_it {
            below.wrapping_add(step)
        } else {
            below
        }
    }

    /// Where the values lie by this guide.
    pub(super) fn side(self, column: usize) -> Side {
        match (self, holds(column)) {
            (Self::Mean, Holds::Smallest(_)) => Side::Below,
            (Self::Mean, Holds::Largest(_)) => Side::Above,
            _ => Side::Either,
        }
    }

    fn guess(self, at: &Place<'_>) -> i64 {
        match (self, holds(at.column)) {
            (Self::Before, Holds::Area(swing)) => at.area_before(swing),
            (Self::Before, _) => at.before(at.column),
            (Self::Usual, Holds::Plain(HOME)) => at.balance(),
            (Self::Usual, Holds::Plain(_)) => QUARTER_MS,
            (Self::Usual, _) => at.value(COVERED),
            (Self::Energy, Holds::Area(swing)) => at.energy(swing).wrapping_mul(AREA_OF_ENERGY),
            (Self::Others, Holds::Area(LEG_2)) => at
                .area_before(LEG_2)
                .wrapping_add(at.value(area(LEG_1)).wrapping_sub(at.area_before(LEG_1))),
            (Self::Others, Holds::Area(_)) => at
                .value(area(HOME_SWING))
                .wrapping_sub(at.value(area(SOLAR_SWING)))
                .wrapping_sub(at.value(area(BATTERY_SWING))),
            (Self::Mean, Holds::Smallest(swing) | Holds::Largest(swing)) => at.mean(swing),
            (Self::Home, Holds::Smallest(swing)) => {
                at.mean(swing).wrapping_sub(at.drop(HOME_SWING))
            }
            (Self::Home, Holds::Largest(swing)) => at.mean(swing).wrapping_add(at.rise(HOME_SWING)),
            (Self::HomeOrSun, Holds::Smallest(swing)) => {
                let drop = at.drop(HOME_SWING).max(at.rise(SOLAR_SWING));
                at.mean(swing).wrapping_sub(drop)
            }
            (Self::HomeOrSun, Holds::Largest(swing)) => {
                let rise = at.rise(HOME_SWING).max(at.drop(SOLAR_SWING));
                at.mean(swing).wrapping_add(rise)
            }
            _ => 0,
        }
    }
}

/// On which side of the guess the values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// On either.
    Either,
    /// Below it.
    Below,
    /// Above it.
    Above,
}

/// Guides that make sense for a column.
pub(super) const fn of(column: usize) -> &'static [Guide] {
    use Guide::{Before, Energy, Home, HomeOrSun, Mean, Nothing, Others, Usual};
    match holds(column) {
        Holds::Plain(HOME) => &[Usual, Before, Nothing],
        Holds::Plain(COVERED) => &[Usual, Before, Nothing],
        Holds::Plain(SAMPLES) => &[Before, Nothing],
        Holds::Plain(_) => &[Nothing, Before],
        Holds::Weight => &[Usual, Before],
        Holds::Area(LEG_1) => &[Before],
        Holds::Area(LEG_2) => &[Before, Others],
        Holds::Area(GRID_SWING) => &[Others, Energy, Before],
        Holds::Area(_) => &[Energy, Before],
        Holds::Smallest(GRID_SWING) | Holds::Largest(GRID_SWING) => {
            &[Mean, Home, HomeOrSun, Before]
        }
        Holds::Smallest(_) | Holds::Largest(_) => &[Mean, Before],
    }
}

/// Steps that values of a column usually have: of meters that tell whole watts and watt-hours and
/// tenths of a volt, and of lines between such values at whole ms.
pub(super) const fn steps(column: usize) -> &'static [i64] {
    match holds(column) {
        Holds::Plain(0..=HOME) => &[1, 1_000_000],
        Holds::Plain(_) | Holds::Weight => &[1],
        Holds::Area(LEG_1 | LEG_2) => &[1, 50],
        Holds::Area(_) => &[1, 500],
        Holds::Smallest(LEG_1 | LEG_2) | Holds::Largest(LEG_1 | LEG_2) => &[1, 100],
        Holds::Smallest(_) | Holds::Largest(_) => &[1, 1_000],
    }
}

/// A value that is to be told: everything in columns before it and in rows before it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) columns: &'a Columns,
    pub(super) column: usize,
    pub(super) row: usize,
    /// The last row that has the column.
    pub(super) before: Option<usize>,
}

impl Place<'_> {
    fn value(&self, column: usize) -> i64 {
        self.columns.or_zero(column, self.row)
    }

    fn before(&self, column: usize) -> i64 {
        self.before
            .map_or(0, |row| self.columns.or_zero(column, row))
    }

    /// The area that the mean of the bucket before would have.
    fn area_before(&self, swing: usize) -> i64 {
        let (area, before) = (self.before(area(swing)), self.before(weight(swing)));
        let now = self.value(weight(swing));
        if now == before || before == 0 {
            return area;
        }
        let scaled = i128::from(area) * i128::from(now) / i128::from(before);
        i64::try_from(scaled).unwrap_or(area)
    }

    fn balance(&self) -> i64 {
        self.value(SOLAR)
            .wrapping_add(self.value(IMPORT))
            .wrapping_sub(self.value(EXPORT))
            .wrapping_add(self.value(DISCHARGE))
            .wrapping_sub(self.value(CHARGE))
    }

    /// The energy of a swing's line, µWh.
    fn energy(&self, swing: usize) -> i64 {
        match swing {
            SOLAR_SWING => self.value(SOLAR),
            BATTERY_SWING => self.value(DISCHARGE).wrapping_sub(self.value(CHARGE)),
            HOME_SWING => self.value(HOME),
            GRID_SWING => self.value(IMPORT).wrapping_sub(self.value(EXPORT)),
            _ => 0,
        }
    }

    /// The mean over time; what stood before where nothing was held for any time.
    fn mean(&self, swing: usize) -> i64 {
        let area = self.value(area(swing));
        match self.value(weight(swing)) {
            0 => self.before(self.column),
            // Without an overflow: the smallest area by -1.
            weight => area.checked_div_euclid(weight).unwrap_or(0),
        }
    }

    /// How far the smallest value is below the mean.
    fn drop(&self, swing: usize) -> i64 {
        self.mean(swing).wrapping_sub(self.value(smallest(swing)))
    }

    /// How far the largest value is above the mean.
    fn rise(&self, swing: usize) -> i64 {
        self.value(largest(swing)).wrapping_sub(self.mean(swing))
    }
}
