//! What a simulated device keeps until the cloud has it: rows by number, days, signs of life.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use solthrive_courier::{Report, Reports, Row, Shelf, ShelfError, Vault};
use solthrive_domain::LedgerId;
use solthrive_domain::delivery::{Span, Tokens};
use solthrive_protocol::{DayBody, SnapshotBody};

use super::Moment;

/// Rows, days and tokens of one device.
#[derive(Debug)]
pub(super) struct Memory {
    ledger: LedgerId,
    /// The clamps of its mains are on backwards.
    reversed: bool,
    /// By how much its clock is ahead.
    ahead: Duration,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    rows: BTreeMap<u64, Moment>,
    next: u64,
    reports: VecDeque<(u64, Report)>,
    reported: u64,
    tokens: Option<Tokens>,
}

impl Memory {
    pub(super) fn new(ledger: LedgerId, reversed: bool, ahead: Duration) -> Self {
        Self {
            ledger,
            reversed,
            ahead,
            kept: Mutex::default(),
        }
    }

    /// One more row; its number.
    pub(super) fn push(&self, moment: Moment) -> u64 {
        let mut kept = self.lock();
        let number = kept.next;
        kept.next += 1;
        kept.rows.insert(number, moment);
        number
    }

    /// The rows that there are.
    pub(super) fn known(&self) -> Option<Span> {
        let kept = self.lock();
        let (first, last) = kept.rows.keys().next().zip(kept.rows.keys().next_back())?;
        Span::new(*first, *last)
    }

    /// Rows before this one are not needed any more.
    pub(super) fn forget_before(&self, number: u64) {
        let mut kept = self.lock();
        kept.rows = kept.rows.split_off(&number);
    }

    pub(super) fn push_day(&self, day: DayBody) {
        self.push_report(Report::Days(vec![day]));
    }

    pub(super) fn push_sign_of_life(&self, up: Duration) {
        let state = json!({ "simulated": true, "uptime_s": up.as_secs() });
        self.push_report(Report::Health(Vec::new(), Some(state)));
    }

    fn push_report(&self, report: Report) {
        let mut kept = self.lock();
        kept.reported += 1;
        let number = kept.reported;
        kept.reports.push_back((number, report));
    }

    /// The tokens that were kept last.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        self.lock().tokens.clone()
    }

    /// What this device's clock makes of a time.
    fn told_at(&self, time: Timestamp) -> Timestamp {
        time.checked_add(self.ahead).unwrap_or(time)
    }

    fn row(&self, moment: &Moment) -> Row {
        let body = moment.body(self.reversed);
        Row {
            ledger: self.ledger,
            body: SnapshotBody {
                ts: self.told_at(body.ts),
                ..body
            },
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf for Memory {
    fn rows(&self, span: Span) -> Result<Vec<(u64, Row)>, ShelfError> {
        let kept = self.lock();
        let found = kept.rows.range(span.first..=span.last);
        Ok(found
            .map(|(number, moment)| (*number, self.row(moment)))
            .collect())
    }
}

impl Reports for Memory {
    fn next(&self) -> Option<(u64, Report)> {
        self.lock().reports.front().cloned()
    }

    fn told(&self, number: u64) {
        let mut kept = self.lock();
        if kept
            .reports
            .front()
            .is_some_and(|(first, _)| *first == number)
        {
            kept.reports.pop_front();
        }
    }
}

impl Vault for Memory {
    fn keep(&self, tokens: &Tokens) -> io::Result<()> {
        self.lock().tokens = Some(tokens.clone());
        Ok(())
    }
}
