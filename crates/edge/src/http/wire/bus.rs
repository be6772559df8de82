//! A bus in numbers, without the registers and the trace that only `/api/debug` shows.

use serde::Serialize;
use solthrive_meter::bus::{BusStatus, MeterStatus};
use utoipa::ToSchema;

/// One bus.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Bus)]
pub struct BusBody {
    /// Its name.
    pub name: String,
    /// Port or address.
    pub link: String,
    /// Whether the link is open.
    pub open: bool,
    /// Requests sent since the start.
    pub requests: u64,
    /// Answers taken.
    pub replies: u64,
    /// What went wrong, by kind.
    pub errors: BusErrors,
    /// How often the link was opened again.
    pub reopened: u64,
    /// Answers that came too late and were recognised as such.
    pub late_replies: u64,
    /// Bytes that answered no request.
    pub discarded_bytes: u64,
    /// Whether the schedule fits into its period.
    pub budget: BusBudget,
    /// Every meter.
    pub meters: Vec<BusMeter>,
}

/// Errors since the start, by kind.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct BusErrors {
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

/// Whether a schedule fits into its period.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct BusBudget {
    /// Time that a poll of every meter takes on the wire, at its longest.
    pub needed_ms: f64,
    /// Time between two polls as configured.
    pub period_ms: f64,
    /// A meter's numbers are at most this many polls apart; 1 when everything fits.
    pub every: u32,
}

/// One meter on a bus, and what reading it costs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BusMeter {
    /// Its name.
    pub name: String,
    /// Failed polls in a row.
    pub failures: u32,
    /// Measured time from request to answer, without the wire's; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turnaround_ms: Option<f64>,
    /// Reads of a poll with counters.
    pub blocks: usize,
    /// Time of a poll with counters on the wire.
    pub wire_ms: f64,
    /// What the same points would take one by one.
    pub one_by_one_ms: f64,
    /// Points of its profile that it does not have, by its own word or its silence.
    pub missing: Vec<String>,
}

impl From<&BusStatus> for BusBody {
    fn from(bus: &BusStatus) -> Self {
        let errors = &bus.errors;
        Self {
            name: bus.bus.to_string(),
            link: bus.link.clone(),
            open: bus.open,
            requests: bus.requests,
            replies: bus.replies,
            errors: BusErrors {
                timeout: errors.timeout,
                crc: errors.crc,
                short_frame: errors.short_frame,
                exception: errors.exception,
                wrong_reply: errors.wrong_reply,
                never_silent: errors.never_silent,
                port_gone: errors.port_gone,
                port_busy: errors.port_busy,
            },
            reopened: bus.reopened,
            late_replies: bus.late_replies,
            discarded_bytes: bus.discarded_bytes,
            budget: BusBudget {
                needed_ms: bus.budget.needed_ms,
                period_ms: bus.budget.period_ms,
                every: bus.budget.every,
            },
            meters: bus.meters.iter().map(BusMeter::from).collect(),
        }
    }
}

impl From<&MeterStatus> for BusMeter {
    fn from(meter: &MeterStatus) -> Self {
        Self {
            name: meter.name.clone(),
            failures: meter.failures,
            turnaround_ms: meter.turnaround_ms,
            blocks: meter.plan.blocks,
            wire_ms: meter.plan.wire_ms,
            one_by_one_ms: meter.plan.one_by_one_ms,
            missing: meter.missing.iter().map(ToString::to_string).collect(),
        }
    }
}
