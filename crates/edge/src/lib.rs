//! The appliance: polls the meters, keeps the energy ledger, stores, serves and streams.
//!
//! `solthrived` wires these modules together in [`app`]; `solthrive-cli` uses the same ones.

pub mod app;
pub mod cli;
pub mod config;
pub mod http;
pub mod live;
pub mod logging;
pub mod poller;
mod print;
pub mod store;
pub mod sync;
pub mod truth;
pub mod vital;
