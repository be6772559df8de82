//! The newest rows, for people: what is in the log and in no chunk yet, and each row as it comes.
//!
//! Every node that answers people follows the log by itself. Rows stay here until they are in chunks, and are read
//! here *before* chunks are: a row that is sealed in between is seen twice, not missed.

mod follower;
mod lines;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use solthrive_cloud_store::chunk::Table;
use solthrive_cloud_store::hot::{Row, Seq};
use solthrive_domain::DeviceId;

pub use self::follower::Follower;
use self::lines::Lines;
pub use self::lines::{News, Subscription};
use crate::clock::Clock;
use crate::tail::{DAY_MS, Tail};

/// Longer without a look at the log, and nobody knows what is missing.
const STALE: Duration = Duration::from_secs(30);

/// The log was not read for a while, so the newest rows are not known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the newest rows are not known here at the moment")]
pub struct Stale;

/// Rows that are in no chunk yet, as far as the log was read.
pub struct Recent {
    clock: Clock,
    kept: RwLock<Kept>,
    lines: Lines,
}

#[derive(Debug, Default)]
struct Kept {
    /// The oldest first.
    segments: VecDeque<Segment>,
    /// Up to here the log was read.
    read: Seq,
    /// When it was found that there is no more.
    fresh_at: Option<Duration>,
}

/// Rows of a stretch of the log: forgotten as a whole once all of them are in chunks.
#[derive(Debug)]
struct Segment {
    began: Duration,
    last: Seq,
    tail: Tail,
}

impl Recent {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            kept: RwLock::default(),
            lines: Lines::default(),
        }
    }

    /// Tables with rows of a device within `span`, ms since the Unix epoch; other rows are among them too.
    ///
    /// # Errors
    /// [`Stale`].
    pub fn tables(&self, device: DeviceId, span: &Range<i64>) -> Result<Vec<Arc<Table>>, Stale> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.elapsed();
        let fresh = kept
            .fresh_at
            .is_some_and(|at| now.saturating_sub(at) <= STALE);
        if !fresh {
            return Err(Stale);
        }
        if span.is_empty() {
            return Ok(Vec::new());
        }
        let days = span.start.div_euclid(DAY_MS)..=(span.end - 1).div_euclid(DAY_MS);
        let segments = kept.segments.iter();
        let tables = segments.flat_map(|segment| segment.tail.tables_of(device, days.clone()));
        Ok(tables.map(Arc::clone).collect())
    }

    /// Every row of these devices from now on, each as soon as it is read.
    #[must_use]
    pub fn subscribe(&self, devices: &[DeviceId]) -> Subscription {
        self.lines.subscribe(devices)
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.lines.count()
    }

    /// Bytes of all rows, roughly.
    fn bytes(&self) -> usize {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.segments
            .iter()
            .map(|segment| segment.tail.bytes())
            .sum()
    }

    fn read_to(&self) -> Seq {
        self.kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .read
    }

    /// What was read: rows by device, of entries up to `to`.
    fn take(&self, rows: &[(DeviceId, Vec<Row>)], to: Seq) {
        let now = self.clock.elapsed();
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.take(rows, to, now);
        drop(kept);
        for (device, rows) in rows {
            self.lines.tell(*device, rows);
        }
    }

    /// Nothing more is in the log.
    fn is_fresh(&self) {
        let now = self.clock.elapsed();
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.fresh_at = Some(now);
    }

    /// Rows of entries up to here are in chunks.
    fn sealed(&self, to: Seq) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.sealed(to);
    }
}

impl Kept {
    fn take(&mut self, rows: &[(DeviceId, Vec<Row>)], to: Seq, now: Duration) {
        /// Tables are per segment: shorter ones would take more room than their rows.
        const SEGMENT: Duration = Duration::from_mins(30);
        let goes_on = self
            .segments
            .back()
            .is_some_and(|segment| now.saturating_sub(segment.began) < SEGMENT);
        if !goes_on {
            self.segments.push_back(Segment {
                began: now,
                last: to,
                tail: Tail::default(),
            });
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.last = to;
            for (device, rows) in rows {
                for row in rows {
                    if let Err(error) = segment.tail.insert(*device, row) {
                        tracing::error!(device.id = %device, %error, "a row of the log cannot be shown");
                    }
                }
            }
        }
        self.read = to;
    }

    fn sealed(&mut self, to: Seq) {
        while self
            .segments
            .front()
            .is_some_and(|segment| segment.last <= to)
        {
            self.segments.pop_front();
        }
        // What is in chunks need not be read here.
        self.read = self.read.max(to);
    }
}
