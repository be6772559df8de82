//! Modbus RTU frames, from bytes and to bytes, for the asking and for the answering side.
//!
//! Pure: no port, no clock. A reply is an answer only when unit, function, byte count and CRC are
//! exactly what the request asks for. A reply does not carry the address it was read from, so
//! nothing here can tell two blocks of the same length apart; the master's quarantine and the
//! planner's distinct lengths do that.

use std::fmt;
use std::ops::Range;

pub use crate::profile::Function;

/// Registers one read may ask for, by the standard.
pub const MAX_REGISTERS: u16 = 125;
/// Length of a read request.
pub const REQUEST_LEN: usize = 8;
/// Length of an exception reply, the shortest frame there is.
pub const EXCEPTION_LEN: usize = 5;
/// Length of the longest frame.
pub const MAX_FRAME: usize = 256;

/// A read of `count` registers from `address` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadRequest {
    /// Modbus address of the meter, 1 to 247.
    pub unit: u8,
    /// Holding or input registers.
    pub function: Function,
    /// First register, as it goes on the wire (0-based).
    pub address: u16,
    /// Registers, 1 to [`MAX_REGISTERS`].
    pub count: u16,
}

impl ReadRequest {
    /// The frame to send.
    #[must_use]
    pub fn encode(self) -> [u8; REQUEST_LEN] {
        let [a, b] = self.address.to_be_bytes();
        let [c, d] = self.count.to_be_bytes();
        let body = [self.unit, self.function.code(), a, b, c, d];
        let [lo, hi] = crc16(&body).to_le_bytes();
        [body[0], body[1], a, b, c, d, lo, hi]
    }

    /// Length of the frame that answers it.
    #[must_use]
    pub const fn reply_len(self) -> usize {
        EXCEPTION_LEN + 2 * self.count as usize
    }

    /// The byte count an answer must carry; `None` when no frame can hold that many registers.
    fn byte_count(self) -> Option<u8> {
        if self.count == 0 || self.count > MAX_REGISTERS {
            None
        } else {
            u8::try_from(self.count * 2).ok()
        }
    }
}

impl fmt::Display for ReadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            unit,
            function,
            address,
            count,
        } = self;
        write!(
            f,
            "unit {unit}, function {}, {count} registers from {address:#06x}",
            function.code()
        )
    }
}

/// Why a frame is not the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// Fewer bytes than the frame needs.
    #[error("the frame is cut short")]
    Short,
    /// The checksum is wrong.
    #[error("the checksum is wrong")]
    Crc,
    /// Sound, but from another unit, for another function, of another length, or with bytes behind it.
    #[error("a reply to something else")]
    Wrong,
    /// The meter refused, with this code.
    #[error("the meter refused with exception {0}")]
    Exception(u8),
}

/// Registers of a sound answer, still where they were received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registers<'a>(&'a [u8]);

impl<'a> Registers<'a> {
    /// The values, in address order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = u16> + 'a {
        self.0
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
    }
}

/// Reads `frame` as the whole answer to `request`: exact unit, function, byte count, CRC and length.
///
/// # Errors
/// What is wrong with it. Never panics, whatever the bytes.
pub fn parse_reply(request: ReadRequest, frame: &[u8]) -> Result<Registers<'_>, FrameFault> {
    if frame.len() < EXCEPTION_LEN {
        return Err(FrameFault::Short);
    }
    let [unit, function, third] = [frame[0], frame[1], frame[2]];
    let for_us = unit == request.unit && function & 0x7f == request.function.code();
    if for_us && function & 0x80 != 0 {
        let (head, rest) = frame.split_at(EXCEPTION_LEN);
        return match (has_sound_crc(head), rest.is_empty()) {
            (true, true) => Err(FrameFault::Exception(third)),
            (true, false) => Err(FrameFault::Wrong),
            (false, _) => Err(FrameFault::Crc),
        };
    }
    if for_us && request.byte_count() == Some(third) && frame.len() < request.reply_len() {
        return Err(FrameFault::Short);
    }
    if !has_sound_crc(frame) {
        return Err(FrameFault::Crc);
    }
    if for_us && request.byte_count() == Some(third) && frame.len() == request.reply_len() {
        Ok(Registers(&frame[3..frame.len() - 2]))
    } else {
        Err(FrameFault::Wrong)
    }
}

/// An answer found among other bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where the frame stands.
    pub at: Range<usize>,
    /// The exception code, when the answer is a refusal.
    pub exception: Option<u8>,
}

