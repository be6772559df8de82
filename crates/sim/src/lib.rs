//! Simulated homes and meters: sun, weather and loads behind a meter that speaks Modbus, with
//! faults on command.
//!
//! The truth is known: [`world::World`] integrates it in fine steps, and the control server hands
//! it out, so a test can compare what an appliance made of the meter's answers with what was so.

pub mod bus;
pub mod clock;
pub mod control;
pub mod faults;
#[cfg(feature = "fleet")]
pub mod fleet;
pub mod home;
pub mod meter;
#[cfg(feature = "proxy")]
pub mod proxy;
pub mod rng;
pub mod simulation;
pub mod truth;
pub mod wire;
pub mod world;

pub use faults::{FaultKind, FaultSpec};
pub use home::{HomeSpec, Pins};
pub use meter::MeterSpec;
pub use simulation::{SimConfig, Simulation};
pub use truth::Truth;
