//! The simulator as its users meet it: worlds in steps, buses over real descriptors, truth over HTTP.

mod client;
mod control;
mod faults;
mod master;
mod program;
mod rtu;
mod tcp;
mod world;
