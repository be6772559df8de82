//! The simulator as its users meet it: worlds in steps, buses over real descriptors, truth over HTTP.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail like the tests they serve"
)]

mod client;
mod control;
mod faults;
mod master;
mod program;
#[cfg(feature = "proxy")]
mod proxy;
mod rtu;
mod tcp;
mod world;
