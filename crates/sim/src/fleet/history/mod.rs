//! A fleet's past in one go: what its homes would have delivered, had the cloud been there.
//!
//! Each home goes through its past twice as fast as it can: in coarse steps first, which is enough for quarters of
//! an hour, then in fine ones, row by row. Its books go on from one to the other, and from there to a live fleet.

mod columns;
mod home;
mod span;

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use solthrive_domain::LedgerId;
use solthrive_protocol::history::{Header, Packed, Source, Writer};

pub use self::span::Span;
use super::books::{Books, Shelf};
use super::{Entry, FIRMWARE};

/// What became of a home: its blocks, and its books at the end.
type Lived = (usize, Result<(Vec<Packed>, Books)>);

/// Writes the past of the roster's homes, and returns their books at its end. `tell` hears how many homes are done.
/// The same roster, seed and span give the same bytes, on however many cores.
///
/// # Errors
/// When a home cannot be simulated or the stream cannot be written.
pub fn write(
    roster: &[Entry],
    seed: u64,
    span: &Span,
    out: impl Write,
    mut tell: impl FnMut(usize),
) -> Result<Shelf> {
    let mut writer = Writer::begin(out, &header(roster, span))?;
    let mut shelf = Shelf {
        seed,
        homes: BTreeMap::new(),
    };
    let next = AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let (lived, done) = sync_channel(cores);
        for _ in 0..cores {
            let (lived, next) = (lived.clone(), &next);
            scope.spawn(move || live(roster, seed, span, next, &lived));
        }
        drop(lived);
        let mut in_order = InOrder::new(done);
        for (number, entry) in roster.iter().enumerate() {
            let (blocks, books) = in_order
                .take(number)?
                .with_context(|| format!("the home of {}", entry.serial))?;
            blocks.iter().try_for_each(|block| writer.put(block))?;
            shelf.homes.insert(entry.device_id, books);
            tell(number + 1);
        }
        writer.end()?;
        Ok(shelf)
    })
}

fn header(roster: &[Entry], span: &Span) -> Header {
    let seconds = |step: std::time::Duration| u32::try_from(step.as_secs()).unwrap_or(u32::MAX);
    let source = |entry: &Entry| Source {
        device_id: entry.device_id,
        serial: entry.serial.clone(),
        ledger_id: LedgerId::from_uuid(entry.device_id.as_uuid()),
        firmware: FIRMWARE.to_owned(),
    };
    Header {
        made_by: concat!("solthrive-sim ", env!("CARGO_PKG_VERSION")).to_owned(),
        from: span.from,
        rows_from: span.rows_from,
        to: span.to,
        coarse_s: seconds(Span::COARSE),
        step_s: seconds(span.step),
        homes: roster.iter().map(source).collect(),
    }
}

/// One core: a home after the other, until there is none or nobody listens any more.
fn live(roster: &[Entry], seed: u64, span: &Span, next: &AtomicUsize, lived: &SyncSender<Lived>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(entry) = roster.get(number) else {
            return;
        };
        let past = home::past(number, entry, seed.wrapping_add(number as u64), span);
        if lived.send((number, past)).is_err() {
            return;
        }
    }
}

/// Homes by their number, whichever was ready first.
struct InOrder {
    done: Receiver<Lived>,
    early: BTreeMap<usize, Result<(Vec<Packed>, Books)>>,
}

impl InOrder {
    const fn new(done: Receiver<Lived>) -> Self {
        Self {
            done,
            early: BTreeMap::new(),
        }
    }

    fn take(&mut self, number: usize) -> Result<Result<(Vec<Packed>, Books)>> {
        loop {
            if let Some(lived) = self.early.remove(&number) {
                return Ok(lived);
            }
            let (number, lived) = self
                .done
                .recv()
                .map_err(|_| anyhow!("a home was not simulated to its end"))?;
            self.early.insert(number, lived);
        }
    }
}
