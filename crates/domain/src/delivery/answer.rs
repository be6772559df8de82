//! What came of a call, as far as the rows in it are concerned.

use std::time::Duration;

use super::Span;

/// What came of a call with rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Answered `ok`: everything but what is named is durable.
    Taken(Taken),
    /// Too large: the same in smaller calls.
    TooLarge,
    /// Nothing of it can be taken.
    Unacceptable,
    /// No answer, or one that says nothing of the rows.
    NotNow,
}

/// What an `ok` says of the rows of its call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taken {
    /// The cloud will not take these, now or ever.
    pub refused: Vec<u64>,
    /// These are ahead of the cloud's clock by so much: it takes them when that time has come.
    pub ahead: Vec<(u64, Duration)>,
    /// Rows a second that the other lane may send.
    pub backfill_per_s: u32,
}

/// The spans that a list of numbers makes up, whatever its order.
pub(super) fn spans(numbers: &[u64]) -> impl Iterator<Item = Span> + '_ {
    numbers.iter().map(|number| Span::one(*number))
}
