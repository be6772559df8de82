//! What the faults of the wire make of a reply: bursts of bytes, each some time after the meter
//! would have begun.

use std::time::Duration;

use solthrive_meter::frame::{encode_exception, encode_reply};
use solthrive_meter::profile::Function;

use crate::faults::{FaultKind, FaultSpec, Place};
use crate::rng::Rng;
use crate::world::Answer;

/// Bytes that leave together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burst {
    /// After the instant at which an undisturbed reply would begin.
    pub after: Duration,
    /// What.
    pub bytes: Vec<u8>,
}

/// How replies are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Unit, PDU, CRC.
    Rtu,
    /// MBAP header with this transaction number, PDU.
    Tcp(u16),
}

/// The bursts that leave for a request; none when the meter is silent.
pub fn bursts(
    framing: Framing,
    unit: u8,
    function: u8,
    request: &[u8],
    answer: &Answer,
    rng: &mut Rng,
) -> Vec<Burst> {
    let faults = &answer.faults;
    let has = |kind| faults.iter().find(|fault: &&FaultSpec| fault.kind == kind);
    if has(FaultKind::NoReply).is_some() {
        return Vec::new();
    }
    let after = faults
        .iter()
        .filter_map(|fault| fault.ms)
        .map(Duration::from_millis)
        .sum();
    let reply = frame(framing, unit, function, answer, rng);
    let mut bytes = Vec::new();
    if has(FaultKind::Echo).is_some() {
        bytes.extend_from_slice(request);
    }
    if let Some(garbage) = has(FaultKind::Garbage) {
        let count = garbage.bytes.unwrap_or_else(|| 1 + rng.below(24));
        let noise: Vec<u8> = (0..count).map(|_| rng.byte()).collect();
        match garbage.place.unwrap_or(Place::Before) {
            Place::Before => bytes.extend(noise.into_iter().chain(reply.iter().copied())),
            Place::After => bytes.extend(reply.iter().copied().chain(noise)),
            Place::Instead => bytes.extend(noise),
        }
    } else {
        bytes.extend_from_slice(&reply);
    }
    if let Some(cut) = has(FaultKind::Truncated) {
        bytes.truncate(
            cut.bytes
                .unwrap_or_else(|| 1 + rng.below(bytes.len().saturating_sub(1))),
        );
    }
    if has(FaultKind::Doubled).is_some() {
        bytes.extend(reply);
    }
    vec![Burst { after, bytes }]
}

fn frame(framing: Framing, unit: u8, function: u8, answer: &Answer, rng: &mut Rng) -> Vec<u8> {
    let has = |kind| {
        answer
            .faults
            .iter()
            .find(|fault: &&FaultSpec| fault.kind == kind)
    };
    let unit = if has(FaultKind::WrongUnit).is_some() {
        unit % 247 + 1
    } else {
        unit
    };
    let refused = has(FaultKind::Exception).map(|fault| fault.code.unwrap_or(2));
    let rtu = match (refused, &answer.registers, Function::from_code(function)) {
        (None, Ok(registers), Some(function)) => {
            let short = has(FaultKind::WrongLength).is_some() && registers.len() > 1;
            let registers = if short {
                &registers[..registers.len() - 1]
            } else {
                registers
            };
            encode_reply(unit, function, registers)
        }
        (Some(code), ..) => encode_exception(unit, function, code),
        (None, Err(code), _) => encode_exception(unit, function, *code),
        (None, Ok(_), None) => encode_exception(unit, function, 1),
    };
    let flip = has(FaultKind::Crc).is_some();
    match framing {
        Framing::Rtu => {
            let mut frame = rtu;
            if flip {
                // Not in the first two bytes: unit and function still look right.
                let at = 2 + rng.below(frame.len() - 2);
                frame[at] ^= 1 << rng.below(8);
            }
            frame
        }
        Framing::Tcp(transaction) => {
            let transaction = if flip {
                transaction ^ (1 << rng.below(15))
            } else {
                transaction
            };
            let body = &rtu[..rtu.len() - 2];
            let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
            let mut frame = Vec::with_capacity(6 + body.len());
            frame.extend(transaction.to_be_bytes());
            frame.extend([0, 0]);
            frame.extend(length.to_be_bytes());
            frame.extend_from_slice(body);
            frame
        }
    }
}

