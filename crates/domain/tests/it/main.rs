//! What the domain promises, area by area.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod alert_laws;
mod bucket;
mod clock;
mod counter;
mod counter_laws;
mod day;
mod delivery;
mod flagboard;
mod flow;
mod ledger;
mod ledger_laws;
mod minute;
mod plausible;
mod rollup;
mod support;
mod wiring;
