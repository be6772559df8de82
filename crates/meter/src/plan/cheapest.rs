//! The cheapest way to cut a row of values into reads.

use super::WireCost;
use super::span::{Rules, Span};

/// What a way to read the first values costs: time, then requests, then registers.
type Price = (u128, usize, u32);

/// Reads that cover all of `values` (disjoint, in order) at the lowest price.
///
/// A read is one run of registers, so the best reads never interleave, and the best way to read
/// the first n values ends with one read after the best way to read the values before it.
pub(super) fn split(values: &[Span], cost: &WireCost, rules: &Rules<'_>) -> Vec<Span> {
    let mut best: Vec<(Price, usize)> = vec![((0, 0, 0), 0)];
    for end in 1..=values.len() {
        let mut found: Option<(Price, usize)> = None;
        for start in (0..end).rev() {
            let Some(read) = one_read(values, start, end, rules) else {
                break;
            };
            let Some(((nanos, reads, registers), _)) = best.get(start).copied() else {
                break;
            };
            let count = u16::try_from(read.len()).unwrap_or(u16::MAX);
            let price = (
                nanos + cost.of(count).as_nanos(),
                reads + 1,
                registers + read.len(),
            );
            if found.is_none_or(|(lowest, _)| price < lowest) {
                found = Some((price, start));
            }
        }
        best.extend(found);
    }
    let mut reads = Vec::new();
    let mut end = values.len();
    while let Some((_, start)) = best.get(end).copied().filter(|_| end > 0) {
        let (Some(first), Some(last)) = (values.get(start), values.get(end - 1)) else {
            break;
        };
        reads.push(rules.aligned(first.joined(*last)));
        end = start;
    }
    reads.reverse();
    reads
}

/// The read that brings `values[start..end]`, if one may. A value on its own always may: it has to
/// be read somehow, and its profile says that it can be.
fn one_read(values: &[Span], start: usize, end: usize, rules: &Rules<'_>) -> Option<Span> {
    let (first, last) = (values.get(start)?, values.get(end - 1)?);
    if first.function != last.function {
        return None;
    }
    let read = rules.aligned(first.joined(*last));
    (start + 1 == end || rules.allows(read)).then_some(read)
}
