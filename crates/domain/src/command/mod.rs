//! Commands to appliances: which there are, what right each needs, for how long it waits, and how far it is.
//!
//! A command is stored before it is sent, sent at least once and executed at most once, by its id. Nothing here reads a
//! clock or a store: they ask what a state becomes when something happens, and write that down.

mod kind;
mod state;

pub use self::kind::{BadExpiry, Kind, LONGEST, LONGEST_LIVE, NoKind, USUAL};
pub use self::state::{Happened, NoState, State, Word};
