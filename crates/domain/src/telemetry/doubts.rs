//! A set of flag codes in four bytes.

use serde::{Deserialize, Serialize};

use crate::FlagCode;

/// What speaks against a number; nothing at all means `ok`.
///
/// Each code is a bit at its place in [`FlagCode::ALL`]. Stored sets rely on that order, which a
/// test holds: a new code goes to the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Doubts(u32);

impl Doubts {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// The set with these bits; bits that this version has no code for are kept.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Nothing speaks against the numbers.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// Everything that either set holds.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The codes, in the order of [`FlagCode::ALL`].
    pub fn codes(self) -> impl Iterator<Item = FlagCode> {
        let all = FlagCode::ALL.iter().enumerate();
        all.filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, code)| *code)
    }
}

impl FromIterator<FlagCode> for Doubts {
    fn from_iter<I: IntoIterator<Item = FlagCode>>(codes: I) -> Self {
        let bits = codes.into_iter().map(|code| 1 << (code as u32));
        Self(bits.fold(0, |all, bit: u32| all | bit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_bit_of_its_own() {
        assert!(FlagCode::ALL.len() <= 32);
        for code in FlagCode::ALL {
            let one: Doubts = [*code].into_iter().collect();
            assert_eq!(one.codes().collect::<Vec<_>>(), [*code]);
        }
        let all: Doubts = FlagCode::ALL.iter().copied().collect();
        assert_eq!(all.codes().count(), FlagCode::ALL.len());
    }

    #[test]
    fn the_bits_of_the_first_version_keep_their_meaning() {
        let bit = |code| [code].into_iter().collect::<Doubts>().bits();
        assert_eq!(bit(FlagCode::MeterNotResponding), 1);
        assert_eq!(bit(FlagCode::CtReversed), 1 << 4);
        assert_eq!(bit(FlagCode::UpdateFailed), 1 << 23);
    }
}
