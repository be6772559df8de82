//! What the tests of several crates share. Never a dependency of anything that ships.

mod postgres;

pub use postgres::{Database, Server};
