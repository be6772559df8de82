//! The promises of the meter crate, in one test binary.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly, as tests do"
)]

mod bus_faults;
mod bus_polls;
mod bus_silence;
mod bus_tty;
mod bus_virtual;
mod decoder;
mod independent;
mod plans;
mod plans_learned;
mod profiles;
mod profiles_overridden;
mod profiles_refused;
mod random_profile;
mod rtu_faults;
mod rtu_line;
mod rtu_script;
mod rtu_tty;
mod rtu_virtual;
mod scan;
mod tcp_faults;
mod tcp_server;
