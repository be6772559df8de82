//! The program `solthrive-sim`: arguments to a simulation, and what it tells about itself.

mod args;
mod build;
#[cfg(feature = "fleet")]
mod fleet;
#[cfg(feature = "fleet")]
mod history;
#[cfg(feature = "proxy")]
mod proxy;
mod show;

pub(crate) use args::{Args, Command, MeterArgs};
#[cfg(feature = "fleet")]
pub(crate) use fleet::FleetArgs;
#[cfg(feature = "proxy")]
pub(crate) use proxy::ProxyArgs;
pub(crate) use show::{Ready, StatusLine};
