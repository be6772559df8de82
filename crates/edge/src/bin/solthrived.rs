//! `solthrived`, the appliance's daemon. Everything is in [`solthrive_edge::app`].

use std::process::ExitCode;

use clap::Parser;
use solthrive_edge::app;

fn main() -> ExitCode {
    app::run(app::Args::parse())
}
