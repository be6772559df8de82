//! A courier against a cloud that a test plays: real sockets, real TLS.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod cloud;
mod device;
mod lines;
mod tokens;
