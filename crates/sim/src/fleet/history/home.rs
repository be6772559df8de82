//! One home's past.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use solthrive_domain::telemetry::UnixMillis;
use solthrive_protocol::history::{Block, Packed, Part};

use super::columns;
use super::span::Span;
use crate::fleet::{Books, Entry, House};

/// Rows of a block: half a megabyte before it is packed.
const ROWS: usize = 20_000;
/// A home's step before its rows: fine enough that a kettle is no hour of boiling, three of them for a sample.
const INSIDE: Duration = Duration::from_mins(5);

/// Everything that a home would have said in its past, packed, and its books at the end.
pub(super) fn past(
    number: usize,
    entry: &Entry,
    seed: u64,
    span: &Span,
) -> Result<(Vec<Packed>, Books)> {
    let mut packed = Vec::new();
    let begin = Books::empty(span.from.into());
    let mut house = House::going_on(entry, seed, &begin, INSIDE)?;
    if span.from < span.rows_from {
        let mut pack = |block: &Block| pack(&mut packed, number, Part::Coarse, block);
        let told = |at: Timestamp| is_on(Span::COARSE, at);
        live_until(&mut house, span.rows_from, entry, told, &mut pack)?;
    } else {
        house.go_on();
    }
    let mut house = House::going_on(entry, seed, &house.books(), span.step)?;
    let mut pack = |block: &Block| pack(&mut packed, number, Part::Rows, block);
    live_until(&mut house, span.to, entry, |_| true, &mut pack)?;
    Ok((packed, house.books()))
}

fn pack(packed: &mut Vec<Packed>, number: usize, part: Part, block: &Block) -> Result<()> {
    packed.push(Packed::of(number, part, block)?);
    Ok(())
}

/// Lives up to and with this instant, and hands out what is told.
fn live_until(
    house: &mut House,
    end: UnixMillis,
    entry: &Entry,
    is_told: impl Fn(Timestamp) -> bool,
    pack: &mut impl FnMut(&Block) -> Result<()>,
) -> Result<()> {
    let end = Timestamp::from(end);
    let mut block = columns::of(entry);
    while house.next_at() <= end {
        let (moment, _) = house.go_on();
        if is_told(moment.at) {
            columns::put(&mut block, &moment);
        }
        if block.times.len() == ROWS {
            pack(&block)?;
            block = columns::of(entry);
        }
    }
    if !block.times.is_empty() {
        pack(&block)?;
    }
    Ok(())
}

fn is_on(step: Duration, at: Timestamp) -> bool {
    u128::try_from(at.as_millisecond()).is_ok_and(|ms| ms % step.as_millis() == 0)
}
