//! What a bus tells about itself: counters, plans, timing, the last exchanges.
//!
//! Written once a poll under a short lock, read when somebody asks.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use solthrive_domain::{Mono, Point};

use super::drift::Drift;
use super::{BusConfig, BusFault, Exchange, FaultKind};
use crate::frame::ReadRequest;
use crate::plan::{UnitPlan, WireCost};

/// Exchanges kept for the debug page.
const TRACE: usize = 64;

/// One bus as it is now.
#[derive(Debug, Clone, Serialize)]
pub struct BusStatus {
    /// Its name.
    pub bus: String,
    /// Port or address.
    pub link: String,
    /// Whether the link is open.
    pub open: bool,
    /// Requests sent.
    pub requests: u64,
    /// Answers taken.
    pub replies: u64,
    /// What went wrong, by kind.
    pub errors: ErrorCounts,
    /// How often the link was opened again.
    pub reopened: u64,
    /// Answers that came too late and were recognised as such.
    pub late_replies: u64,
    /// Bytes that answered no request.
    pub discarded_bytes: u64,
    /// Every meter in the configuration's order.
    pub meters: Vec<MeterStatus>,
    /// Whether the schedule fits into its second.
    pub budget: Budget,
    /// How polls keep to the grid.
    pub drift: Drift,
    /// The last exchanges, oldest first.
    pub trace: VecDeque<Trace>,
}

/// Errors since the start, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ErrorCounts {
    /// No answer in time.
    pub timeout: u64,
    /// Damaged answers.
    pub crc: u64,
    /// Answers that broke off.
    pub short_frame: u64,
    /// Refusals by a meter.
    pub exception: u64,
    /// Answers to another request.
    pub wrong_reply: u64,
    /// The line did not fall silent.
    pub never_silent: u64,
    /// Port or connection gone or refused.
    pub port_gone: u64,
    /// Port in use by another program.
    pub port_busy: u64,
}

impl ErrorCounts {
    /// One more of this kind.
    pub fn count(&mut self, fault: FaultKind) {
        let counter = match fault {
            FaultKind::Timeout => &mut self.timeout,
            FaultKind::Crc => &mut self.crc,
            FaultKind::ShortFrame => &mut self.short_frame,
            FaultKind::Exception(_) => &mut self.exception,
            FaultKind::WrongReply => &mut self.wrong_reply,
            FaultKind::NeverSilent => &mut self.never_silent,
            FaultKind::PortGone => &mut self.port_gone,
            FaultKind::PortBusy => &mut self.port_busy,
        };
        *counter += 1;
    }

    /// Frames that the cable or a second talker spoiled, as opposed to silence and refusals.
    #[must_use]
    pub const fn damaged(&self) -> u64 {
        self.crc + self.short_frame + self.wrong_reply + self.never_silent
    }
}

/// One meter on a bus.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct MeterStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub unit: u8,
    /// Its profile.
    pub profile: String,
    /// Failed polls in a row.
    pub failures: u32,
    /// Measured time from request to answer, without the wire's.
    pub turnaround_ms: Option<f64>,
    /// How it is read.
    pub plan: PlanStatus,
    /// Points of its profile that it does not have, by its own word or its silence.
    pub missing: Vec<Point>,
    /// Those among them that it does not answer for; they are asked for again now and then.
    pub unanswered: Vec<Point>,
    /// Polls since the start that brought a part only, because a block was not answered.
    pub partial: u64,
    /// Registers of the last poll.
    pub registers: Vec<RawBlock>,
}

/// What reading a meter costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct PlanStatus {
    /// Reads of an ordinary poll.
    pub fast_blocks: usize,
    /// Time of an ordinary poll on the wire, silences and the meter's own time included.
    pub fast_wire_ms: f64,
    /// Reads of a poll with counters.
    pub blocks: usize,
    /// Time of a poll with counters.
    pub wire_ms: f64,
    /// What the same points would take one by one.
    pub one_by_one_ms: f64,
}

impl PlanStatus {
    /// The figures of a plan; `widths` are the registers of each point it brings.
    pub(super) fn of(plan: &UnitPlan, cost: &WireCost, widths: impl Iterator<Item = u16>) -> Self {
        Self {
            fast_blocks: plan.fast.len(),
            fast_wire_ms: ms(cost.of_all(&plan.fast)),
            blocks: plan.full.len(),
            wire_ms: ms(cost.of_all(&plan.full)),
            one_by_one_ms: ms(widths.map(|width| cost.of(width)).sum()),
        }
    }
}

/// Registers as they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RawBlock {
    /// Modbus function.
    pub function: u8,
    /// First register.
    pub address: u16,
    /// Values.
    pub values: Vec<u16>,
}

/// Whether a schedule fits into its period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Budget {
    /// Time that a poll of every meter takes on the wire, at its longest.
    pub needed_ms: f64,
    /// Time between two polls as configured.
    pub period_ms: f64,
    /// A meter's numbers are at most this many polls apart; 1 when everything fits.
    pub every: u32,
}

/// One exchange on the wire.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trace {
    /// When the request went out, seconds after the process's start.
    pub at_s: f64,
    /// Until the verdict.
    pub took_ms: f64,
    /// The request, hexadecimal.
    pub request: String,
    /// Everything heard, hexadecimal.
    pub reply: String,
    /// `ok`, or what went wrong.
    pub outcome: String,
}

impl BusStatus {
    /// A bus that has not begun.
    #[must_use]
    pub fn new(config: &BusConfig) -> Self {
        let meter = |meter: &super::MeterConfig| MeterStatus {
            name: meter.id.to_string(),
            unit: meter.unit,
            profile: meter.profile.id.clone(),
            ..MeterStatus::default()
        };
        Self {
            bus: config.name.clone(),
            link: config.link.to_string(),
            open: false,
            requests: 0,
            replies: 0,
            errors: ErrorCounts::default(),
            reopened: 0,
            late_replies: 0,
            discarded_bytes: 0,
            meters: config.meters.iter().map(meter).collect(),
            budget: Budget {
                period_ms: ms(config.poll_every),
                every: 1,
                ..Budget::default()
            },
            drift: Drift::default(),
            trace: VecDeque::with_capacity(TRACE),
        }
    }

    /// One exchange is over.
    pub(super) fn note(
        &mut self,
        request: &ReadRequest,
        exchange: &Exchange,
        fault: Option<&BusFault>,
    ) {
        self.requests += 1;
        self.late_replies += u64::from(exchange.late_replies);
        self.discarded_bytes += u64::from(exchange.discarded);
        match fault {
            None => self.replies += 1,
            Some(fault) => {
                self.errors.count(fault.kind());
                tracing::debug!(bus = %self.bus, unit = request.unit, address = request.address, %fault, "a read failed");
            }
        }
        if self.trace.len() == TRACE {
            self.trace.pop_front();
        }
        self.trace.push_back(Trace {
            at_s: seconds(exchange.sent_at),
            took_ms: ms(exchange.took),
            request: hex(&exchange.request),
            reply: hex(&exchange.reply),
            outcome: fault.map_or_else(|| "ok".to_owned(), ToString::to_string),
        });
    }
}

/// A reader that panicked left nothing half-written.
pub(super) fn lock(status: &Mutex<BusStatus>) -> MutexGuard<'_, BusStatus> {
    status.lock().unwrap_or_else(PoisonError::into_inner)
}

fn seconds(at: Mono) -> f64 {
    (at.since_origin().as_secs_f64() * 1e3).round() / 1e3
}

fn ms(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e5).round() / 1e2
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}
