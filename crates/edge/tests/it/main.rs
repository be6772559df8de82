//! Tests of the appliance through its public interface.

mod cli;
mod config;
mod http;
mod store;
mod together;
