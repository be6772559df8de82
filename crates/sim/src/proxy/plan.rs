//! What happens to which connection: a pure function of a seed and the connection's number.

use std::ops::Range;

use super::fault::Fault;
use crate::rng::Rng;

/// A fault, and the connections that suffer it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    fault: Fault,
    connections: Range<u64>,
    probability: f64,
}

impl Rule {
    /// Only connections with these numbers, which count from 0.
    #[must_use]
    pub const fn on(mut self, connections: Range<u64>) -> Self {
        self.connections = connections;
        self
    }

    /// Only this share of the connections, 0 to 1, chosen by the plan's seed.
    #[must_use]
    pub const fn with_probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }
}

/// Every connection suffers it.
impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            connections: 0..u64::MAX,
            probability: 1.0,
        }
    }
}

impl Fault {
    /// Only connections with these numbers, which count from 0.
    #[must_use]
    pub fn on(self, connections: Range<u64>) -> Rule {
        Rule::from(self).on(connections)
    }

    /// Only this share of the connections, 0 to 1, chosen by the plan's seed.
    #[must_use]
    pub fn with_probability(self, probability: f64) -> Rule {
        Rule::from(self).with_probability(probability)
    }
}

/// What happens to connection number n. The default: everything passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    seed: u64,
    rules: Vec<Rule>,
}

impl Plan {
    /// Everything passes, until rules are added.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self {
            seed,
            rules: Vec::new(),
        }
    }

    /// One more fault, or a [`Rule`] that says which connections suffer it.
    #[must_use]
    pub fn with(mut self, rule: impl Into<Rule>) -> Self {
        self.rules.push(rule.into());
        self
    }

    /// What connection number `n` suffers, in the order of the rules.
    #[must_use]
    pub fn faults(&self, n: u64) -> Vec<Fault> {
        let strikes = |(index, rule): &(u64, &Rule)| {
            rule.connections.contains(&n)
                && Rng::of(self.seed, &[n, *index]).chance(rule.probability)
        };
        let numbered = (0..).zip(&self.rules);
        numbered
            .filter(strikes)
            .map(|(_, rule)| rule.fault)
            .collect()
    }

    /// Chance of its own for the bytes of connection `n` on their way up, and down.
    pub(super) fn chances(&self, n: u64) -> [Rng; 2] {
        [0, 1].map(|way| Rng::of(self.seed, &[n, way, BYTES]))
    }
}

/// Keeps the draws within a connection apart from those between connections.
const BYTES: u64 = 0x6279_7465;

/// A single fault for every connection.
impl From<Fault> for Plan {
    fn from(fault: Fault) -> Self {
        Self::default().with(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::Direction;
    use super::*;

    const CUT: Fault = Fault::Reset {
        direction: Direction::Down,
        after: 100,
    };

    fn refused(plan: &Plan) -> Vec<u64> {
        let suffers = |n: &u64| plan.faults(*n).contains(&Fault::Refuse);
        (0..1000).filter(suffers).collect()
    }

    #[test]
    fn without_rules_everything_passes() {
        assert_eq!(Plan::default().faults(0), []);
        assert_eq!(Plan::seeded(9).faults(u64::MAX), []);
    }

    #[test]
    fn a_seed_strikes_the_same_connections_whatever_was_asked_before() {
        let plan = |seed| Plan::seeded(seed).with(Fault::Refuse.with_probability(0.3));
        let first = refused(&plan(7));
        assert!((200..400).contains(&first.len()), "{}", first.len());
        assert_eq!(first, refused(&plan(7)));
        assert_ne!(first, refused(&plan(8)));
        let mut backwards: Vec<u64> = (0..1000).rev().collect();
        backwards.retain(|n| !plan(7).faults(*n).is_empty());
        backwards.reverse();
        assert_eq!(first, backwards);
    }

    #[test]
    fn rules_strike_independently_and_only_their_connections() {
        let plan = Plan::seeded(3)
            .with(Fault::Refuse.with_probability(0.5))
            .with(CUT.on(10..20).with_probability(0.5));
        let cut: Vec<u64> = (0..1000)
            .filter(|n| plan.faults(*n).contains(&CUT))
            .collect();
        assert!(!cut.is_empty() && cut.iter().all(|n| (10..20).contains(n)));
        let both = (10..20).filter(|n| plan.faults(*n).len() == 2).count();
        assert!(both < cut.len(), "the second draw does not copy the first");
        let alone = Plan::seeded(3).with(Fault::Refuse.with_probability(0.5));
        assert_eq!(refused(&plan), refused(&alone), "a later rule moves none");
    }

    #[test]
    fn a_script_says_it_connection_by_connection() {
        let plan = Plan::default()
            .with(Fault::Refuse.on(0..2))
            .with(CUT.on(2..3));
        let script: Vec<Vec<Fault>> = (0..4).map(|n| plan.faults(n)).collect();
        assert_eq!(
            script,
            [vec![Fault::Refuse], vec![Fault::Refuse], vec![CUT], vec![]]
        );
    }
}
