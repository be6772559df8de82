//! Tests of the appliance through its public interface.

mod config;
mod http;
mod store;
