//! The RTU master: one request at a time over one serial port.
//!
//! # Why no wrong value gets out
//! A reply is taken only if unit, function, byte count and CRC are exactly right. What could still
//! pass is a sound reply to *another* request of the same shape, and it has four ways to arrive:
//!
//! 1. *It was received earlier and lay in the kernel.* Before each request everything received is
//!    taken and thrown away, and the kernel's buffers are flushed.
//! 2. *It is being received while we ask.* We ask only after 3.5 characters of silence; any byte
//!    starts the silence anew. The second copy of a doubled reply is heard out that way.
//! 3. *It comes after its timeout.* See [`super::quarantine`]: nothing it could pass for is asked
//!    until it can no longer come.
//! 4. *It is a copy sent after a pause, while we wait for the answer to a request of the same shape*:
//!    for other registers, or for the same ones, whose values then are old. Nothing of that shape is
//!    asked before a copy of the last answer would have come. The planner gives the blocks of a unit
//!    different lengths and a poll a second is never that soon, so this costs time in scans only.
//!
//! # Two wake-ups a request
//! One wait for the silence, which also hears what breaks it, and one sleep for the time the whole
//! exchange takes on the wire plus the unit's measured turnaround. Then the reply is there; only if
//! it is not does the thread wait for bytes.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use solthrive_domain::Mono;

use super::quarantine::{DEFAULT_QUARANTINE, Quarantine};
use super::verdict::{Verdict, beyond_echo, diagnosis, verdict};
use super::{Port, Wire};
use crate::bus::{BusFault, Exchange, LineCost, Master, Pace, Turnaround};
use crate::frame::{FrameFault, REQUEST_LEN, ReadRequest, parse_reply};
use crate::line::SerialSettings;

/// A reply that has begun and then pauses longer than this has broken off. USB adapters hand bytes
/// on in bursts 16 ms apart; a busy host adds to it.
const BROKEN_OFF: Duration = Duration::from_millis(60);
/// The silence asked for after bytes that nobody asked for: what sends them may not be done.
const SETTLE: Duration = Duration::from_millis(20);
/// How much longer than planned the line may take to fall silent before the request is given up.
const BABBLE: Duration = Duration::from_secs(1);
/// Bytes of babble kept for recognising late replies.
const STRAY_KEPT: usize = 1024;
/// Requests remembered, whose answers might come again as copies.
const RECENT: usize = 64;

/// What a master is told beside the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtuOptions {
    /// How long after its timeout an answer may still come; grows when a later one is seen.
    pub quarantine: Duration,
}

impl Default for RtuOptions {
    fn default() -> Self {
        Self {
            quarantine: DEFAULT_QUARANTINE,
        }
    }
}

/// Modbus RTU on one line, usually a serial port.
pub struct RtuMaster<W = Port> {
    wire: W,
    settings: SerialSettings,
    pace: Arc<dyn Pace>,
    quarantine: Quarantine,
    turnaround: BTreeMap<u8, Turnaround>,
    /// When the line was last known to carry a byte, ours or another's.
    last_byte: Mono,
    /// Silence wanted after `last_byte`.
    silence: Duration,
    recent: VecDeque<(ReadRequest, Mono)>,
    /// Who refused last, and when.
    refused: Option<(u8, Mono)>,
    exchange: Exchange,
    stray: Vec<u8>,
    open: bool,
}

impl RtuMaster {
    /// Opens the port.
    ///
    /// # Errors
    /// [`BusFault::PortBusy`] or [`BusFault::PortGone`].
    pub fn open(
        path: &Path,
        settings: SerialSettings,
        pace: Arc<dyn Pace>,
        options: RtuOptions,
    ) -> Result<Self, BusFault> {
        let port = Port::open(path, settings)?;
        Ok(Self::on(port, settings, pace, options))
    }
}

impl<W: Wire> RtuMaster<W> {
    /// A master on a line that is open already.
    pub fn on(wire: W, settings: SerialSettings, pace: Arc<dyn Pace>, options: RtuOptions) -> Self {
        Self {
            wire,
            settings,
            quarantine: Quarantine::new(options.quarantine),
            turnaround: BTreeMap::new(),
            last_byte: pace.now(),
            silence: settings.t3_5(),
            recent: VecDeque::with_capacity(RECENT),
            refused: None,
            exchange: Exchange::default(),
            stray: Vec::new(),
            open: true,
            pace,
        }
    }

