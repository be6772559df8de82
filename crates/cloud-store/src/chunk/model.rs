//! What the next value of a column is expected to be.

use std::fmt;

use super::bytes::{Reader, put_signed};

/// Guides and levels are in 256ths of a column's step.
pub(super) const FRACTION: u32 = 8;
/// The weight of a guide that means what it says.
pub(super) const WHOLE: i64 = 256;
/// No guide is worth more than this.
pub(super) const MOST_WEIGHT: i64 = 16 * WHOLE;
/// The slowest level.
const MOST_SHIFT: u8 = 8;

/// How a column's next value is guessed. The numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    /// As the one before.
    Last,
    /// As far from the one before as that was from its own.
    Line,
    /// As a level that follows by `2^-shift` of each error: for what is noisy around something slow.
    Smooth {
        /// How slowly.
        shift: u8,
    },
    /// Like [`Self::Smooth`], of what is left after `weight` / 256 of the column's guide.
    Track {
        /// How slowly; 0: exactly as much more than the one before as the guide says.
        shift: u8,
        /// What the guide is worth.
        weight: i64,
    },
    /// As a counter that counts what the guide has gathered, and carries what is not yet a whole step.
    Count,
}

impl Model {
    /// The number that stands for the kind of model, below 16.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Last => 0,
            Self::Line => 1,
            Self::Smooth { .. } => 2,
            Self::Track { .. } => 3,
            Self::Count => 4,
        }
    }

    /// What the code leaves to say.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Smooth { shift } => out.push(shift),
            Self::Track { shift, weight } => {
                out.push(shift);
                put_signed(out, weight);
            }
            Self::Last | Self::Line | Self::Count => {}
        }
    }

    /// What [`Self::write`] wrote.
    pub(super) fn read(code: u8, from: &mut Reader<'_>) -> Option<Self> {
        let shift = |from: &mut Reader<'_>| from.byte().filter(|shift| *shift <= MOST_SHIFT);
        match code {
            0 => Some(Self::Last),
            1 => Some(Self::Line),
            2 => Some(Self::Smooth {
                shift: shift(from)?,
            }),
            3 => {
                let (shift, weight) = (shift(from)?, from.signed()?);
                (-MOST_WEIGHT..=MOST_WEIGHT)
                    .contains(&weight)
                    .then_some(Self::Track { shift, weight })
            }
            4 => Some(Self::Count),
            _ => None,
        }
    }

    /// Whether it needs a guide.
    pub(super) fn is_guided(self) -> bool {
        matches!(self, Self::Track { .. } | Self::Count)
    }
}

/// For people.
impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last => write!(f, "last"),
            Self::Line => write!(f, "line"),
            Self::Smooth { shift } => write!(f, "smooth{shift}"),
            Self::Track { shift, weight } => write!(f, "track{shift}x{weight}"),
            Self::Count => write!(f, "count"),
        }
    }
}
