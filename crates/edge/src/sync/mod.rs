//! The appliance's side of the cloud: what it is told, from where, and by whom.
//!
//! [`solthrive_courier`] does the talking, on a thread of its own. Here is what it is handed: samples
//! from memory and from the history ([`shelf`]), days and events ([`reports`]), the device's identity
//! and tokens in their files ([`identity`]). Without an identity there is no thread, and nothing is kept
//! for a cloud that nobody talks to.

mod identity;
mod link;
pub(crate) mod orders;
mod reports;
mod shelf;
mod teller;

pub(crate) use identity::serial;
pub use identity::{BadIdentity, Identity, TokenFiles};
pub(crate) use link::{Clocks, Orders, Parts, Started, start};
pub use link::{CloudLink, Off};
