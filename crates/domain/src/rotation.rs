//! Decides how a device's token is exchanged for the next one, call by call.
//!
//! An operator asks for a rotation. The cloud stores the hash of the next token, waits until every node
//! knows it, and offers it in its answers until the device comes with it. Only then is the old one over:
//! a device that never got an answer, or lost what it got, still has a token that works.

use std::time::Duration;

/// Time from when a node has heard of the next token until it offers it. Every node hears of a change
/// within this, so a device that uses its next token at once is known wherever it calls.
pub const SETTLING: Duration = Duration::from_secs(10);

/// Which token a call came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CameWith {
    /// The one that the device has had.
    Current,
    /// The one that it was offered.
    Next,
}

/// A rotation that was asked for and is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The next token is not stored yet.
    Asked,
    /// It is stored, and this node has known it for so long.
    Prepared {
        /// By the node's own clock, which never runs back.
        known_for: Duration,
    },
}

/// What a call is a reason for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// Store the hash of the next token.
    Prepare,
    /// Say the next token in the answer.
    Offer,
    /// Take the old token out of use: the device has kept the next one, for it came with it.
    Complete,
}

/// Decides.
#[must_use]
pub fn step(rotation: Option<Rotation>, came_with: CameWith) -> Step {
    match (rotation, came_with) {
        (Some(Rotation::Asked), CameWith::Current) => Step::Prepare,
        (Some(Rotation::Prepared { known_for }), CameWith::Current) if known_for >= SETTLING => {
            Step::Offer
        }
        (Some(Rotation::Prepared { .. }), CameWith::Next) => Step::Complete,
        // Nobody has a next token before there is one, nor after it became the current one.
        (Some(Rotation::Prepared { .. }), CameWith::Current)
        | (Some(Rotation::Asked), CameWith::Next)
        | (None, _) => Step::Rest,
    }
}

/// How a device stands when a rotation is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// It must not send any more.
    pub deactivated: bool,
    /// Tokens that let it in, without one that is being offered.
    pub tokens: usize,
    /// A rotation was asked for before, and is not over.
    pub open: bool,
}

/// What comes of asking for a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// It is asked for now.
    Begin,
    /// It was before; nothing changes.
    Open,
    /// The device was deactivated.
    Deactivated,
    /// The second slot holds a token that somebody put there by hand: revoke the one that is not used.
    TwoTokens,
    /// It has no token that it could come with.
    NoToken,
}

/// Decides.
#[must_use]
pub const fn ask(device: Standing) -> Asking {
    match device {
        Standing {
            deactivated: true, ..
        } => Asking::Deactivated,
        Standing { open: true, .. } => Asking::Open,
        Standing { tokens: 0, .. } => Asking::NoToken,
        Standing { tokens: 1, .. } => Asking::Begin,
        Standing { .. } => Asking::TwoTokens,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn prepared(seconds: u64) -> Option<Rotation> {
        Some(Rotation::Prepared {
            known_for: Duration::from_secs(seconds),
        })
    }

    #[test]
    fn without_a_rotation_nothing_happens() {
        for came_with in [CameWith::Current, CameWith::Next] {
            assert_eq!(step(None, came_with), Step::Rest);
        }
    }

    #[test]
    fn a_token_is_offered_only_once_every_node_knows_it() {
        let by = CameWith::Current;
        assert_eq!(step(Some(Rotation::Asked), by), Step::Prepare);
        assert_eq!(step(prepared(0), by), Step::Rest);
        assert_eq!(step(prepared(9), by), Step::Rest);
        assert_eq!(step(prepared(10), by), Step::Offer);
    }

    #[test]
    fn it_is_offered_for_as_long_as_the_device_does_not_come_with_it() {
        let ten_years = 315_360_000;
        assert_eq!(step(prepared(ten_years), CameWith::Current), Step::Offer);
    }

    #[test]
    fn the_old_token_is_over_when_the_device_comes_with_the_next_one_and_not_before() {
        for known_for in [0, 5, 10, 1_000] {
            let told = step(prepared(known_for), CameWith::Next);
            assert_eq!(told, Step::Complete, "a restarted node counts anew");
            assert_ne!(step(prepared(known_for), CameWith::Current), Step::Complete);
        }
        assert_eq!(step(Some(Rotation::Asked), CameWith::Next), Step::Rest);
    }

    #[test]
    fn a_rotation_begins_only_where_one_token_can_take_over_from_one() {
        let device = |tokens, open, deactivated| {
            ask(Standing {
                deactivated,
                tokens,
                open,
            })
        };
        assert_eq!(device(1, false, false), Asking::Begin);
        assert_eq!(device(1, true, false), Asking::Open);
        assert_eq!(device(2, false, false), Asking::TwoTokens);
        assert_eq!(device(0, false, false), Asking::NoToken);
        assert_eq!(device(1, true, true), Asking::Deactivated);
    }
}
