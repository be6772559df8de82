//! What a bus needs from the thing that carries its requests.

use std::time::Duration;

use solthrive_domain::Mono;

use super::BusFault;
use crate::frame::ReadRequest;

/// Carries one request at a time and hands out nothing that is not surely the answer to it.
pub trait Master: Send {
    /// Asks and waits at most `timeout` for the answer, counted from the moment the request is out.
    /// Waits before asking, when the bus is not ready yet (see [`Master::ready_at`]).
    ///
    /// # Errors
    /// Why there are no registers; [`Master::is_open`] tells whether to go on asking this master.
    fn read(&mut self, request: ReadRequest, timeout: Duration) -> Result<Vec<u16>, BusFault>;

    /// The earliest instant at which this request may go out.
    fn ready_at(&self, request: &ReadRequest) -> Mono;

    /// What a read costs on this link, without the meter's own time; `None` until known.
    fn line(&self) -> LineCost;

    /// How long `unit` usually takes from the end of the request to its answer, less the time the
    /// answer needs on the wire; `None` until measured.
    fn turnaround(&self, unit: u8) -> Option<Duration>;

    /// Whether the link still stands. When it does not, the master is of no use any more.
    fn is_open(&self) -> bool;

    /// The last request and what came back, kept until the next one.
    fn last(&self) -> &Exchange;
}

/// The link's part of the cost of a read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineCost {
    /// Time of one character; zero where the network's speed does not matter.
    pub char_time: Duration,
    /// Silences that belong to each transaction.
    pub overhead: Duration,
}

impl LineCost {
    /// Time on the wire of a read of `count` registers, silences included, the meter's time not.
    #[must_use]
    pub fn of(self, count: u16) -> Duration {
        self.char_time * (8 + 5 + 2 * u32::from(count)) + self.overhead
    }
}

/// One request and what was heard after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// When the request went out.
    pub sent_at: Mono,
    /// From there to the verdict.
    pub took: Duration,
    /// The request as sent. Over TCP: unit and PDU, without the transaction header.
    pub request: Vec<u8>,
    /// Every byte heard until the verdict.
    pub reply: Vec<u8>,
    /// Bytes discarded while waiting for the line to fall silent before this request.
    pub discarded: u32,
    /// Answers among them that came too late for their request.
    pub late_replies: u32,
    /// Waits that were needed: how often the thread slept or polled for this exchange.
    pub waits: u32,
}

impl Exchange {
    /// Starts over for the next request.
    pub fn begin(&mut self) {
        self.request.clear();
        self.reply.clear();
        self.took = Duration::ZERO;
        self.discarded = 0;
        self.late_replies = 0;
        self.waits = 0;
    }
}
