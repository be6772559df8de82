//! The serial line as a meter hears it, without a port or a clock: frames, silences, pacing.

use std::collections::VecDeque;
use std::time::Duration;

use solthrive_meter::frame::{Asked, parse_request};
use solthrive_meter::line::SerialSettings;

use super::{BusStats, LineSpec};
use crate::wire::Burst;

/// A client's bytes may reach us in pieces though they were written together; a pause this long is
/// the end of what it had to say, whatever the baud rate.
const PIECES: Duration = Duration::from_millis(4);

/// A transmission under way or to come.
#[derive(Debug)]
struct Sending {
    begins: Duration,
    chunks: VecDeque<(Duration, Vec<u8>)>,
}

/// One serial line. Instants count from any origin, the same in all calls.
#[derive(Debug)]
pub struct Line {
    spec: LineSpec,
    /// End of the last byte on the line, by whomever.
    quiet_since: Option<Duration>,
    heard: Vec<u8>,
    heard_at: Duration,
    /// What is heard now was sent over a meter's reply.
    collided: bool,
    sending: Vec<Sending>,
}

/// A sound request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What is asked.
    pub asked: Asked,
    /// Its bytes.
    pub frame: Vec<u8>,
}

impl Line {
    /// A line on which nothing was said yet.
    #[must_use]
    pub const fn new(spec: LineSpec) -> Self {
        Self {
            spec,
            quiet_since: None,
            heard: Vec::new(),
            heard_at: Duration::ZERO,
            collided: false,
            sending: Vec::new(),
        }
    }

    const fn settings(&self) -> SerialSettings {
        self.spec.settings
    }

    /// Takes bytes from the client. A request is heard when its last byte is there.
    pub fn hear(&mut self, bytes: &[u8], now: Duration, stats: &mut BusStats) -> Option<Heard> {
        if bytes.is_empty() {
            return None;
        }
        if self.heard.is_empty() {
            self.begin(now, stats);
        }
        self.heard.extend_from_slice(bytes);
        self.heard_at = now;
        if self.collided {
            return None;
        }
        let asked = parse_request(&self.heard).ok()?;
        let frame = std::mem::take(&mut self.heard);
        stats.requests += 1;
        self.quiet_since = Some(now + self.settings().wire_time(frame.len()));
        Some(Heard { asked, frame })
    }

    fn begin(&mut self, now: Duration, stats: &mut BusStats) {
        self.collided = self.sending.iter().any(|sending| sending.begins <= now);
        if self.collided {
            stats.collisions += 1;
            return;
        }
        let Some(quiet) = self.quiet_since else {
            return;
        };
        let silence = now.saturating_sub(quiet);
        if silence < self.settings().t3_5() {
            stats.gap_violations += 1;
        }
        let ms = silence.as_secs_f64() * 1000.0;
        stats.shortest_gap_ms = Some(
            stats
                .shortest_gap_ms
                .map_or(ms, |shortest| shortest.min(ms)),
        );
    }

    /// Forgets bytes that became no request, once the line has been silent long enough.
    pub fn settle(&mut self, now: Duration, stats: &mut BusStats) {
        if self.settles_at().is_some_and(|at| at <= now) {
            self.heard.clear();
            self.quiet_since = self.quiet_since.max(Some(self.heard_at));
            if !self.collided {
                stats.bad_frames += 1;
            }
            self.collided = false;
        }
    }

    fn settles_at(&self) -> Option<Duration> {
        let pause = self.settings().t3_5().max(PIECES);
        (!self.heard.is_empty()).then(|| self.heard_at + pause)
    }

    /// Plans a reply to a request of `asked` bytes heard at `now`: it begins after the request's
    /// own time on the wire and the meter's turnaround, and arrives in FIFO-sized pieces.
    pub fn reply(&mut self, asked: usize, bursts: Vec<Burst>, now: Duration) {
        let settings = self.settings();
        let thinking = self.spec.turnaround.max(settings.t3_5());
        for burst in bursts {
            let begins = now + settings.wire_time(asked) + thinking + burst.after;
            let mut sent = 0;
            let pieces = burst.bytes.chunks(self.spec.fifo_bytes.max(1));
            let chunks = pieces.map(|piece| {
                sent += piece.len();
                (begins + settings.wire_time(sent), piece.to_vec())
            });
            self.sending.push(Sending {
                begins,
                chunks: chunks.collect(),
            });
        }
        self.sending.sort_by_key(|sending| sending.begins);
    }

    /// Bytes whose time on the wire is over.
    pub fn due(&mut self, now: Duration) -> Vec<u8> {
        let mut due = Vec::new();
        for sending in &mut self.sending {
            while sending.chunks.front().is_some_and(|(at, _)| *at <= now) {
                if let Some((_, bytes)) = sending.chunks.pop_front() {
                    due.extend(bytes);
                    self.quiet_since = Some(now);
                }
            }
        }
        self.sending.retain(|sending| !sending.chunks.is_empty());
        due
    }

