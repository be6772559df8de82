//! What the cloud promises, tested from outside.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly, as tests do"
)]

mod admin;
mod api;
mod committer;
mod fleet;
mod kill;
mod openapi;
mod processes;
mod rows;
mod service;
mod worker;
