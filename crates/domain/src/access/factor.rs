//! When a session is good for anything: the rule of the second factor.

use super::{Actor, Membership, SecondFactor};

/// What is known when a session's second factor is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactorFacts {
    /// It was proven in this session.
    pub passed: bool,
    /// The person has set one up.
    pub set_up: bool,
    /// The platform asks installers and admins for one.
    pub asked_of_staff: bool,
}

impl SecondFactor {
    /// Who has set one up is asked for it always, others where the platform asks people like them.
    #[must_use]
    pub fn of(facts: FactorFacts, memberships: &[Membership]) -> Self {
        let staff = facts.asked_of_staff && Actor::needs_second_factor(memberships);
        match facts {
            FactorFacts { passed: true, .. } => Self::Passed,
            FactorFacts { set_up: true, .. } => Self::Missing,
            _ if staff => Self::Missing,
            _ => Self::NotAsked,
        }
    }
}