    /// When something is to be done next.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        let chunks = self
            .sending
            .iter()
            .filter_map(|sending| sending.chunks.front().map(|(at, _)| *at));
        chunks.chain(self.settles_at()).min()
    }

    /// The adapter was pulled out: nothing said before counts any more.
    pub fn cut(&mut self) {
        *self = Self::new(self.spec);
    }
}

#[cfg(test)]
mod tests {
    use solthrive_meter::frame::ReadRequest;
    use solthrive_meter::profile::Function;

    use super::*;

    const ASK: ReadRequest = ReadRequest {
        unit: 1,
        function: Function::Input,
        address: 0,
        count: 20,
    };

    fn ms(ms: f64) -> Duration {
        Duration::from_secs_f64(ms / 1000.0)
    }

    fn line() -> (Line, BusStats) {
        (Line::new(LineSpec::default()), BusStats::default())
    }

    fn reply(bytes: usize) -> Vec<Burst> {
        vec![Burst {
            after: Duration::ZERO,
            bytes: vec![0xAA; bytes],
        }]
    }

    #[test]
    fn a_reply_takes_its_time_on_the_wire_in_pieces() {
        let (mut line, mut stats) = line();
        let heard = line.hear(&ASK.encode(), ms(100.0), &mut stats).unwrap();
        assert_eq!(heard.asked, Asked::Read(ASK));
        line.reply(8, reply(45), ms(100.0));
        // 8 characters of request, 5 ms of thinking, 16 characters of reply: 8.33 + 5 + 16.67 ms.
        assert!(line.due(ms(129.9)).is_empty());
        assert_eq!(line.due(ms(130.1)).len(), 16);
        assert_eq!(line.due(ms(160.3)).len(), 29);
        assert_eq!(line.next(), None);
    }

    #[test]
    fn a_request_in_pieces_is_heard_and_half_a_request_is_forgotten_in_silence() {
        let (mut line, mut stats) = line();
        let frame = ASK.encode();
        assert_eq!(line.hear(&frame[..3], ms(0.0), &mut stats), None);
        assert!(line.hear(&frame[3..], ms(1.0), &mut stats).is_some());
        assert_eq!(line.hear(&frame[..5], ms(100.0), &mut stats), None);
        line.settle(ms(110.0), &mut stats);
        assert_eq!(
            (stats.requests, stats.bad_frames, line.next()),
            (1, 1, None)
        );
        assert!(
            line.hear(&frame, ms(120.0), &mut stats).is_some(),
            "and the next one is heard again"
        );
    }

    #[test]
    fn damaged_and_merged_requests_get_no_answer() {
        let (mut line, mut stats) = line();
        let mut damaged = ASK.encode();
        damaged[4] ^= 4;
        assert_eq!(line.hear(&damaged, ms(0.0), &mut stats), None);
        line.settle(ms(50.0), &mut stats);
        let merged = [ASK.encode(), ASK.encode()].concat();
        assert_eq!(line.hear(&merged, ms(100.0), &mut stats), None);
        line.settle(ms(150.0), &mut stats);
        assert_eq!((stats.requests, stats.bad_frames), (0, 2));
    }

    #[test]
    fn a_short_silence_before_a_request_is_counted() {
        let (mut line, mut stats) = line();
        line.hear(&ASK.encode(), ms(0.0), &mut stats).unwrap();
        line.reply(8, reply(5), ms(0.0));
        assert_eq!(line.due(ms(20.0)).len(), 5);
        line.hear(&ASK.encode(), ms(23.0), &mut stats).unwrap();
        assert_eq!(stats.gap_violations, 1);
        assert!((stats.shortest_gap_ms.unwrap() - 3.0).abs() < 1e-6);
        line.reply(8, reply(5), ms(23.0));
        line.due(ms(50.0));
        line.hear(&ASK.encode(), ms(53.7), &mut stats).unwrap();
        assert_eq!(stats.gap_violations, 1);
    }

    #[test]
    fn who_talks_over_a_reply_is_not_heard() {
        let (mut line, mut stats) = line();
        line.hear(&ASK.encode(), ms(0.0), &mut stats).unwrap();
        line.reply(8, reply(45), ms(0.0));
        assert_eq!(line.hear(&ASK.encode(), ms(20.0), &mut stats), None);
        line.settle(ms(30.0), &mut stats);
        assert_eq!(
            (stats.collisions, stats.bad_frames, stats.requests),
            (1, 0, 1)
        );
        assert_eq!(line.due(ms(100.0)).len(), 45);
    }
}
