//! What SolThrive knows about power, energy, time and faults.
//!
//! Everything here is a plain value or a plain function: no sockets, no files, no database, no
//! clock. Time comes in as an argument ([`Mono`] for durations, `jiff::Timestamp` for the wall).
//! The appliance and the cloud both stand on this crate, so a decision made here is made once.
//!
//! Unknown is not zero: a value that was not measured is `None` and stays so through every sum.

pub mod flags;
pub mod home;
pub mod ids;
pub mod mono;
pub mod point;
pub mod reading;
pub mod snapshot;
pub mod units;

pub use flags::{FlagCode, Severity};
pub use home::{Channel, HomeModel, Role};
pub use mono::Mono;
pub use point::{Input, Point, Quantity};
pub use reading::{MeterId, Reading};
pub use snapshot::{PowerFlow, Quality, Snapshot};
