//! Samples by their number: the newest from memory, the others from the history.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use solthrive_courier::{Row, Shelf, ShelfError};
use solthrive_domain::delivery::Span;
use solthrive_protocol::{ChannelBody, SnapshotBody};

use crate::store::{Numbered, Reader};
use crate::truth::Told;

/// Samples in memory: twenty minutes of one a second, or five hours of one each fifteen. What the disk
/// could not take for longer is told from here no more, and from the history once it can.
const MOST: usize = 1_200;

/// Where the samples are.
#[derive(Debug)]
pub(super) struct Samples {
    newest: Mutex<VecDeque<Numbered>>,
    history: Reader,
}

impl Samples {
    pub(super) const fn new(history: Reader) -> Self {
        Self {
            newest: Mutex::new(VecDeque::new()),
            history,
        }
    }

    /// One more.
    pub(super) fn push(&self, sample: Numbered) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.len() == MOST {
            newest.pop_front();
        }
        newest.push_back(sample);
    }
}

impl Shelf for Samples {
    fn rows(&self, span: Span) -> Result<Vec<(u64, Row)>, ShelfError> {
        let within = |number: u64| (span.first..=span.last).contains(&number);
        let mut rows: BTreeMap<u64, Row> = {
            let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            let found = newest.iter().filter(|sample| within(sample.number));
            found
                .map(|sample| (sample.number, row(&sample.told)))
                .collect()
        };
        if (rows.len() as u64) < span.count() {
            let before = rows
                .keys()
                .next()
                .map_or(span.last, |first| first.saturating_sub(1));
            if let Some(stored) = Span::new(span.first, before) {
                let stored = self.history.samples(stored);
                let stored = stored.map_err(|error| ShelfError(error.to_string()))?;
                rows.extend(
                    stored
                        .iter()
                        .map(|sample| (sample.number, row(&sample.told))),
                );
            }
        }
        Ok(rows.into_iter().collect())
    }
}

fn row(told: &Told) -> Row {
    let channels = told
        .channels
        .iter()
        .map(|channel| (channel.name.clone(), ChannelBody::of(channel)));
    Row {
        ledger: told.sample.ledger,
        body: SnapshotBody::of(&told.sample, channels.collect()),
    }
}
