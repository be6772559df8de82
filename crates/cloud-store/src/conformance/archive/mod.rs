//! Promises of an archive.

mod chunks;
mod leases;
mod progress;
mod things;
mod views;

pub use chunks::*;
pub use leases::*;
pub use progress::*;
pub use views::*;
