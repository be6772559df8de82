//! Bytes that arrive other than they were sent.
//!
//! Where a stream is hit depends on the seed and the offset in the stream, not on how it was cut
//! into chunks on its way.

use super::fault::{Fault, Kind};
use crate::rng::Rng;

/// One hit in each window of so many bytes, at a drawn place.
#[derive(Debug)]
struct Hits {
    every: u64,
    /// Where the window ends that the next hit lies in.
    window_end: u64,
    next: u64,
    rng: Rng,
}

impl Hits {
    fn new(every: u64, mut rng: Rng) -> Self {
        let every = every.max(1);
        Self {
            every,
            window_end: every,
            next: rng.next_u64() % every,
            rng,
        }
    }

    fn advance(&mut self) {
        self.next = self
            .window_end
            .saturating_add(self.rng.next_u64() % self.every);
        self.window_end = self.window_end.saturating_add(self.every);
    }
}

/// Corrupts, duplicates or reorders a stream.
#[derive(Debug)]
pub(super) struct Spoiler {
    kind: Kind,
    hits: Hits,
    /// Bytes seen so far.
    offset: u64,
}

impl Spoiler {
    /// None for faults that leave the bytes as they are.
    pub(super) fn of(fault: &Fault, rng: Rng) -> Option<Self> {
        let (Fault::Corrupt { every, .. }
        | Fault::Duplicate { every, .. }
        | Fault::Reorder { every, .. }) = *fault
        else {
            return None;
        };
        Some(Self {
            kind: fault.kind(),
            hits: Hits::new(every, rng),
            offset: 0,
        })
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    /// The next bytes of the stream as they go on, and how often they were hit.
    pub(super) fn spoil(&mut self, chunk: &[u8]) -> (Vec<u8>, u64) {
        let (mut out, mut from, mut struck) = (Vec::with_capacity(chunk.len()), 0, 0);
        let end = self.offset.saturating_add(chunk.len() as u64);
        while self.hits.next < end {
            // A hit that had to wait for more bytes lies before this chunk.
            let at = usize::try_from(self.hits.next.saturating_sub(self.offset)).unwrap_or(0);
            let at = at.max(from);
            let Some(upto) = self.strike(chunk, from, at, &mut out) else {
                break;
            };
            from = upto;
            struck += 1;
            self.hits.advance();
        }
        out.extend_from_slice(&chunk[from..]);
        self.offset = end;
        (out, struck)
    }

    /// Puts `chunk[from..]` up to and with the hit `at` into `out`, and says how far that was; None when there are
    /// too few bytes to do it.
    fn strike(&mut self, chunk: &[u8], from: usize, at: usize, out: &mut Vec<u8>) -> Option<usize> {
        let upto = self.reach(chunk.len(), at);
        match self.kind {
            Kind::Corrupt => {
                let spoilt = chunk.get(at)? ^ (1 << self.hits.rng.below(8));
                out.extend_from_slice(&chunk[from..at]);
                out.push(spoilt);
            }
            Kind::Duplicate => {
                let run = chunk.get(at..upto).filter(|run| !run.is_empty())?;
                out.extend_from_slice(&chunk[from..upto]);
                out.extend_from_slice(run);
            }
            _ => {
                // Two bytes at least; a hit on a chunk's last byte takes the one before it, too.
                let begin = at.min(upto.saturating_sub(2)).max(from);
                let run = chunk.get(begin..upto).filter(|run| run.len() > 1)?;
                let (first, second) = run.split_at(run.len() / 2);
                out.extend_from_slice(&chunk[from..begin]);
                out.extend_from_slice(second);
                out.extend_from_slice(first);
            }
        }
        Some(upto)
    }

    /// Where the bytes end that a hit takes: within its chunk, and with room left for the next hit.
    fn reach(&self, length: usize, at: usize) -> usize {
        let longest = match self.kind {
            Kind::Corrupt => 1,
            _ => usize::try_from(self.hits.every).map_or(LONGEST, |every| every.clamp(2, LONGEST)),
        };
        length.min(at.saturating_add(longest))
    }
}

/// Of a run that is duplicated or moved: about a segment.
const LONGEST: usize = 1460;

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::super::fault::Direction;
    use super::*;

