//! Meters on a Modbus bus.
//!
//! A [`profile::Profile`] says where a meter keeps its measurements; the planner turns it into few
//! block reads; a master carries them over RS-485 or TCP and hands out nothing that is not surely
//! the answer to what was asked; the decoder turns registers into a `Reading` in canonical units.

pub mod bus;
pub mod decode;
mod dial;
pub mod discover;
pub mod frame;
pub mod line;
pub mod plan;
pub mod profile;
pub mod rtu;
pub mod scan;
pub mod tcp;
