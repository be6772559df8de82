//! Modbus RTU over a serial port: our own master.
//!
//! Libraries were measured to hand out wrong values as good ones when a reply comes late or twice.
//! This master does not, and `master` says why; `quarantine` holds the rules as plain decisions.

mod master;
mod port;
mod quarantine;
mod verdict;
mod wire;

pub use master::{RtuMaster, RtuOptions};
pub use port::Port;
pub use quarantine::{DEFAULT_QUARANTINE, LONGEST_QUARANTINE, Quarantine};
pub use wire::Wire;
