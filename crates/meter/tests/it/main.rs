//! The promises of the meter crate, in one test binary.

mod profiles;
mod profiles_refused;
