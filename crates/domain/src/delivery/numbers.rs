//! Sets of row numbers, small while they have few gaps.

use std::fmt;
use std::str::FromStr;

/// A span of row numbers, both ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first.
    pub first: u64,
    /// The last; never before the first.
    pub last: u64,
}

impl Span {
    /// From one number to another; `None` when that is nothing.
    #[must_use]
    pub const fn new(first: u64, last: u64) -> Option<Self> {
        if first <= last {
            Some(Self { first, last })
        } else {
            None
        }
    }

    /// One number.
    #[must_use]
    pub const fn one(number: u64) -> Self {
        Self {
            first: number,
            last: number,
        }
    }

    /// How many numbers.
    #[must_use]
    pub const fn count(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }

    /// What lies in both.
    #[must_use]
    pub fn and(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last))
    }
}

/// A set of row numbers: spans in order, none of them touching the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers(Vec<Span>);

impl Numbers {
    /// Adds a span.
    pub fn insert(&mut self, span: Span) {
        let touches = |other: &Span| {
            other.first <= span.last.saturating_add(1) && span.first <= other.last.saturating_add(1)
        };
        let from = self
            .0
            .partition_point(|other| other.last.saturating_add(1) < span.first);
        let to = from
            + self.0[from..]
                .iter()
                .take_while(|other| touches(other))
                .count();
        let joined = self.0[from..to].iter().fold(span, |all, other| Span {
            first: all.first.min(other.first),
            last: all.last.max(other.last),
        });
        self.0.splice(from..to, [joined]);
    }

    /// Takes a span out.
    pub fn remove(&mut self, span: Span) {
        let cut = |other: &Span| {
            let before = span
                .first
                .checked_sub(1)
                .and_then(|end| Span::new(other.first, end.min(other.last)));
            let after = span
                .last
                .checked_add(1)
                .and_then(|begin| Span::new(begin.max(other.first), other.last));
            before.into_iter().chain(after)
        };
        self.0 = self.0.iter().flat_map(cut).collect();
    }

    /// Whether a number is in it.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        let place = self.0.partition_point(|span| span.last < number);
        self.0.get(place).is_some_and(|span| span.first <= number)
    }

    /// The spans, in order.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// The largest number.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        self.0.last().map(|span| span.last)
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |all, span| all.saturating_add(span.count()))
    }

    /// The spans of `within` that are not in it, in order.
    pub fn gaps(&self, within: Span) -> impl DoubleEndedIterator<Item = Span> {
        let mut gaps = Vec::new();
        let mut next = Some(within.first);
        for span in self.0.iter().filter_map(|span| span.and(within)) {
            let gap = next.and_then(|from| Span::new(from, span.first.checked_sub(1)?));
            gaps.extend(gap);
            next = span.last.checked_add(1);
        }
        gaps.extend(next.and_then(|from| Span::new(from, within.last)));
        gaps.into_iter()
    }

    /// Without everything above `last`.
    #[must_use]
    pub fn up_to(mut self, last: Option<u64>) -> Self {
        match last {
            None => self.0.clear(),
            Some(last) => {
                if let Some(above) = last.checked_add(1) {
                    self.remove(Span {
                        first: above,
                        last: u64::MAX,
                    });
                }
            }
        }
        self
    }

    /// Everything below `first` is in it from now on: it is gone, and nobody will ask again.
    pub fn fill_below(&mut self, first: u64) {
        if let Some(last) = first.checked_sub(1) {
            self.insert(Span { first: 0, last });
        }
    }

    /// Forgets the smallest spans until at most so many are left.
    pub fn forget_to(&mut self, most: usize) {
        while self.0.len() > most.max(1) {
            let smallest = (0..self.0.len()).min_by_key(|index| self.0[*index].count());
            if let Some(index) = smallest {
                self.0.remove(index);
            }
        }
    }
}

impl FromIterator<Span> for Numbers {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        let mut all = Self::default();
        spans.into_iter().for_each(|span| all.insert(span));
        all
    }
}

/// As `0-120,125-130`.
impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, span) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}-{}", span.first, span.last)?;
        }
        Ok(())
    }
}

/// A text is no set of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a list of spans such as 0-120,125-130")]
pub struct NotNumbers;

impl FromStr for Numbers {
    type Err = NotNumbers;
    fn from_str(text: &str) -> Result<Self, NotNumbers> {
        let span = |text: &str| {
            let (first, last) = text.split_once('-')?;
            Span::new(first.parse().ok()?, last.parse().ok()?)
        };
        let spans = text.split(',').filter(|text| !text.is_empty());
        spans.map(|text| span(text).ok_or(NotNumbers)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(numbers: &BTreeSet<u64>) -> Numbers {
        numbers.iter().map(|number| Span::one(*number)).collect()
    }

    fn all(numbers: &Numbers) -> BTreeSet<u64> {
        numbers
            .spans()
            .iter()
            .flat_map(|span| span.first..=span.last)
            .collect()
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_numbers(steps in prop::collection::vec((any::<bool>(), 0u64..60, 0u64..12), 0..40)) {
            let (mut numbers, mut oracle) = (Numbers::default(), BTreeSet::new());
            for (add, first, more) in steps {
                let span = Span { first, last: first + more };
                if add {
                    numbers.insert(span);
                    oracle.extend(span.first..=span.last);
                } else {
                    numbers.remove(span);
                    oracle.retain(|number| *number < span.first || *number > span.last);
                }
                prop_assert_eq!(&numbers, &of(&oracle));
                prop_assert_eq!(numbers.count(), oracle.len() as u64);
                prop_assert!((0..80).all(|number| numbers.contains(number) == oracle.contains(&number)));
                let within = Span { first: 5, last: 50 };
                let gaps: BTreeSet<u64> = numbers.gaps(within).flat_map(|gap| gap.first..=gap.last).collect();
                prop_assert_eq!(gaps, (5..=50).filter(|number| !oracle.contains(number)).collect());
                prop_assert_eq!(numbers.to_string().parse::<Numbers>().unwrap(), numbers.clone());
                let cut = numbers.clone().up_to(Some(30));
                prop_assert_eq!(all(&cut), oracle.iter().copied().filter(|number| *number <= 30).collect());
            }
        }

        #[test]
        fn what_is_forgotten_is_never_added(spans in prop::collection::vec((0u64..500, 0u64..9), 0..60), most in 1usize..8) {
            let whole: Numbers = spans.into_iter().map(|(first, more)| Span { first, last: first + more }).collect();
            let mut less = whole.clone();
            less.forget_to(most);
            prop_assert!(less.spans().len() <= most);
            prop_assert!(less.spans().iter().all(|span| whole.spans().contains(span)));
        }
    }

    #[test]
    fn the_ends_of_the_range_are_numbers_like_others() {
        let mut numbers = Numbers::default();
        numbers.insert(Span {
            first: 0,
            last: u64::MAX,
        });
        assert_eq!(
            (
                numbers
                    .gaps(Span {
                        first: 0,
                        last: u64::MAX
                    })
                    .count(),
                numbers.count()
            ),
            (0, u64::MAX)
        );
        numbers.remove(Span::one(u64::MAX));
        numbers.remove(Span::one(0));
        assert_eq!(
            numbers.spans(),
            [Span {
                first: 1,
                last: u64::MAX - 1
            }]
        );
        for nonsense in ["5", "5-4", "a-b", "1-2;3-4", "-"] {
            assert_eq!(nonsense.parse::<Numbers>(), Err(NotNumbers), "{nonsense}");
        }
    }
}