    /// Waits until `request` may go out. On return nothing was heard for at least 3.5 characters.
    fn fall_silent(&mut self, request: &ReadRequest) -> Result<(), BusFault> {
        let give_up =
            self.ready_at(request).max(self.pace.now()) + (self.quarantine.quiet() * 3).max(BABBLE);
        self.stray.clear();
        // What lies there already came at an unknown time, so it says nothing about lateness.
        let mut heard_live = false;
        loop {
            let got = self.wire.take(&mut self.stray)?;
            let now = self.pace.now();
            if got > 0 {
                self.exchange.discarded = self
                    .exchange
                    .discarded
                    .saturating_add(u32::try_from(got).unwrap_or(u32::MAX));
                self.last_byte = now;
                self.silence = self.settings.t3_5().max(SETTLE);
                self.quarantine.heard(now);
                self.exchange.late_replies +=
                    self.quarantine.recognise(&self.stray, now, heard_live);
                self.stray
                    .drain(..self.stray.len().saturating_sub(STRAY_KEPT));
            }
            let ready = self.ready_at(request);
            if now >= ready {
                self.silence = self.settings.t3_5();
                return Ok(());
            }
            if now >= give_up {
                return Err(BusFault::NeverSilent);
            }
            self.exchange.waits += 1;
            heard_live = self.wire.wait(ready.since(now))?;
        }
    }

    fn send(&mut self, request: ReadRequest) -> Result<(), BusFault> {
        let frame = request.encode();
        self.exchange.request.extend_from_slice(&frame);
        self.wire.flush_and_write(&frame)?;
        self.exchange.sent_at = self.pace.now();
        self.quarantine.sent(&request, self.exchange.sent_at);
        self.last_byte = self.exchange.sent_at + self.settings.wire_time(REQUEST_LEN);
        Ok(())
    }

    /// Hears the answer, or why there is none.
    fn listen(&mut self, request: ReadRequest, timeout: Duration) -> Result<Vec<u16>, BusFault> {
        let out_at = self.exchange.sent_at + self.settings.wire_time(REQUEST_LEN);
        let deadline = self.exchange.sent_at + timeout;
        let reply_time = self.settings.wire_time(request.reply_len());
        let unit = self.turnaround.entry(request.unit).or_default();
        let estimate = if unit.wants_measurement() {
            None
        } else {
            unit.estimate()
        };
        if let Some(estimate) = estimate {
            self.exchange.waits += 1;
            self.pace
                .sleep_until((out_at + estimate + reply_time).min(deadline));
        }
        let mut slept_enough = estimate.is_some();
        loop {
            let got = self.wire.take(&mut self.exchange.reply)?;
            let now = self.pace.now();
            if got > 0 {
                self.last_byte = now.max(self.last_byte);
            }
            match self.verdict(request) {
                Verdict::Answer(at) => {
                    let registers = self.registers(request, at)?;
                    let unit = self.turnaround.entry(request.unit).or_default();
                    if slept_enough {
                        unit.in_time();
                    } else {
                        unit.measured(now.since(out_at + reply_time));
                    }
                    return Ok(registers);
                }
                Verdict::Refusal(code) => return Err(BusFault::Exception(code)),
                Verdict::Ambiguous => return Err(BusFault::WrongReply),
                Verdict::Missing(bytes) => {
                    slept_enough = false;
                    self.wait_for(bytes, got, deadline, now)?;
                }
            }
        }
    }

    /// One wait while `missing` bytes of the answer are outstanding; the fault when it is too late.
    fn wait_for(
        &mut self,
        missing: usize,
        got: usize,
        deadline: Mono,
        now: Mono,
    ) -> Result<(), BusFault> {
        let begun = !self.beyond_echo().is_empty();
        let broken_off = self.last_byte + BROKEN_OFF.max(self.settings.t3_5());
        if now >= deadline || (begun && got == 0 && now >= broken_off) {
            return Err(diagnosis(&self.exchange.request, self.beyond_echo()));
        }
        self.exchange.waits += 1;
        if begun && got > 0 {
            // Mid-frame: the rest needs at least its time on the wire, so sleep that instead of
            // waking for each burst.
            let rest = self
                .settings
                .wire_time(missing.min(crate::frame::MAX_FRAME));
            self.pace.sleep_until((now + rest).min(deadline));
        } else {
            let until = if begun {
                broken_off.min(deadline)
            } else {
                deadline
            };
            self.wire.wait(until.since(now))?;
        }
        Ok(())
    }

    fn verdict(&self, request: ReadRequest) -> Verdict {
        verdict(request, &self.exchange.request, &self.exchange.reply)
    }

