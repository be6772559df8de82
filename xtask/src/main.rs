//! The project's own commands. `cargo xtask --help` lists them.
//!
//! Each command is one module. None of them needs more than the Rust toolchain, Node.js with npm
//! and Python 3 to start with; `setup` installs the rest, and every command runs it first.

mod bench;
mod demo;
mod layers;
mod licences;
mod mutate;
mod run;
mod setup;
mod test;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "SolThrive's own commands",
    max_term_width = 100
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing: npm packages, Chromium for the end-to-end tests, an independent Modbus server.
    Setup,
    /// Build everything, start a simulated home and the appliance against it, and print the address.
    Demo(demo::Args),
    /// Build the programs for a Pi of this machine's kind, with the pages embedded, into target/release.
    Build,
    /// Every check of the project. This is what CI runs.
    Test(test::Args),
    /// Measure and print; targets beside the figures.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Take the walls around homes down, one at a time: a test must turn red each time. Takes half an hour.
    Mutate(mutate::Args),
    /// Fail if a crate depends on one it must not know.
    Layers,
    /// Fail if a dependency's licence is not on deny.toml's list.
    Licences,
    /// Write openapi/*.json from the code.
    Openapi,
}

fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::Setup => setup::everything(),
        Command::Demo(args) => demo::run(&args),
        Command::Build => test::release(),
        Command::Test(args) => test::run(&args),
        Command::Bench(what) => bench::run(&what),
        Command::Mutate(args) => mutate::run(&args),
        Command::Layers => layers::check(),
        Command::Licences => licences::check(),
        Command::Openapi => test::write_openapi(),
    }
}
