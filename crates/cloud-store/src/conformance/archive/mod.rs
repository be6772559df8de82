//! Promises of an archive.

mod chunks;
mod figures;
mod leases;
mod progress;
mod things;
mod views;

pub use chunks::*;
pub use figures::*;
pub use leases::*;
pub use progress::*;
pub use things::everything;
pub(super) use things::{BY, at, device, open_day, org, piece, seq, site};
pub use views::*;