/// The first exact answer to `request` in `bytes`, whatever stands before and behind it.
///
/// Noise cannot pass: unit, function, byte count and CRC together are 40 bits that must agree.
#[must_use]
pub fn find_reply(request: ReadRequest, bytes: &[u8]) -> Option<Found> {
    let ends = [(request.reply_len(), false), (EXCEPTION_LEN, true)];
    for start in 0..bytes.len().saturating_sub(EXCEPTION_LEN - 1) {
        if bytes[start] != request.unit {
            continue;
        }
        for (len, refusal) in ends {
            let at = start..start + len;
            let Some(frame) = bytes.get(at.clone()) else {
                continue;
            };
            match parse_reply(request, frame) {
                Ok(_) if !refusal => {
                    return Some(Found {
                        at,
                        exception: None,
                    });
                }
                Err(FrameFault::Exception(code)) if refusal => {
                    return Some(Found {
                        at,
                        exception: Some(code),
                    });
                }
                _ => {}
            }
        }
    }
    None
}

/// Whether `bytes` hold any complete read reply or exception with a sound CRC, from whatever unit.
#[must_use]
pub fn has_sound_reply(bytes: &[u8]) -> bool {
    (0..bytes.len().saturating_sub(EXCEPTION_LEN - 1)).any(|start| {
        let len = if bytes[start + 1] & 0x80 != 0 {
            EXCEPTION_LEN
        } else {
            EXCEPTION_LEN + usize::from(bytes[start + 2])
        };
        bytes.get(start..start + len).is_some_and(has_sound_crc)
    })
}

/// A request as an answering meter sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A read of registers.
    Read(ReadRequest),
    /// A sound frame with a function that reads no registers.
    Other {
        /// Unit asked.
        unit: u8,
        /// Function code.
        function: u8,
    },
}

/// Reads `frame` as a whole request, on the answering side.
///
/// # Errors
/// [`FrameFault::Short`] while bytes are missing, [`FrameFault::Crc`] when they are damaged.
pub fn parse_request(frame: &[u8]) -> Result<Asked, FrameFault> {
    if frame.len() < 4 {
        return Err(FrameFault::Short);
    }
    let function = Function::from_code(frame[1]);
    if function.is_some() && frame.len() < REQUEST_LEN {
        return Err(FrameFault::Short);
    }
    if !has_sound_crc(frame) {
        return Err(FrameFault::Crc);
    }
    match function {
        Some(function) if frame.len() == REQUEST_LEN => Ok(Asked::Read(ReadRequest {
            unit: frame[0],
            function,
            address: u16::from_be_bytes([frame[2], frame[3]]),
            count: u16::from_be_bytes([frame[4], frame[5]]),
        })),
        Some(_) => Err(FrameFault::Wrong),
        None => Ok(Asked::Other {
            unit: frame[0],
            function: frame[1],
        }),
    }
}

/// The frame that answers a read with `registers`; the caller keeps to [`MAX_REGISTERS`].
#[must_use]
pub fn encode_reply(unit: u8, function: Function, registers: &[u16]) -> Vec<u8> {
    let registers = &registers[..registers.len().min(usize::from(MAX_REGISTERS))];
    let mut frame = Vec::with_capacity(EXCEPTION_LEN + 2 * registers.len());
    // At most 250 by the line above.
    frame.extend([
        unit,
        function.code(),
        u8::try_from(2 * registers.len()).unwrap_or(u8::MAX),
    ]);
    frame.extend(registers.iter().flat_map(|register| register.to_be_bytes()));
    push_crc(&mut frame);
    frame
}

/// The frame that refuses a request of function code `function`.
#[must_use]
pub fn encode_exception(unit: u8, function: u8, code: u8) -> Vec<u8> {
    let mut frame = Vec::with_capacity(EXCEPTION_LEN);
    frame.extend([unit, function | 0x80, code]);
    push_crc(&mut frame);
    frame
}

fn push_crc(frame: &mut Vec<u8>) {
    let crc = crc16(frame);
    frame.extend(crc.to_le_bytes());
}

fn has_sound_crc(frame: &[u8]) -> bool {
    frame
        .split_last_chunk::<2>()
        .is_some_and(|(body, crc)| crc16(body) == u16::from_le_bytes(*crc))
}

/// CRC-16/MODBUS: polynomial 0x8005 reflected, start 0xFFFF. Sent low byte first.
#[must_use]
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (crc >> 8) ^ CRC_TABLE[usize::from((crc ^ u16::from(*byte)) & 0xFF)]
    })
}

