//! Makes the reads of one unit differ in length, so that a reply tells which read it answers.

use std::collections::{BTreeMap, BTreeSet};

use super::span::{Rules, Span};
use crate::profile::Function;

/// Registers that padding may add to a read.
const MOST: u32 = 8;
/// What a padding register costs beside its own time: registers between the profile's points are
/// likelier to exist than those beyond; half a value, or one that may be missing, is refused.
const IN_A_HOLE: u32 = 2;
const BEYOND: u32 = 3;
const UNWISE: u32 = 8;

/// Reads to be asked for instead, by the read they replace. Reads that need no padding are not in
/// it, nor are those for which there is no room. `first` keep their lengths where they can.
pub(super) fn told_apart(first: &[Span], then: &[Span], rules: &Rules<'_>) -> BTreeMap<Span, Span> {
    let mut padded = BTreeMap::new();
    let mut taken: BTreeSet<(Function, u32)> = BTreeSet::new();
    let mut seen: BTreeSet<Span> = BTreeSet::new();
    for group in [first, then] {
        let mut group: Vec<Span> = group
            .iter()
            .copied()
            .filter(|span| seen.insert(*span))
            .collect();
        group.sort_unstable_by_key(|span| (span.len(), *span));
        for span in group {
            let read = free_length(span, &taken, rules).unwrap_or(span);
            taken.insert((read.function, read.len()));
            if read != span {
                padded.insert(span, read);
            }
        }
    }
    padded
}

/// The least harmful way to give `span` a length that no other read has.
fn free_length(span: Span, taken: &BTreeSet<(Function, u32)>, rules: &Rules<'_>) -> Option<Span> {
    let step = usize::try_from(rules.step()).unwrap_or(1);
    let longer = (0..=MOST)
        .step_by(step)
        .filter(|more| !taken.contains(&(span.function, span.len() + more)));
    let placed = longer.flat_map(|more| {
        (0..=more).step_by(step).filter_map(move |before| {
            let read = Span::new(
                span.function,
                span.from.checked_sub(before)?,
                span.to + (more - before),
            );
            (more == 0 || (rules.allows(read) && rules.memory.may_pad(span, read)))
                .then_some((more, read))
        })
    });
    placed
        .min_by_key(|(more, read)| (more + harm(span, *read, rules), *more, *read))
        .map(|(_, read)| read)
}

fn harm(span: Span, read: Span, rules: &Rules<'_>) -> u32 {
    let added = (read.from..span.from).chain(span.to..read.to);
    added
        .map(|register| {
            harm_of(
                Span::new(read.function, register, register + 1),
                read,
                rules,
            )
        })
        .sum()
}

fn harm_of(register: Span, read: Span, rules: &Rules<'_>) -> u32 {
    let points = || {
        rules
            .profile
            .points
            .iter()
            .filter(|def| def.function == register.function)
    };
    if let Some(def) = points().find(|def| Span::of_point(def).touches(register)) {
        let whole = read.contains(Span::of_point(def));
        return if whole && !def.optional { 0 } else { UNWISE };
    }
    let between = points().any(|def| def.end() <= register.from)
        && points().any(|def| u32::from(def.address) >= register.to);
    if between { IN_A_HOLE } else { BEYOND }
}