#[cfg(test)]
mod tests {
    use solthrive_meter::frame::{FrameFault, ReadRequest, find_reply, parse_reply};

    use super::*;

    const ASKED: ReadRequest = ReadRequest {
        unit: 3,
        function: Function::Input,
        address: 0,
        count: 3,
    };

    fn sent(faults: &[FaultSpec]) -> Vec<Burst> {
        let answer = Answer {
            registers: Ok(vec![1, 2, 3]),
            faults: faults.to_vec(),
        };
        bursts(
            Framing::Rtu,
            3,
            4,
            &ASKED.encode(),
            &answer,
            &mut Rng::new(1),
        )
    }

    fn bytes(kind: FaultKind) -> Vec<u8> {
        sent(&[FaultSpec::new(kind)]).remove(0).bytes
    }

    #[test]
    fn a_sound_reply_is_the_answer() {
        let frame = sent(&[]).remove(0).bytes;
        assert_eq!(
            parse_reply(ASKED, &frame)
                .unwrap()
                .iter()
                .collect::<Vec<_>>(),
            [1, 2, 3]
        );
    }

    #[test]
    fn each_fault_spoils_the_reply_in_its_own_way() {
        assert!(sent(&[FaultSpec::new(FaultKind::NoReply)]).is_empty());
        let late = sent(&[FaultSpec {
            ms: Some(70),
            ..FaultSpec::new(FaultKind::Delay)
        }]);
        assert_eq!(late[0].after, Duration::from_millis(70));
        assert!(matches!(
            parse_reply(ASKED, &bytes(FaultKind::Crc)),
            Err(FrameFault::Crc | FrameFault::Short)
        ));
        assert_eq!(
            parse_reply(ASKED, &bytes(FaultKind::Exception)),
            Err(FrameFault::Exception(2))
        );
        assert_eq!(
            parse_reply(ASKED, &bytes(FaultKind::WrongUnit)),
            Err(FrameFault::Wrong)
        );
        assert_eq!(
            parse_reply(ASKED, &bytes(FaultKind::WrongLength)),
            Err(FrameFault::Wrong)
        );
        assert!(bytes(FaultKind::Truncated).len() < ASKED.reply_len());
        let frame = sent(&[]).remove(0).bytes;
        assert_eq!(
            bytes(FaultKind::Doubled),
            [frame.clone(), frame.clone()].concat()
        );
        assert_eq!(
            bytes(FaultKind::Echo),
            [ASKED.encode().to_vec(), frame.clone()].concat()
        );
        let noisy = bytes(FaultKind::Garbage);
        assert!(
            noisy.len() > frame.len()
                && noisy.ends_with(&frame)
                && find_reply(ASKED, &noisy).is_some()
        );
    }

    #[test]
    fn a_flipped_bit_never_passes_for_the_answer() {
        let answer = Answer {
            registers: Ok(vec![1, 2, 3]),
            faults: vec![FaultSpec::new(FaultKind::Crc)],
        };
        let mut rng = Rng::new(2);
        for _ in 0..500 {
            let burst = bursts(Framing::Rtu, 3, 4, &[], &answer, &mut rng).remove(0);
            assert!(parse_reply(ASKED, &burst.bytes).is_err());
        }
    }

    #[test]
    fn on_tcp_the_transaction_number_is_what_gets_damaged() {
        let answer = |faults| Answer {
            registers: Ok(vec![7]),
            faults,
        };
        let of = |answer: &Answer| {
            bursts(Framing::Tcp(0x1234), 1, 3, &[], answer, &mut Rng::new(1))
                .remove(0)
                .bytes
        };
        assert_eq!(of(&answer(vec![])), [0x12, 0x34, 0, 0, 0, 5, 1, 3, 2, 0, 7]);
        let damaged = of(&answer(vec![FaultSpec::new(FaultKind::Crc)]));
        assert_ne!(damaged[..2], [0x12, 0x34]);
        assert_eq!(damaged[2..], [0, 0, 0, 5, 1, 3, 2, 0, 7]);
    }
}