const CRC_TABLE: [u16; 256] = {
    let mut table = [0u16; 256];
    let mut index = 0u16;
    while index < 256 {
        let mut crc = index;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xA001
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[index as usize] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REQUEST: ReadRequest = ReadRequest {
        unit: 17,
        function: Function::Holding,
        address: 0x6B,
        count: 3,
    };

    #[test]
    fn frames_are_those_of_the_standards_example() {
        assert_eq!(
            REQUEST.encode(),
            [0x11, 0x03, 0x00, 0x6B, 0x00, 0x03, 0x76, 0x87]
        );
        let reply = [
            0x11, 0x03, 0x06, 0xAE, 0x41, 0x56, 0x52, 0x43, 0x40, 0x49, 0xAD,
        ];
        let registers: Vec<u16> = parse_reply(REQUEST, &reply).unwrap().iter().collect();
        assert_eq!(registers, [0xAE41, 0x5652, 0x4340]);
        assert_eq!(encode_reply(17, Function::Holding, &registers), reply);
    }

    #[test]
    fn a_refusal_carries_its_code() {
        let frame = encode_exception(17, 3, 2);
        assert_eq!(parse_reply(REQUEST, &frame), Err(FrameFault::Exception(2)));
        assert_eq!(find_reply(REQUEST, &frame).unwrap().exception, Some(2));
    }

    #[test]
    fn a_request_of_no_registers_or_too_many_has_no_answer() {
        for count in [0, 126, 128, 256, u16::MAX] {
            let request = ReadRequest { count, ..REQUEST };
            let frame = encode_reply(17, Function::Holding, &vec![0; usize::from(count)]);
            assert!(parse_reply(request, &frame).is_err(), "{count}");
        }
    }

    #[test]
    fn an_echo_of_the_request_is_never_an_answer() {
        for count in 1..=MAX_REGISTERS {
            let request = ReadRequest {
                count,
                address: 0x0600,
                ..REQUEST
            };
            assert_eq!(find_reply(request, &request.encode()), None);
        }
    }

    prop_compose! {
        fn any_request()(unit in 1u8..=247, input in any::<bool>(), address in any::<u16>(), count in 1u16..=MAX_REGISTERS) -> ReadRequest {
            ReadRequest { unit, function: if input { Function::Input } else { Function::Holding }, address, count }
        }
    }
    prop_compose! {
        fn any_exchange()(request in any_request())
            (registers in prop::collection::vec(any::<u16>(), usize::from(request.count)), request in Just(request)) -> (ReadRequest, Vec<u16>) {
            (request, registers)
        }
    }

    proptest! {
        #[test]
        fn whatever_bytes_arrive_nothing_panics(request in any_request(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_reply(request, &bytes);
            let _ = parse_request(&bytes);
            let _ = has_sound_reply(&bytes);
            prop_assert_eq!(find_reply(request, &bytes), None);
        }

        #[test]
        fn what_was_encoded_is_read_back((request, registers) in any_exchange()) {
            prop_assert_eq!(parse_request(&request.encode()), Ok(Asked::Read(request)));
            let frame = encode_reply(request.unit, request.function, &registers);
            prop_assert_eq!(frame.len(), request.reply_len());
            prop_assert_eq!(parse_reply(request, &frame).unwrap().iter().collect::<Vec<_>>(), registers);
            prop_assert!(has_sound_reply(&frame));
        }

        #[test]
        fn a_single_flipped_bit_is_refused((request, registers) in any_exchange(), flip in any::<prop::sample::Index>()) {
            let mut frame = encode_reply(request.unit, request.function, &registers);
            let bit = flip.index(frame.len() * 8);
            frame[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(parse_reply(request, &frame).is_err());
            prop_assert_eq!(find_reply(request, &frame), None);
            let mut asked = request.encode();
            let bit = flip.index(asked.len() * 8);
            asked[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(parse_request(&asked).is_err());
        }

        #[test]
        fn a_cut_frame_is_refused((request, registers) in any_exchange(), cut in any::<prop::sample::Index>()) {
            let frame = encode_reply(request.unit, request.function, &registers);
            let part = &frame[..cut.index(frame.len())];
            prop_assert!(parse_reply(request, part).is_err());
        }

        #[test]
        fn the_reply_of_another_request_is_refused((request, registers) in any_exchange(), other in any_request()) {
            let same_shape = (request.unit, request.function, request.count) == (other.unit, other.function, other.count);
            prop_assume!(!same_shape);
            let frame = encode_reply(request.unit, request.function, &registers);
            prop_assert!(parse_reply(other, &frame).is_err());
        }

        #[test]
        fn an_answer_is_found_behind_noise_and_before_it((request, registers) in any_exchange(),
            before in prop::collection::vec(any::<u8>(), 0..40), after in prop::collection::vec(any::<u8>(), 0..40)) {
            let frame = encode_reply(request.unit, request.function, &registers);
            let bytes = [before.as_slice(), &frame, &after].concat();
            let found = find_reply(request, &bytes).unwrap();
            prop_assert_eq!(found.at, before.len()..before.len() + frame.len());
        }
    }
}
