//! The real appliance and the real cloud: what one measures the other has, whatever happens between them.
//!
//! The cloud's program is the one beside this test's; `cargo nextest run --workspace` builds both.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic: that is how a test fails"
)]

mod appliance;
mod cloud;
mod delivered;
mod orders;
mod watched;
