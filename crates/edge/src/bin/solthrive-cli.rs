//! `solthrive-cli`, the installer's tool. Everything is in [`solthrive_edge::cli`].

use std::process::ExitCode;

use clap::Parser;
use solthrive_edge::cli;

fn main() -> ExitCode {
    cli::run(cli::Args::parse())
}