    fn beyond_echo(&self) -> &[u8] {
        beyond_echo(&self.exchange.request, &self.exchange.reply)
    }

    /// What the answer that stands at `at` says.
    fn registers(
        &self,
        request: ReadRequest,
        at: std::ops::Range<usize>,
    ) -> Result<Vec<u16>, BusFault> {
        let frame = self.exchange.reply.get(at).unwrap_or_default();
        parse_reply(request, frame)
            .map(|registers| registers.iter().collect())
            .map_err(|fault| match fault {
                FrameFault::Short => BusFault::ShortFrame,
                FrameFault::Crc => BusFault::Crc,
                FrameFault::Wrong => BusFault::WrongReply,
                FrameFault::Exception(code) => BusFault::Exception(code),
            })
    }

    /// When a copy of the last answer of this shape will have come.
    fn told_apart_at(&self, request: &ReadRequest) -> Mono {
        let shape = |it: &ReadRequest| (it.unit, it.function, it.count);
        let mut alike = self.recent.iter();
        let last = alike.find(|(other, _)| shape(other) == shape(request));
        last.map_or(Mono::ZERO, |(_, sent_at)| {
            *sent_at + self.quarantine.usual()
        })
    }

    /// A refusal names no registers: right after another one it may be that one's copy.
    fn may_repeat_a_refusal(&self, request: ReadRequest, now: Mono) -> bool {
        self.refused.is_some_and(|(unit, at)| {
            unit == request.unit && now.since(at) < self.quarantine.usual()
        })
    }

    /// The answer was due by `due` and may still come.
    fn expect_late(&mut self, request: ReadRequest, due: Mono, now: Mono) {
        let silent = self.beyond_echo().is_empty();
        let sent_at = self.exchange.sent_at;
        self.quarantine
            .unanswered(request, sent_at, due, now, silent);
    }

    fn remember(&mut self, request: ReadRequest) {
        self.recent.truncate(RECENT - 1);
        self.recent.push_front((request, self.exchange.sent_at));
    }
}

impl<W: Wire> Master for RtuMaster<W> {
    fn read(&mut self, request: ReadRequest, timeout: Duration) -> Result<Vec<u16>, BusFault> {
        self.exchange.begin();
        self.exchange.sent_at = self.pace.now();
        let asked = self.fall_silent(&request).and_then(|()| self.send(request));
        if let Err(fault) = asked {
            self.open = !fault.kind().is_link();
            return Err(fault);
        }
        let outcome = self.listen(request, timeout);
        let now = self.pace.now();
        self.exchange.took = now.since(self.exchange.sent_at);
        self.remember(request);
        match &outcome {
            Ok(_) => self.quarantine.answered(request.unit),
            Err(BusFault::Exception(_)) => {
                self.quarantine.answered(request.unit);
                if self.may_repeat_a_refusal(request, now) {
                    self.expect_late(request, self.exchange.sent_at + timeout, now);
                }
                self.refused = Some((request.unit, now));
            }
            Err(BusFault::PortGone(_)) => self.open = false,
            Err(fault) => {
                let heard = &self.exchange.reply;
                self.exchange.late_replies += self.quarantine.recognise(heard, now, true);
                // The beginning of the answer, or as many bytes, was the answer. Anything else was
                // not, and the answer may still come, up to its timeout and the quarantine after it.
                let whole = self.beyond_echo().len() >= request.reply_len();
                let came = match fault {
                    BusFault::ShortFrame => true,
                    BusFault::Crc => whole,
                    _ => false,
                };
                let due = if came {
                    now
                } else {
                    self.exchange.sent_at + timeout
                };
                self.expect_late(request, due, now);
            }
        }
        outcome
    }

    fn ready_at(&self, request: &ReadRequest) -> Mono {
        let silent_at = self.last_byte + self.silence;
        silent_at
            .max(self.quarantine.ready_at(request))
            .max(self.told_apart_at(request))
    }

    fn line(&self) -> LineCost {
        // One silence before the request; the one after it is the meter's own, in its turnaround.
        LineCost {
            char_time: self.settings.char_time(),
            overhead: self.settings.t3_5(),
        }
    }

    fn turnaround(&self, unit: u8) -> Option<Duration> {
        self.turnaround.get(&unit).and_then(Turnaround::estimate)
    }

    fn is_open(&self) -> bool {
        self.open
    }

    fn last(&self) -> &Exchange {
        &self.exchange
    }
}

impl std::fmt::Debug for RtuMaster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RtuMaster")
            .field("wire", &self.wire)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
