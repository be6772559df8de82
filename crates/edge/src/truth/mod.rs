//! From what the meters said to what is true: the core of the appliance.
//!
//! [`Assembler`] puts the buses of one second together and [`Pipeline`] decides; both are plain
//! structs that take the time as an argument. [`core`] is the thread around them, which carries out
//! what they decide.

mod assemble;
pub mod core;
mod held;
mod meters;
mod moments;
mod pipeline;
mod recall;
pub mod restart;
mod sampling;
mod today;
mod waiting;

#[cfg(test)]
mod buses;
#[cfg(test)]
mod tests;

pub use assemble::{Assembler, Tick};
pub use meters::{Failing, MeterState, Meters};
pub use pipeline::{Now, Outcome, Pipeline, Start};
pub use sampling::{Rate, Told};
