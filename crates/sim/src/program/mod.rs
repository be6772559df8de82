//! The program `solthrive-sim`: arguments to a simulation, and what it tells about itself.

mod args;
mod build;
mod show;

pub(crate) use args::{Args, Command, MeterArgs};
pub(crate) use show::{Ready, StatusLine};
