//! What a scripted meter does: which request it answers how, and what goes wrong on the way. Bytes and
//! when they come, nothing more: `rtu_line` carries them over a pseudo-terminal, `rtu_virtual` through
//! a clock that only exists in the test.

use std::time::Duration;

use solthrive_domain::Mono;
use solthrive_meter::frame::{
    MAX_REGISTERS, REQUEST_LEN, ReadRequest, encode_exception, encode_reply,
};
use solthrive_meter::line::SerialSettings;

/// What a meter or its line can do wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    Lost,
    Late(Duration),
    /// A byte of noise soon after the request, and the answer this much later.
    NoisyAndLate(Duration),
    Twice {
        pause: Duration,
    },
    Crc,
    Truncated,
    GarbageBefore,
    GarbageAfter,
    Echo,
    /// Pieces of four bytes with pauses between them.
    Pieces(Duration),
    WrongUnit,
    Exception(u8),
    /// A byte of noise, up to this long after the request.
    Stray(Duration),
}

/// Answers a request: the registers, a refusal, or nothing.
pub(crate) type Answers = dyn FnMut(ReadRequest, u64) -> Result<Vec<u16>, Option<u8>> + Send;

/// How a scripted meter behaves.
pub(crate) struct Script {
    pub settings: SerialSettings,
    pub turnaround: Duration,
    pub faults: Vec<(f64, Fault)>,
    pub seed: u64,
    pub answers: Box<Answers>,
    /// Answers only when the other end of the line has the speed of `settings`.
    pub strict_speed: bool,
}

impl Script {
    /// A meter at unit 1 and 2 whose registers say which request they answer.
    pub(crate) fn new(settings: SerialSettings, seed: u64) -> Self {
        Self {
            settings,
            turnaround: Duration::from_millis(3),
            faults: Vec::new(),
            seed,
            answers: Box::new(|request, nth| {
                if request.unit <= 2 {
                    Ok(told(request, nth))
                } else {
                    Err(None)
                }
            }),
            strict_speed: false,
        }
    }

    pub(crate) fn with(mut self, probability: f64, fault: Fault) -> Self {
        self.faults.push((probability, fault));
        self
    }
}

/// The registers a scripted meter answers its `nth` request with: no two requests have the same.
pub(crate) fn told(request: ReadRequest, nth: u64) -> Vec<u16> {
    let word = |index: u16| {
        let mixed = (u64::from(request.unit) << 48)
            ^ (u64::from(request.address + index) << 24)
            ^ nth.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        u16::try_from((mixed ^ (mixed >> 23)) & 0xFFFF).unwrap_or_default()
    };
    (0..request.count).map(word).collect()
}

/// What the meter saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub requests: Vec<ReadRequest>,
    /// When each of them was heard.
    pub heard_at: Vec<Mono>,
    pub garbled: u32,
    /// Time between the last byte on the line and each request.
    pub silences: Vec<Duration>,
}

impl Seen {
    /// Requests sent less than 3.5 characters after the last byte on the line.
    pub(crate) fn violations(&self, settings: SerialSettings) -> usize {
        self.silences
            .iter()
            .filter(|silence| **silence < settings.t3_5())
            .count()
    }
}

/// Turns requests into what is heard after them.
pub(crate) struct Talker {
    pub script: Script,
    rng: Rng,
    queue: Vec<(Mono, Vec<u8>)>,
}

impl Talker {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            rng: Rng::new(script.seed),
            script,
            queue: Vec::new(),
        }
    }

    /// The bytes that come after the `nth` request, heard at `now`, and when each burst is there, in order.
    pub(crate) fn answer(
        &mut self,
        request: ReadRequest,
        nth: u64,
        now: Mono,
    ) -> Vec<(Mono, Vec<u8>)> {
        let faults: Vec<Fault> = {
            let rng = &mut self.rng;
            self.script
                .faults
                .iter()
                .filter(|(probability, _)| rng.chance(*probability))
                .map(|(_, fault)| *fault)
                .collect()
        };
        let has = |wanted: fn(&Fault) -> bool| faults.iter().find(|fault| wanted(fault)).copied();
        let unit = if has(|f| *f == Fault::WrongUnit).is_some() {
            request.unit % 2 + 1
        } else {
            request.unit
        };
        let refusal = has(|f| matches!(f, Fault::Exception(_)));
        let mut frame = match ((self.script.answers)(request, nth), refusal) {
            (_, Some(Fault::Exception(code))) | (Err(Some(code)), _) => {
                encode_exception(unit, request.function.code(), code)
            }
            (Ok(registers), _) if request.count <= MAX_REGISTERS => {
                encode_reply(unit, request.function, &registers)
            }
            _ => return Vec::new(),
        };
        let mut at = now + self.script.settings.wire_time(REQUEST_LEN) + self.script.turnaround;
        let mut pause = Duration::ZERO;
        let mut copies = vec![Duration::ZERO];
        let mut echo = false;
        for fault in &faults {
            match *fault {
                Fault::Lost => frame.clear(),
                Fault::Late(by) => at = at + by,
                Fault::NoisyAndLate(by) => {
                    self.stray(now, Duration::from_millis(10));
                    at = at + by;
                }
                Fault::Twice { pause } => copies.push(pause),
                Fault::Crc => self.flip_a_bit(&mut frame),
                Fault::Truncated => frame.truncate(self.below(frame.len())),
                Fault::GarbageBefore => frame = [self.noise(), frame].concat(),
                Fault::GarbageAfter => frame.extend(self.noise()),
                Fault::Echo => echo = true,
                Fault::Pieces(between) => pause = between,
                Fault::Stray(within) => self.stray(now, within),
                Fault::WrongUnit | Fault::Exception(_) => {}
            }
        }
        if echo {
            self.send(now, &request.encode(), Duration::ZERO);
        }
        for wait in copies {
            at = self.send(at + wait, &frame, pause);
        }
        std::mem::take(&mut self.queue)
    }

    /// Queues bytes as a line carries them: in bursts, each there when its last byte is. Returns
    /// when the last one is.
    fn send(&mut self, mut at: Mono, bytes: &[u8], pause: Duration) -> Mono {
        for piece in bytes.chunks(if pause.is_zero() { 16 } else { 4 }) {
            at = at + self.script.settings.wire_time(piece.len());
            self.queue.push((at, piece.to_vec()));
            at = at + pause;
        }
        at
    }

    fn stray(&mut self, now: Mono, within: Duration) {
        let after = Duration::from_micros(
            self.rng
                .below(u64::try_from(within.as_micros()).unwrap_or(1)),
        );
        let byte = self.rng.byte();
        self.queue.push((now + after, vec![byte]));
    }

    fn noise(&mut self) -> Vec<u8> {
        (0..=self.rng.below(12)).map(|_| self.rng.byte()).collect()
    }

    fn flip_a_bit(&mut self, frame: &mut [u8]) {
        let bit = self.below(frame.len() * 8);
        if let Some(byte) = frame.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.rng.below(end as u64)).unwrap_or_default()
    }
}

pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        // Neighbouring seeds begin alike otherwise.
        let mut rng = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        rng.next();
        rng
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a probability needs no 53rd bit"
    )]
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        ((self.next() >> 11) as f64) < probability * (1u64 << 53) as f64
    }
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }
}