    const UP: Direction = Direction::Up;

    fn spoiled(fault: &Fault, sent: &[u8], chunk: usize) -> (Vec<u8>, u64) {
        let mut spoiler = Spoiler::of(fault, Rng::new(5)).unwrap();
        let (mut all, mut struck) = (Vec::new(), 0);
        for chunk in sent.chunks(chunk) {
            let (bytes, hits) = spoiler.spoil(chunk);
            all.extend(bytes);
            struck += hits;
        }
        (all, struck)
    }

    /// Neighbours differ and nothing repeats, so that every change shows.
    fn stream(length: usize) -> Vec<u8> {
        let (mut rng, mut byte) = (Rng::new(1), 0_u8);
        let next = |_| {
            byte = byte.wrapping_add(rng.byte().max(1));
            byte
        };
        (0..length).map(next).collect()
    }

    fn corrupt(every: u64) -> Fault {
        Fault::Corrupt {
            direction: UP,
            every,
        }
    }

    #[test]
    fn a_flipped_bit_is_at_the_same_place_however_the_stream_was_cut() {
        let sent = stream(10_000);
        let (whole, struck) = spoiled(&corrupt(1000), &sent, 10_000);
        assert_eq!(struck, 10);
        for chunk in [1, 7, 1000, 4096] {
            assert_eq!(spoiled(&corrupt(1000), &sent, chunk), (whole.clone(), 10));
        }
        let wrong: Vec<usize> = (0..sent.len()).filter(|i| sent[*i] != whole[*i]).collect();
        let windows: Vec<usize> = wrong.iter().map(|place| place / 1000).collect();
        assert_eq!(windows, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "one in each");
    }

    #[test]
    fn a_duplicate_makes_the_stream_longer() {
        let fault = Fault::Duplicate {
            direction: UP,
            every: 1000,
        };
        let (got, struck) = spoiled(&fault, &stream(5000), 1460);
        assert!(struck >= 3 && got.len() > 5000, "{struck} {}", got.len());
    }

    #[test]
    fn what_comes_a_byte_at_a_time_is_duplicated_but_cannot_be_reordered() {
        let (every, direction) = (10, UP);
        let (got, struck) = spoiled(&Fault::Duplicate { direction, every }, &stream(100), 1);
        assert_eq!((got.len(), struck), (110, 10));
        let (got, struck) = spoiled(&Fault::Reorder { direction, every }, &stream(100), 1);
        assert_eq!((got, struck), (stream(100), 0));
    }

    proptest! {
        #[test]
        fn a_reordered_stream_has_the_same_bytes_elsewhere(
            length in 2_usize..5000, chunk in 2_usize..2000, every in 1_u64..3000,
        ) {
            let sent = stream(length);
            let fault = Fault::Reorder { direction: UP, every };
            let (mut got, struck) = spoiled(&fault, &sent, chunk);
            prop_assert_eq!(got == sent, struck == 0);
            prop_assert!(struck > 0 || (length as u64) < every || length % chunk == 1);
            got.sort_unstable();
            let mut sorted = sent;
            sorted.sort_unstable();
            prop_assert_eq!(got, sorted);
        }

        #[test]
        fn a_corrupted_stream_keeps_its_length_and_differs_where_it_was_hit(
            length in 1_usize..5000, chunk in 1_usize..2000, every in 1_u64..3000,
        ) {
            let sent = stream(length);
            let (got, struck) = spoiled(&corrupt(every), &sent, chunk);
            prop_assert_eq!(got.len(), sent.len());
            let wrong = got.iter().zip(&sent).filter(|(got, sent)| got != sent).count();
            prop_assert_eq!(wrong as u64, struck);
        }
    }
}
