//! What the bytes heard after a request amount to. Pure.

use std::ops::Range;

use crate::bus::BusFault;
use crate::frame::{ReadRequest, find_reply, has_sound_reply};

/// What the bytes heard so far amount to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The answer stands here among the bytes heard.
    Answer(Range<usize>),
    /// The meter refused, with this code.
    Refusal(u8),
    /// Two different answers: either may be the wrong one.
    Ambiguous,
    /// At least this many bytes are missing.
    Missing(usize),
}

/// Judges everything `heard` since `sent`, the frame of `request`, went out.
pub(super) fn verdict(request: ReadRequest, sent: &[u8], heard: &[u8]) -> Verdict {
    let echo = heard.len() - beyond_echo(sent, heard).len();
    let heard = beyond_echo(sent, heard);
    let missing = request.reply_len().saturating_sub(heard.len()).max(1);
    let Some(found) = find_reply(request, heard) else {
        return Verdict::Missing(missing);
    };
    if let Some(code) = found.exception {
        return Verdict::Refusal(code);
    }
    let rest = &heard[found.at.end..];
    if let Some(second) = find_reply(request, rest)
        && rest[second.at] != heard[found.at.clone()]
    {
        return Verdict::Ambiguous;
    }
    Verdict::Answer(found.at.start + echo..found.at.end + echo)
}

/// An adapter with local echo hands back the request first. It is told from an answer by its bytes
/// alone: a frame of eight bytes cannot hold a whole number of registers.
pub(super) fn beyond_echo<'a>(sent: &[u8], heard: &'a [u8]) -> &'a [u8] {
    heard.strip_prefix(sent).unwrap_or(heard)
}

/// What bytes that are no answer to `sent` look like, its echo taken off.
pub(super) fn diagnosis(sent: &[u8], heard: &[u8]) -> BusFault {
    let begun = sent.get(..2).is_some_and(|head| heard.starts_with(head));
    let announced = heard.get(2).map(|count| 5 + usize::from(*count));
    if heard.is_empty() {
        BusFault::Timeout
    } else if has_sound_reply(heard) {
        BusFault::WrongReply
    } else if begun && announced.is_none_or(|len| heard.len() < len) {
        BusFault::ShortFrame
    } else {
        BusFault::Crc
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::FaultKind;
    use crate::frame::{Function, encode_exception, encode_reply};

    const REQUEST: ReadRequest = ReadRequest {
        unit: 1,
        function: Function::Input,
        address: 0,
        count: 2,
    };

    fn heard(bytes: &[u8]) -> Verdict {
        verdict(REQUEST, &REQUEST.encode(), bytes)
    }
    fn answer(value: u16) -> Vec<u8> {
        encode_reply(1, Function::Input, &[value; 2])
    }

    #[test]
    fn an_answer_is_found_behind_an_echo_and_among_noise() {
        let echoed = [REQUEST.encode().to_vec(), answer(7)].concat();
        assert_eq!(heard(&echoed), Verdict::Answer(8..17));
        let noisy = [vec![0x55, 1], answer(7), vec![0]].concat();
        assert_eq!(heard(&noisy), Verdict::Answer(2..11));
    }

    #[test]
    fn two_different_answers_are_none_and_two_equal_ones_are_one() {
        assert_eq!(heard(&[answer(7), answer(8)].concat()), Verdict::Ambiguous);
        let twice = [answer(7), answer(7)].concat();
        assert_eq!(heard(&twice), Verdict::Answer(0..9));
    }

    #[test]
    fn what_is_missing_is_known_to_the_byte() {
        assert_eq!(heard(&[]), Verdict::Missing(9));
        assert_eq!(heard(&answer(7)[..4]), Verdict::Missing(5));
        assert_eq!(heard(&encode_exception(1, 4, 2)), Verdict::Refusal(2));
    }

    #[test]
    fn silence_noise_a_broken_frame_and_a_stranger_are_told_apart() {
        let kind = |bytes: &[u8]| diagnosis(&REQUEST.encode(), bytes).kind();
        assert_eq!(kind(&[]), FaultKind::Timeout);
        assert_eq!(kind(&[0x55, 0x12, 0x99]), FaultKind::Crc);
        assert_eq!(kind(&answer(7)[..6]), FaultKind::ShortFrame);
        assert_eq!(
            kind(&encode_reply(9, Function::Input, &[7; 2])),
            FaultKind::WrongReply
        );
    }
}
