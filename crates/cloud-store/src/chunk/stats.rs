//! What a chunk's header says about each column, so that a day's energy or a chart's edges need no decoding.

use super::Kind;

/// One value and its time in ms since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<T> {
    /// When.
    pub time: i64,
    /// What.
    pub value: T,
}

/// Of the values that are present.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stats<T, S> {
    /// How many.
    pub count: usize,
    /// The smallest.
    pub min: T,
    /// The largest.
    pub max: T,
    /// The earliest.
    pub first: Sample<T>,
    /// The latest.
    pub last: Sample<T>,
    /// All added up. Of numbers: those that are whole steps exactly, rounded once; then the others,
    /// one by one as `f64`, a sum beyond the largest number staying there.
    pub sum: S,
}

/// By the column's kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistics {
    /// Of numbers.
    Numbers(Stats<f64, f64>),
    /// Of integers.
    Integers(Stats<u64, u128>),
}

impl Statistics {
    /// What the column holds.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Numbers(_) => Kind::Number,
            Self::Integers(_) => Kind::Integer,
        }
    }
}
